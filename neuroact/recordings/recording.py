"""Recording: a file opened for reading, whatever its format."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np

from neuroact.errors import CorruptRecording, TruncatedRecording
from neuroact.events import Events, checksum
from neuroact.recordings.columns import BATCH, Columns, Spares
from neuroact.recordings.gathering import Gathering
from neuroact.recordings.reader import Reader, RecordingInfo
from neuroact.recordings.report import Report

SMALL_BATCH = 1 << 12
"""Events that a pass over a small file makes room for at least: the system maps more room page by page."""
EVENTS_PER_BYTE = 16
"""More than any format packs into a byte, compressed ones included."""


class DamageWarning(UserWarning):
    """A recording is damaged and what could be read of it was kept; `Recording.report` has the details."""


class Recording:
    """A recording opened by `open_recording`.

    - `info`: what the header says.
    - `report`: what the latest pass over the events kept and dropped.

    Every call of `chunks`, `read`, `slice` or `checksum` is a pass of its own, in memory that does not grow with the
    file. Damage is dropped, counted in `report` and announced by a `DamageWarning`; a `strict` recording raises
    `CorruptRecording` or `TruncatedRecording` instead, after the events before the damage.
    """

    def __init__(self, reader: Reader, *, strict: bool = False) -> None:
        self._reader = reader
        self._strict = strict
        self.report = Report()

    @property
    def path(self) -> Path:
        """The file."""
        return self._reader.source.path

    @property
    def info(self) -> RecordingInfo:
        """What the header says."""
        return self._reader.info

    @property
    def sensor_size(self) -> tuple[int, int]:
        """`(width, height)` in pixels."""
        return self._reader.bounds

    def __repr__(self) -> str:
        width, height = self.sensor_size
        return f"Recording({str(self.path)!r}, {self.info.format}, {width}x{height})"

    def chunks(self, events: int | None = None, duration: int | None = None) -> Iterator[Events]:
        """The events in file order, piece by piece.

        - `events`: events per chunk; the last one may hold fewer.
        - `duration`: µs per chunk, counted from the first event's time. A chunk ends before the first event at or
          past its end, so an event whose time runs backwards stays where the file has it. Silent stretches give
          empty chunks.

        Without either, chunks have whatever size reads fastest. Chunks own their memory.
        """
        if events is not None and duration is not None:
            raise ValueError("give either events or duration, not both")
        if events is not None and events < 1:
            raise ValueError(f"a chunk needs at least one event, not {events}")
        if duration is not None and duration < 1:
            raise ValueError(f"a chunk needs at least 1 µs, not {duration}")
        if duration is not None:
            return self._by_duration(duration)
        return self._by_count(events)

    def read(self) -> Events:
        """All events at once."""
        reader = self._reader
        report = self.report = Report()
        # Memory beyond need is never touched and so costs nothing; what a hostile file claims is bounded by its size.
        expected = min(reader.expected_events or 0, EVENTS_PER_BYTE * self.path.stat().st_size)
        with Gathering(expected or BATCH) as gathering:
            for chunk in self._pass(report):
                gathering.add(chunk)
        self._announce(report)
        return self._events(gathering.columns)

    def slice(self, start: int, stop: int) -> Events:
        """The events with `start <= t < stop`, in µs. Reads the whole file, since time may run backwards."""
        parts = [part for chunk in self.chunks() if len(part := chunk.between(start, stop))]
        empty = Events.empty(self.sensor_size, has_polarity=self.info.has_polarity)
        return Events.concatenate([empty, *parts])

    def checksum(self) -> str:
        """SHA-256 in hex over `t`, `x`, `y`, `p` as little-endian int64, column after column, y as the file stores it.

        Makes one pass per column, so that memory stays flat.
        """
        last_row = self.sensor_size[1] - 1
        flipped = self.info.y_flipped
        return checksum(
            (
                last_row - chunk.y.astype(np.int64) if name == "y" and flipped else getattr(chunk, name)
                for chunk in self.chunks()
            )
            for name in "txyp"
        )

    def _events(self, columns: Columns, count: int | None = None) -> Events:
        return columns.events(self.sensor_size, self.info.has_polarity, count=count)

    def _by_count(self, events: int | None) -> Iterator[Events]:
        report = self.report = Report()
        yield from self._pass(report, events)
        self._announce(report)

    def _pass(self, report: Report, events: int | None = None) -> Iterator[Events]:
        """Chunks of so many events, from the first event on; damage is told to `report` alone."""
        expected = self._reader.expected_events or BATCH
        spares = Spares((events or min(BATCH, max(SMALL_BATCH, expected))) + self._reader.margin)
        with closing(self._reader.decoder(report)) as decoder:
            columns = spares.take()
            more = True
            while more:
                more = decoder.fill(columns)
                if events is None:
                    if columns.size:
                        yield self._events(columns)
                    columns = spares.take()
                    continue
                while columns.size >= events:
                    yield self._events(columns, events)
                    read, columns = columns, spares.take(besides=columns)
                    columns.take(read, events)
            if columns.size:
                yield self._events(columns)

    def _by_duration(self, duration: int) -> Iterator[Events]:
        empty = Events.empty(self.sensor_size, has_polarity=self.info.has_polarity)
        pending: list[Events] = [empty]
        end: int | None = None
        for chunk in self._by_count(None):
            if end is None:
                end = int(chunk.t[0]) + duration
            while len(chunk) and (late := chunk.t >= end).any():
                first = int(late.argmax())
                yield Events.concatenate([*pending, chunk[:first]])
                pending, chunk, end = [empty], chunk[first:], end + duration
            pending.append(chunk)
        if end is not None:
            yield Events.concatenate(pending)

    def _announce(self, report: Report) -> None:
        """Warns of damage, or raises it for a strict recording."""
        if not report.damaged:
            return
        if not self._strict:
            warnings.warn(f"{self.path}: {report.summary()}; {report.events} events kept", DamageWarning, stacklevel=3)
            return
        if report.dropped:
            first = min(
                (tally.first_offset for tally in report.dropped.values() if tally.first_offset is not None),
                default=None,
            )
            raise CorruptRecording(self.path, report.summary(), offset=first)
        assert report.truncated_at is not None  # noqa: S101
        raise TruncatedRecording(
            self.path,
            "the file ends inside a record",
            offset=report.truncated_at,
            events_recovered=report.events,
        )
