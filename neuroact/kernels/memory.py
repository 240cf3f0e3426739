"""Memory for large results, which serves again once they are dropped.

A fresh tensor has no memory behind it until it is written. The system then puts a page behind each part, and clears it,
which takes longer than a whole scan. But a training step drops as much as it makes: what the results of one step lay in
is kept, within limits, for those of the next.
"""

from __future__ import annotations

import mmap
import weakref
from collections.abc import Sequence
from contextlib import suppress
from math import prod
from threading import RLock

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

LARGE = 1 << 17
"""Bytes from which on memory is kept: those from which on the C library, too, asks the system for new memory."""
GRAIN = 1 << 16
"""Blocks are multiples of this, so that results of nearly one size share them."""
KEPT = 1 << 28
"""Bytes that are kept at most, in blocks of all sizes together."""

Block = NDArray[np.uint8]


class Pool:
    """Blocks of memory that nobody uses now.

    - `most`: how many bytes to keep.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.kept = 0
        self.idle: dict[int, list[Block]] = {}
        """By size; at the end the one of which a block was dropped last."""
        self.lock = RLock()  # collecting garbage can drop a result while its own thread holds the lock

    def take(self, size: int) -> Block:
        """`size` bytes, which are the caller's until it drops the array and all that shares its memory."""
        whole = -(-size // GRAIN) * GRAIN
        block = self._idle_block(whole)
        if block is None:
            block = _new_block(whole)
        lent = block[:size]
        weakref.finalize(lent, self.keep, block).atexit = False
        return lent

    def keep(self, block: Block) -> None:
        """Takes a block in, and lets go of the sizes that were not dropped for longest if there is too much of all."""
        with self.lock:
            self.idle[block.size] = [*self.idle.pop(block.size, ()), block]
            self.kept += block.size
            while self.kept > self.most:
                oldest = next(iter(self.idle))
                self.kept -= oldest * len(self.idle.pop(oldest))

    def clear(self) -> None:
        """Gives all of it back to the system."""
        with self.lock:
            self.idle.clear()
            self.kept = 0

    def _idle_block(self, size: int) -> Block | None:
        with self.lock:
            if not self.idle.get(size):
                return None
            self.kept -= size
            return self.idle[size].pop()


pool = Pool(KEPT)


def empty(shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """`torch.empty(shape, dtype=dtype)` on the CPU, from the pool if it is large."""
    size = prod(shape) * dtype.itemsize
    if size < LARGE:
        return torch.empty(tuple(shape), dtype=dtype)
    return torch.from_numpy(pool.take(size)).view(dtype).view(*shape)


def release_memory() -> None:
    """Gives the system back the memory that is kept for results to come, 256 MB at most."""
    pool.clear()


def _new_block(size: int) -> Block:
    """Memory fresh from the system, in large pages where it has them: it hands out a new one far more quickly."""
    if not hasattr(mmap, "MADV_HUGEPAGE"):
        return np.empty(size, np.uint8)
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with suppress(OSError):  # a system built without them
        memory.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(memory, np.uint8)
