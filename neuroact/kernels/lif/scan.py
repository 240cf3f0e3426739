"""`lif_scan`: leaky integrate-and-fire neurons over time, as one operation of torch."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import torch
from torch import Tensor

from neuroact.kernels import neurons
from neuroact.kernels.backends import Backend, choose
from neuroact.kernels.lif.reference import lif_scan_reference
from neuroact.kernels.surrogates import Surrogate, surrogate_number

BACKENDS: tuple[Backend, ...] = ("triton", "cpu", "reference")
SMOOTH_BACKENDS: tuple[Backend, ...] = ("cpu", "reference")


def lif_scan(
    x: Tensor,
    v0: Tensor | None = None,
    *,
    decay: float | Tensor,
    v_threshold: float | Tensor = 1.0,
    v_reset: float | Tensor | None = None,
    input_scale: float | Tensor = 1.0,
    surrogate: Surrogate = "atan",
    alpha: float = 2.0,
    detach_reset: bool = False,
    smooth: bool = False,
    spike_dtype: neurons.SpikeDtype = None,
    backend: Backend | None = None,
) -> tuple[Tensor, Tensor]:
    """Leaky integrate-and-fire neurons, all time steps in one kernel.

        h[t] = decay v[t-1] + input_scale x[t]
        s[t] = 1 if h[t] >= v_threshold else 0
        v[t] = h[t] - s[t] v_threshold                     soft reset, `v_reset=None`
        v[t] = v_reset if s[t] else h[t]                   hard reset

    - `x`: input current `(T, ...)`, time first; float32, float64, bfloat16 or float16.
    - `v0`: membrane potential before the first step, spread over `x.shape[1:]`; zeros if None.
    - `decay`, `v_threshold`, `v_reset`, `input_scale`: numbers, or tensors that spread over `x.shape[1:]` as in
      numpy, so `(C,)` for channels that come last and `(C, 1, 1)` for those of an image. Tensors get gradients.
    - `surrogate`, `alpha`: what stands for the derivative of a spike; see `neuroact.kernels.surrogates`.
    - `detach_reset`: pass no gradient through the reset.
    - `smooth`: put the surrogate's primitive in the place of spikes, so that gradients are exact and can be checked.
    - `spike_dtype`: None for the dtype of `x`, `torch.uint8`, or `"packed"` for bits as `pack_spikes` gives them; the
      last two carry no gradient.
    - `backend`: "triton", "cpu" or "reference"; by default the fastest for the tensor's device.

    Returns the spikes, of the shape of `x`, and the membrane potential after the last step, `x.shape[1:]`, in float32
    (float64 for float64). Both states carry gradients.

    Raises `ValueError` for shapes that do not fit, `UnavailableBackend` for a backend that cannot run.
    """
    neurons.check_input(x, surrogate, smooth=smooth)
    chosen = choose(x, backend, BACKENDS if not smooth else SMOOTH_BACKENDS)
    differentiable = neurons.needs_gradient(x, v0, decay, v_threshold, v_reset, input_scale)
    form = neurons.spike_form(spike_dtype, x, differentiable=differentiable)
    hard = v_reset is not None
    given = {"decay": decay, "v_threshold": v_threshold, "v_reset": v_reset or 0.0, "input_scale": input_scale}
    if chosen == "reference":
        spikes, v_last = lif_scan_reference(
            x.to(neurons.state_dtype(x)), neurons.state(v0, x, "v0"),
            *(neurons.spread_parameter(value, x, name) for name, value in given.items()), hard=hard,
            surrogate=surrogate, alpha=alpha, detach_reset=detach_reset, smooth=smooth,
        )  # fmt: skip
        return neurons.in_form(spikes, form, x.dtype), v_last
    flat, inner = neurons.flat_parameters(given, x)
    spikes, v_last, _ = scan_operation(
        neurons.flat_input(x, chosen), neurons.state(v0, x, "v0").reshape(-1), *flat, inner,
        hard, surrogate, alpha, smooth, detach_reset, form, differentiable, chosen,
    )  # fmt: skip
    spikes = spikes.reshape(spikes.shape[0], *x.shape[1:])
    return spikes if spikes.dtype == torch.uint8 else spikes.to(x.dtype), v_last.reshape(x.shape[1:])


lif_scan.backends = BACKENDS  # type: ignore[attr-defined]


def _kernels(backend: str) -> Any:
    """The module with a backend's `forward` and `backward`; loaded when it is used, as numba and Triton take long."""
    return import_module(f"neuroact.kernels.lif.{'gpu' if backend == 'triton' else backend}")


@torch.library.custom_op("neuroact::lif_scan", mutates_args=())
def scan_operation(
    x: Tensor, v0: Tensor, decay: Tensor, v_threshold: Tensor, v_reset: Tensor, input_scale: Tensor,
    inner: Sequence[int], hard: bool, surrogate: str, alpha: float, smooth: bool, detach_reset: bool,
    form: str, keep: bool, backend: str,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Spikes, last membrane potential, and what the backward pass needs beyond the input if it is to `keep` it.

    The arguments are flat, as `neurons` says; `hard` tells whether `v_reset` counts.
    """
    parameters = (decay, v_threshold, v_reset, input_scale)
    result: tuple[Tensor, Tensor, Tensor] = _kernels(backend).forward(
        x, v0, parameters, inner, hard, surrogate_number(surrogate), alpha, smooth, form, keep
    )
    return result


@scan_operation.register_fake
def _(x: Tensor, v0: Tensor, *arguments: Any) -> tuple[Tensor, Tensor, Tensor]:
    *_, form, keep, backend = arguments
    return neurons.empty_spikes(x, form), torch.empty_like(v0), neurons.empty_checkpoints(x, v0, backend, keep)


@torch.library.custom_op("neuroact::lif_scan_backward", mutates_args=())
def scan_backward(
    grad_s: Tensor, grad_v_last: Tensor, x: Tensor, v0: Tensor, checkpoints: Tensor,
    decay: Tensor, v_threshold: Tensor, v_reset: Tensor, input_scale: Tensor,
    inner: Sequence[int], hard: bool, surrogate: str, alpha: float, smooth: bool, detach_reset: bool,
    learned: bool, backend: str,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """Gradients of x, v0 and the four parameters; those of the parameters are zeros unless they are `learned`."""
    parameters = (decay, v_threshold, v_reset, input_scale)
    grad_x, grad_v0, shares = _kernels(backend).backward(
        grad_s, grad_v_last, x, v0, checkpoints, parameters, inner, hard, surrogate_number(surrogate), alpha, smooth,
        detach_reset, learned,
    )  # fmt: skip
    return grad_x, grad_v0, *neurons.gathered(shares, parameters, inner)


@scan_backward.register_fake
def _(grad_s: Tensor, grad_v_last: Tensor, x: Tensor, v0: Tensor, checkpoints: Tensor, *arguments: Any) -> Any:
    return torch.empty_like(x), *(torch.empty_like(tensor) for tensor in (v0, *arguments[:4]))


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor, Tensor]) -> None:
    x, v0, decay, v_threshold, v_reset, input_scale, *ctx.options, _form, _keep, ctx.backend = inputs
    ctx.save_for_backward(x, v0, output[2], decay, v_threshold, v_reset, input_scale)
    ctx.set_materialize_grads(True)


def _backward(ctx: Any, grad_s: Tensor, grad_v_last: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
    x, *saved = ctx.saved_tensors
    learned = any(ctx.needs_input_grad[2:6])
    grads = scan_backward(
        grad_s.to(x.dtype).contiguous(), grad_v_last.contiguous(), x, *saved, *ctx.options, learned, ctx.backend
    )
    return *grads, *(None,) * 9


scan_operation.register_autograd(_backward, setup_context=_setup_context)
