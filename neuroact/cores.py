"""How many processor cores decoding may keep busy.

All of them, where one recording is read. Work that has processes or threads of its own lets it use one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

_single = False


def cores() -> int:
    """Cores to use now."""
    return 1 if _single else granted()


def granted() -> int:
    """Cores that the system lets this process run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def one_core() -> Iterator[None]:
    """Inside, use a single core."""
    global _single
    before, _single = _single, True
    try:
        yield
    finally:
        _single = before
