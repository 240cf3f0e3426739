"""Prophesee EVT2: 32-bit words, each an event with the low 6 bits of its time, or the 28 high bits of the time.

Time has 34 bits and wraps every 4 h 46 min; a step back of more than half the range is an overflow, a smaller one a
glitch after which time goes on from there. Source: docs.prophesee.ai, openEB.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroact.events import Events
from neuroact.jit import loop, part
from neuroact.recordings.prophesee_header import PropheseeHeader, raw_header, settle_from_header
from neuroact.recordings.reader import RecordingInfo, Source
from neuroact.recordings.storable import storable
from neuroact.recordings.words import CLOCK, GROUP, LEAD_IN, Integer, WordReader, count, step_back

CD_ON, TIME_HIGH, EXT_TRIGGER = 0x1, 0x8, 0xA
OUTSIDE, EARLY, TRIGGER, UNKNOWN = range(4)
"""Entries of the tally, in the order of `Evt2Reader.dropped` and `.skipped`."""
RANGE = 1 << 34
"""Of the time in µs."""
ONE = np.uint64(1)
COORDINATE, LOW_TIME = np.uint32(0x7FF), np.uint32(0x3F)

STATE = np.dtype([*CLOCK, ("started", "i8"), ("base", "i8")])


@part
def base_after(base: Integer, word: Integer) -> Integer:
    """The time in µs, overflows included, that a TIME_HIGH `word` gives after one that gave `base`."""
    new = base & -RANGE | (np.int64(word) & 0xFFFFFFF) << 6
    return new + RANGE if base - new > RANGE // 2 else new


@part
def is_plain_group(words: NDArray[np.uint32], i: np.uint64, width: np.uint32, height: np.uint32) -> bool:
    """Whether the next `GROUP` words are all events inside the sensor and in time order."""
    odd = np.uint32(0)
    for k in range(GROUP):
        word = words[i + np.uint64(k)]
        odd |= word >> np.uint32(29)
        odd |= np.uint32(((word >> np.uint32(11)) & COORDINATE) >= width) | np.uint32((word & COORDINATE) >= height)
    for k in range(GROUP - 1):
        time, following = words[i + np.uint64(k)] >> np.uint32(22), words[i + np.uint64(k + 1)] >> np.uint32(22)
        odd |= np.uint32((time & LOW_TIME) > (following & LOW_TIME))
    return bool(odd == 0)


@loop
def decode_evt2(
    words: NDArray[np.uint32], final: bool, state: Any, tally: Any, offset: int, width: int, height: int,
    t: NDArray[np.int64], x: NDArray[np.uint16], y: NDArray[np.uint16], p: NDArray[np.uint8], size: int,
) -> tuple[Integer, Integer]:  # fmt: skip
    """See `neuroact.recordings.words.Kernel`. `state.base` is the time of the last TIME_HIGH, overflows included.

    Groups of events without anything odd are converted in loops that the compiler turns into vector instructions;
    after a group with something odd, as many words are looked at one by one.
    """
    s = state[0]
    base, last, started = s["base"], s["last"], s["started"]
    columns, rows = np.uint32(width), np.uint32(height)
    n = np.uint64(size)
    capacity = np.uint64(t.size)
    i = np.uint64(0)
    stop = np.uint64(words.size)
    one_by_one = i
    while i < stop and n < capacity:
        word = words[i]
        if started and i >= one_by_one and i + np.uint64(GROUP) <= stop and n + np.uint64(GROUP) <= capacity:
            first = base + np.int64((word >> np.uint32(22)) & LOW_TIME)
            if first >= last and is_plain_group(words, i, columns, rows):
                for k in range(GROUP):
                    word = words[i + np.uint64(k)]
                    t[n + np.uint64(k)] = base + np.int64((word >> np.uint32(22)) & LOW_TIME)
                    x[n + np.uint64(k)] = (word >> np.uint32(11)) & COORDINATE
                    y[n + np.uint64(k)] = word & COORDINATE
                    p[n + np.uint64(k)] = word >> np.uint32(28)
                n += np.uint64(GROUP)
                i += np.uint64(GROUP)
                last = t[n - ONE]
                continue
            one_by_one = i + np.uint64(GROUP)
        kind = word >> np.uint32(28)
        if kind <= CD_ON and started:
            column = (word >> np.uint32(11)) & COORDINATE
            row = word & COORDINATE
            now = base + np.int64((word >> np.uint32(22)) & LOW_TIME)
            if column < columns and row < rows:
                t[n] = now
                x[n] = column
                y[n] = row
                p[n] = kind
                n += ONE
                if now < last:
                    step_back(state, last - now)
                last = now
            else:
                count(tally, OUTSIDE, 1, offset + 4 * np.int64(i))
        elif kind == TIME_HIGH:
            base = base_after(base, word)
            started = np.int64(1)
        else:
            entry = UNKNOWN if started else EARLY
            if kind == EXT_TRIGGER and started:
                entry = TRIGGER
            count(tally, entry, 1, offset + 4 * np.int64(i))
        i += ONE
    s["base"], s["wraps"], s["last"], s["started"] = base, base // RANGE, last, started
    return np.int64(i), np.int64(n)


class Evt2Reader(WordReader):
    """Prophesee EVT2."""

    kernel = decode_evt2
    word = np.dtype("<u4")
    event_bytes = 4
    lead_in = LEAD_IN
    state = STATE
    skipped = ("words before the first timestamp", "triggers", "other words")

    def __init__(self, source: Source, header: PropheseeHeader) -> None:
        self.source = source
        self.payload = header.payload
        self.info = RecordingInfo("evt2", camera=header.camera, details=header.fields)
        settle_from_header(self, header)

    def initial_state(self) -> NDArray[np.void]:
        return self.new_state()


def write_evt2(path: Path, chunks: Iterable[Events], sensor_size: tuple[int, int]) -> None:
    """Writes EVT2, with a TIME_HIGH wherever the high part of the time changes.

    Raises `EncodingError` for events out of order, beyond 2^34 µs or outside the sensor (at most 2048 a side).
    """
    high = -1
    with path.open("wb") as file:
        file.write(raw_header("EVT2", "2.0", sensor_size))
        for piece in storable(chunks, sensor_size, format="EVT2", latest=(1 << 34) - 1, longest_side=1 << 11):
            file.write(_words(piece, high).data)
            high = int(piece.t[-1]) >> 6


def _words(piece: Events, high: int) -> NDArray[np.uint32]:
    """The words of some events after a TIME_HIGH of `high`."""
    highs = piece.t >> 6
    changed = np.diff(highs, prepend=high) != 0
    at = np.arange(len(piece)) + np.cumsum(changed)
    words = np.empty(at[-1] + 1, "<u4")
    words[at] = (
        piece.p.astype("<u4") << 28 | (piece.t & 0x3F).astype("<u4") << 22 | piece.x.astype("<u4") << 11 | piece.y
    )
    words[at[changed] - 1] = TIME_HIGH << 28 | highs[changed]
    return words
