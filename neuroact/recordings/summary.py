"""What a recording holds, found in one pass with bounded memory: the figures that `neuroact info` prints."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuroact.events import Events
from neuroact.hot_pixels import hot_pixel_mask
from neuroact.recordings.reader import RecordingInfo
from neuroact.recordings.recording import DamageWarning, Recording
from neuroact.recordings.report import Report

RATE_BIN = 1_000
"""µs over which the peak rate is taken."""
OPEN_BINS = 4_096
"""Bins of the peak rate kept open for events that come out of order; older ones are closed."""
MAPPED_PIXELS = 1 << 22
"""Sensors beyond this many pixels get no count per pixel."""


@dataclass(frozen=True, slots=True)
class Summary:
    """A recording in figures.

    - `info`, `sensor_size`: what the header says, and the size that is in force.
    - `bytes`: size of the file.
    - `events`: events kept.
    - `first_t`, `last_t`: earliest and latest timestamp in µs, None without events.
    - `mean_rate`: events per second over `duration`, None where that is zero.
    - `peak_rate`: events per second in the busiest millisecond; at least the mean rate.
    - `on_share`: share of ON events, None without events or without polarity.
    - `hot_pixels`: see `neuroact.hot_pixels`; None on sensors too large to count every pixel.
    - `report`: damage and what else the pass met.
    """

    info: RecordingInfo
    sensor_size: tuple[int, int]
    bytes: int
    events: int
    first_t: int | None
    last_t: int | None
    mean_rate: float | None
    peak_rate: float | None
    on_share: float | None
    hot_pixels: int | None
    report: Report

    @property
    def duration(self) -> int:
        """µs from the earliest to the latest event."""
        return 0 if self.first_t is None or self.last_t is None else self.last_t - self.first_t

    def to_json(self) -> dict[str, object]:
        """Plain values for `json.dumps`. The keys are stable; times are in µs, rates in events per second."""
        width, height = self.sensor_size
        return {
            "format": self.info.format,
            "camera": self.info.camera,
            "width": width,
            "height": height,
            "sensor_from": self.info.sensor_from,
            "bytes": self.bytes,
            "events": self.events,
            "first_t": self.first_t,
            "last_t": self.last_t,
            "duration": self.duration,
            "mean_rate": self.mean_rate,
            "peak_rate": self.peak_rate,
            "on_share": self.on_share,
            "hot_pixels": self.hot_pixels,
            "has_polarity": self.info.has_polarity,
            "y_flipped": self.info.y_flipped,
            "damaged": self.report.damaged,
            "report": self.report.to_json(),
            "details": dict(self.info.details),
        }


def summarise(recording: Recording) -> Summary:
    """Reads a recording once and sums it up. Needs no numba beyond what reading the file itself does.

    Damage ends up in `Summary.report` without a warning; a strict recording raises it as its own methods do.
    """
    counts = _Counts(recording.sensor_size)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DamageWarning)  # the summary's reader sees the report
        for chunk in recording.chunks():
            counts.add(chunk)
    duration = 0 if counts.first is None or counts.last is None else counts.last - counts.first
    mean_rate = 1e6 * counts.events / duration if duration else None
    return Summary(
        info=recording.info,
        sensor_size=recording.sensor_size,
        bytes=recording.path.stat().st_size,
        events=counts.events,
        first_t=counts.first,
        last_t=counts.last,
        mean_rate=mean_rate,
        peak_rate=None if mean_rate is None else max(mean_rate, 1e6 * counts.peak / RATE_BIN),
        on_share=counts.on / counts.events if counts.events and recording.info.has_polarity else None,
        hot_pixels=None if counts.pixels is None else int(hot_pixel_mask(counts.pixels).sum()),
        report=recording.report,
    )


class _Counts:
    """What accumulates from chunk to chunk."""

    def __init__(self, sensor_size: tuple[int, int]) -> None:
        width, height = sensor_size
        self.events = 0
        self.on = 0
        self.first: int | None = None
        self.last: int | None = None
        self.peak = 0
        self.pixels: NDArray[np.uint32] | None = None
        if width * height <= MAPPED_PIXELS:
            self.pixels = np.zeros((height, width), np.uint32)
        self._bins: dict[int, int] = {}

    def add(self, chunk: Events) -> None:
        if not len(chunk):
            return
        first, last = chunk.span
        self.events += len(chunk)
        self.on += int(np.count_nonzero(chunk.p))
        self.first = first if self.first is None else min(self.first, first)
        self.last = last if self.last is None else max(self.last, last)
        if self.pixels is not None:
            flat = chunk.y.astype(np.intp) * self.pixels.shape[1] + chunk.x
            np.add.at(self.pixels.reshape(-1), flat, np.uint32(1))
        self._add_rate(chunk.t)

    def _add_rate(self, t: NDArray[np.int64]) -> None:
        """Counts runs of events that share a bin, so that sorted time costs no sorting."""
        bins = t // RATE_BIN
        starts = np.concatenate([[0], np.flatnonzero(np.diff(bins)) + 1])
        lengths = np.diff(starts, append=bins.size)
        open_bins = self._bins
        for key, length in zip(bins[starts].tolist(), lengths.tolist(), strict=True):
            count = open_bins[key] = open_bins.get(key, 0) + length
            self.peak = max(self.peak, count)
        while len(open_bins) > OPEN_BINS:
            del open_bins[next(iter(open_bins))]
