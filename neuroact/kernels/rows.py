"""Parts of the CPU kernels: what is done to a row, the values of a block of neurons at one time step.

A block is so narrow that its rows stay in the cache. What differs from row to row and not from neuron to neuron is
decided outside the loops over neurons, so that these compile to vector instructions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroact.jit import part, part_with
from neuroact.kernels.surrogates import ATAN, PIECEWISE_QUADRATIC, RECTANGLE, SIGMOID, SUPER_SPIKE, TRIANGLE

Row = NDArray[Any]
Value = Any
"""A float of the state's precision."""
Integer = Any

CACHED = 1 << 16
"""Values that fit into a core's second-level cache beside the rows that a kernel works on."""
WIDEST = 1 << 12
"""Neurons of a block at most. Narrower ones stop the processor's prefetching, which follows rows of several pages."""


@part
def block_width(neurons: int, steps: int) -> int:
    """How many of `neurons` to take at a time where `steps` rows of them are to stay in the cache."""
    return max(1, min(neurons, WIDEST, max(64, CACHED // max(steps, 1))))


@part
def copy_rows(source: Row, first: int, target: Row, start: int, size: int) -> None:
    """Copies `size` values of each row, those from `first` on to `start` and after, or zeros if `source` is empty.

    Row by row, since numba takes seconds to compile an assignment of slices.
    """
    for k in range(target.shape[0]):
        into = target[k, start : start + size]
        if source.size:
            out_of = source[k, first : first + size]
            for j in range(size):
                into[j] = out_of[j]
        else:
            for j in range(size):
                into[j] = 0


@part
def widen(source: Row, row: Row) -> None:
    """Copies a row of bfloat16, which are the upper halves of float32, given as bits."""
    bits = row.view(np.uint32)
    for j in range(row.size):
        bits[j] = np.uint32(source[j]) << np.uint32(16)


@part
def narrow(row: Row, target: Row) -> None:
    """Copies a row out to the bits of bfloat16, rounded to nearest, ties to even."""
    bits = row.view(np.uint32)
    for j in range(row.size):
        even = (bits[j] >> np.uint32(16)) & np.uint32(1)
        rounded = (bits[j] + np.uint32(0x7FFF) + even) >> np.uint32(16)
        target[j] = rounded if row[j] == row[j] else np.uint32(0x7FC0)


@part
def spread(parameter: Row, inner: int, start: int, row: Row) -> None:
    """Gives each neuron from `start` on its value of a parameter: `inner` neurons in turn share one."""
    if parameter.size == 1:
        for j in range(row.size):
            row[j] = parameter[0]
    else:
        for j in range(row.size):
            row[j] = parameter[(start + j) // inner % parameter.size]


@part
def mark(s: Row, unit: Any, target: Row) -> None:
    """Writes `unit` where there is a spike, 0 elsewhere."""
    for j in range(s.size):
        target[j] = unit if s[j] else unit - unit


@part
def pack(s: Row, step: int, last: bool, bits: Row, target: Row) -> None:
    """Gathers rows of spikes as bits, and writes them out when there are eight, or no more come."""
    bit = np.int32(step & 7)
    if bit == 0:
        for j in range(s.size):
            bits[j] = np.int32(s[j])
    else:
        for j in range(s.size):
            bits[j] |= np.int32(s[j]) << bit
    if bit == 7 or last:
        for j in range(s.size):
            target[j] = np.uint8(bits[j])


@part_with("contract")
def vector_exp(value: Value) -> Value:
    """exp in float32, to 2 ulp, by arithmetic that compiles to vector instructions.

    x = n ln 2 + r with |r| <= ln 2 / 2, so exp x = 2^n exp r, and exp r is the beginning of its series.
    """
    x = min(max(np.float32(value), np.float32(-87.5)), np.float32(88.7))
    n = np.float32(np.floor(x * np.float32(1.4426950408889634) + np.float32(0.5)))
    # ln 2 in two parts: the first has few bits, so that n times it is exact
    r = (x - n * np.float32(0.693359375)) + n * np.float32(2.12194440e-4)
    series = np.float32(1 / 5040)
    series = series * r + np.float32(1 / 720)
    series = series * r + np.float32(1 / 120)
    series = series * r + np.float32(1 / 24)
    series = series * r + np.float32(1 / 6)
    series = series * r + np.float32(0.5)
    series = series * r * r + r + np.float32(1)
    # 2^n in two factors, for 2^128 has no float32
    half = np.int32(n) >> np.int32(1)
    rest = np.int32(n) - half
    low = np.int32((half + np.int32(127)) << np.int32(23)).view(np.float32)
    high = np.int32((rest + np.int32(127)) << np.int32(23)).view(np.float32)
    return series * low * high


@part
def exponentials(row: Row) -> None:
    """Puts its exponential in the place of each value."""
    if row.itemsize == 4:
        for j in range(row.size):
            row[j] = vector_exp(row[j])
    else:
        for j in range(row.size):
            row[j] = np.exp(row[j])


@part
def slope(kind: int, alpha: Value, h: Row, threshold: Row, row: Row) -> None:
    """The surrogate gradient of each neuron's spike."""
    one = h.dtype.type(1)
    zero = h.dtype.type(0)
    half = h.dtype.type(0.5)
    if kind == ATAN:
        stretch = h.dtype.type(np.pi / 2) * alpha
        for j in range(row.size):
            z = stretch * (h[j] - threshold[j])
            row[j] = half * alpha / (one + z * z)
    elif kind == SIGMOID:
        for j in range(row.size):
            row[j] = -alpha * abs(h[j] - threshold[j])
        exponentials(row)
        for j in range(row.size):
            row[j] = alpha * row[j] / ((one + row[j]) * (one + row[j]))
    elif kind == TRIANGLE:
        for j in range(row.size):
            row[j] = alpha * max(zero, one - abs(h[j] - threshold[j]))
    elif kind == RECTANGLE:
        for j in range(row.size):
            row[j] = alpha if abs(alpha * (h[j] - threshold[j])) < half else zero
    elif kind == SUPER_SPIKE:
        for j in range(row.size):
            z = one + alpha * abs(h[j] - threshold[j])
            row[j] = one / (z * z)
    elif kind == PIECEWISE_QUADRATIC:
        for j in range(row.size):
            row[j] = alpha * max(zero, one - alpha * abs(h[j] - threshold[j]))
