"""One recording cut into windows, in as many passes as the request needs: what converting and loading share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

from neuroact.datasets.conversion.stream import RecordingStream
from neuroact.datasets.conversion.windows import Cutter, Grid, Sink, Takes
from neuroact.datasets.store.request import ConvertRequest
from neuroact.encoders.window import Window
from neuroact.errors import EncodingError, NeuroactError, RecordingError
from neuroact.events import Events

T = TypeVar("T", bound=Takes)


class LateSink(Protocol[T]):
    """A `Sink` that also begins windows whose borders are known only when they are closed."""

    def open(self, window: Window | None = None) -> T:
        """Begins a window."""

    def close(self, window: Window, taken: T) -> None:
        """Ends the oldest open window: all of its events have been added."""


class Cutting:
    """The passes over a recording that hand each window's events to a sink.

    - `problem`: what ended the recording early, if anything did; the events before it were handed over.
    - `late`: events that came too late for their window. `between`: events in the gaps between windows.
    """

    def __init__(self, stream: RecordingStream, request: ConvertRequest) -> None:
        self.problem: NeuroactError | None = None
        self.late = self.between = 0
        self._stream = stream
        self._request = request

    def keep(self, sink: LateSink[T]) -> None:
        """All windows, for sinks that keep events. The window of a whole recording takes a single pass."""
        if self._request.window is None and self._request.windows is None:
            self._keep_all(sink)
        else:
            self.cut(sink)

    def cut(self, sink: Sink[T], *, needs_count: bool = False) -> None:
        """All windows. `needs_count`: each must know from the start how many events it holds."""
        self._cut(sink, self._lay(needs_count))

    def count(self) -> int:
        """How many windows there are."""
        grid = self._lay(True)
        return 0 if grid is None else grid.count or 0

    def _lay(self, needs_count: bool) -> Grid | None:
        """The windows, where the recording must be looked at before it can be encoded; None if they just begin."""
        grid = None
        if self._request.window is None:
            extent = Extent()
            self._pass(extent.add, last=False)
            if not extent.events:
                return None
            grid = Grid.over(extent.first, extent.last, self._request.windows or 1)
        if not needs_count:
            return grid
        counts: list[int] = []
        laid = self._cut(Counting(counts), grid, last=False)
        return None if laid is None else replace(laid, count=len(counts), events=counts)

    def _cut(self, sink: Sink[T], grid: Grid | None, *, last: bool = True) -> Grid | None:
        """A pass that cuts the events into windows; returns the grid that they were cut along."""
        request = self._request
        cutter: Cutter[T] | None = None

        def take(events: Events) -> None:
            nonlocal cutter
            if cutter is None:
                width = request.window or 1
                cutter = Cutter(grid or Grid(int(events.t[0]), width, request.stride or width), sink)
            cutter.add(events)

        self._pass(take, last=last)
        if cutter is None:
            return None
        cutter.finish()
        self.late, self.between = cutter.late, cutter.between
        return cutter.grid

    def _keep_all(self, sink: LateSink[T]) -> None:
        """The whole recording as one window, in one pass: when it ends is only known at its end."""
        extent = Extent()
        taken: T | None = None

        def take(events: Events) -> None:
            nonlocal taken
            taken = taken or sink.open()
            extent.add(events)
            taken.add(events)

        self._pass(take, last=True)
        if taken is not None:
            sink.close(Grid.over(extent.first, extent.last).window(0), taken)

    def _pass(self, take: Callable[[Events], None], *, last: bool) -> None:
        """Hands every event to `take`, up to where the recording becomes unreadable."""
        try:
            for events in self._stream.events(last=last):
                take(events)
        except (RecordingError, EncodingError) as error:
            self.problem = error


@dataclass(slots=True)
class Extent:
    """Earliest and latest time, and the number, of events."""

    first: int = 0
    last: int = 0
    events: int = 0

    def add(self, events: Events) -> None:
        """Takes the next events; there must be at least one."""
        first, last = events.span
        self.first = min(self.first, first) if self.events else first
        self.last = max(self.last, last) if self.events else last
        self.events += len(events)


@dataclass(slots=True)
class Counting:
    """Counts the events of each window."""

    counts: list[int] = field(default_factory=list)

    def open(self, window: Window) -> Extent:
        """Begins a window."""
        return Extent()

    def close(self, window: Window, taken: Extent) -> None:
        """Notes how many events it had."""
        self.counts.append(taken.events)


def lateness(events: int) -> str:
    """What is said of events that missed their window."""
    return f"{events} events came too late for their window, since time ran backwards"


def silence(stream: RecordingStream) -> str | None:
    """Why a pass that is over gave no events; None if it gave some."""
    return "no events" if not stream.read else "no events pass the filters" if not stream.passed else None
