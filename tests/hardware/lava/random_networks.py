"""Networks drawn by a seed, whose neurons fire in every layer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neuroact.hardware.network import Conv, Dense, Flatten, Integers, Layer, Network, Neurons

RATE = 0.15
"""Spikes per input and step."""


def random_spikes(network: Network, recordings: int, steps: int, seed: int) -> NDArray[np.uint8]:
    """`(recordings, steps, *shape)`."""
    rng = np.random.default_rng((seed, 1))
    return (rng.random((recordings, steps, *network.shape)) < RATE).astype(np.uint8)


def random_network(seed: int) -> Network:
    """One to four layers; every third network is dense from its input on, and those of odd seeds are reset."""
    rng = np.random.default_rng(seed)
    layers: list[Layer] = []
    shape: tuple[int, ...] = (int(rng.integers(5, 40)),)
    if seed % 3:
        shape = (int(rng.integers(1, 5)), int(rng.integers(7, 14)), int(rng.integers(7, 14)))
    start = shape
    for _ in range(rng.integers(1, 3) if seed % 3 else 0):
        layers.append(_convolution(rng, shape))
        shape = Network(shape, (layers[-1],)).shapes()[0]
    if seed % 3:
        layers.append(Flatten())
    inputs = int(np.prod(shape))
    for _ in range(rng.integers(1, 3)):
        layers.append(_dense(rng, inputs))
        inputs = layers[-1].weight.shape[0]
    return Network(start, tuple(layers), int(rng.integers(20, 90)) if seed % 2 else None)


def _convolution(rng: np.random.Generator, shape: tuple[int, ...]) -> Conv:
    groups = int(rng.choice([g for g in (1, 2, 3, 4) if shape[0] % g == 0]))
    outputs = groups * int(rng.integers(2, 5))
    kernel = tuple(map(int, rng.integers(1, 4, 2)))
    weight = _weights(rng, (outputs, shape[0] // groups, *kernel))
    stride, padding = (tuple(map(int, rng.integers(low, 3, 2))) for low in (1, 0))
    return Conv(
        weight, _neurons(rng, weight), stride, padding, (1, int(rng.integers(1, 3))), groups, _bias(rng, weight)
    )


def _dense(rng: np.random.Generator, inputs: int) -> Dense:
    outputs = int(rng.integers(4, 30))
    weight = _weights(rng, (outputs, inputs))
    # Lava gives both matrices of a recurrent layer the same delays, which fit one of them.
    kind = rng.choice(["plain", "delayed", "recurrent"])
    return Dense(
        weight,
        _neurons(rng, weight),
        _bias(rng, weight),
        rng.integers(0, 63, weight.shape) if kind == "delayed" else None,
        _weights(rng, (outputs, outputs)) // 8 * 2 if kind == "recurrent" else None,
    )


def _weights(rng: np.random.Generator, shape: tuple[int, ...]) -> Integers:
    """Even, of both signs, up to 254."""
    weight = 2 * rng.integers(-50, 53, shape)
    weight.flat[:2] = [254, -254][: weight.size]
    return weight.astype(np.int64)


def _bias(rng: np.random.Generator, weight: Integers) -> Integers | None:
    return rng.integers(-20, 30, len(weight)) if rng.random() < 0.4 else None


def _neurons(rng: np.random.Generator, weight: Integers) -> Neurons:
    """A threshold that some neurons pass in a few steps; slow and fast decays, in half of the layers one each."""
    size = len(weight) if rng.random() < 0.5 else None
    decays = [rng.choice([0, 1, 64, 300, 1024, 2048, 4096], size) for _ in range(2)]
    fan_in = weight[0].size
    return Neurons(*(d if size else int(d) for d in decays), int(75 * np.sqrt(fan_in * RATE)) + 100)
