"""Loihi's integer networks on this machine: the spikes, potentials and operations that the chip would have.

    B batch    T steps of the input    L layers of neurons    k = 1..L one of them    R reset interval

Each layer is a step behind the one before it: what the input of step t does to layer k shows in step t + k of the chip.
Here all layers are in step with the input, so that each runs over all steps at once, and `lava[t + L]` is
`emulator[t]`. What layer k does in the k steps before the input reaches it counts only where biases drive neurons; then
it is run from step -k on. Lava, its `reset_offset` being 1, resets layer k before the steps k, k + R, k + 2 R of the
chip, which is before 0, R, 2 R of the input. Spikes that are on their way stay so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neuroact.hardware.network import NEVER, UNITY, Conv, Dense, Flatten, Integers, Network
from neuroact.hardware.synapses import arriving, fan_out, tally
from neuroact.hardware.validation import BIAS_MOST, DELAY_MOST
from neuroact.kernels import integer_cuba_lif_scan

AT_ONCE = 1 << 22
"""Neurons times steps of the largest layer that are computed at once: more recordings of a batch wait."""
WEIGHT_END = 1 << 8


@dataclass(frozen=True, slots=True, eq=False)
class Recorded:
    """A layer of neurons: `spikes` uint8, and `potentials` int32 after the reset, both `(B, T, ...)`."""

    spikes: NDArray[np.uint8]
    potentials: NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Emulated:
    """What a network made of its input.

    - `spikes`, `potentials`: of the last layer, as in `Recorded`. A potential of 64 vThMant is at the threshold.
    - `spike_counts`: `(L, B)` int64; layers without neurons, `Flatten`, are not among the L.
    - `synaptic_operations`: `(L, B)` int64: the spikes that reach a layer, its own among them if it is recurrent, times
      the targets that each has there. Taps of a convolution that fall on its padding are none.
    - `layers`: all L, if they were to be recorded.
    """

    spikes: NDArray[np.uint8]
    potentials: NDArray[np.int32]
    spike_counts: NDArray[np.int64]
    synaptic_operations: NDArray[np.int64]
    layers: tuple[Recorded, ...] = ()


def emulate(network: Network, spikes: NDArray[np.uint8], *, record: bool = False) -> Emulated:
    """Runs a network on recordings, each from rest: bit for bit what Lava's fixed-point simulator makes of it.

    - `spikes`: `(B, T, *network.shape)` uint8 of 0 and 1.
    - `record`: keep the spikes and potentials of all layers.

    Returns the output in the steps of the input: that of step t leaves the chip `network.latency` steps later.

    Raises `ValueError` for spikes of another form, and for a network whose parts do not fit or exceed the chip's bits.
    """
    shapes = network.shapes()
    _check_numbers(network)
    _check_spikes(network, spikes)
    largest = max(map(prod, (network.shape, *shapes))) * max(1, spikes.shape[1])
    count = max(1, AT_ONCE // largest)
    parts = [
        _emulate(network, shapes, spikes[start : start + count], record=record)
        for start in range(0, max(1, len(spikes)), count)
    ]
    if len(parts) == 1:
        return parts[0]
    return Emulated(
        np.concatenate([part.spikes for part in parts]), np.concatenate([part.potentials for part in parts]),
        np.concatenate([part.spike_counts for part in parts], 1),
        np.concatenate([part.synaptic_operations for part in parts], 1),
        tuple(
            Recorded(np.concatenate([one.spikes for one in layer]), np.concatenate([one.potentials for one in layer]))
            for layer in zip(*(part.layers for part in parts), strict=True)
        ),
    )  # fmt: skip


def _emulate(
    network: Network, shapes: Sequence[tuple[int, ...]], spikes: NDArray[np.uint8], *, record: bool
) -> Emulated:
    batch, steps = spikes.shape[:2]
    # Steps before the input, which count from -L on.
    lead = network.latency if any(_biased(layer) for layer in network.layers) else 0
    s = torch.zeros((lead + steps, batch, *network.shape), dtype=torch.uint8)  # (lead + T, B, ...)
    s.numpy()[lead:] = spikes.swapaxes(0, 1)
    k, counts, operations, recorded = 0, [], [], []
    for layer, before, shape in zip(network.layers, (network.shape, *shapes), shapes, strict=False):
        if isinstance(layer, Flatten):
            s = s.reshape(len(s), batch, *shape)
            continue
        k += 1
        kept = record or k == network.latency
        reached = tally(s[lead:], fan_out(layer, before, shape))
        starts = _starts(lead - k if lead else 0, lead, lead + steps, network.reset_interval)
        s, v = _neurons(layer, arriving(layer, s, shape), starts, potentials=kept)
        counts.append(tally(s[lead:], np.ones((), np.int64)))
        recurrent = isinstance(layer, Dense) and layer.recurrent is not None
        operations.append(reached + counts[-1] * shape[0] if recurrent else reached)
        if kept:
            batch_first = (x[lead:].transpose(0, 1).contiguous().numpy() for x in (s, v.int()))
            recorded.append(Recorded(*batch_first))
    return Emulated(
        recorded[-1].spikes, recorded[-1].potentials, np.stack(counts), np.stack(operations),
        tuple(recorded) if record else (),
    )  # fmt: skip


def _neurons(layer: Dense | Conv, a: Tensor, starts: Sequence[int], *, potentials: bool) -> tuple[Tensor, Tensor]:
    """Spikes uint8 and potentials after the reset, `(T, B, ...)`, from rest at each of `starts`; before them nothing.

    The potentials are `(0, B, ...)` unless they are asked for.
    """
    weights = None
    if isinstance(layer, Dense) and layer.recurrent is not None:
        weights = torch.tensor(layer.recurrent, dtype=a.dtype)
    spikes = [torch.zeros((starts[0], *a.shape[1:]), dtype=torch.uint8)]
    after = [torch.zeros((starts[0] if potentials else 0, *a.shape[1:]))]
    for start, stop in pairwise((*starts, len(a))):
        if weights is not None and start:
            a[start] += spikes[-1][-1].to(a.dtype) @ weights.T
        found = integer_cuba_lif_scan(
            a[start:stop], current_decay=_spread(layer.neurons.current_decay, a), decay=_spread(layer.neurons.decay, a),
            threshold=layer.neurons.threshold, bias=0 if layer.bias is None else _spread(layer.bias, a),
            recurrent=weights, potentials=potentials, spike_dtype=torch.uint8,
        )  # fmt: skip
        spikes.append(found.spikes)
        after.append(found.potentials.masked_fill_(found.spikes.bool(), 0) if potentials else found.potentials)
    return _joined(spikes), _joined(after)


def _joined(parts: list[Tensor]) -> Tensor:
    """In the order of time; as it is, if there is but one part."""
    some = [part for part in parts if len(part)] or parts[:1]
    return some[0] if len(some) == 1 else torch.cat(some)


def _starts(start: int, origin: int, end: int, interval: int | None) -> list[int]:
    """The steps before which states are 0: the first one, and those that are a multiple of the interval past `origin`.

    None lies beyond `end`.
    """
    if interval is None:
        return [start]
    return [start, *range(start + 1 + (origin - start - 1) % interval, end, interval)]


def _spread(value: int | Integers, a: Tensor) -> int | Tensor:
    """One for all, or one for each neuron or channel in a shape that spreads over a step."""
    if isinstance(value, np.ndarray):
        return torch.tensor(value).reshape(-1, *(1,) * (a.ndim - 3))
    return value


def _biased(layer: object) -> bool:
    return isinstance(layer, Dense | Conv) and layer.bias is not None and bool(layer.bias.any())


def _check_numbers(network: Network) -> None:
    """Raises `ValueError` for numbers that the arithmetic here, or the chip's, does not hold."""
    if not network.latency:
        raise ValueError("the network has no layer of neurons")
    if network.reset_interval is not None and network.reset_interval < 1:
        raise ValueError(f"reset_interval must be at least 1, not {network.reset_interval}")
    for place, layer in enumerate(network.layers):
        if isinstance(layer, Flatten):
            continue
        ranges = [
            ("weight", layer.weight, -WEIGHT_END, WEIGHT_END - 1),
            ("current_decay", layer.neurons.current_decay, 0, UNITY), ("decay", layer.neurons.decay, 0, UNITY),
            ("threshold", layer.neurons.threshold, 0, NEVER), ("bias", layer.bias, -BIAS_MOST - 1, BIAS_MOST),
        ]  # fmt: skip
        if isinstance(layer, Dense):
            ranges += [
                ("recurrent", layer.recurrent, -WEIGHT_END, WEIGHT_END - 1), ("delay", layer.delay, 0, DELAY_MOST),
            ]  # fmt: skip
            if layer.recurrent is not None and layer.delay is not None:
                raise ValueError(f"layer {place}: a recurrent layer has no delays; Lava would delay its own spikes too")
        for name, value, least, most in ranges:
            if value is not None and np.size(value) and not least <= np.min(value) <= np.max(value) <= most:
                raise ValueError(f"layer {place}: {name} must be within [{least}, {most}]")


def _check_spikes(network: Network, spikes: NDArray[np.uint8]) -> None:
    if spikes.dtype != np.uint8 or spikes.ndim < 2 or spikes.shape[2:] != network.shape:
        expected = ", ".join(map(str, ("B", "T", *network.shape)))
        raise ValueError(f"spikes must be uint8 ({expected}), not {spikes.dtype} {spikes.shape}")
    if spikes.max(initial=0) > 1:
        raise ValueError("spikes must be 0 or 1: the chip's input has no graded ones")
