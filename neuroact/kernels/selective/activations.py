"""Parts of the CPU kernel: softplus and the logistic function of rows, in float32 by vector instructions."""

from __future__ import annotations

import numpy as np

from neuroact.jit import part, part_with
from neuroact.kernels.rows import Row, Value, vector_exp


@part_with("contract")
def vector_softplus(x: Value) -> Value:
    """log(1 + exp x) in float32 = max(x, 0) + log(1 + w) with w = exp -|x|, and log(1 + w) = 2 artanh(w / (2 + w))."""
    w = vector_exp(-abs(x))
    s = w / (np.float32(2) + w)  # at most 1/3, so that seven terms of the series do
    square = s * s
    series = np.float32(1 / 13)
    series = series * square + np.float32(1 / 11)
    series = series * square + np.float32(1 / 9)
    series = series * square + np.float32(1 / 7)
    series = series * square + np.float32(1 / 5)
    series = series * square + np.float32(1 / 3)
    series = series * square + np.float32(1)
    return max(x, np.float32(0)) + np.float32(2) * s * series


@part
def softplus(row: Row) -> None:
    """Puts its softplus in the place of each value."""
    if row.itemsize == 4:
        for j in range(row.size):
            row[j] = vector_softplus(row[j])
    else:
        for j in range(row.size):
            row[j] = max(row[j], 0) + np.log1p(np.exp(-abs(row[j])))


@part
def sigmoid(source: Row, row: Row) -> None:
    """1 / (1 + exp -x) of each value."""
    if row.itemsize == 4:
        for j in range(row.size):
            row[j] = np.float32(1) / (np.float32(1) + vector_exp(-source[j]))
    else:
        for j in range(row.size):
            row[j] = 1 / (1 + np.exp(-source[j]))
