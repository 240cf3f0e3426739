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
from neuroact.kernels.threads import on_every_core


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
def count_spikes(begin: int, end: int, s: Row, counts: Row) -> None:
    """How many values of each row `begin` to `end` of `s` are not 0. In 32 bits, which vector instructions add up."""
    for n in range(begin, end):
        row = s[n]
        count = np.int32(0)
        for k in range(row.size):
            count = np.int32(count + np.int32(row[k] != 0))
        counts[n] = count


def density(s: Tensor) -> float:
    """The share of the values of a matrix that are not 0, counted along rows, or columns if these are contiguous."""
    rows = s.t() if s.t().is_contiguous() else s.contiguous()
    counts = np.empty(rows.shape[0], np.int32)
    on_every_core(count_spikes, rows.shape[0], rows.numel(), array(rows), counts, alignment=1)
    return int(counts.sum()) / max(1, rows.numel())
