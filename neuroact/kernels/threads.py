"""Runs a compiled loop over neurons on every core: whichever thread is free takes the next stretch of them.

The threads are torch's own, OpenMP's, where its library can be called (on Linux). After each operation of torch's they
wait some milliseconds for the next with a core to themselves: other threads would have to share that core with them.
Elsewhere, and in a process that was forked, whose copy of OpenMP has lost its threads, they are Python's.
"""

from __future__ import annotations

import ctypes
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

_Work = Callable[[], None]


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

    threads = min(threads, len(stretches))
    if threads <= 1:
        work()
    elif (team := _team(os.getpid())) is not None:
        _in_team(team, work, threads)
    else:
        _in_pool(work, threads)


def _in_team(team: Callable[..., None], work: _Work, threads: int) -> None:
    failures: list[BaseException] = []

    def member(_: Any) -> None:
        try:
            work()
        except BaseException as failure:  # noqa: BLE001  (none may pass through OpenMP; it is raised again below)
            failures.append(failure)

    team(_MEMBER(member), None, threads, 0)
    if failures:
        raise failures[0]


def _in_pool(work: _Work, threads: int) -> None:
    jobs = [_pool(os.getpid(), threads).submit(work) for _ in range(threads - 1)]
    try:
        work()
    finally:
        for job in jobs:
            if not job.cancel():
                job.result()


_MEMBER = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
_IMPORTED_BY = os.getpid()


@lru_cache(1)
def _team(process: int) -> Callable[..., None] | None:
    """`GOMP_parallel(member, data, threads, flags)` of the OpenMP that torch itself is linked to."""
    if process != _IMPORTED_BY:
        return None
    parallel: Callable[..., None] | None = getattr(ctypes.CDLL(torch._C.__file__), "GOMP_parallel", None)
    return parallel


@lru_cache
def _pool(process: int, threads: int) -> ThreadPoolExecutor:
    """The threads of a process; a fork of it has none of them, and makes its own."""
    return ThreadPoolExecutor(threads, "neuroact-kernel")
