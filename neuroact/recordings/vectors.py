"""32-pixel vectors, as EVT2.1 and EVT4 hold them: a pixel, and a mask of the pixels to the right that fired with it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neuroact.jit import part
from neuroact.recordings.words import Integer

WIDTH = 32
"""Pixels in a vector, and so the most events that one gives."""
POSITION = np.zeros(37, np.uint8)
"""Index of the only bit set in a power of two: the powers up to 2**35 differ modulo 37."""
for _bit in range(WIDTH):
    POSITION[(1 << _bit) % 37] = _bit


@part
def emit_vector(
    mask: Integer, base: Integer, row: Integer, sign: Integer, now: Integer, width: int, height: int,
    t: NDArray[np.int64], x: NDArray[np.uint16], y: NDArray[np.uint16], p: NDArray[np.uint8], n: np.uint64,
    position: NDArray[np.uint8],
) -> tuple[np.uint64, Integer]:  # fmt: skip
    """Writes an event for each bit of `mask`, lowest first; returns the new count and how many fell outside."""
    outside = np.int64(0)
    rest = np.int64(mask)
    while rest:
        lowest = rest & -rest
        rest ^= lowest
        column = base + np.int64(position[lowest % 37])
        if column < width and row < height:
            t[n] = now
            x[n] = column
            y[n] = row
            p[n] = sign
            n += np.uint64(1)
        else:
            outside += 1
    return n, outside
