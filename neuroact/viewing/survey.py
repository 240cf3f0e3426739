"""The first pass of every view: what there is to be seen, in memory that does not grow with the recording."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from neuroact.errors import RecordingError
from neuroact.events import Events
from neuroact.recordings import Recording, RecordingInfo, Report
from neuroact.viewing import quantities

EARLIEST, LATEST = np.iinfo(np.int64).min, np.iinfo(np.int64).max
MOST_PIXELS = 1 << 24
"""Larger sensors are not drawn: the counts per pixel would take more than 128 MB."""


@dataclass(frozen=True, slots=True)
class View:
    """A recording and the stretch of it that is viewed.

    - `first_t`, `last_t`: earliest and latest event in the stretch, in µs.
    - `on`, `off`: `(height, width)` uint32, events per pixel; without polarity all are in `on`.
    - `report`: what the pass met.
    """

    recording: Recording
    start: int | None
    stop: int | None
    first_t: int
    last_t: int
    on: NDArray[np.uint32]
    off: NDArray[np.uint32]
    report: Report

    @property
    def info(self) -> RecordingInfo:
        return self.recording.info

    @property
    def sensor_size(self) -> tuple[int, int]:
        """`(width, height)` in pixels."""
        return self.recording.sensor_size

    @property
    def events(self) -> int:
        """Events in the stretch."""
        return int(self.on.sum(dtype=np.int64) + self.off.sum(dtype=np.int64))

    @property
    def duration(self) -> int:
        """µs from the first to the last event, both included: at least 1."""
        return self.last_t - self.first_t + 1

    @property
    def has_polarity(self) -> bool:
        return self.info.has_polarity

    def chunks(self) -> Iterator[Events]:
        """A pass over the events of the stretch; those without polarity count as ON."""
        return _within(self.recording, self.start, self.stop)

    def facts(self) -> list[str]:
        """The recording in a few words: format, camera, sensor, events, duration, rate, share of ON."""
        width, height = self.sensor_size
        facts = [self.info.format.upper(), *([self.info.camera] if self.info.camera else []), f"{width} × {height}"]
        facts += [f"{quantities.count(self.events)} events in {quantities.duration(self.duration)}"]
        facts += [quantities.rate(1e6 * self.events / self.duration)]
        if self.has_polarity:
            facts.append(f"{self.on.sum(dtype=np.int64) / self.events:.0%} ON")
        return facts


def survey(recording: Recording, start: int | None = None, stop: int | None = None) -> View:
    """Reads a recording once and returns a view of the events from `start` to before `stop`.

    - `start`, `stop`: µs after the file's first event; None for its beginning and end.

    Raises `RecordingError` if there is no event in between or the sensor is too large to be drawn, `ValueError` if
    `stop` is not after `start`.
    """
    if stop is not None and stop <= (start or 0):
        raise ValueError(f"the view stops at {stop} µs, which is not after its start at {start or 0} µs")
    width, height = recording.sensor_size
    if width * height > MOST_PIXELS:
        raise RecordingError(recording.path, f"a sensor of {width}x{height} pixels is too large to be drawn")
    on, off = np.zeros((2, height, width), np.uint32)
    first_t, last_t = LATEST, EARLIEST
    for chunk in _within(recording, start, stop):
        first, last = chunk.span
        first_t, last_t = min(first_t, first), max(last_t, last)
        for counts, polarity in ((on, 1), (off, 0)):
            add(counts, chunk[chunk.p == polarity])
    if first_t > last_t:
        raise RecordingError(recording.path, "there is no event in what is to be viewed")
    return View(recording, start, stop, first_t, last_t, on, off, replace(recording.report))


def add(counts: NDArray[np.uint32], events: Events) -> None:
    """Adds events to counts per pixel, `(height, width)`, in place."""
    flat = events.y.astype(np.intp) * counts.shape[1] + events.x
    np.add.at(counts.reshape(-1), flat, np.uint32(1))


def _within(recording: Recording, start: int | None, stop: int | None) -> Iterator[Events]:
    origin: int | None = None
    for chunk in recording.chunks():
        if not len(chunk):
            continue
        if origin is None:
            origin = int(chunk.t[0])
        if start is not None or stop is not None:
            earliest = EARLIEST if start is None else origin + start
            chunk = chunk.between(earliest, LATEST if stop is None else origin + stop)
        if len(chunk):
            yield chunk if recording.info.has_polarity else chunk.replace(p=np.ones_like(chunk.p))
