"""What the scans of spiking neurons share: their arguments brought into the form that the kernels take.

A kernel sees the input as `(T, N)`, contiguous, the states as `(S, N)`, and each parameter as a number, or as `(C,)`
with a number `inner`: neuron n has its value `n // inner % C`. So one value for all neurons, one a channel and one a
neuron are all the same to it, wherever the channels stand among the dimensions. Numbers stay numbers, and states that
are not given stay away: on a GPU, to fill a tensor takes a launch, and a few of them as long as a small scan.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Literal

import torch
from torch import Tensor

from neuroact.kernels.surrogates import surrogate_number

Form = Literal["same", "uint8", "packed"]
"""How spikes are written: in the input's dtype, as bytes, or as bits."""
SpikeDtype = torch.dtype | Literal["packed"] | None
NUMBER = -1
"""In the place of `inner`: the parameter is a number."""
STEPS_IN_BYTE = 8
CHUNK = 16
"""Steps of which the backward pass holds the membrane potentials: on GPUs in registers."""


def state_dtype(x: Tensor) -> torch.dtype:
    """Membrane potentials are float32, or float64 where the input is."""
    return torch.float64 if x.dtype == torch.float64 else torch.float32


def check_input(x: Tensor, surrogate: str, *, smooth: bool) -> None:
    """Raises `ValueError` and `TypeError` for what no scan can take."""
    surrogate_number(surrogate)
    if not x.is_floating_point():
        raise TypeError(f"x must be floating-point, not {x.dtype}")
    if x.ndim < 1:
        raise ValueError("x must have time as its first dimension; it has none")
    if smooth and x.dtype not in (torch.float32, torch.float64):
        raise ValueError(f"smooth is there to check gradients, in float32 or float64, not {x.dtype}")


def flat_input(x: Tensor, backend: str) -> Tensor:
    """`(T, N)`, contiguous; compiled loops know no float16 and get float32."""
    flat = x.reshape(x.shape[0], prod(x.shape[1:])).contiguous()
    return flat.float() if backend == "cpu" and x.dtype == torch.float16 else flat


def flat_states(given: dict[str, Tensor | None], x: Tensor) -> Tensor:
    """`(S, N)`, contiguous, or `(S, 0)`, which stands for zeros, if none is given."""
    if all(value is None for value in given.values()):
        return x.new_empty((len(given), 0), dtype=state_dtype(x))
    states = [state(value, x, name).reshape(-1) for name, value in given.items()]
    return torch.stack(states) if len(states) > 1 else states[0].unsqueeze(0)


def needs_gradient(*values: object) -> bool:
    """Whether any of the arguments will be asked for a gradient."""
    return torch.is_grad_enabled() and any(isinstance(value, Tensor) and value.requires_grad for value in values)


def state(given: Tensor | None, x: Tensor, name: str) -> Tensor:
    """A state before the first step: `x.shape[1:]`, contiguous, in the state's dtype; zeros if None is given."""
    dtype, shape = state_dtype(x), x.shape[1:]
    if given is None:
        return torch.zeros(shape, dtype=dtype, device=x.device)
    return _spread(given.to(dtype), shape, name).contiguous()


def spread_parameter(value: float | Tensor, x: Tensor, name: str) -> Tensor:
    """A parameter in the state's dtype, of a shape that spreads over `x.shape[1:]`."""
    if not isinstance(value, Tensor):
        return torch.full((), float(value), dtype=state_dtype(x), device=x.device)
    _spread(value, x.shape[1:], name)
    return value.to(state_dtype(x))


def _spread(value: Tensor, shape: torch.Size, name: str) -> Tensor:
    try:
        return value.expand(shape)
    except RuntimeError as error:
        raise ValueError(f"{name} has shape {tuple(value.shape)}, which does not spread over {tuple(shape)}") from error


def flat_parameters(given: dict[str, float | Tensor], x: Tensor) -> tuple[list[Tensor], list[float], list[int]]:
    """The parameters apart, since an operation of torch takes no list of tensors and numbers; `joined` undoes it.

    Returns the values `(C,)` of those that are tensors; of all a number, 0 for tensors, and an `inner`.
    """
    tensors, numbers, inner = [], [], []
    for name, value in given.items():
        if isinstance(value, Tensor):
            values, width = flat_parameter(spread_parameter(value, x, name), x.shape[1:])
            tensors.append(values)
        else:
            width = NUMBER
        numbers.append(0.0 if isinstance(value, Tensor) else float(value))
        inner.append(width)
    return tensors, numbers, inner


def joined(tensors: Sequence[Tensor], numbers: Sequence[float], inner: Sequence[int]) -> list[float | Tensor]:
    """What `flat_parameters` took apart, in its order."""
    following = iter(tensors)
    return [number if width == NUMBER else next(following) for number, width in zip(numbers, inner, strict=True)]


def flat_parameter(value: Tensor, shape: torch.Size) -> tuple[Tensor, int]:
    """Values `(C,)` and their `inner`; one a neuron where they differ along dimensions that do not stand together."""
    if value.numel() == 1:
        return value.reshape(1), 1
    sizes = (1,) * (len(shape) - value.ndim) + tuple(value.shape)
    varying = [axis for axis, size in enumerate(sizes) if size != 1]
    first, last = varying[0], varying[-1]
    if any(sizes[axis] != shape[axis] for axis in range(first, last + 1)):
        return value.expand(shape).reshape(-1), 1
    return value.reshape(-1), prod(shape[last + 1 :])


def spike_form(spike_dtype: SpikeDtype, x: Tensor, *, differentiable: bool) -> Form:
    """How to write spikes. Raises `ValueError` for a dtype that is not offered, or one that can carry no gradient."""
    if spike_dtype is None or spike_dtype == x.dtype:
        return "same"
    if spike_dtype != torch.uint8 and spike_dtype != "packed":
        raise ValueError(f"spike_dtype must be None, {x.dtype}, torch.uint8 or 'packed', not {spike_dtype!r}")
    if differentiable:
        raise ValueError(f"spikes as {spike_dtype} carry no gradient: leave spike_dtype out, or use torch.no_grad()")
    return "uint8" if spike_dtype == torch.uint8 else "packed"


def spikes_layout(x: Tensor, form: str) -> tuple[tuple[int, int], torch.dtype]:
    """Shape and dtype of the spikes of a flat input."""
    steps, neurons = x.shape
    if form == "packed":
        return (-(-steps // STEPS_IN_BYTE), neurons), torch.uint8
    return (steps, neurons), torch.uint8 if form == "uint8" else x.dtype


def empty_spikes(x: Tensor, form: str) -> Tensor:
    """Room for the spikes of a flat input."""
    shape, dtype = spikes_layout(x, form)
    return x.new_empty(shape, dtype=dtype)


def in_form(spikes: Tensor, form: Form, dtype: torch.dtype) -> Tensor:
    """Spikes of the reference as they were asked for."""
    if form == "packed":
        return pack_spikes(spikes)
    return spikes.to(torch.uint8 if form == "uint8" else dtype)


def checkpoints_shape(x: Tensor, states: Tensor, keep: bool) -> tuple[int, int, int]:
    """That of the states which the backward pass starts from: before every `CHUNK`-th step but the first."""
    chunks = max(0, -(-x.shape[0] // CHUNK) - 1) if keep else 0
    return chunks, len(states), x.shape[1]


def gathered(shares: Tensor, parameters: Sequence[float | Tensor], inner: Sequence[int]) -> list[Tensor]:
    """Gradients of the parameters `(C,)` that are tensors from each neuron's share `(P, N)`, summed in float64.

    Zeros if there are no shares.
    """
    return [
        _summed(share, parameter, width)
        for share, parameter, width in zip(shares, parameters, inner, strict=True)
        if isinstance(parameter, Tensor)
    ]


def _summed(share: Tensor, parameter: Tensor, inner: int) -> Tensor:
    if not share.numel():
        return torch.zeros_like(parameter)
    shares = share.reshape(share.numel() // (parameter.numel() * inner), parameter.numel(), inner)
    return shares.sum((0, 2), dtype=torch.float64).to(parameter.dtype)


def pack_spikes(spikes: Tensor) -> Tensor:
    """Spikes `(T, ...)` as bits, uint8 `(ceil(T / 8), ...)`: bit j of byte c is step 8 c + j; what is beyond T is 0."""
    steps, *inner = spikes.shape
    bits = spikes.new_zeros((-(-steps // STEPS_IN_BYTE), STEPS_IN_BYTE, *inner), dtype=torch.uint8)
    bits.flatten(0, 1)[:steps] = spikes != 0
    shifts = torch.arange(STEPS_IN_BYTE, dtype=torch.uint8, device=spikes.device)
    return (bits << shifts.reshape(1, -1, *(1,) * (spikes.ndim - 1))).sum(1, dtype=torch.uint8)


def unpack_spikes(packed: Tensor, steps: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """What `pack_spikes` packed, `(steps, ...)` of 0 and 1.

    Raises `ValueError` if there are not `ceil(steps / 8)` bytes a neuron.
    """
    if packed.shape[0] != -(-steps // STEPS_IN_BYTE):
        raise ValueError(f"{steps} steps take {-(-steps // STEPS_IN_BYTE)} bytes a neuron, not {packed.shape[0]}")
    shifts = torch.arange(STEPS_IN_BYTE, dtype=torch.uint8, device=packed.device)
    bits = (packed.unsqueeze(1) >> shifts.reshape(1, -1, *(1,) * (packed.ndim - 1))) & 1
    return bits.flatten(0, 1)[:steps].to(dtype)
