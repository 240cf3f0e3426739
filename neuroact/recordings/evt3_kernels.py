"""The loop over the words of EVT3: quick over stretches of ordinary ones, and one by one over the others.

The quick way writes words as they are where events belong, and vector instructions turn them into coordinates and
polarities once there are enough. It leaves alone overflows of the clock, time that goes back, triggers, and columns
beyond those that a word can name. A stretch with an event outside the sensor is decoded again word by word, to count
and locate it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroact.jit import loop, part
from neuroact.recordings.vectors import WIDTH, emit_vector
from neuroact.recordings.words import CLOCK, Integer, count, step_back

ADDR_X, VECT_BASE_X, VECT_12, VECT_8, TIME_LOW, TIME_HIGH, EXT_TRIGGER = 2, 3, 4, 5, 6, 8, 10
COLUMN = ADDR_X << 12
"""A bit that ADDR_X has and ADDR_Y, whose kind is 0, has not."""
NEITHER_X_NOR_Y = 0xD000
"""Bits of which one is set in every word but these two."""
PLACE, SIGN_AT = 0x7FF, 11
"""Of these and VECT_BASE_X: the bits of a coordinate, and the place of the polarity's."""
WIDEST = PLACE + 1
"""Columns that a word can name."""
OUTSIDE, EARLY, TRIGGER, UNKNOWN = range(4)
"""Entries of the tally, in the order of `Evt3Reader.dropped` and `.skipped`."""
MARGIN = np.uint64(12)
"""Events that a word gives at most."""
STRETCH = np.uint64(1024)
"""Events in a stretch at most; they stay in the first-level cache."""
ONE, TWO, THREE = np.uint64(1), np.uint64(2), np.uint64(3)

STATE = np.dtype([*CLOCK, *((name, "i8") for name in ("started", "high", "low", "y", "base", "polarity"))])


@loop
def decode_evt3(
    words: NDArray[np.uint16], final: bool, state: Any, tally: Any, offset: int, width: int, height: int,
    t: NDArray[np.int64], x: NDArray[np.uint16], y: NDArray[np.uint16], p: NDArray[np.uint8], size: int,
    position: NDArray[np.uint8],
) -> tuple[Integer, Integer]:  # fmt: skip
    """See `neuroact.recordings.words.Kernel`; `position` is `neuroact.recordings.vectors.POSITION`."""
    s = state[0]
    i = quick = np.uint64(0)
    n = np.uint64(size)
    stop, capacity = np.uint64(words.size), np.uint64(t.size)
    while i < stop and n + MARGIN <= capacity:
        end = min(capacity, n + STRETCH)
        if i < quick or end - n < np.uint64(WIDTH) or not s["started"]:
            n = decode_word(words[i], state, tally, offset + 2 * np.int64(i), width, height, t, x, y, p, n, position)
            i += ONE
            continue
        now = s["wraps"] << 24 | s["high"] << 12 | s["low"]
        j, k, now, row, base, sign = decode_stretch(
            words[i:], now, s["y"], s["base"], s["polarity"] << SIGN_AT, t[n:end], x[n:end], y[n:end], position
        )
        quick = i + j
        if k > 0:
            if t[n] < s["last"] or not settle(x[n : n + k], y[n : n + k], p[n : n + k], width, height):
                continue
            n += k
            s["last"] = t[n - ONE]
        s["high"], s["low"], s["y"] = now >> 12 & 0xFFF, now & 0xFFF, row & PLACE
        s["base"], s["polarity"] = base, sign >> SIGN_AT
        i = quick
        quick += ONE
    return np.int64(i), np.int64(n)


@part
def decode_stretch(
    words: NDArray[np.uint16], now: Integer, row: Integer, base: Integer, sign: Integer,
    t: NDArray[np.int64], x: NDArray[np.uint16], y: NDArray[np.uint16], position: NDArray[np.uint8],
) -> tuple[np.uint64, np.uint64, Integer, Integer, Integer, Integer]:  # fmt: skip
    """Writes events, as words, until the columns are full or a word needs care.

    Returns how many words it took, how many events they gave, and what holds after them.
    """
    i = n = np.uint64(0)
    stop, limit = np.uint64(words.size), np.uint64(t.size - WIDTH)
    while i < stop and n <= limit:
        # Rows and columns make up most of a file in no foreseeable order, so this loop decides nothing between them:
        # it writes an event in any case and steps on only if it was one.
        run = min(stop, i + (limit - n) + ONE)
        word = np.int64(0)
        while i < run:
            word = np.int64(words[i])
            if word & NEITHER_X_NOR_Y:
                break
            t[n] = now
            x[n] = word
            y[n] = row
            row = row if word & COLUMN else word
            n += np.uint64(word >> 13)
            i += ONE
        if i == run:
            continue
        kind, value = word >> 12, word & 0xFFF
        mask: Integer = 0
        span: Integer = 0
        if kind == TIME_LOW:
            if value < now & 0xFFF:
                break
            now = now >> 12 << 12 | value
        elif kind == VECT_BASE_X:
            base, sign = value & PLACE, value & 1 << SIGN_AT
            if i + THREE < stop and is_quartet(words, i):
                mask, span = quartet(words, i), WIDTH
                if base + span > WIDEST:
                    break
                i += THREE
        elif kind == VECT_12 or kind == VECT_8:
            mask, span = (value, 12) if kind == VECT_12 else (value & 0xFF, 8)
            if base + span > WIDEST:
                break
        elif kind == TIME_HIGH and value >= now >> 12 & 0xFFF:
            if value > now >> 12 & 0xFFF:
                now = now >> 24 << 24 | value << 12
        else:
            break
        while mask:
            lowest = mask & -mask
            mask ^= lowest
            t[n] = now
            x[n] = sign | base + np.int64(position[lowest % 37])
            y[n] = row
            n += ONE
        base += span
        i += ONE
    return i, n, now, row, base, sign


@part
def is_quartet(words: NDArray[np.uint16], i: np.uint64) -> bool:
    """Whether VECT_BASE_X comes with two VECT_12 and a VECT_8, as a camera writes it."""
    first, second, third = np.int64(words[i + ONE]), np.int64(words[i + TWO]), np.int64(words[i + THREE])
    return bool((first ^ VECT_12 << 12 | second ^ VECT_12 << 12 | third ^ VECT_8 << 12) >> 12 == 0)


@part
def quartet(words: NDArray[np.uint16], i: np.uint64) -> Integer:
    """The mask of its 32 pixels."""
    first, second, third = np.int64(words[i + ONE]), np.int64(words[i + TWO]), np.int64(words[i + THREE])
    return first & 0xFFF | (second & 0xFFF) << 12 | (third & 0xFF) << 24


@part
def settle(x: NDArray[np.uint16], y: NDArray[np.uint16], p: NDArray[np.uint8], width: int, height: int) -> bool:
    """Turns words into coordinates and polarities; returns whether all are on the sensor."""
    column = row = np.uint16(0)
    for k in range(x.size):
        p[k] = x[k] >> SIGN_AT & 1
    for k in range(x.size):
        x[k] &= PLACE
        y[k] &= PLACE
        column, row = max(column, x[k]), max(row, y[k])
    return bool(column < width and row < height)


@part
def decode_word(
    word: np.uint16, state: Any, tally: Any, at: Integer, width: int, height: int,
    t: NDArray[np.int64], x: NDArray[np.uint16], y: NDArray[np.uint16], p: NDArray[np.uint8], n: np.uint64,
    position: NDArray[np.uint8],
) -> np.uint64:  # fmt: skip
    """Decodes any word, at byte `at` of the file; returns the new number of events."""
    s = state[0]
    kind, value = np.int64(word) >> 12, np.int64(word) & 0xFFF
    if not s["started"] and kind != TIME_HIGH:
        count(tally, EARLY, 1, at)
    elif kind == 0:
        s["y"] = value & PLACE
    elif kind == VECT_BASE_X:
        s["base"], s["polarity"] = value & PLACE, value >> SIGN_AT
    elif kind == TIME_LOW:
        s["low"] = value
    elif kind == TIME_HIGH:
        if not s["started"]:
            s["started"] = 1
        elif s["high"] >= value + 2048:
            s["wraps"] += 1
        if value != s["high"]:
            s["low"] = 0
        s["high"] = value
    elif kind == ADDR_X or kind == VECT_12 or kind == VECT_8:
        single = kind == ADDR_X
        base, sign = (value & PLACE, value >> SIGN_AT) if single else (s["base"], s["polarity"])
        mask = np.int64(1) if single else value if kind == VECT_12 else value & 0xFF
        now = (s["wraps"] << 24) | (s["high"] << 12) | s["low"]
        after, outside = emit_vector(mask, base, s["y"], sign, now, width, height, t, x, y, p, n, position)
        if outside:
            count(tally, OUTSIDE, outside, at)
        if after > n:
            if now < s["last"]:
                step_back(state, s["last"] - now)
            s["last"] = now
        if not single:
            s["base"] += 12 if kind == VECT_12 else 8
        return after
    else:
        count(tally, TRIGGER if kind == EXT_TRIGGER else UNKNOWN, 1, at)
    return n
