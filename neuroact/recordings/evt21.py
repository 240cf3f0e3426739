"""Prophesee EVT2.1: 64-bit words that each hold up to 32 events of one row, polarity and time.

The upper half of a word is laid out as an EVT2 word, the lower one is the mask of the pixels. Newer cameras write a
word as one little-endian integer, boards before the GenX320 the upper half first ("legacy"). Time is EVT2's.
Source: docs.prophesee.ai, openEB.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroact.jit import loop
from neuroact.recordings.evt2 import CD_ON, EXT_TRIGGER, RANGE, TIME_HIGH, base_after
from neuroact.recordings.prophesee_header import PropheseeHeader, settle_from_header
from neuroact.recordings.reader import RecordingInfo, Source
from neuroact.recordings.vectors import POSITION, WIDTH, emit_vector
from neuroact.recordings.words import CLOCK, LEAD_IN, Integer, WordReader, count, open_binary, step_back

OUTSIDE, EARLY, TRIGGER, UNKNOWN = range(4)
"""Entries of the tally, in the order of `Evt21Reader.dropped` and `.skipped`."""
KINDS = (0x0, 0x1, 0x8, 0xA, 0xE, 0xF)
FIRST_LITTLE_SYSTEM = 55
TWO = np.uint64(2)

STATE = np.dtype([*CLOCK, ("started", "i8"), ("base", "i8"), ("upper", "i8")])


@loop
def decode_evt21(
    words: NDArray[np.uint32], final: bool, state: Any, tally: Any, offset: int, width: int, height: int,
    t: NDArray[np.int64], x: NDArray[np.uint16], y: NDArray[np.uint16], p: NDArray[np.uint8], size: int,
    position: NDArray[np.uint8],
) -> tuple[Integer, Integer]:  # fmt: skip
    """See `neuroact.recordings.words.Kernel`. `words` are halves; `state.upper` is the place of the upper one, 0 or 1.

    `state.base` is the time of the last TIME_HIGH, overflows included.
    """
    s = state[0]
    base, last, started = s["base"], s["last"], s["started"]
    upper, lower = np.uint64(s["upper"]), np.uint64(1 - s["upper"])
    n = np.uint64(size)
    limit = np.uint64(t.size - WIDTH)
    i = np.uint64(0)
    stop = np.uint64(words.size // 2 * 2)
    while i < stop and n <= limit:
        head = np.int64(words[i + upper])
        kind = head >> 28
        if kind <= CD_ON and started:
            before = n
            now = base + ((head >> 22) & 0x3F)
            mask = np.int64(words[i + lower])
            n, outside = emit_vector(
                mask, (head >> 11) & 0x7FF, head & 0x7FF, kind, now, width, height, t, x, y, p, n, position
            )
            if outside:
                count(tally, OUTSIDE, outside, offset + 4 * np.int64(i))
            if n > before:
                if now < last:
                    step_back(state, last - now)
                last = now
        elif kind == TIME_HIGH:
            base = base_after(base, head)
            started = np.int64(1)
        else:
            entry = UNKNOWN if started else EARLY
            if kind == EXT_TRIGGER and started:
                entry = TRIGGER
            count(tally, entry, 1, offset + 4 * np.int64(i))
        i += TWO
    s["base"], s["wraps"], s["last"], s["started"] = base, base // RANGE, last, started
    return np.int64(i), np.int64(n)


class Evt21Reader(WordReader):
    """Prophesee EVT2.1. `info.details["endianness"]` says which byte order was found."""

    margin = WIDTH
    kernel = decode_evt21
    tables = (POSITION,)
    word = np.dtype("<u4")
    event_bytes = 8
    lead_in = LEAD_IN
    state = STATE
    skipped = ("words before the first timestamp", "triggers", "other words")

    def __init__(self, source: Source, header: PropheseeHeader) -> None:
        self.source = source
        self.payload = header.payload
        self.endianness = _endianness(source, header)
        details = header.fields | {"endianness": self.endianness}
        self.info = RecordingInfo("evt2.1", camera=header.camera, details=details)
        settle_from_header(self, header)

    def initial_state(self) -> NDArray[np.void]:
        return self.new_state(upper=1 if self.endianness == "little" else 0)


def _endianness(source: Source, header: PropheseeHeader) -> str:
    """`little` or `legacy`: as the header says, else as the first words look, else as the camera's age tells."""
    declared = header.options.get("endianness", header.fields.get("endianness"))
    if declared in ("little", "legacy"):
        return declared
    with open_binary(source.path) as file:
        file.seek(header.payload)
        head = file.read(1 << 16)
    halves = np.frombuffer(head, "<u4", len(head) // 8 * 2).reshape(-1, 2)
    little, legacy = _likeness(halves[:, 1]), _likeness(halves[:, 0])
    if little != legacy:
        return "little" if little > legacy else "legacy"
    system = header.fields.get("system_ID", "")
    return "legacy" if system.isdecimal() and 0 < int(system) < FIRST_LITTLE_SYSTEM else "little"


def _likeness(upper: NDArray[np.uint32]) -> int:
    """How many of these words are of a known kind, and how many times they give follow one another."""
    kinds = upper >> 28
    highs = (upper[kinds == TIME_HIGH] & 0xFFFFFFF).astype(np.int64)
    steps = np.diff(highs)
    return int(np.isin(kinds, KINDS).sum()) + int(((steps >= 0) & (steps < 1 << 14)).sum())
