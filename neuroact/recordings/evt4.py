"""Prophesee EVT4: EVT2's words under other type numbers, and vectors of 32 pixels whose mask is the next word.

A mask may look like any other word, so it is stepped over as data wherever it stands. Time is EVT2's.
Source: openEB.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroact.jit import loop
from neuroact.recordings.evt2 import RANGE, base_after
from neuroact.recordings.prophesee_header import PropheseeHeader, settle_from_header
from neuroact.recordings.reader import RecordingInfo, Source
from neuroact.recordings.vectors import POSITION, WIDTH, emit_vector
from neuroact.recordings.words import CLOCK, Integer, WordReader, count, step_back

EXT_TRIGGER, CD_OFF, CD_ON, CD_VEC_OFF, CD_VEC_ON, TIME_HIGH = 0x9, 0xA, 0xB, 0xC, 0xD, 0xE
OUTSIDE, EARLY, TRIGGER, UNKNOWN = range(4)
"""Entries of the tally, in the order of `Evt4Reader.dropped` and `.skipped`."""
ONE = np.uint64(1)

STATE = np.dtype([*CLOCK, ("started", "i8"), ("base", "i8")])


@loop
def decode_evt4(
    words: NDArray[np.uint32], final: bool, state: Any, tally: Any, offset: int, width: int, height: int,
    t: NDArray[np.int64], x: NDArray[np.uint16], y: NDArray[np.uint16], p: NDArray[np.uint8], size: int,
    position: NDArray[np.uint8],
) -> tuple[Integer, Integer]:  # fmt: skip
    """See `neuroact.recordings.words.Kernel`. `state.base` is the time of the last TIME_HIGH, overflows included."""
    s = state[0]
    base, last, started = s["base"], s["last"], s["started"]
    n = np.uint64(size)
    limit = np.uint64(t.size - WIDTH)
    i = np.uint64(0)
    stop = np.uint64(words.size)
    while i < stop and n <= limit:
        word = np.int64(words[i])
        kind = word >> 28
        is_vector = kind == CD_VEC_OFF or kind == CD_VEC_ON
        if is_vector and i + ONE == stop:
            break  # its mask comes with the next block, or not at all
        if (is_vector or kind == CD_OFF or kind == CD_ON) and started:
            before = n
            now = base + ((word >> 22) & 0x3F)
            mask = np.int64(words[i + ONE]) if is_vector else np.int64(1)
            n, outside = emit_vector(
                mask, (word >> 11) & 0x7FF, word & 0x7FF, kind & 1, now, width, height, t, x, y, p, n, position
            )
            if outside:
                count(tally, OUTSIDE, outside, offset + 4 * np.int64(i))
            if n > before:
                if now < last:
                    step_back(state, last - now)
                last = now
        elif kind == TIME_HIGH:
            base = base_after(base, word)
            started = np.int64(1)
        else:
            entry = UNKNOWN if started else EARLY
            if kind == EXT_TRIGGER and started:
                entry = TRIGGER
            count(tally, entry, 1, offset + 4 * np.int64(i))
        i += ONE
        if is_vector:
            i += ONE
    s["base"], s["wraps"], s["last"], s["started"] = base, base // RANGE, last, started
    return np.int64(i), np.int64(n)


class Evt4Reader(WordReader):
    """Prophesee EVT4."""

    margin = WIDTH
    kernel = decode_evt4
    tables = (POSITION,)
    word = np.dtype("<u4")
    event_bytes = 4
    state = STATE
    skipped = ("words before the first timestamp", "triggers", "other words")

    def __init__(self, source: Source, header: PropheseeHeader) -> None:
        self.source = source
        self.payload = header.payload
        self.info = RecordingInfo("evt4", camera=header.camera, details=header.fields)
        settle_from_header(self, header)

    def initial_state(self) -> NDArray[np.void]:
        return self.new_state()
