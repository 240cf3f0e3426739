"""Times contestants in turns, so that whatever else the machine does falls on all of them alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch

Contestant = Callable[[], object]
Clock = Callable[[Mapping[str, Contestant], int], dict[str, float]]


REPLAYS = 20
"""Of a graph, between two looks at the clock: one alone is too short for it."""


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


def gpu_medians(contestants: Mapping[str, Contestant], rounds: int) -> dict[str, float]:
    """Seconds that the GPU itself takes for each: what it is told is recorded once, and replayed without the host.

    In turns, as `medians` does.
    """
    graphs = {name: _recorded(run) for name, run in contestants.items()}
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(rounds + 1):
        for name, graph in graphs.items():
            begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
            begin.record()
            for _ in range(REPLAYS):
                graph.replay()
            end.record()
            end.synchronize()
            if turn:
                taken[name].append(begin.elapsed_time(end) / 1000 / REPLAYS)
    return {name: statistics.median(times) for name, times in taken.items()}


def _recorded(run: Contestant) -> torch.cuda.CUDAGraph:
    """What `run` has the GPU do, after some runs in which kernels are compiled and chosen."""
    aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(3):
            run()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        run()
    return graph
