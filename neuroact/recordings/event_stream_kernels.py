"""The loops over Event Stream bytes, one per layout. `now` starts at 0 and every time is a step from the one before."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroact.jit import loop
from neuroact.recordings.words import CLOCK, Integer, count

OUTSIDE = OVERSIZE = 0
CROSSING = 1
"""Entries of the tallies, in the order of the readers' `dropped` and `skipped`."""
RESET, OVERFLOW = 0xFE, 0xFF
DVS_OVERFLOW_US, PLAIN_OVERFLOW_US = 127, 254
IDLE, SIZE, DATA = range(3)
"""What a generic event's next byte is: a time, part of the size, part of the data."""
LONGEST_SIZE = 56
"""Bits of a generic event's size, beyond which no limit could allow it."""
ONE = np.uint64(1)

DVS_STATE = np.dtype([*CLOCK, ("now", "i8")])
PLAIN_STATE = np.dtype([*CLOCK, ("now", "i8"), ("record", "i8"), ("turned", "i8")])
GENERIC_STATE = np.dtype(
    [*CLOCK, ("now", "i8"), ("stage", "i8"), ("begin", "i8"), ("shift", "i8"), ("left", "i8"), ("limit", "i8")]
)


@loop
def decode_dvs(
    words: NDArray[np.uint8], final: bool, state: Any, tally: Any, offset: int, width: int, height: int,
    t: NDArray[np.int64], x: NDArray[np.uint16], y: NDArray[np.uint16], p: NDArray[np.uint8], size: int,
) -> tuple[Integer, Integer]:  # fmt: skip
    """See `neuroact.recordings.words.Kernel`. 5 bytes: step << 1 | p, x, y."""
    now = state[0]["now"]
    n = np.uint64(size)
    capacity = np.uint64(t.size)
    i = np.uint64(0)
    stop = np.uint64(words.size)
    while i < stop and n < capacity:
        head = np.int64(words[i])
        if head >= RESET:
            if head == OVERFLOW:
                now += DVS_OVERFLOW_US
            i += ONE
            continue
        if i + np.uint64(5) > stop:
            break
        now += head >> 1
        column = np.int64(words[i + np.uint64(1)]) | np.int64(words[i + np.uint64(2)]) << 8
        row = np.int64(words[i + np.uint64(3)]) | np.int64(words[i + np.uint64(4)]) << 8
        if column < width and row < height:
            t[n] = now
            x[n] = column
            y[n] = height - 1 - row
            p[n] = head & 1
            n += ONE
        else:
            count(tally, OUTSIDE, 1, offset + np.int64(i))
        i += np.uint64(5)
    state[0]["now"] = now
    return np.int64(i), np.int64(n)


@loop
def decode_atis(
    words: NDArray[np.uint8], final: bool, state: Any, tally: Any, offset: int, width: int, height: int,
    t: NDArray[np.int64], x: NDArray[np.uint16], y: NDArray[np.uint16], p: NDArray[np.uint8], size: int,
) -> tuple[Integer, Integer]:  # fmt: skip
    """See `neuroact.recordings.words.Kernel`. 5 bytes: step << 2 | p << 1 | crossing, x, y; 0xFC + n: n * 63 µs."""
    now = state[0]["now"]
    n = np.uint64(size)
    capacity = np.uint64(t.size)
    i = np.uint64(0)
    stop = np.uint64(words.size)
    while i < stop and n < capacity:
        head = np.int64(words[i])
        if head >= 0xFC:
            now += 63 * (head & 3)
            i += ONE
            continue
        if i + np.uint64(5) > stop:
            break
        now += head >> 2
        column = np.int64(words[i + np.uint64(1)]) | np.int64(words[i + np.uint64(2)]) << 8
        row = np.int64(words[i + np.uint64(3)]) | np.int64(words[i + np.uint64(4)]) << 8
        if head & 1:
            count(tally, CROSSING, 1, offset + np.int64(i))
        elif column < width and row < height:
            t[n] = now
            x[n] = column
            y[n] = height - 1 - row
            p[n] = (head >> 1) & 1
            n += ONE
        else:
            count(tally, OUTSIDE, 1, offset + np.int64(i))
        i += np.uint64(5)
    state[0]["now"] = now
    return np.int64(i), np.int64(n)


@loop
def decode_plain(
    words: NDArray[np.uint8], final: bool, state: Any, tally: Any, offset: int, width: int, height: int,
    t: NDArray[np.int64], x: NDArray[np.uint16], y: NDArray[np.uint16], p: NDArray[np.uint8], size: int,
) -> tuple[Integer, Integer]:  # fmt: skip
    """See `neuroact.recordings.words.Kernel`. Colour in 8 bytes: step, x, y, r, g, b; display in 4: step, x, y, status.

    `state.record` is the number of bytes, `state.turned` whether rows are turned upside down.
    """
    s = state[0]
    now, turned = s["now"], s["turned"]
    record = np.uint64(s["record"])
    n = np.uint64(size)
    capacity = np.uint64(t.size)
    i = np.uint64(0)
    stop = np.uint64(words.size)
    while i < stop and n < capacity:
        head = np.int64(words[i])
        if head >= RESET:
            if head == OVERFLOW:
                now += PLAIN_OVERFLOW_US
            i += ONE
            continue
        if i + record > stop:
            break
        now += head
        if record == np.uint64(4):
            column = np.int64(words[i + ONE])
            row = np.int64(words[i + np.uint64(2)])
        else:
            column = np.int64(words[i + ONE]) | np.int64(words[i + np.uint64(2)]) << 8
            row = np.int64(words[i + np.uint64(3)]) | np.int64(words[i + np.uint64(4)]) << 8
        if column < width and row < height:
            t[n] = now
            x[n] = column
            y[n] = height - 1 - row if turned else row
            p[n] = 0
            n += ONE
        else:
            count(tally, OUTSIDE, 1, offset + np.int64(i))
        i += record
    s["now"] = now
    return np.int64(i), np.int64(n)


@loop
def decode_generic(
    words: NDArray[np.uint8], final: bool, state: Any, tally: Any, offset: int, width: int, height: int,
    t: NDArray[np.int64], x: NDArray[np.uint16], y: NDArray[np.uint16], p: NDArray[np.uint8], size: int,
) -> tuple[Integer, Integer]:  # fmt: skip
    """See `neuroact.recordings.words.Kernel`. Step; size in groups of 7 bits, each << 1 | more follow; the data.

    An event may be larger than a block, so `state` keeps where in an event the block ends: the `stage`, the offset at
    which the event did `begin`, how many bits of the size are known (`shift`), and the size or what is `left` of it.
    """
    s = state[0]
    now, stage, begin, shift, left = s["now"], s["stage"], s["begin"], s["shift"], s["left"]
    n = np.uint64(size)
    capacity = np.uint64(t.size)
    i = np.int64(0)
    while i < words.size and n < capacity:
        if stage == DATA:
            taken = min(left, words.size - i)
            left -= taken
            i += taken
        else:
            byte = np.int64(words[i])
            i += 1
            if stage == IDLE:
                if byte == OVERFLOW:
                    now += PLAIN_OVERFLOW_US
                elif byte < RESET:
                    now += byte
                    stage, begin = SIZE, offset + i - 1
                    shift = left = np.int64(0)
                continue
            left |= (byte >> 1) << shift
            shift += 7
            if left > s["limit"] or shift > LONGEST_SIZE:
                count(tally, OVERSIZE, 1, begin)
                stage = IDLE
                continue
            if byte & 1:
                continue
            stage = DATA
        if left == 0:
            t[n] = now
            x[n] = 0
            y[n] = 0
            p[n] = 0
            n += ONE
            stage = IDLE
    s["now"], s["stage"], s["begin"], s["shift"], s["left"] = now, stage, begin, shift, left
    return np.int64(i), np.int64(n)
