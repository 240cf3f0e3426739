"""Prophesee EVT3: 16-bit words that each change part of a state (row, time, vector base) or emit events.

Time has 24 bits, TIME_HIGH << 12 | TIME_LOW, and wraps every 16.8 s. The rules are those of the vendor's SDK: a
TIME_HIGH smaller by half the range or more is an overflow, smaller by less is a glitch and time goes back; a new
TIME_HIGH zeroes the low part. Source: docs.prophesee.ai, openEB.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neuroact.events import Events
from neuroact.recordings.evt3_kernels import ADDR_X, MARGIN, STATE, TIME_HIGH, TIME_LOW, decode_evt3
from neuroact.recordings.prophesee_header import PropheseeHeader, raw_header, settle_from_header
from neuroact.recordings.reader import RecordingInfo, Source
from neuroact.recordings.storable import storable
from neuroact.recordings.vectors import POSITION
from neuroact.recordings.words import LEAD_IN, WordReader


class Evt3Reader(WordReader):
    """Prophesee EVT3."""

    margin = int(MARGIN)
    kernel = decode_evt3
    tables = (POSITION,)
    word = np.dtype("<u2")
    event_bytes = 2
    lead_in = LEAD_IN
    state = STATE
    skipped = ("words before the first timestamp", "triggers", "other words")

    def __init__(self, source: Source, header: PropheseeHeader) -> None:
        self.source = source
        self.payload = header.payload
        self.info = RecordingInfo("evt3", camera=header.camera, details=header.fields)
        settle_from_header(self, header)

    def initial_state(self) -> NDArray[np.void]:
        return self.new_state()


def write_evt3(path: Path, chunks: Iterable[Events], sensor_size: tuple[int, int]) -> None:
    """Writes EVT3: one ADDR_X per event, and every value of TIME_HIGH through a pause.

    Decoders disagree on how large a fall of TIME_HIGH is an overflow; only if none of its values is left out do all of
    them count alike. A recording that begins after the first overflow starts at TIME_HIGH 0 and passes through all, so
    that its times come back as they were.

    Raises `EncodingError` for events out of order, beyond 2^34 µs or outside the sensor (at most 2048 a side).
    """
    last: tuple[int, int, int] | None = None
    with path.open("wb") as file:
        file.write(raw_header("EVT3", "3.0", sensor_size))
        for piece in storable(chunks, sensor_size, format="EVT3", latest=(1 << 34) - 1, longest_side=1 << 11):
            if last is None:
                high = int(piece.t[0]) >> 12
                last = (high - 1 if high < 1 << 12 else -1), -1, -1
            file.write(_words(piece, *last).data)
            last = int(piece.t[-1]) >> 12, int(piece.t[-1]) & 0xFFF, int(piece.y[-1])


def _words(piece: Events, high: int, low: int, row: int) -> NDArray[np.uint16]:
    """The words of some events after a state of TIME_HIGH, TIME_LOW and ADDR_Y."""
    highs, lows, rows = piece.t >> 12, piece.t & 0xFFF, piece.y.astype(np.int64)
    steps = np.diff(highs, prepend=high)
    new_low = (steps > 0) | (np.diff(lows, prepend=low) != 0)
    new_row = np.diff(rows, prepend=row) != 0
    lengths = steps + new_low + new_row + 1
    at = np.cumsum(lengths) - 1
    words = np.empty(at[-1] + 1, "<u2")
    words[at] = ADDR_X << 12 | piece.p.astype(np.uint16) << 11 | piece.x
    words[at[new_row] - 1] = rows[new_row]
    words[(at - new_row)[new_low] - 1] = TIME_LOW << 12 | lows[new_low]
    climbs = np.flatnonzero(steps)
    # Counting through the steps of all events at once: each climbs from its first value to its last.
    count = steps[climbs]
    nth = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    words[np.repeat((at - lengths + 1)[climbs], count) + nth] = (
        TIME_HIGH << 12 | (np.repeat((highs - steps + 1)[climbs], count) + nth) & 0xFFF
    )
    return words
