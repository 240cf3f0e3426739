"""The integer network that Loihi holds, as Lava's NetX names its parts: input, layers of synapses and neurons.

    C, H, W channels, rows and columns of a map    O, I output and input channels    kH, kW of a kernel

Shapes are (C, H, W) or (N,). What is wrong with a network is said by `neuroact.hardware.validation`; these classes only
hold it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]

UNITY = 4096
"""A decay of this much leaves nothing."""
NEVER = 131071
"""The largest threshold; neurons that have it, and are to be read by their potentials, do not spike."""


@dataclass(frozen=True, slots=True, eq=False)
class Neurons:
    """Current-based neurons that reset hard, to 0 (CUBA).

    - `current_decay`, `decay`: iDecay and vDecay, what a step takes away of 4096; one for all, or one for each
      neuron of a dense layer or channel of a convolution.
    - `threshold`: vThMant.
    """

    current_decay: int | Integers
    decay: int | Integers
    threshold: int


@dataclass(frozen=True, slots=True, eq=False)
class Dense:
    """Synapses from every neuron to every other.

    - `weight`: `(O, I)`. `bias`: `(O,)`. `delay`: `(O, I)`, further steps that a spike takes, 0 to 62.
    - `recurrent`: `(O, O)`, from the layer's own spikes.
    """

    weight: Integers
    neurons: Neurons
    bias: Integers | None = None
    delay: Integers | None = None
    recurrent: Integers | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Conv:
    """A convolution, which is a correlation as in torch.

    - `weight`: `(O, I / groups, kH, kW)`. `bias`: `(O,)`. Pairs are (H, W).
    """

    weight: Integers
    neurons: Neurons
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    bias: Integers | None = None


@dataclass(frozen=True, slots=True)
class Flatten:
    """(C, H, W) to (C H W,), channels outermost. No neurons, and no step."""


Layer = Dense | Conv | Flatten


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """All of it.

    - `shape`: of the input, `(C, H, W)` or `(N,)`.
    - `reset_interval`: steps after which all states are set to 0; None for never.
    """

    shape: tuple[int, ...]
    layers: tuple[Layer, ...]
    reset_interval: int | None = None

    @property
    def latency(self) -> int:
        """Steps until the first input can show in the output: one for each layer of neurons."""
        return sum(not isinstance(layer, Flatten) for layer in self.layers)

    def shapes(self) -> list[tuple[int, ...]]:
        """The output shape of each layer. Raises `ValueError` if two layers do not fit each other."""
        shapes, shape = [], self.shape
        for place, layer in enumerate(self.layers):
            try:
                shape = _after(layer, shape)
            except ValueError as error:
                raise ValueError(f"layer {place}: {error}") from None
            shapes.append(shape)
        return shapes


def _after(layer: Layer, shape: tuple[int, ...]) -> tuple[int, ...]:
    if isinstance(layer, Flatten):
        return (int(np.prod(shape)),)
    if isinstance(layer, Dense):
        if shape != layer.weight.shape[1:]:
            raise ValueError(f"weights {layer.weight.shape} do not take an input of {shape}")
        return layer.weight.shape[:1]
    if len(shape) != 3 or shape[0] != layer.weight.shape[1] * layer.groups:
        raise ValueError(f"kernels {layer.weight.shape} in {layer.groups} groups do not take an input of {shape}")
    sides = [
        (side + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
        for side, padding, dilation, kernel, stride in zip(
            shape[1:], layer.padding, layer.dilation, layer.weight.shape[2:], layer.stride, strict=True
        )
    ]
    if min(sides) < 1:
        raise ValueError(f"kernels {layer.weight.shape} are larger than an input of {shape}")
    return (layer.weight.shape[0], *sides)
