"""How far a conversion, or making a data set, is: a bar on a terminal, lines elsewhere; both on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from neuroact.datasets.conversion.group import Progress as Step
from neuroact.datasets.conversion.watching import Watcher
from neuroact.datasets.sources import Collection
from neuroact.viewing import quantities

LINE_EVERY = 10.0
"""Seconds between two lines."""


@contextmanager
def watcher() -> Iterator[Watcher]:
    """The watcher that suits standard error."""
    if not sys.stderr.isatty():
        yield Lines()
        return
    with progress_bar("converting") as bar:
        yield bar


@contextmanager
def progress_bar(doing: str, total: int | None = None) -> Iterator[Bar]:
    """A bar on standard error that goes when it is done."""
    columns = (
        TextColumn(doing),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield Bar(progress, total)


class Tally:
    """Recordings and events so far, of a `total` where it is known before it begins."""

    def __init__(self, total: int = 0) -> None:
        self.started = time.monotonic()
        self.total = total
        self.before = self.finished = self.events = 0

    def begin(self, collection: Collection, finished: Sequence[int]) -> None:
        """Says what was found, and starts the clock."""
        self.started = time.monotonic()
        self.total = len(collection.sources)
        self.before = self.finished = len(finished)
        for note in collection.notes:
            self.say(note)
        if collection.ignored:
            path, reason = collection.ignored[0]
            more = f" and {len(collection.ignored) - 1} more" if len(collection.ignored) > 1 else ""
            self.say(f"left out: {path} ({reason}){more}")
        if finished:
            self.say(f"going on where an earlier run stopped: {self.before} of {self.total} recordings are finished")

    def update(self, step: Step) -> None:
        """Counts."""
        self.events += step.events
        self.finished += step.finished

    def say(self, text: str) -> None:
        """Prints a line."""
        print(text, file=sys.stderr, flush=True)  # noqa: T201

    @property
    def elapsed(self) -> float:
        """Seconds."""
        return max(time.monotonic() - self.started, 1e-9)

    @property
    def rate(self) -> str:
        """Events per second."""
        return quantities.rate(self.events / self.elapsed)


class Lines(Tally):
    """A line every ten seconds."""

    def __init__(self, total: int = 0) -> None:
        super().__init__(total)
        self._next = self.started + LINE_EVERY

    def update(self, step: Step) -> None:
        """Counts, and prints a line if it is time."""
        super().update(step)
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + LINE_EVERY
        done, more = self.finished - self.before, self.total - self.finished
        left = quantities.duration(round(1e6 * self.elapsed / done * more)) if done else "?"
        self.say(f"{self.finished} of {self.total} recordings, {self.rate}" + (f", {left} left" if more else ""))


class Bar(Tally):
    """A bar that moves with every recording."""

    def __init__(self, progress: Progress, total: int | None = None) -> None:
        super().__init__(total or 0)
        self._progress = progress
        self._task = progress.add_task("", total=total, rate="")

    def begin(self, collection: Collection, finished: Sequence[int]) -> None:
        """Shows the bar."""
        super().begin(collection, finished)
        self._progress.update(self._task, total=self.total, completed=self.finished)

    def update(self, step: Step) -> None:
        """Moves the bar."""
        super().update(step)
        self._progress.update(self._task, completed=self.finished, rate=self.rate)

    def say(self, text: str) -> None:
        """Prints a line above the bar."""
        self._progress.console.print(text, markup=False, highlight=False)
