"""Integer networks for tests: random ones, and those of which Lava's simulator of the chip has told what they do.

`lava.npz` is what lava-nc 0.10.0 and lava-dl 0.6.0 made of networks of ours, latency taken off, `reset_offset` 1. Their
names tell what each has: delays and decays by neuron, recurrence, convolutions with all their options, biases that run
while the pipeline fills, resets while spikes are on their way, and currents that turn beyond 24 bits.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from neuroact.hardware.network import Conv, Dense, Flatten, Integers, Layer, Network, Neurons

CASES = ("dense", "recurrent", "conv", "bias", "reset", "overflow")
LAYERS: dict[str, Any] = {"Dense": Dense, "Conv": Conv, "Flatten": Flatten}


def lava_case(name: str) -> tuple[Network, NDArray[np.uint8], NDArray[np.uint8]]:
    """A network, spikes `(B, T, ...)`, and the output spikes that Lava gave."""
    layers: dict[int, dict[str, Any]] = {}
    kinds: dict[int, str] = {}
    given: dict[str, Any] = {}
    with np.load(Path(__file__).with_name("lava.npz")) as file:
        for key in file.files:
            case, *path = key.split("/")
            value = file[key]
            if case != name:
                continue
            if len(path) == 1:
                given[path[0]] = value
                continue
            if path[1] in LAYERS:
                kinds[int(path[0])] = path[1]
            layers.setdefault(int(path[0]), {})[path[-1]] = value
    built = tuple(_built(kinds[place], layers[place]) for place in sorted(layers))
    interval = given.get("reset_interval")
    shape = given["spikes"].shape[2:]
    return Network(shape, built, None if interval is None else int(interval)), given["spikes"], given["lava"]


def golden(folder: Path, stem: str) -> tuple[Network, NDArray[np.uint8], NDArray[np.uint8]]:
    """The same of a file of NetX, read as plainly as can be, and its recording, which have time last."""
    layers: list[Layer] = []
    with h5py.File(folder / f"{stem}.net") as file:
        for place in range(1, len(file["layer"])):
            group = file["layer"][str(place)]
            kind = group["type"][0].decode().capitalize()
            parts = {} if kind == "Flatten" else {name: group[name][()] for name in group if name != "neuron"}
            decays = {"iDecay": "current_decay", "vDecay": "decay", "vThMant": "threshold"}
            for theirs, ours in decays.items() if "neuron" in group else ():
                parts[ours] = group["neuron"][theirs][()]
            known = set(LAYERS[kind].__dataclass_fields__) | set(decays.values())
            layers.append(_built(kind, {name: value for name, value in parts.items() if name in known}))
        shape = tuple(int(side) for side in file["layer"]["0"]["shape"])
    with np.load(folder / f"{stem}.npz") as file:
        interval = int(file["reset_interval"]) if "reset_interval" in file.files else None
        spikes, out = (np.moveaxis(file[name], -1, 0)[None].astype(np.uint8) for name in ("x", "out"))
    return Network(shape, tuple(layers), interval), spikes, out


def _built(kind: str, parts: dict[str, Any]) -> Layer:
    if kind == "Flatten":
        return Flatten()
    values = {name: _integers(np.asarray(value)) for name, value in parts.items()}
    neurons = Neurons(*(values.pop(name) for name in ("current_decay", "decay", "threshold")))
    for name in ("stride", "padding", "dilation"):
        if name in values:
            values[name] = tuple(values[name].tolist())
    layer: Layer = LAYERS[kind](neurons=neurons, **values)
    return layer


def _integers(value: NDArray[Any]) -> Any:
    return value.astype(np.int64) if value.ndim else int(value)


def weights(random: Generator, *shape: int, most: int = 100) -> Integers:
    return 2 * random.integers(-most, most + 1, shape)


def neurons(random: Generator, count: int, threshold: int) -> Neurons:
    """Decays for each neuron or for all, sometimes at the ends of their range."""
    one = int(random.choice([0, 1, 700, 4095, 4096]))
    each = random.integers(0, 4097, count)
    slow = random.integers(0, 1500, count)
    return Neurons(*((each, slow) if random.random() < 0.5 else (one, int(slow[0]))), threshold)


def random_network(
    random: Generator, *, maps: bool, layers: int, biased: bool, interval: int | None, threshold: int = 300
) -> Network:
    """Convolutions, if it has `maps`, then dense layers, some with delays and some recurrent."""
    shape: tuple[int, ...] = (int(random.integers(1, 4)) * 2, 7, 6) if maps else (int(random.integers(1, 12)),)
    made: list[Layer] = []
    network = Network(shape, (), interval)
    for place in range(layers):
        before = network.shapes()[-1] if made else shape
        dense = not maps or (place and random.random() < 0.5) or (len(before) == 3 and min(before[1:]) < 3)
        if dense and len(before) == 3:
            made.append(Flatten())
            before = (int(np.prod(before)),)
        count = 2 * int(random.integers(1, 5))
        bias = random.integers(-60, 120, count) if biased else None
        cells = neurons(random, count, threshold)
        if dense or len(before) == 1:
            kind = random.choice(["plain", "delayed", "recurrent"])
            most = 63 if random.random() < 0.2 else 5
            made.append(
                Dense(
                    weights(random, count, *before), cells, bias,
                    random.integers(0, most, (count, *before)) if kind == "delayed" else None,
                    weights(random, count, count) if kind == "recurrent" else None,
                )
            )  # fmt: skip
        else:
            groups = int(random.choice([1, 2]))
            made.append(_convolution(random, before, count, groups, cells, bias))
        network = Network(shape, tuple(made), interval)
    return network


def _convolution(
    random: Generator, before: tuple[int, ...], count: int, groups: int, cells: Neurons, bias: Integers | None
) -> Conv:
    kernel, stride, padding = random.integers(1, 4, 2), random.integers(1, 3, 2), random.integers(0, 3, 2)
    fits = [side + 2 * pad > 2 * (k - 1) for side, pad, k in zip(before[1:], padding, kernel, strict=True)]
    dilation = [int(random.integers(1, 3)) if fit else 1 for fit in fits]
    pairs = [(int(pair[0]), int(pair[1])) for pair in (stride, padding, dilation)]
    return Conv(weights(random, count, before[0] // groups, *kernel), cells, *pairs, groups, bias)


def random_spikes(random: Generator, network: Network, batch: int, steps: int, share: float) -> NDArray[np.uint8]:
    return (random.random((batch, steps, *network.shape)) < share).astype(np.uint8)
