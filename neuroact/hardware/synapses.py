"""What spikes bring to the neurons of a layer: sums of weights, for all steps and recordings at once.

Only the spikes are looked at. Sums are floats that hold them exactly: float32, or float64 where the weights of a neuron
could add up to more than 2^24.

    R rows, a step of a recording each    C, H, W of the input    O of the output
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neuroact.hardware.network import Conv, Dense
from neuroact.jit import loop
from neuroact.kernels import spike_matmul
from neuroact.kernels.arrays import array
from neuroact.kernels.rows import Row
from neuroact.kernels.sparse import list_spikes
from neuroact.kernels.threads import on_every_core
from neuroact.training.operations import targets

EXACT = 1 << 24
"""Up to here float32 holds all whole numbers."""


def arriving(layer: Dense | Conv, spikes: Tensor, shape: tuple[int, ...]) -> Tensor:
    """`(T, B, *shape)`, float32 or float64, from spikes `(T, B, ...)` uint8 of the layer before."""
    dtype = _exact_dtype(layer)
    if isinstance(layer, Conv):
        return _convolved(layer, spikes, shape, dtype)
    if layer.delay is not None:
        return _delayed(layer.weight, layer.delay, spikes, dtype)
    return spike_matmul(spikes, torch.from_numpy(np.ascontiguousarray(layer.weight.T, dtype)))


def fan_out(layer: Dense | Conv, before: tuple[int, ...], shape: tuple[int, ...]) -> NDArray[np.int64]:
    """How many neurons of a layer each of those before it reaches, in a shape that spreads over `before`."""
    if isinstance(layer, Dense):
        return np.asarray(shape[0], np.int64)
    reached = [
        targets(size, out, kernel, step, pad, gap).numpy()
        for size, out, kernel, step, pad, gap in zip(
            before[1:], shape[1:], layer.weight.shape[2:], layer.stride, layer.padding, layer.dilation, strict=True
        )
    ]
    each: NDArray[np.int64] = np.outer(*reached).astype(np.int64) * (shape[0] // layer.groups)  # (H, W)
    return each


def tally(spikes: Tensor, each: NDArray[np.int64]) -> NDArray[np.int64]:
    """`(B,)`: the sum over the spikes `(T, B, ...)`, uint8, of what each counts, which spreads over `(...)`."""
    steps, batch, *shape = spikes.shape
    sums = np.zeros(batch, np.int64)
    weights = np.broadcast_to(each, tuple(shape)).astype(np.int32).reshape(-1)
    flat = spikes.reshape(steps, batch, len(weights))
    on_every_core(add_up, batch, flat.numel(), array(flat), weights, sums, alignment=1)
    return sums


@loop
def add_up(begin: int, end: int, s: Row, each: Row, sums: Row) -> None:
    """Recordings `begin` to `end`: adds to `sums` `(B,)`, from `s` `(T, B, N)` and `each` `(N,)`."""
    for b in range(begin, end):
        for t in range(s.shape[0]):
            row, total = s[t, b], np.int64(0)
            for n in range(row.size):
                total += np.int64(np.int32(row[n]) * each[n])
            sums[b] += total


def _exact_dtype(layer: Dense | Conv) -> Any:
    """The smallest that holds all sums of a neuron's weights."""
    most = np.abs(layer.weight).reshape(len(layer.weight), -1).sum(1)
    if isinstance(layer, Dense) and layer.recurrent is not None:
        most = most + np.abs(layer.recurrent).sum(1)
    return np.float32 if most.max(initial=0) <= EXACT else np.float64


def _convolved(layer: Conv, spikes: Tensor, shape: tuple[int, ...], dtype: Any) -> Tensor:
    groups, outputs = layer.groups, len(layer.weight) // layer.groups
    table = layer.weight.reshape(groups, outputs, *layer.weight.shape[1:])  # (G, O / G, C / G, kH, kW)
    table = table.transpose(0, 2, 3, 4, 1).reshape(-1, *layer.weight.shape[2:], outputs)  # (C, kH, kW, O / G)
    steps, batch, _, *sides = spikes.shape
    lines, columns = (
        _reached(*sizes)
        for sizes in zip(
            sides, shape[1:], layer.weight.shape[2:], layer.stride, layer.padding, layer.dilation, strict=True
        )
    )
    a = np.empty((steps * batch, shape[0], shape[1] * shape[2]), dtype)
    flat = spikes.flatten(0, 1)  # (T B, C, H, W)
    on_every_core(
        add_kernels, len(flat), flat.numel(), array(flat), np.ascontiguousarray(table, dtype), groups,
        lines, columns, shape[2], a, alignment=1,
    )  # fmt: skip
    return torch.from_numpy(a).reshape(steps, batch, *shape)


def _reached(size: int, out: int, kernel: int, stride: int, padding: int, dilation: int) -> NDArray[np.int32]:
    """Where each line of the input gets: `(size, kernel, 2)`, one of the `out` lines and the tap that brings it there.

    Those come first; what follows is a line of -1.
    """
    ahead = np.arange(size)[:, None] + padding - dilation * np.arange(kernel)  # (size, kernel)
    there = (ahead % stride == 0) & (ahead >= 0) & (ahead < out * stride)
    taps = np.argsort(~there, axis=1, kind="stable")
    lines = np.take_along_axis(np.where(there, ahead // stride, -1), taps, 1)
    return np.stack([lines, taps], -1).astype(np.int32)


@loop
def add_kernels(
    begin: int, end: int, s: Row, table: Row, groups: int, lines: Row, columns: Row, width: int, a: Row
) -> None:
    """Rows `begin` to `end` of `a` `(R, O, H' W')`, from `s` `(R, C, H, W)` and `table` `(C, kH, kW, O / groups)`.

    `width` is W'. A spike adds a vector of weights, one for each output channel, wherever its kernel reaches.
    """
    channels, outputs = table.shape[0] // groups, table.shape[3]
    places = a.shape[2]
    where = np.empty(s.shape[3], np.int32)
    sums = np.empty((places, groups, outputs), a.dtype)
    for r in range(begin, end):
        sums[:] = 0
        for c in range(s.shape[1]):
            group = c // channels
            for y in range(s.shape[2]):
                for index in range(list_spikes(s[r, c, y], where)):
                    x = where[index]
                    for i in range(lines.shape[1]):
                        line, row = lines[y, i, 0], lines[y, i, 1]
                        if line < 0:
                            break
                        for j in range(columns.shape[1]):
                            column, tap = columns[x, j, 0], columns[x, j, 1]
                            if column < 0:
                                break
                            weights, target = table[c, row, tap], sums[line * width + column, group]
                            for o in range(outputs):
                                target[o] += weights[o]
        for group in range(groups):
            for o in range(outputs):
                for place in range(places):
                    a[r, group * outputs + o, place] = sums[place, group, o]


def _delayed(weight: NDArray[np.int64], delay: NDArray[np.int64], spikes: Tensor, dtype: Any) -> Tensor:
    steps, batch, _ = spikes.shape
    a = np.zeros((steps, batch, len(weight)), dtype)
    on_every_core(
        add_delayed, batch, spikes.numel(), array(spikes), np.ascontiguousarray(weight.T, dtype),
        np.ascontiguousarray(delay.T), a, alignment=1,
    )  # fmt: skip
    return torch.from_numpy(a)


@loop
def add_delayed(begin: int, end: int, s: Row, table: Row, delay: Row, a: Row) -> None:
    """Recordings `begin` to `end`: adds to `a` `(T, B, O)`, from `s` `(T, B, I)`, `table` and `delay` `(I, O)`."""
    where = np.empty(s.shape[2], np.int32)
    for b in range(begin, end):
        for t in range(s.shape[0]):
            for index in range(list_spikes(s[t, b], where)):
                weights, later = table[where[index]], delay[where[index]]
                for o in range(weights.size):
                    if t + later[o] < a.shape[0]:
                        a[t + later[o], b, o] += weights[o]
