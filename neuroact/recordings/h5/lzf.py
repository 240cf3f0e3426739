"""LZF, the fast filter that h5py brings along: literal runs and references into what was already expanded."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroact.jit import loop
from neuroact.recordings.h5.decoding import Damaged

SMALL = 1 << 10
"""Below this many bytes the loop runs as plain Python: see `neuroact.jit`."""


@loop
def expand_lzf(source: NDArray[np.uint8], target: NDArray[np.uint8]) -> Any:
    """Writes to `target` and returns how many bytes; -1 if `source` is damaged or `target` too small."""
    i = np.int64(0)
    n = np.int64(0)
    while i < source.size:
        control = np.int64(source[i])
        i += 1
        if control < 32:  # a run of literals
            length = control + 1
            if i + length > source.size or n + length > target.size:
                return -1
            target[n : n + length] = source[i : i + length]
            i += length
            n += length
            continue
        length = control >> 5
        if length == 7:
            if i >= source.size:
                return -1
            length += np.int64(source[i])
            i += 1
        if i >= source.size:
            return -1
        start = n - ((control & 31) << 8) - np.int64(source[i]) - 1
        i += 1
        length += 2
        if start < 0 or n + length > target.size:
            return -1
        for k in range(length):  # byte by byte: the reference may overlap what it writes
            target[n + k] = target[start + k]
        n += length
    return n


def expand(data: bytes, bound: int) -> bytes:
    """The bytes behind `data`, at most `bound`. Raises `Damaged`."""
    target = np.empty(bound, np.uint8)
    run = expand_lzf.plain if len(data) < SMALL else expand_lzf
    size = int(run(np.frombuffer(data, np.uint8), target))
    if size < 0:
        raise Damaged("lzf: a reference that leads outside, or more data than the chunk has")
    return target[:size].tobytes()
