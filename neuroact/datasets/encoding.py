"""One recording: from its file to samples in a shard."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from neuroact.datasets.manifest import Record
from neuroact.datasets.request import ConvertRequest, KeepEvents
from neuroact.datasets.shard_files import Origin
from neuroact.datasets.shards import EventSample, EventSink, Shards, TensorSink
from neuroact.datasets.source import Source
from neuroact.datasets.stream import RecordingStream, Tell
from neuroact.datasets.windows import Cutter, Grid, Sink, T
from neuroact.encoders.window import Window
from neuroact.errors import EncodingError, NeuroactError, RecordingError, StoreError
from neuroact.events import Events
from neuroact.recordings import DamageWarning

HASHED_ASIDE = 1 << 22
"""Bytes. A thread costs more than it saves on less."""


def convert_recording(source: Source, index: int, request: ConvertRequest, shards: Shards, tell: Tell) -> Record:
    """`encode_recording`, but whatever is wrong with the recording, the record says."""
    try:
        return encode_recording(source, index, request, shards, tell)
    except StoreError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and not isinstance(error, NeuroactError):
            raise
        samples = dict(shards.samples)
        return Record(
            source.name,
            source.size,
            sha256=_sha256(source.path),
            label=source.label,
            split=source.split,
            state="partial" if samples else "failed",
            reason=described(error),
            samples=sum(samples.values()),
            shards=samples,
        )


def encode_recording(source: Source, index: int, request: ConvertRequest, shards: Shards, tell: Tell) -> Record:
    """Writes the samples of one recording, the `index`th of all.

    Raises `RecordingError` and `EncodingError` if nothing of the recording can be kept, `StoreError` and `OSError` if
    samples cannot be written.
    """
    shards.samples.clear()
    with _digest(source) as digest, warnings.catch_warnings():
        warnings.simplefilter("ignore", DamageWarning)  # the record tells of it
        stream = RecordingStream(source, request, tell)
        conversion = Conversion(stream, request, shards, Origin(index, source.label, stream.sensor_size))
        conversion.run()
        samples = dict(shards.samples)
        return Record(
            source.name,
            source.size,
            sha256=digest(),
            label=source.label,
            split=source.split,
            samples=sum(samples.values()),
            shards=samples,
            **conversion.findings(),
        )


class Conversion:
    """One recording on its way through windows into shards.

    - `problem`: what ended the recording early, if anything did; the events before it are kept.
    """

    def __init__(self, stream: RecordingStream, request: ConvertRequest, shards: Shards, origin: Origin) -> None:
        self.problem: NeuroactError | None = None
        self._stream = stream
        self._request = request
        self._shards = shards
        self._origin = origin
        self._late = self._between = 0

    def run(self) -> None:
        """Writes all samples. Raises `RecordingError` or `EncodingError` if there is nothing to write."""
        to, request = self._request.to, self._request
        if not isinstance(to, KeepEvents):
            self._cut(TensorSink(self._shards, to, self._origin), self._lay(to.needs_count))
        elif request.window is None and request.windows is None:
            self._keep_all(EventSink(self._shards, self._origin))
        else:
            self._cut(EventSink(self._shards, self._origin), self._lay(False))
        if self.problem and not self._stream.passed:
            raise self.problem

    def findings(self) -> dict[str, Any]:
        """What the record says of the pass that is over."""
        recording, stream = self._stream.recording, self._stream
        report = recording.report
        reasons = [described(self.problem)] if self.problem else []
        if report.damaged:
            reasons.append(report.summary())
        if self._late:
            reasons.append(f"{self._late} events came too late for their window, since time ran backwards")
        silent = "no events" if not stream.read else "no events pass the filters" if not stream.passed else None
        return {
            "state": "partial" if reasons else "done",
            "reason": "; ".join(reasons) or silent,
            "format": recording.info.format,
            "sensor_size": recording.sensor_size,
            "events_read": stream.read,
            "events_dropped": sum(tally.count for tally in report.dropped.values()),
            "events_filtered": stream.read - stream.passed,
            "events_late": self._late,
            "events_between": self._between,
        }

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
        self._late, self._between = cutter.late, cutter.between
        return cutter.grid

    def _keep_all(self, sink: EventSink) -> None:
        """The whole recording as one sample, in one pass: when it ends is only known at its end."""
        extent = Extent()
        sample: EventSample | None = None

        def take(events: Events) -> None:
            nonlocal sample
            sample = sample or sink.open()
            extent.add(events)
            sample.add(events)

        self._pass(take, last=True)
        if sample is not None:
            sink.close(Grid.over(extent.first, extent.last).window(0), sample)

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


def described(error: Exception) -> str:
    """What went wrong, without the path: a store says the same wherever its recordings stand."""
    problem = f"{error.problem}" if isinstance(error, RecordingError) else str(error)
    offset = f" at byte {error.offset}" if isinstance(error, RecordingError) and error.offset is not None else ""
    return f"{type(error).__name__}{offset}: {problem}"


@contextmanager
def _digest(source: Source) -> Iterator[Callable[[], str | None]]:
    """Gives the SHA-256 of a file once it is called for; that of a large one is computed beside the conversion."""
    if source.size < HASHED_ASIDE:
        yield partial(_sha256, source.path)
        return
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(_sha256, source.path).result


def _sha256(path: Path) -> str | None:
    """Of a file; None if it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
