"""How many processor cores this process keeps busy.

One process that decodes one recording uses them all; workers that share the machine use one each.
"""

from __future__ import annotations

import os

_chosen: int | None = None


def cores() -> int:
    """Cores to use: what `use_cores` said, or else all that the system grants this process."""
    return _chosen or granted()


def granted() -> int:
    """Cores that the system lets this process run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def use_cores(count: int) -> None:
    """For processes with others beside them: from now on, use only so many."""
    global _chosen
    _chosen = count
