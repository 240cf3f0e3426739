"""Chains of layers in floating point, each of which has a form on the chip: what models are brought to first.

    O, I output and input channels    kH, kW of a kernel    u current    v, h potential after and before the reset

A layer is synapses and the neurons behind them, written such that the threshold is 1:

    u[t] = current_decay u[t-1] + weight s_in[t] + bias
    h[t] = decay v[t-1] + u[t]
    s[t] = 1 if h[t] >= 1, or > 1 if `strict`, else 0
    v[t] = 0 if s[t] else h[t]

A threshold of its own for each channel, and a factor on the input, are in the weights: potentials of neurons that reset
to 0 can be counted in any unit. The chip adds its bias to the potential, not to the current; that is the same where
currents do not last, and neurons whose currents do may have none.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from neuroact.errors import Refusal
from neuroact.hardware.network import UNITY, Conv, Dense, Flatten, Neurons
from neuroact.kernels.nn import (
    LIF,
    PLIF,
    CubaLIF,
    DelayedResetCubaLIF,
    DelayedResetLIF,
    from_snntorch,
    from_spikingjelly,
)
from neuroact.models.layers import Spikes

SOFT = "it subtracts the threshold after a spike, and the chip resets to 0"
HARD = "training with v_reset=0, in snnTorch with reset_mechanism='zero'"


class NoForm(ValueError):
    """Why a module has no form on the chip, and what to have in its place, if there is something."""

    def __init__(self, reason: str, rewrite: str = "") -> None:
        super().__init__(reason)
        self.reason, self.rewrite = reason, rewrite


@dataclass(frozen=True, slots=True, eq=False)
class Synapses:
    """A linear layer or a convolution, in float64.

    - `weight`: `(O, I)` or `(O, I / groups, kH, kW)`. `bias`: `(O,)`. Pairs are (H, W).
    """

    weight: Tensor
    bias: Tensor | None = None
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1

    def times(self, factor: Tensor) -> Synapses:
        """All that arrives, times a factor for each output, `()` or `(O,)`."""
        factors = factor.expand(len(self.weight))
        weight = self.weight * factors.reshape(-1, *(1,) * (self.weight.ndim - 1))
        return replace(self, weight=weight, bias=None if self.bias is None else self.bias * factors)


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Neurons whose threshold is 1. Decays are what a step leaves of 1, `()` or one for each channel."""

    current_decay: Tensor
    decay: Tensor
    strict: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class FloatLayer:
    """Synapses and neurons; without neurons a read-out, which sums up what arrives and never spikes."""

    synapses: Synapses
    cells: Cells | None


@dataclass(frozen=True, slots=True, eq=False)
class Chain:
    """A model, or the part of it that the chip can hold.

    - `shape`: of the input, `(C, H, W)` or `(N,)`; `takes` says what goes in there.
    - `layers`: with the names that the model has for them; those in integers are exact as they are.
    - `steps`: T, where a read-out or biases make it matter. `voters`: neurons that spike for one class.
    - `host`: what stays outside the chip, and why.
    """

    shape: tuple[int, ...]
    layers: tuple[tuple[str, FloatLayer | Dense | Conv | Flatten], ...]
    takes: str
    steps: int | None = None
    voters: int = 1
    host: tuple[Refusal, ...] = field(default=())


def synapses(module: nn.Module) -> Synapses:
    """Those of a `Linear` or `Conv2d`. Raises `NoForm`."""
    given: Any = module
    weight = _exact(given.weight)
    bias = None if given.bias is None else _exact(given.bias)
    if isinstance(module, nn.Linear):
        return Synapses(weight, bias)
    if given.padding_mode != "zeros" and given.padding != (0, 0):
        raise NoForm(f"padding_mode is {given.padding_mode!r}, and the chip pads with 0", "padding_mode='zeros'")
    if isinstance(given.padding, str):
        raise NoForm(f"padding is {given.padding!r}", "give the same padding as numbers")
    return Synapses(weight, bias, given.stride, given.padding, given.dilation, given.groups)


def normalised(folded: Synapses, norm: nn.Module) -> Synapses:
    """With the batch norm behind them: w' = g w / sqrt(var + eps), bias' = beta + (bias - mean) g / sqrt(var + eps).

    Raises `NoForm` for a norm without running statistics or of another number of channels.
    """
    given: Any = norm
    if given.running_mean is None:
        raise NoForm("it normalises by the batch at hand", "track_running_stats=True")
    if given.num_features != len(folded.weight):
        raise NoForm(f"it has {given.num_features} channels, and the layer before it {len(folded.weight)}")
    factor = (_exact(given.running_var) + given.eps).rsqrt()
    shift = torch.zeros_like(factor)
    if given.affine:
        factor, shift = factor * _exact(given.weight), _exact(given.bias)
    scaled = folded.times(factor)
    bias = shift - _exact(given.running_mean) * factor
    return replace(scaled, bias=bias if scaled.bias is None else bias + scaled.bias)


def layer(before: Synapses, neurons: nn.Module) -> FloatLayer:
    """Synapses with neurons behind them: ours, spikingjelly's or snnTorch's. Raises `NoForm`."""
    neuron, strict = _ours(neurons)
    if neuron.v_reset is None:
        raise NoForm(SOFT, HARD)
    many, values = len(before.weight), {}
    for name in ("current_decay", "decay", "v_threshold", "input_scale", "v_reset"):
        value = _value(neuron, name)
        if value.ndim and len(value) != many:
            raise NoForm(f"{name} is one for each of {len(value)} channels, and the layer before has {many}")
        values[name] = value
    if values["v_reset"].any():
        raise NoForm(f"it resets to {neuron.v_reset}, and the chip to 0", HARD)
    if not bool((values["v_threshold"] > 0).all()):
        raise NoForm("a threshold is not above 0, so that neurons fire at rest")
    if any(value.ndim for value in values.values()) and neuron.channel_dim not in _channel_dims(before):
        raise NoForm(f"channel_dim is {neuron.channel_dim}, which is not where the layer before has its channels")
    if before.bias is not None and values["current_decay"].any():
        raise NoForm(
            "a bias goes through the current, which lasts, and the chip's goes straight to the potential",
            "leave out the bias, or current_decay=0",
        )
    scaled = before.times(values["input_scale"] / values["v_threshold"])
    return FloatLayer(scaled, Cells(values["current_decay"], values["decay"], strict))


def any_of(channels: int, window: tuple[int, int], **geometry: Any) -> Conv:
    """The largest of binary spikes in a window: a spike weighs 4, which is above 2, and nothing lasts."""
    weight = torch.full((channels, 1, *window), 4).numpy()
    return Conv(weight, Neurons(UNITY, UNITY, 2), groups=channels, **geometry)


def _ours(neurons: nn.Module) -> tuple[LIF | PLIF | CubaLIF, bool]:
    """The module of ours that does what this one does, and whether it spikes above its threshold only."""
    given: Any = neurons.neuron if isinstance(neurons, Spikes) else neurons
    family = type(given).__module__.partition(".")[0]
    try:
        if family == "spikingjelly":
            given = from_spikingjelly(given)
        elif family == "snntorch":
            given = from_snntorch(given)
    except ValueError as error:
        raise NoForm(str(error)) from error
    if isinstance(given, DelayedResetLIF | DelayedResetCubaLIF):
        raise NoForm(SOFT, HARD)
    if not isinstance(given, LIF | PLIF | CubaLIF):
        raise NoForm("the chip has current-based neurons that reset to 0", "LIF or CubaLIF with v_reset=0")
    return given, family == "snntorch"


def _value(neuron: Any, name: str) -> Tensor:
    """A value of a neuron's equation in float64, `()` or `(channels,)`."""
    if name == "current_decay" and not isinstance(neuron, CubaLIF):
        return torch.zeros((), dtype=torch.float64)
    value = getattr(neuron, name)
    if value is None:  # PLIF's, which learns it with its decay
        value = 1 - neuron.decay
    value = _exact(torch.as_tensor(value, dtype=torch.float64))
    return value.clamp(0, 1) if name.endswith("decay") else value


def _exact(values: Tensor) -> Tensor:
    """On the CPU in float64, where rounding is of no account."""
    return values.detach().cpu().double()


def _channel_dims(before: Synapses) -> tuple[int, int]:
    """Where the channels of `(T, B, O)` or `(T, B, O, H, W)` are."""
    return (2, -1) if before.weight.ndim == 2 else (2, -3)
