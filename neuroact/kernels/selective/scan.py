"""`selective_scan`: Mamba's S6 recurrence over time, as one operation of torch.

B batch    D channels    L time steps    N state dimensions    G groups of channels that share B and C
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Literal, overload

import torch
from torch import Tensor

from neuroact.errors import UnavailableBackend
from neuroact.kernels.backends import Backend, choose
from neuroact.kernels.neurons import needs_gradient, state_dtype
from neuroact.kernels.selective.reference import selective_scan_reference
from neuroact.kernels.selective.sharing import empty_checkpoints

BACKENDS: tuple[Backend, ...] = ("triton", "cpu", "reference", "mamba_ssm")


@overload
def selective_scan(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor | None = None, z: Tensor | None = None,
    delta_bias: Tensor | None = None, delta_softplus: bool = False, return_last_state: Literal[False] = False,
    *, h0: Tensor | None = None, backend: Backend | None = None,
) -> Tensor: ...  # fmt: skip


@overload
def selective_scan(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor | None = None, z: Tensor | None = None,
    delta_bias: Tensor | None = None, delta_softplus: bool = False,
    *, return_last_state: Literal[True], h0: Tensor | None = None, backend: Backend | None = None,
) -> tuple[Tensor, Tensor]: ...  # fmt: skip


def selective_scan(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    z: Tensor | None = None,
    delta_bias: Tensor | None = None,
    delta_softplus: bool = False,
    return_last_state: bool = False,
    *,
    h0: Tensor | None = None,
    backend: Backend | None = None,
) -> Tensor | tuple[Tensor, Tensor]:
    """A selective state space (Gu and Dao 2023, algorithm 2), all time steps in one kernel; arguments as in mamba_ssm.

        h[t] = exp(delta[t] A) h[t-1] + delta[t] B[t] u[t]
        y[t] = <C[t], h[t]> + D u[t]                           times silu(z[t]) if there is a gate

    - `u`: input `(B, D, L)`, time last; float32, float64, bfloat16 or float16.
    - `delta`: step size `(B, D, L)`; `delta_bias` `(D,)` is added, then with `delta_softplus` its softplus is taken.
    - `A`: `(D, N)`, real, usually negative.
    - `B`, `C`: `(B, N, L)`, or `(B, G, N, L)` where each D / G channels in turn have their own, or `(D, N)` if they do
      not change with time.
    - `D`: `(D,)`, what goes past the state. `z`: gate `(B, D, L)`.
    - `return_last_state`: also return the state after the last step.
    - `h0`: state before the first step, `(B, D, N)`; zeros if None.
    - `backend`: "triton", "cpu", "reference" or, never chosen unasked, "mamba_ssm"; by default the fastest for the
      tensor's device.

    Returns y `(B, D, L)` in the dtype of `u`, and if asked the last state `(B, D, N)` in float32 (float64 for float64),
    which is what is added up in. All arguments and both results carry gradients.

    Raises `ValueError` for shapes that do not fit, `TypeError` for values that are not real, `UnavailableBackend` for a
    backend that cannot run.
    """
    _check(u, delta, A, B, C, D, z, delta_bias, h0)
    chosen = choose(u, backend, BACKENDS)
    if chosen == "mamba_ssm":
        return _mamba_ssm(u, delta, A, B, C, D, z, delta_bias, delta_softplus, return_last_state, h0)
    dtype = state_dtype(u)
    batch, channels, states = u.shape[0], *A.shape
    A, D, delta_bias = A.to(dtype), _vector(D, u, dtype), _vector(delta_bias, u, dtype)
    h = u.new_zeros((batch, channels, states), dtype=dtype) if h0 is None else h0.to(dtype)
    B, C = _grouped(B), _grouped(C)
    if chosen == "reference":
        y, h_last = selective_scan_reference(
            u.to(dtype), delta.to(dtype), A, _to_every_channel(B.to(dtype), u), _to_every_channel(C.to(dtype), u), D,
            None if z is None else z.to(dtype), delta_bias, h, delta_softplus=delta_softplus,
        )  # fmt: skip
    else:
        gate = u.new_empty((0, 0, 0)) if z is None else z
        keep = needs_gradient(u, delta, A, B, C, D, gate, delta_bias, h)
        kind = dtype if chosen == "cpu" else u.dtype  # compiled loops know no half precision
        inputs = (u, delta, A.t(), B.transpose(-1, -2), C.transpose(-1, -2), D, gate, delta_bias, h.transpose(1, 2))
        kinds = (kind, kind, dtype, kind, kind, dtype, kind, dtype, dtype)
        settled = (given.to(wanted).contiguous() for given, wanted in zip(inputs, kinds, strict=True))
        y, h_last, _ = selective_scan_operation(*settled, delta_softplus, keep, chosen)
        h_last = h_last.transpose(1, 2)
    y = y.to(u.dtype)
    return (y, h_last) if return_last_state else y


selective_scan.backends = BACKENDS  # type: ignore[attr-defined]


def _check(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor | None, z: Tensor | None,
    delta_bias: Tensor | None, h0: Tensor | None,
) -> None:  # fmt: skip
    """Raises `ValueError` and `TypeError` for what no backend can take."""
    given = {"u": u, "delta": delta, "A": A, "B": B, "C": C, "D": D, "z": z, "delta_bias": delta_bias, "h0": h0}
    for name, value in given.items():
        if value is not None and not value.is_floating_point():
            raise TypeError(f"{name} must be real and floating-point, not {value.dtype}")
    if u.ndim != 3 or not u.shape[1]:
        raise ValueError(f"u must have shape (batch, channels, time), not {tuple(u.shape)}")
    batch, channels, length = u.shape
    if A.ndim != 2 or A.shape[0] != channels:
        raise ValueError(f"A must have shape ({channels}, N), not {tuple(A.shape)}")
    states = A.shape[1]
    wanted = {"delta": u.shape, "z": u.shape, "D": (channels,), "delta_bias": (channels,)}
    for name, shape in wanted.items():
        value = given[name]
        if value is not None and value.shape != shape:
            raise ValueError(f"{name} must have shape {tuple(shape)}, not {tuple(value.shape)}")
    for name, value in (("B", B), ("C", C)):
        groups = value.shape[1] if value.ndim == 4 else 1
        shapes = [(channels, states), (batch, states, length), (batch, groups, states, length)]
        if tuple(value.shape) not in shapes or not groups or channels % groups:
            raise ValueError(
                f"{name} must have shape {shapes[0]}, {shapes[1]} or ({batch}, G, {states}, {length}) with {channels} "
                f"channels a multiple of G, not {tuple(value.shape)}"
            )
    if B.ndim == C.ndim == 4 and B.shape[1] != C.shape[1] and 1 not in (B.shape[1], C.shape[1]):
        raise ValueError(f"B and C have {B.shape[1]} and {C.shape[1]} groups; they must have the same number, or one")
    if h0 is not None and h0.shape != (batch, channels, states):
        raise ValueError(f"h0 must have shape {(batch, channels, states)}, not {tuple(h0.shape)}")


def _vector(given: Tensor | None, u: Tensor, dtype: torch.dtype) -> Tensor:
    """A value a channel; zeros if None is given."""
    return u.new_zeros(u.shape[1], dtype=dtype) if given is None else given.to(dtype).contiguous()


def _grouped(given: Tensor) -> Tensor:
    """B or C as `(B or 1, G, N, L or 1)`. What is constant in time has a group for each channel, and a single step."""
    if given.ndim == 2:
        return given[None, :, :, None]
    return given if given.ndim == 4 else given.unsqueeze(1)


def _to_every_channel(grouped: Tensor, u: Tensor) -> Tensor:
    """B or C as `(B, D, N, L)`."""
    batch, channels, length = u.shape
    return grouped.repeat_interleave(channels // grouped.shape[1], 1).expand(batch, -1, -1, length)


def _mamba_ssm(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor | None, z: Tensor | None,
    delta_bias: Tensor | None, delta_softplus: bool, return_last_state: bool, h0: Tensor | None,
) -> Tensor | tuple[Tensor, Tensor]:  # fmt: skip
    """What the authors' own kernel makes of it."""
    if h0 is not None:
        raise UnavailableBackend("mamba_ssm starts from a state of zeros only: leave h0 out, or take another backend")
    from mamba_ssm.ops.selective_scan_interface import selective_scan_fn

    result: Tensor | tuple[Tensor, Tensor] = selective_scan_fn(
        u, delta, A, B, C, D, z, delta_bias, delta_softplus, return_last_state
    )
    return result


def _kernels(backend: str) -> Any:
    """The module with a backend's `forward` and `backward`; loaded when it is used, as numba and Triton take long."""
    return import_module(f"neuroact.kernels.selective.{'gpu' if backend == 'triton' else backend}")


@torch.library.custom_op("neuroact::selective_scan", mutates_args=())
def selective_scan_operation(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, z: Tensor, delta_bias: Tensor, h0: Tensor,
    delta_softplus: bool, keep: bool, backend: str,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """The output, the last state, and the states that the backward pass starts from if it is to `keep` them.

    - `u`, `delta`, and `z` if there is a gate, `(B, D, L)`; `A` `(N, D)`; `D`, `delta_bias` `(D,)`; `h0` `(B, N, D)`.
    - `B`, `C` `(B or 1, G, L or 1, N)`.
    """
    result: tuple[Tensor, Tensor, Tensor] = _kernels(backend).forward(
        u, delta, A, B, C, D, z, delta_bias, h0, delta_softplus, keep
    )
    return result


@selective_scan_operation.register_fake
def _(u: Tensor, *arguments: Any) -> tuple[Tensor, Tensor, Tensor]:
    *_, h0, _, keep, backend = arguments
    return torch.empty_like(u), torch.empty_like(h0), empty_checkpoints(u, h0, backend, keep)


@torch.library.custom_op("neuroact::selective_scan_backward", mutates_args=())
def _selective_scan_backward(
    grad_y: Tensor, grad_h_last: Tensor, u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor,
    z: Tensor, delta_bias: Tensor, checkpoints: Tensor, delta_softplus: bool, backend: str,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """Gradients of u, delta, A, B, C, D, z, delta_bias and h0."""
    grads: tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor] = _kernels(backend).backward(
        grad_y, grad_h_last, u, delta, A, B, C, D, z, delta_bias, checkpoints, delta_softplus
    )
    return grads


@_selective_scan_backward.register_fake
def _(grad_y: Tensor, grad_h_last: Tensor, *arguments: Any) -> tuple[Tensor, ...]:
    return *(torch.empty_like(given) for given in arguments[:8]), torch.empty_like(grad_h_last)


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor, Tensor]) -> None:
    *given, _h0, ctx.delta_softplus, _keep, ctx.backend = inputs
    ctx.save_for_backward(*given, output[2])
    ctx.set_materialize_grads(True)


def _backward(ctx: Any, grad_y: Tensor, grad_h_last: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
    grads = _selective_scan_backward(
        grad_y.contiguous(), grad_h_last.contiguous(), *ctx.saved_tensors, ctx.delta_softplus, ctx.backend
    )
    return *grads, None, None, None


selective_scan_operation.register_autograd(_backward, setup_context=_setup_context)
