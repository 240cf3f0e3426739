"""Runs a compiled loop over neurons on every core: each thread has a stretch of them to itself.

Python's threads, and not a parallel region of OpenMP's: compiled loops let go of Python's lock, a thread costs some
20 µs, and processes that fork (as data loaders do) and programs that call from several threads keep working.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import torch

ALIGNMENT = 64
"""Stretches begin at multiples of so many items, so that no two threads write to one line of the cache."""
SINGLE = 1 << 15
"""Fewer values than these are not worth a second thread."""


def split(count: int, parts: int, alignment: int = ALIGNMENT) -> list[tuple[int, int]]:
    """At most `parts` stretches `(start, stop)` of about the same length that cover `range(count)`."""
    length = max(1, -(-count // (parts * alignment))) * alignment
    return [(start, min(start + length, count)) for start in range(0, count, length)]


def on_every_core(kernel: Callable[..., None], count: int, values: int, *args: Any, alignment: int = ALIGNMENT) -> None:
    """Calls `kernel(start, stop, *args)` for stretches of `range(count)`, `values` being what they have in all.

    As many threads as torch uses (`torch.set_num_threads`). An `alignment` of 1 suits items that are rows of values.
    """
    threads = torch.get_num_threads() if values >= SINGLE else 1
    (start, stop), *others = split(count, threads, alignment) or [(0, 0)]
    jobs: list[Future[None]] = [_pool(os.getpid(), threads).submit(kernel, *ends, *args) for ends in others]
    try:
        kernel(start, stop, *args)
    finally:
        for job in jobs:
            job.result()


@lru_cache
def _pool(process: int, threads: int) -> ThreadPoolExecutor:
    """The threads of a process; a fork of it has none of them, and makes its own."""
    return ThreadPoolExecutor(threads, "neuroact-kernel")
