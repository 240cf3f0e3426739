"""Parts of the CPU kernels that multiply spikes with matrices: of a row of spikes only those that are there are used.

A value of 0 is passed over; any other counts as it stands, so that a product comes out the same as a dense one for
graded spikes too. The order of the sums depends on nothing but the spikes: not on threads, nor on other rows.
"""

from __future__ import annotations

import numpy as np
from torch import Tensor

from neuroact.jit import loop, part
from neuroact.kernels.arrays import array
from neuroact.kernels.rows import Row

SAMPLE = 64
"""Rows whose spikes are counted: of a thousand values each, they tell a share of 0.2 to 0.002."""
GOLDEN = (5**0.5 - 1) / 2
"""Multiples of it, less what is whole, fall between each other as evenly as any."""


@part
def list_spikes(row: Row, where: Row) -> int:
    """Writes the places of the spikes in a row to the beginning of `where`, as long as the row; returns their number.

    Without a branch: one that is taken every now and then costs more than to write each place down.
    """
    count = 0
    for k in range(row.size):
        where[count] = k
        count += 1 if row[k] != 0 else 0
    return count


@part
def add_rows(row: Row, where: Row, count: int, table: Row, out: Row) -> None:
    """out += the sum over the `count` places k in `where` of row[k] table[k], four at a time."""
    whole = count - count % 4
    for i in range(0, whole, 4):
        a, b, c, d = where[i], where[i + 1], where[i + 2], where[i + 3]
        s, t, u, v = np.float32(row[a]), np.float32(row[b]), np.float32(row[c]), np.float32(row[d])
        first, second, third, fourth = table[a], table[b], table[c], table[d]
        for j in range(out.size):
            out[j] += (s * first[j] + t * second[j]) + (u * third[j] + v * fourth[j])
    for i in range(whole, count):
        s, first = np.float32(row[where[i]]), table[where[i]]
        for j in range(out.size):
            out[j] += s * first[j]


@part
def add_to_rows(row: Row, where: Row, count: int, source: Row, table: Row) -> None:
    """table[k] += row[k] source, for each of the `count` places k in `where`."""
    for i in range(count):
        s, target = np.float32(row[where[i]]), table[where[i]]
        for j in range(source.size):
            target[j] += s * source[j]


@loop
def count_spikes(s: Row, places: Row, counts: Row) -> None:
    """How many values of some rows of `s` are not 0. In 32 bits, which vector instructions add up."""
    for n in range(places.size):
        row = s[places[n]]
        count = np.int32(0)
        for k in range(row.size):
            count = np.int32(count + np.int32(row[k] != 0))
        counts[n] = count


def density(s: Tensor) -> float:
    """The share of the values of a matrix that are not 0, by a sample of its rows, or columns if these are contiguous.

    The rows are `SAMPLE` of them, spread evenly but in no rhythm, since rows are often steps of time: all, if there are
    no more.
    """
    rows = s.t() if s.t().is_contiguous() else s.contiguous()
    count = rows.shape[0]
    places = np.arange(count) if count <= SAMPLE else (np.arange(1, SAMPLE + 1) * GOLDEN % 1 * count).astype(np.int64)
    counts = np.empty(places.size, np.int32)
    count_spikes(array(rows), places, counts)
    return int(counts.sum()) / max(1, places.size * rows.shape[1])
