"""Cutting a stream of events into windows in time, in one pass and bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from neuroact.encoders.window import LONGEST, Window
from neuroact.errors import EncodingError
from neuroact.events import Events

MOST_WINDOWS = 1_000_000
"""Per recording. One broken timestamp can lie years ahead, and every window on the way there is a sample."""
PATIENCE = 10_000
"""µs. How far time may run backwards; cameras reorder events within a millisecond or two. Open windows take memory."""
BEFORE_ALL = int(np.iinfo(np.int64).min)

Times = NDArray[np.int64]


class Takes(Protocol):
    """What a window's events go into."""

    def add(self, events: Events) -> None:
        """Takes the next events of the window."""


T = TypeVar("T", bound=Takes)


class Sink(Protocol[T]):
    """Where windows come from and go to. They are closed in the order in which they were opened."""

    def open(self, window: Window) -> T:
        """Begins a window."""

    def close(self, window: Window, taken: T) -> None:
        """Ends the oldest open window: all of its events have been added."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Windows `[first + k * stride, first + k * stride + width)` for k = 0, 1, ..., in µs.

    - `count`: how many there are; by default as many as begin before the recording ends.
    - `events`: how many events each holds, for encoders that must know it in advance.
    """

    first: int
    width: int
    stride: int
    count: int | None = None
    events: Sequence[int] | None = None

    @classmethod
    def over(cls, first: int, last: int, count: int = 1) -> Grid:
        """`count` equal windows that hold every time from `first` to `last`. Raises `EncodingError` if too long."""
        width = -(-(last + 1 - first) // count)
        if width > LONGEST:
            raise EncodingError(f"t runs from {first} to {last} µs, more than the 285 years that a window may last")
        return cls(first, width, width, count)

    @property
    def patience(self) -> int:
        """How long after its end a window still takes events, in µs."""
        return min(self.stride, PATIENCE)

    def window(self, index: int) -> Window:
        """The window of that index."""
        start = self.first + index * self.stride
        return Window(start, start + self.width, None if self.events is None else self.events[index])

    def begun_by(self, t: int) -> int:
        """How many windows begin at or before `t`. Raises `EncodingError` if they are too many."""
        begun = max(0, (t - self.first) // self.stride + 1)
        if self.count is not None:
            return min(begun, self.count)
        if begun > MOST_WINDOWS:
            problem = f"an event at {t} µs would make {begun} windows; at most {MOST_WINDOWS} are cut from a recording"
            raise EncodingError(problem)
        return begun


@dataclass(slots=True)
class Cutter(Generic[T]):
    """Hands each event to every window of `grid` that contains its time, and closes windows that time has left behind.

    Time may run backwards: a window stays open until an event comes `Grid.patience` or more after its end. An event
    that comes later than that misses the window and is counted in `late`, as is one before the first window. Where the
    stride exceeds the width, events in the gaps count in `between`. Chunk borders change nothing.
    """

    grid: Grid
    sink: Sink[T]
    late: int = 0
    between: int = 0
    _open: deque[tuple[Window, T]] = field(default_factory=deque)
    _opened: int = 0
    _now: int = BEFORE_ALL
    """The latest time so far."""

    def add(self, events: Events) -> None:
        """Takes the next events of the recording."""
        t = events.t
        if not t.size:
            return
        ordered = int(t[0]) >= self._now and bool((t[1:] >= t[:-1]).all())
        latest = t if ordered else np.maximum.accumulate(np.maximum(t, self._now))
        begin = 0
        while begin < t.size:  # piece by piece, in each of which time advances by less than a stride
            end = int(np.searchsorted(latest, int(latest[begin]) + self.grid.stride))
            earlier = None if ordered else np.concatenate(([self._now], latest[begin : end - 1]))
            self._advance(int(latest[begin]))
            self._open_until(self.grid.begun_by(int(latest[end - 1])))
            self._share(events[begin:end], earlier)
            self._now = int(latest[end - 1])
            begin = end

    def finish(self) -> None:
        """The recording has ended: closes every window."""
        if self.grid.count is not None:
            self._open_until(self.grid.count)
        while self._open:
            self.sink.close(*self._open.popleft())

    def _share(self, events: Events, earlier: Times | None) -> None:
        """Gives events to the open windows. `earlier` is the latest time before each; None if all are in order."""
        self._count_missed(events.t, earlier)
        for window, taken in self._open:
            if earlier is None:
                begin, end = np.searchsorted(events.t, (window.start, window.stop))
                part = events[begin:end]
            else:
                inside = (events.t >= window.start) & (events.t < window.stop)
                part = events[inside & (earlier < window.stop + self.grid.patience)]
            if len(part):
                taken.add(part)

    def _count_missed(self, t: Times, earlier: Times | None) -> None:
        grid = self.grid
        if earlier is None and grid.stride <= grid.width:
            return
        since = np.maximum(t, grid.first) - grid.first
        start = grid.first + grid.stride * np.maximum(0, (since - grid.width) // grid.stride + 1)
        gap = (t >= grid.first) & (t < start)  # `start`: of the first window that ends after t
        self.between += int(gap.sum())
        if earlier is not None:
            late = earlier >= start + grid.width + grid.patience
            self.late += int(((t < grid.first) | (late & ~gap)).sum())

    def _advance(self, now: int) -> None:
        """Closes the windows that time has left behind at `now`, opening those that had no event."""
        begun = self.grid.begun_by(now)
        self._close_before(now)
        while self._opened < begun:
            self._open_until(self._opened + 1)
            self._close_before(now)

    def _close_before(self, now: int) -> None:
        while self._open and now >= self._open[0][0].stop + self.grid.patience:
            self.sink.close(*self._open.popleft())

    def _open_until(self, count: int) -> None:
        while self._opened < count:
            window = self.grid.window(self._opened)
            self._open.append((window, self.sink.open(window)))
            self._opened += 1
