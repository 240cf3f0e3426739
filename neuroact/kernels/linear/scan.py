"""`linear_scan`: a diagonal linear recurrence over time, as one operation of torch."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import torch
from torch import Tensor

from neuroact.kernels import neurons
from neuroact.kernels.backends import Backend, choose
from neuroact.kernels.linear.reference import linear_scan_reference

BACKENDS: tuple[Backend, ...] = ("triton", "cpu", "reference")


def linear_scan(
    a: float | Tensor, b: Tensor, h0: Tensor | None = None, *, backend: Backend | None = None
) -> tuple[Tensor, Tensor]:
    """A first-order linear recurrence of each neuron, all time steps in one kernel.

        h[t] = a[t] h[t-1] + b[t]

    - `a`: coefficient, spread over `b.shape` as in numpy: `(T, ...)` if it changes with time, `b.shape[1:]` or less,
      or a number, if it does not.
    - `b`: input `(T, ...)`, time first; float32, float64, bfloat16 or float16.
    - `h0`: state before the first step, spread over `b.shape[1:]`; zeros if None.
    - `backend`: "triton", "cpu" or "reference"; by default the fastest for the tensor's device.

    Returns the states, of the shape and dtype of `b`, and the last of them, `b.shape[1:]`, in float32 (float64 for
    float64), which is what is added up in. An `a` that changes with time is taken in the dtype of `b`, a constant one
    in that of the state. Gradients reach a, b and h0.

    Raises `ValueError` for shapes that do not fit, `TypeError` for an input of integers, `UnavailableBackend` for a
    backend that cannot run.
    """
    _check_input(b)
    chosen = choose(b, backend, BACKENDS)
    start = neurons.state(h0, b, "h0")
    changing, constant = _coefficient(a, b)
    if chosen == "reference":
        dtype = start.dtype
        coefficient = constant.expand(b.shape) if changing is None else changing.to(dtype)
        h, h_last = linear_scan_reference(coefficient, b.to(dtype), start)
        return h.to(b.dtype), h_last
    fixed, inner = neurons.flat_parameter(neurons.spread_parameter(constant, b, "a"), b.shape[1:])
    flat = neurons.flat_input(b, chosen)
    if changing is None:
        h, h_last = linear_scan_operation(flat.new_empty((0, 0)), flat, start.reshape(-1), fixed, inner, chosen)
    else:
        coefficient = neurons.flat_input(changing, chosen)
        h, h_last = linear_scan_operation(coefficient, flat, start.reshape(-1), fixed[:0], inner, chosen)
    return h.reshape(b.shape).to(b.dtype), h_last.reshape(b.shape[1:])


linear_scan.backends = BACKENDS  # type: ignore[attr-defined]


def _check_input(b: Tensor) -> None:
    if not b.is_floating_point():
        raise TypeError(f"b must be floating-point, not {b.dtype}")
    if b.ndim < 1:
        raise ValueError("b must have time as its first dimension; it has none")


def _coefficient(a: float | Tensor, b: Tensor) -> tuple[Tensor | None, Tensor]:
    """The coefficient `(T, ...)` of each step if it changes, and the constant one, which is 0 then."""
    if isinstance(a, Tensor) and a.ndim == b.ndim and a.shape[0] != 1:
        try:
            return a.to(b.dtype).expand(b.shape), b.new_zeros(())
        except RuntimeError as error:
            raise ValueError(f"a has shape {tuple(a.shape)}, which does not spread over {tuple(b.shape)}") from error
    constant = a.squeeze(0) if isinstance(a, Tensor) and a.ndim == b.ndim else a
    return None, neurons.spread_parameter(constant, b, "a")


def _kernels(backend: str) -> Any:
    """The module with a backend's `forward` and `backward`; loaded when it is used, as numba and Triton take long."""
    return import_module(f"neuroact.kernels.linear.{'gpu' if backend == 'triton' else backend}")


@torch.library.custom_op("neuroact::linear_scan", mutates_args=())
def linear_scan_operation(
    a: Tensor, b: Tensor, h0: Tensor, fixed: Tensor, inner: int, backend: str
) -> tuple[Tensor, Tensor]:
    """All states and the last one.

    `a`, `b` `(T, N)`, `h0` `(N,)`, contiguous; or `a` empty and `fixed` `(C,)`, with `inner` as `neurons` says.
    """
    result: tuple[Tensor, Tensor] = _kernels(backend).forward(a, b, h0, fixed, inner)
    return result


@linear_scan_operation.register_fake
def _(a: Tensor, b: Tensor, h0: Tensor, fixed: Tensor, inner: int, backend: str) -> tuple[Tensor, Tensor]:
    return torch.empty_like(b), torch.empty_like(h0)


@torch.library.custom_op("neuroact::linear_scan_backward", mutates_args=())
def _linear_scan_backward(
    grad_h: Tensor, grad_h_last: Tensor, a: Tensor, h: Tensor, h0: Tensor, fixed: Tensor, inner: int, backend: str
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Gradients of a, b, h0 and `fixed`."""
    grad_a, grad_b, grad_h0, shares = _kernels(backend).backward(grad_h, grad_h_last, a, h, h0, fixed, inner)
    return grad_a, grad_b, grad_h0, *neurons.gathered(shares, (fixed,), (inner,))


@_linear_scan_backward.register_fake
def _(
    grad_h: Tensor, grad_h_last: Tensor, a: Tensor, h: Tensor, h0: Tensor, fixed: Tensor, inner: int, backend: str
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    return torch.empty_like(a), torch.empty_like(h), torch.empty_like(h0), torch.empty_like(fixed)


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    a, _, h0, fixed, ctx.inner, ctx.backend = inputs
    ctx.save_for_backward(a, output[0], h0, fixed)
    ctx.set_materialize_grads(True)


def _backward(ctx: Any, grad_h: Tensor, grad_h_last: Tensor) -> tuple[Tensor | None, ...]:
    a, h, h0, fixed = ctx.saved_tensors
    grad_a, grad_b, grad_h0, grad_fixed = _linear_scan_backward(
        grad_h.contiguous(), grad_h_last.contiguous(), a, h, h0, fixed, ctx.inner, ctx.backend
    )
    return grad_a, grad_b, grad_h0, grad_fixed, None, None


linear_scan_operation.register_autograd(_backward, setup_context=_setup_context)
