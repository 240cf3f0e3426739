"""Runs a compiled loop over neurons on every core: whichever thread is free takes the next stretch of them.

Python's threads, and not a parallel region of OpenMP's: compiled loops let go of Python's lock, and processes that fork
(as data loaders do) and programs that call from several threads keep working. But torch's own threads, after each of
its operations, wait for the next with a core to themselves for some milliseconds: a thread that shares that core takes
fewer stretches, and one that has not begun when all are taken never does.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import torch

ALIGNMENT = 64
"""Stretches begin at multiples of so many items, so that no two threads write to one line of the cache."""
STRETCH = 1 << 14
"""Values of a stretch at least: fewer are not worth a call."""
SHARES = 4
"""Stretches for each thread at most."""


def split(count: int, parts: int, alignment: int = ALIGNMENT) -> list[tuple[int, int]]:
    """At most `parts` stretches `(start, stop)` of about the same length that cover `range(count)`."""
    length = max(1, -(-count // (parts * alignment))) * alignment
    return [(start, min(start + length, count)) for start in range(0, count, length)]


def on_every_core(kernel: Callable[..., None], count: int, values: int, *args: Any, alignment: int = ALIGNMENT) -> None:
    """Calls `kernel(start, stop, *args)` for stretches of `range(count)`, `values` being what they have in all.

    As many threads as torch uses (`torch.set_num_threads`). An `alignment` of 1 suits items that are rows of values.
    """
    threads = torch.get_num_threads()
    stretches = split(count, min(threads * SHARES, max(1, values // STRETCH)) if threads > 1 else 1, alignment)
    left = iter(stretches or [(0, 0)])

    def work() -> None:
        for start, stop in left:
            kernel(start, stop, *args)

    jobs = [_pool(os.getpid(), threads).submit(work) for _ in range(min(threads, len(stretches)) - 1)]
    try:
        work()
    finally:
        for job in jobs:
            if not job.cancel():
                job.result()


@lru_cache
def _pool(process: int, threads: int) -> ThreadPoolExecutor:
    """The threads of a process; a fork of it has none of them, and makes its own."""
    return ThreadPoolExecutor(threads, "neuroact-kernel")
