"""Loihi's integer networks on this machine: the spikes, potentials and operations that the chip would have.

    B batch    T steps of the input    L layers of neurons    k = 1..L one of them    R reset interval

Each layer is a step behind the one before it: what the input of step t makes of layer k shows in step t + k of the chip.
Here all layers are in step with the input, so that a layer runs over all steps at once, and `lava[t + L]` is
`emulator[t]`. What a layer does in its k steps before the input reaches it counts only if biases drive it, and is run
too, then: layer k starts at -k. Lava resets layer k before the steps k, k + R, k + 2 R of the chip (with
`reset_offset=1`): before 0, R, 2 R of the input. Spikes that are on their way stay so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neuroact.hardware.network import Conv, Dense, Flatten, Integers, Network
from neuroact.hardware.synapses import arriving, fan_out
from neuroact.kernels.integer_cuba import integer_cuba_lif_scan


@dataclass(frozen=True, slots=True, eq=False)
class Recorded:
    """A layer of neurons: `spikes` uint8 and `potentials` int32 after the reset, both `(B, T, ...)`."""

    spikes: NDArray[np.uint8]
    potentials: NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Emulated:
    """What a network made of its input. Layers of neurons are counted, `Flatten` is not.

    - `spikes`, `potentials`: of the last layer, `(B, T, ...)`: uint8, and int32 in units of 1/64 of the threshold's.
    - `spike_counts`: `(L, B)` int64.
    - `synaptic_operations`: `(L, B)` int64: of the spikes that reach each layer, its own if it is recurrent among them,
      the targets that each has.
    - `layers`: all L of them, if they were to be recorded.
    """

    spikes: NDArray[np.uint8]
    potentials: NDArray[np.int32]
    spike_counts: NDArray[np.int64]
    synaptic_operations: NDArray[np.int64]
    layers: tuple[Recorded, ...] = ()


def emulate(network: Network, spikes: NDArray[np.uint8], *, record: bool = False) -> Emulated:
    """Runs a network on recordings, each from rest, bit for bit as Lava's fixed-point simulator of the chip.

    - `spikes`: `(B, T, *network.shape)` uint8 of 0 and 1.
    - `record`: keep the spikes and potentials of all layers.

    Returns the output in the steps of the input: that of step t leaves the chip `network.latency` steps later.

    Raises `ValueError` for spikes or a network of another form.
    """
    _check(network, spikes)
    batch, steps = spikes.shape[:2]
    lead = network.latency if any(_biased(layer) for layer in network.layers) else 0
    s = torch.zeros((lead + steps, batch, *network.shape), dtype=torch.uint8)  # (lead + T, B, ...)
    s[lead:] = torch.from_numpy(spikes).transpose(0, 1)
    before, k = network.shape, 0
    counts, operations, recorded = [], [], []
    for layer, shape in zip(network.layers, network.shapes(), strict=True):
        if isinstance(layer, Flatten):
            s = s.reshape(len(s), batch, *shape)
            before = shape
            continue
        k += 1
        reached = _per_recording(s[lead:], fan_out(layer, before, shape))
        last = k == network.latency
        starts = _starts(lead - k if lead else 0, lead, len(s), network.reset_interval)
        s, v = _neurons(layer, arriving(layer, s, shape), starts, potentials=record or last)
        counts.append(_per_recording(s[lead:], np.asarray(1)))
        if isinstance(layer, Dense) and layer.recurrent is not None:
            reached = reached + counts[-1] * shape[0]
        operations.append(reached)
        if record or last:
            recorded.append(Recorded(_batch_first(s[lead:]), _batch_first(v[lead:].int())))
        before = shape
    return Emulated(
        recorded[-1].spikes, recorded[-1].potentials, np.stack(counts), np.stack(operations),
        tuple(recorded) if record else (),
    )  # fmt: skip


def _neurons(layer: Dense | Conv, a: Tensor, starts: list[int], *, potentials: bool) -> tuple[Tensor, Tensor]:
    """Spikes `(T, B, ...)` uint8 and potentials after the reset, from rest at each of `starts`; before them nothing."""
    recurrent = layer.recurrent if isinstance(layer, Dense) else None
    weights = None if recurrent is None else torch.from_numpy(recurrent).to(a.dtype)
    spikes = torch.zeros(a.shape, dtype=torch.uint8)
    kept = torch.zeros(a.shape if potentials else (0, *a.shape[1:]))
    for start, stop in zip(starts, [*starts[1:], len(a)], strict=True):
        if weights is not None and start:
            a[start] += spikes[start - 1].to(a.dtype) @ weights.T
        found = integer_cuba_lif_scan(
            a[start:stop], current_decay=_spread(layer.neurons.current_decay, a), decay=_spread(layer.neurons.decay, a),
            threshold=layer.neurons.threshold, bias=0 if layer.bias is None else _spread(layer.bias, a),
            recurrent=weights, potentials=potentials, spike_dtype=torch.uint8,
        )  # fmt: skip
        spikes[start:stop] = found.spikes
        if potentials:
            kept[start:stop] = found.potentials * (1 - found.spikes)
    return spikes, kept


def _starts(start: int, origin: int, end: int, interval: int | None) -> list[int]:
    """The steps before which states are 0: the first one, and those a multiple of the interval from `origin`."""
    if interval is None:
        return [start]
    first = origin + (start - origin) // interval * interval + interval
    return [start, *range(first, end, interval)]


def _spread(value: int | Integers, a: Tensor) -> int | Tensor:
    """One for all, or one for each neuron or channel in a shape that spreads over a step."""
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value).reshape(-1, *(1,) * (a.ndim - 3))
    return value


def _biased(layer: object) -> bool:
    return isinstance(layer, Dense | Conv) and layer.bias is not None and bool(layer.bias.any())


def _per_recording(s: Tensor, each: NDArray[np.int64]) -> NDArray[np.int64]:
    """The sum over spikes `(T, B, ...)` of what each counts: `(B,)`."""
    by_place = s.sum(0, dtype=torch.int64).numpy() * each
    sums: NDArray[np.int64] = by_place.reshape(len(by_place), -1).sum(1)
    return sums


def _batch_first(x: Tensor) -> NDArray[np.generic]:
    return x.transpose(0, 1).contiguous().numpy()


def _check(network: Network, spikes: NDArray[np.uint8]) -> None:
    if not network.latency:
        raise ValueError("the network has no layer of neurons")
    if spikes.dtype != np.uint8 or spikes.ndim < 2 or spikes.shape[2:] != network.shape:
        expected = ", ".join(map(str, ("B", "T", *network.shape)))
        raise ValueError(f"spikes must be uint8 ({expected}), not {spikes.dtype} {spikes.shape}")
    if spikes.max(initial=0) > 1:
        raise ValueError("spikes must be 0 or 1; the chip counts an event as one spike")
