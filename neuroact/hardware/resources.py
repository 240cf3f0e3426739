"""How many cores of a Loihi 2 a network would take: an estimate, not a compilation.

What a core has is in Intel's documentation of Lava; how densely it is filled was read off the logs that Intel's
compiler left in lava-dl's tutorials. Dense synapses take about 20 bits, of which 8 are the weight, and their lists fill
three quarters of the memory at most. A convolution's kernel is stored once a core, at 8 bits a weight, and a core takes
some 2560 of its neurons.

Against those logs, layer by layer, in cores: the MNIST network's 3, 1 and 1 come out as they are; Oxford's 3 and 2 as 2
and 2; PilotNet's convolutions of 25, 13, 3, 3 and 2 as 30, 11, 4, 3 and 1, and its dense layers of 12, 1, 1 and 1 as
10, 1, 1 and 1. So a layer may take a third more or less, or one core.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

from torch import nn

from neuroact.hardware.network import Conv, Dense, Flatten, Network
from neuroact.hardware.quantise import quantise

NEURONS = 4096
AXONS = 16_000
WORDS = 16_000
WORD_BITS = 64
FILLED = 12_000
"""Words of a core that dense synapses fill; more are not found in any log."""
DENSE_BITS = 20
LIST_BITS = 32
"""What heads the list of an axon's synapses."""
KERNEL_BITS = 8
TILE = 2560
"""Neurons of a convolution in a core."""
CORES = 120
"""Of a chip."""


@dataclass(frozen=True, slots=True)
class LayerResources:
    """What a layer takes.

    - `layer`: its number in the file. `axons`: inputs of a core. `words`: of 64 bits, of its synaptic memory.
    - `cores`: None if a core cannot hold even one neuron's inputs: `problem` says why.
    """

    layer: int
    kind: str
    neurons: int
    axons: int
    words: int
    cores: int | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Resources:
    """An estimate; a layer may take a third more or less than it says, or one core.

    - `cores`, `chips`: of all layers; None if one of them does not fit.
    """

    layers: tuple[LayerResources, ...]

    @property
    def cores(self) -> int | None:
        each = [layer.cores for layer in self.layers]
        return None if None in each else sum(cores or 0 for cores in each)

    @property
    def chips(self) -> int | None:
        return None if self.cores is None else math.ceil(self.cores / CORES)

    def to_json(self) -> dict[str, object]:
        """Plain values for `json.dumps`."""
        return {"layers": [asdict(layer) for layer in self.layers], "cores": self.cores, "chips": self.chips}


def resources(network: Network | nn.Module) -> Resources:
    """What each layer with neurons takes, of a network or of a model that `quantise` takes whole.

    Raises `ValueError` for layers that do not fit each other, `UnsupportedLayer` for a model that does not fit.
    """
    if isinstance(network, nn.Module):
        network = quantise(network).network
    shapes = [network.shape, *network.shapes()]
    return Resources(tuple(
        _dense(place, layer) if isinstance(layer, Dense) else _conv(place, layer, shapes[place - 1], shapes[place])
        for place, layer in enumerate(network.layers, 1) if not isinstance(layer, Flatten)
    ))  # fmt: skip


def _dense(place: int, layer: Dense) -> LayerResources:
    """Neurons share a core as long as its lists, one for each input, have room for all of them."""
    many, inputs = layer.weight.shape
    kind = "dense"
    if layer.recurrent is not None:
        inputs, kind = inputs + many, "dense_rec"
    if inputs > AXONS:
        return LayerResources(place, kind, many, inputs, 0, None, f"a core takes {AXONS:,} inputs")
    room = (FILLED // inputs * WORD_BITS - LIST_BITS) // DENSE_BITS
    if room < 1:
        return LayerResources(place, kind, many, inputs, inputs, None, f"a neuron's synapses fill more than {FILLED:,}")
    cores = math.ceil(many / min(room, NEURONS))
    of_core = math.ceil(many / cores)
    return LayerResources(place, kind, many, inputs, inputs * _words(of_core * DENSE_BITS + LIST_BITS), cores)


def _conv(place: int, layer: Conv, before: tuple[int, ...], after: tuple[int, ...]) -> LayerResources:
    """Tiles of neurons, each with a whole kernel, or with that of as many output channels as there is room for."""
    inputs, neurons, kernel = math.prod(before), math.prod(after), _words(layer.weight.size * KERNEL_BITS)
    parts = math.ceil(kernel / WORDS)
    if parts > after[0]:
        one = math.ceil(kernel / after[0])
        return LayerResources(place, "conv", neurons, inputs, one, None, f"one channel's kernel fills {one:,} words")
    cores = max(math.ceil(neurons / TILE), math.ceil(inputs / AXONS), parts)
    tiles = math.ceil(cores / parts)
    return LayerResources(place, "conv", neurons, math.ceil(inputs / tiles), math.ceil(kernel / parts), cores)


def _words(bits: int) -> int:
    return math.ceil(bits / WORD_BITS)
