"""Windows against a reading of their definition that looks at one event at a time."""

from dataclasses import dataclass, field
from itertools import pairwise
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuroact import EncodingError, Events
from neuroact.datasets.conversion.windows import MOST_WINDOWS, Cutter, Grid
from neuroact.encoders.window import Window


@dataclass
class Taken:
    indices: list[int] = field(default_factory=list)

    def add(self, events: Events) -> None:
        self.indices += [int(x) for x in events.x]


@dataclass
class Collector:
    """Remembers which events (numbered by x) each window got, and how many windows were open at once."""

    closed: list[tuple[int, int, list[int]]] = field(default_factory=list)
    open_now: int = 0
    most_open: int = 0

    def open(self, window: Window) -> Taken:
        self.open_now += 1
        self.most_open = max(self.most_open, self.open_now)
        return Taken()

    def close(self, window: Window, taken: Taken) -> None:
        self.open_now -= 1
        self.closed.append((window.start, window.stop, taken.indices))


def numbered(times: list[int]) -> Events:
    zeros = np.zeros(len(times), np.uint8)
    return Events(np.array(times, np.int64), np.arange(len(times)), zeros, zeros, (1 << 16, 1))  # type: ignore[arg-type]


def cut(times: list[int], grid: Grid, borders: list[int] | None = None) -> tuple[Collector, int, int]:
    collector = Collector()
    cutter = Cutter(grid, collector)
    events = numbered(times)
    edges = [0, *sorted(borders or []), len(times)]
    for begin, end in pairwise(edges):
        cutter.add(events[begin:end])
    cutter.finish()
    return collector, cutter.late, cutter.between


def by_definition(times: list[int], grid: Grid) -> tuple[list[tuple[int, int, list[int]]], int, int]:
    """Windows, late and between, one event and one window at a time."""
    count = max((max(times) - grid.first) // grid.stride + 1, 0) if grid.count is None else grid.count
    windows = [(grid.first + k * grid.stride, grid.first + k * grid.stride + grid.width) for k in range(count)]
    got: list[list[int]] = [[] for _ in windows]
    late = between = 0
    for index, t in enumerate(times):
        latest = max(times[:index], default=-(1 << 62))
        containing = [k for k, (start, stop) in enumerate(windows) if start <= t < stop]
        missed = [k for k in containing if latest >= windows[k][1] + min(grid.stride, 3)]
        for k in containing:
            if k not in missed:
                got[k].append(index)
        late += bool(missed) or t < grid.first
        between += not containing and t >= grid.first
    return [(*window, indices) for window, indices in zip(windows, got, strict=True)], late, between


TIMES = st.one_of(
    st.lists(st.integers(0, 60), min_size=1, max_size=40).map(sorted),
    st.lists(st.integers(0, 60), min_size=1, max_size=40),
    st.lists(st.integers(-3, 9), min_size=1, max_size=40).map(lambda steps: [int(t) for t in np.cumsum(steps)]),
)


@given(TIMES, st.integers(1, 20), st.integers(1, 20), st.lists(st.integers(0, 40), max_size=5))
def test_windows_are_as_defined_wherever_chunks_end(
    times: list[int], width: int, stride: int, borders: list[int]
) -> None:
    grid = Grid(times[0], width, stride)
    with patch("neuroact.datasets.conversion.windows.PATIENCE", 3):
        collector, late, between = cut(times, grid, [min(border, len(times)) for border in borders])
    windows, expected_late, expected_between = by_definition(times, grid)
    assert collector.closed == windows
    assert (late, between) == (expected_late, expected_between)


@given(TIMES, st.integers(1, 7))
def test_equal_windows_hold_every_event(times: list[int], count: int) -> None:
    grid = Grid.over(min(times), max(times), count)
    collector, late, _ = cut(times, grid)
    assert len(collector.closed) == count
    assert late + sum(len(indices) for _, _, indices in collector.closed) == len(times)
    assert collector.closed[0][0] == min(times)
    assert collector.closed[-1][1] > max(times)


def test_only_what_overlaps_is_open_at_once() -> None:
    collector, _, _ = cut(list(range(0, 100_000, 7)), Grid(0, 100, 50), borders=[5000])
    assert len(collector.closed) == 2000
    assert collector.most_open <= 4


@pytest.mark.parametrize("times", [[0, 10_000_000], [0, 10_000_000, 9_999_999, 10_000_001]], ids=["ordered", "jumbled"])
def test_a_leap_in_time_opens_windows_one_after_the_other(times: list[int]) -> None:
    collector, _, _ = cut(times, Grid(0, 100, 100))
    assert len(collector.closed) == 100_001
    assert collector.most_open <= 3


def test_a_broken_timestamp_does_not_make_a_million_windows() -> None:
    collector = Collector()
    cutter = Cutter(Grid(0, 10, 10), collector)
    cutter.add(numbered([0, 5, 12]))
    with pytest.raises(EncodingError, match=f"at most {MOST_WINDOWS}"):
        cutter.add(numbered([20, 1 << 60]))
    cutter.finish()
    assert [indices for _, _, indices in collector.closed] == [[0, 1], [2], [0]]


def test_a_recording_of_centuries_is_no_window() -> None:
    with pytest.raises(EncodingError, match="285 years"):
        Grid.over(0, 1 << 60)
