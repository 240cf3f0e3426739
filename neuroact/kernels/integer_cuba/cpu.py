"""`integer_cuba_lif_scan` on CPUs: blocks of neurons through all steps, or recordings where neurons reach each other.

States are float64, which holds the product of a state and a decay, 24 bits times 13, so that a truncation is the chip's
rounding. Processors round a vector of float64 in one instruction, and have no product of 64-bit integers.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from neuroact.jit import inline_part, loop, part
from neuroact.kernels import memory
from neuroact.kernels.arrays import array
from neuroact.kernels.integer_cuba.numbers import CURRENT_SHIFT, DECAY_SHIFT, STATE_END
from neuroact.kernels.rows import Row, Value, block_width, copy_rows, spread
from neuroact.kernels.sparse import add_rows, list_spikes
from neuroact.kernels.threads import on_every_core

UNITY = float(1 << DECAY_SHIFT)
UNIT = float(1 << CURRENT_SHIFT)
END = float(STATE_END)


@inline_part
def step(
    keep_u: Value, keep_v: Value, threshold: Value, bias: Value, a: Value, u: Value, v: Value
) -> tuple[Value, bool, Value, Value]:  # fmt: skip
    """u = [keep_u u] + 64 a, turned once;  h = [keep_v v] + u + 64 bias, held;  s = [h > 64 threshold];  v = 0 if s"""
    u = np.trunc(keep_u * u) + UNIT * a
    u = u - 2 * END if u > END else u
    u = u + 2 * END if u <= -END else u
    h = min(max(np.trunc(keep_v * v) + u + bias, 1 - END), END - 1)
    fired = h > threshold
    return h, fired, u, 0.0 if fired else h


@part
def enter(parameters: tuple[Row, ...], inner: tuple[int, ...], start: int, values: Row) -> None:
    """Fills `values` `(4, size)` with what `advance` takes, from the parameters of the neurons from `start` on."""
    for index in range(4):
        spread(parameters[index], inner[index], start, values[index])
    for j in range(values.shape[1]):
        values[0, j] = 1 - values[0, j] / UNITY
        values[1, j] = 1 - values[1, j] / UNITY
        values[2, j] *= UNIT
        values[3, j] *= UNIT


@part
def advance(values: Row, a: Row, states: Row, spikes: Row, potentials: Row) -> None:
    """One step of a row of neurons: changes `states`, u and v, and fills `spikes`, and `potentials` with h."""
    keep_u, keep_v, threshold, bias, u, v = values[0], values[1], values[2], values[3], states[0], states[1]
    for j in range(a.size):
        potentials[j], fired, u[j], v[j] = step(keep_u[j], keep_v[j], threshold[j], bias[j], a[j], u[j], v[j])
        spikes[j] = np.uint8(1) if fired else np.uint8(0)


@loop
def scan_neurons(
    first: int, end: int, a: Row, states: Row, parameters: tuple[Row, ...], inner: tuple[int, ...],
    spikes: Row, potentials: Row, last: Row,
) -> None:  # fmt: skip
    """Neurons `first` to `end`: fills `spikes`, `potentials` if it has any room, both `(T, N)`, and `last` `(2, N)`."""
    width = block_width(end - first, 1)
    values, now = np.empty((4, width)), np.empty((2, width))
    unwanted = np.empty(width, potentials.dtype)
    for start in range(first, end, width):
        stop = min(start + width, end)
        size = stop - start
        enter(parameters, inner, start, values[:, :size])
        copy_rows(states, start, now, 0, size)
        for t in range(a.shape[0]):
            h = potentials[t, start:stop] if potentials.size else unwanted[:size]
            advance(values, a[t, start:stop], now, spikes[t, start:stop], h)
        copy_rows(now, 0, last, start, size)


@loop
def scan_recordings(
    first: int, end: int, a: Row, states: Row, parameters: tuple[Row, ...], inner: tuple[int, ...],
    spikes: Row, potentials: Row, last: Row, table: Row,
) -> None:  # fmt: skip
    """As `scan_neurons`, for groups `first` to `end` of N neurons each, that reach each other a step later.

    - `table` `(N, N)`: from its row to its column.
    """
    size = table.shape[0]
    values, now = np.empty((4, size)), np.empty((2, size))
    row, where, unwanted = np.empty(size, a.dtype), np.empty(size, np.int32), np.empty(size, potentials.dtype)
    for group in range(first, end):
        start = group * size
        stop = start + size
        enter(parameters, inner, start, values)
        copy_rows(states, start, now, 0, size)
        for t in range(a.shape[0]):
            for j in range(size):
                row[j] = a[t, start + j]
            if t:
                before = spikes[t - 1, start:stop]
                add_rows(before, where, list_spikes(before, where), table, row)
            h = potentials[t, start:stop] if potentials.size else unwanted
            advance(values, row, now, spikes[t, start:stop], h)
        copy_rows(now, 0, last, start, size)


def forward(
    a: Tensor, states: Tensor, parameters: Sequence[Tensor], inner: Sequence[int], recurrent: Tensor | None,
    keep: bool,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Spikes and potentials `(T, N)`, the latter `(0, 0)` unless they are to be kept, and the last states `(2, N)`."""
    spikes = memory.empty(a.shape, torch.uint8)
    potentials = memory.empty(a.shape if keep else (0, 0), torch.float32)
    last = memory.empty((2, a.shape[1]), torch.float64)
    arguments = (
        array(a), array(states), tuple(map(array, parameters)), tuple(inner), array(spikes), array(potentials),
        array(last),
    )  # fmt: skip
    if recurrent is None:
        on_every_core(scan_neurons, a.shape[1], a.numel(), *arguments)
    else:
        groups, table = a.shape[1] // len(recurrent), array(recurrent.t().contiguous())
        on_every_core(scan_recordings, groups, a.numel(), *arguments, table, alignment=1)
    return spikes, potentials, last
