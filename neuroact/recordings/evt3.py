"""Prophesee EVT3: 16-bit words that each change part of a state (row, time, vector base) or emit events.

Time has 24 bits, TIME_HIGH << 12 | TIME_LOW, and wraps every 16.8 s. The rules are those of the vendor's SDK: a
TIME_HIGH smaller by half the range or more is an overflow, smaller by less is a glitch and time goes back; a new
TIME_HIGH zeroes the low part. Source: docs.prophesee.ai, openEB.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroact.events import Events
from neuroact.jit import loop
from neuroact.recordings.prophesee_header import PropheseeHeader, raw_header, settle_from_header
from neuroact.recordings.reader import RecordingInfo, Source
from neuroact.recordings.storable import storable
from neuroact.recordings.words import CLOCK, LEAD_IN, Integer, WordReader, count, step_back

ADDR_X, VECT_BASE_X, VECT_12, VECT_8, TIME_LOW, TIME_HIGH, EXT_TRIGGER = 0x2, 0x3, 0x4, 0x5, 0x6, 0x8, 0xA
NEITHER_X_NOR_Y = 0xD000
"""Bits of which one is set in every word but ADDR_Y, whose kind is 0, and ADDR_X."""
OUTSIDE, EARLY, TRIGGER, UNKNOWN = range(4)
"""Entries of the tally, in the order of `Evt3Reader.dropped` and `.skipped`."""
ONE = np.uint64(1)
FEW = np.uint64(4)

STATE = np.dtype([*CLOCK, *((name, "i8") for name in ("started", "high", "low", "y", "base", "polarity"))])

BITS = np.array(
    [[bit for bit in range(12) if mask >> bit & 1] + [0] * (12 - mask.bit_count()) for mask in range(4096)],
    np.uint8,
)
"""`(4096, 12)`: positions of the set bits of each mask."""
BIT_COUNT = np.array([mask.bit_count() for mask in range(4096)], np.uint64)


@loop
def decode_evt3(  # noqa: C901  (one branch per kind of word)
    words: NDArray[np.uint16], final: bool, state: Any, tally: Any, offset: int, width: int, height: int,
    t: NDArray[np.int64], x: NDArray[np.uint16], y: NDArray[np.uint16], p: NDArray[np.uint8], size: int,
    bits: NDArray[np.uint8], bit_count: NDArray[np.uint64],
) -> tuple[Integer, Integer]:  # fmt: skip
    """See `neuroact.recordings.words.Kernel`; `bits` and `bit_count` are `BITS` and `BIT_COUNT`."""
    s = state[0]
    high, low, wraps = s["high"], s["low"], s["wraps"]
    row, base, sign = s["y"], s["base"], s["polarity"]
    last = s["last"]
    now = (wraps << 24) | (high << 12) | low
    n = np.uint64(size)
    limit = np.uint64(t.size - 12)
    i = np.uint64(0)
    stop = np.uint64(words.size)
    while i < stop and s["started"] == 0:
        word = np.int64(words[i])
        if word >> 12 == TIME_HIGH:
            s["started"] = 1
            high = word & 0xFFF
            now = high << 12
        else:
            count(tally, EARLY, 1, offset + 2 * np.int64(i))
        i += ONE
    marked = n
    while i < stop and n <= limit:
        # Rows and columns make up most of a file in no foreseeable order, so this loop decides nothing between them:
        # it writes an event in any case and steps on only if it was one.
        run = min(stop, i + (limit - n) + ONE)
        word = np.int64(0)
        while i < run:
            word = np.int64(words[i])
            if word & NEITHER_X_NOR_Y:
                break
            is_column = (word >> 13) & 1
            place = word & 0x7FF
            row = row if is_column else place
            t[n] = now
            x[n] = place
            y[n] = row
            p[n] = (word >> 11) & 1
            inside = np.int64(place < width) & np.int64(row < height)
            n += np.uint64(is_column & inside)
            if is_column > inside:
                count(tally, OUTSIDE, 1, offset + 2 * np.int64(i))
            i += ONE
        if i == run:
            continue
        kind = word >> 12
        if kind == VECT_12 or kind == VECT_8:
            span = 12 if kind == VECT_12 else 8
            mask = np.uint64(word & ((1 << span) - 1))
            events = bit_count[mask]
            kept = events
            if base + span > width or row >= height:  # rare: keep the bits inside, in ascending order
                kept = np.uint64(0)
                while kept < events and base + bits[mask, kept] < width and row < height:
                    kept += ONE
                if kept < events:
                    count(tally, OUTSIDE, np.int64(events - kept), offset + 2 * np.int64(i))
            k = np.uint64(0)
            while k < FEW:  # most masks have fewer bits: a fixed number of rounds is quicker than the right one
                t[n + k] = now
                x[n + k] = base + bits[mask, k]
                y[n + k] = row
                p[n + k] = sign
                k += ONE
            while k < kept:
                t[n + k] = now
                x[n + k] = base + bits[mask, k]
                y[n + k] = row
                p[n + k] = sign
                k += ONE
            n += kept
            base += span
        elif kind == VECT_BASE_X:
            base = word & 0x7FF
            sign = (word >> 11) & 1
        elif kind == TIME_LOW or kind == TIME_HIGH:
            if n > marked:  # all events since the last change of time have the same
                if now < last:
                    step_back(state, last - now)
                last = now
                marked = n
            new = word & 0xFFF
            if kind == TIME_LOW:
                low = new
            else:
                if high >= new + 2048:
                    wraps += 1
                if new != high:
                    low = np.int64(0)
                high = new
            now = (wraps << 24) | (high << 12) | low
        else:
            entry = TRIGGER if kind == EXT_TRIGGER else UNKNOWN
            count(tally, entry, 1, offset + 2 * np.int64(i))
        i += ONE
    if n > marked:
        if now < last:
            step_back(state, last - now)
        last = now
    s["high"], s["low"], s["wraps"] = high, low, wraps
    s["y"], s["base"], s["polarity"] = row, base, sign
    s["last"] = last
    return np.int64(i), np.int64(n)


class Evt3Reader(WordReader):
    """Prophesee EVT3."""

    margin = 12
    kernel = decode_evt3
    tables = (BITS, BIT_COUNT)
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
