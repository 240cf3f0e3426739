"""Times contestants in turns, so that whatever else the machine does falls on all of them alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch

Contestant = Callable[[], object]


@dataclass(frozen=True)
class Row:
    """One claim: what is measured, what it must reach, what it reached.

    - `seconds`: the median of each contestant, by name.
    """

    claim: str
    target: str
    reached: str
    met: bool
    seconds: dict[str, float] = field(default_factory=dict)


def medians(contestants: Mapping[str, Contestant], rounds: int) -> dict[str, float]:
    """Seconds that each takes; every round runs all of them, after one that does not count."""
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(rounds + 1):
        for name, run in contestants.items():
            begin = time.perf_counter()
            run()
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            if turn:
                taken[name].append(time.perf_counter() - begin)
    return {name: statistics.median(times) for name, times in taken.items()}
