"""The scans of spiking neurons as one operation of torch, which is told by name what neuron it is.

A neuron's folder has `reference.py`, and `cpu.py` and `gpu.py` with a `forward` and a `backward` each, whose arguments
are those of the operations here, the surrogate by its number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import torch
from torch import Tensor

from neuroact.kernels import neurons
from neuroact.kernels.backends import Backend, choose
from neuroact.kernels.reference import Firing
from neuroact.kernels.surrogates import surrogate_number

BACKENDS: tuple[Backend, ...] = ("triton", "cpu", "reference")
SMOOTH_BACKENDS: tuple[Backend, ...] = ("cpu", "reference")


def scan(
    neuron: str,
    reference: Callable[..., tuple[Tensor, ...]],
    x: Tensor,
    states: dict[str, Tensor | None],
    parameters: dict[str, float | Tensor | None],
    firing: Firing,
    spike_dtype: neurons.SpikeDtype,
    backend: Backend | None,
) -> tuple[Tensor, ...]:
    """The spikes and the last states of a neuron that its folder's kernels or its reference scan.

    - `states`, `parameters`: by the names that errors are to tell, in the order in which the kernels take them; first
      `decay`, `v_threshold`, `v_reset` and `input_scale`.
    """
    hard, surrogate, alpha, detach_reset, smooth = firing
    neurons.check_input(x, surrogate, smooth=smooth)
    chosen = choose(x, backend, SMOOTH_BACKENDS if smooth else BACKENDS)
    differentiable = neurons.needs_gradient(x, *states.values(), *parameters.values())
    form = neurons.spike_form(spike_dtype, x, differentiable=differentiable)
    given = {name: 0.0 if value is None else value for name, value in parameters.items()}
    if chosen == "reference":
        spikes, *last = reference(
            x.to(neurons.state_dtype(x)),
            *(neurons.state(value, x, name) for name, value in states.items()),
            *(neurons.spread_parameter(value, x, name) for name, value in given.items()),
            firing=firing,
        )
        return neurons.in_form(spikes, form, x.dtype), *last
    tensors, numbers, inner = neurons.flat_parameters(given, x)
    spikes, flat_last, _ = scan_operation(
        neurons.flat_input(x, chosen), neurons.flat_states(states, x), tensors, numbers, inner,
        neuron, hard, surrogate, alpha, smooth, detach_reset, form, differentiable, chosen,
    )  # fmt: skip
    spikes = spikes.reshape(spikes.shape[0], *x.shape[1:])
    spikes = spikes if spikes.dtype == torch.uint8 else spikes.to(x.dtype)
    return spikes, *(state.reshape(x.shape[1:]) for state in flat_last.unbind(0))


def _kernels(neuron: str, backend: str) -> Any:
    """What has the `forward` and `backward` of a backend; loaded at its first use, as numba and Triton are slow to."""
    return import_module(f"neuroact.kernels.{neuron}.{'gpu' if backend == 'triton' else backend}")


@torch.library.custom_op("neuroact::neuron_scan", mutates_args=())
def scan_operation(
    x: Tensor, states: Tensor, tensors: Sequence[Tensor], numbers: Sequence[float], inner: Sequence[int],
    neuron: str, hard: bool, surrogate: str, alpha: float, smooth: bool, detach_reset: bool,
    form: str, keep: bool, backend: str,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Spikes, last states, and what the backward pass needs beyond the input if it is to `keep` it.

    - `states` `(S, N)`, or `(S, 0)` for zeros.
    - `tensors`, `numbers`, `inner`: the parameters, as `neurons.flat_parameters` takes them apart.
    - `hard`: whether `v_reset` counts.
    """
    parameters = neurons.joined(tensors, numbers, inner)
    result: tuple[Tensor, Tensor, Tensor] = _kernels(neuron, backend).forward(
        x, states, parameters, inner, hard, surrogate_number(surrogate), alpha, smooth, form, keep
    )
    return result


@scan_operation.register_fake
def _(x: Tensor, states: Tensor, *arguments: Any) -> tuple[Tensor, Tensor, Tensor]:
    *_, form, keep, _backend = arguments
    last = states.new_empty((len(states), x.shape[1]))
    return neurons.empty_spikes(x, form), last, states.new_empty(neurons.checkpoints_shape(x, states, keep))


@torch.library.custom_op("neuroact::neuron_scan_backward", mutates_args=())
def scan_backward(
    grad_s: Tensor, grad_last: Tensor, x: Tensor, states: Tensor, checkpoints: Tensor,
    tensors: Sequence[Tensor], numbers: Sequence[float], inner: Sequence[int],
    neuron: str, hard: bool, surrogate: str, alpha: float, smooth: bool, detach_reset: bool,
    learned: bool, backend: str,
) -> tuple[Tensor, Tensor, list[Tensor]]:  # fmt: skip
    """Gradients of x, of the states, and if any is `learned` of the parameters that are tensors.

    - `grad_last` `(S, N)`, or `(S, 0)` for zeros.
    """
    parameters = neurons.joined(tensors, numbers, inner)
    grad_x, grad_states, shares = _kernels(neuron, backend).backward(
        grad_s, grad_last, x, states, checkpoints, parameters, inner, hard, surrogate_number(surrogate), alpha, smooth,
        detach_reset, learned,
    )  # fmt: skip
    return grad_x, grad_states, neurons.gathered(shares, parameters, inner) if learned else []


@scan_backward.register_fake
def _(
    grad_s: Tensor, grad_last: Tensor, x: Tensor, states: Tensor, checkpoints: Tensor, tensors: Sequence[Tensor],
    *arguments: Any,
) -> tuple[Tensor, Tensor, list[Tensor]]:  # fmt: skip
    *_, learned, _backend = arguments
    return torch.empty_like(x), torch.empty_like(states), [torch.empty_like(t) for t in tensors] if learned else []


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor, Tensor]) -> None:
    x, states, tensors, *ctx.options, _form, _keep, ctx.backend = inputs
    ctx.save_for_backward(x, states, output[2], *tensors)
    ctx.set_materialize_grads(False)


def _backward(ctx: Any, grad_s: Tensor | None, grad_last: Tensor | None, _: Tensor) -> tuple[Any, ...]:
    x, states, checkpoints, *tensors = ctx.saved_tensors
    learned = any(ctx.needs_input_grad[2])
    grad_s = torch.zeros_like(x) if grad_s is None else grad_s.to(x.dtype).contiguous()
    grad_last = states.new_empty((len(states), 0)) if grad_last is None else grad_last.contiguous()
    grad_x, grad_states, grads = scan_backward(
        grad_s, grad_last, x, states, checkpoints, tensors, *ctx.options, learned, ctx.backend
    )  # fmt: skip
    return grad_x, grad_states, grads if learned else [None] * len(tensors), *(None,) * 11


scan_operation.register_autograd(_backward, setup_context=_setup_context)
