"""ECF, the codec of Prophesee's HDF5 files: a chunk is one independent block of up to 65,535 events.

    u32 count << 2 | packed << 1 | pairs,  u64 time of the first event,  then sections without padding:
    times, then (packed) y x p together, or y followed by x and p (pairs) or by x masks and p.

A section ends when it has covered all events. No wheel brings the vendor's filter (36559), and the vendor's decoder
checks no bounds, so ours does. Source: github.com/prophesee-ai/hdf5_ecf.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroact.jit import Loop, loop

EVENT = np.dtype(
    {"names": ["x", "y", "p", "t"], "formats": ["<u2", "<u2", "<i2", "<i8"], "offsets": [0, 2, 4, 8], "itemsize": 16}
)
"""One event of `/CD/events`."""
HEADER = struct.Struct("<IQ")
PACKED, PAIRS = 2, 1
SMALL = 1 << 11
"""Below this many bytes the loops run as plain Python: see `neuroact.jit`."""
Bytes = NDArray[np.uint8]
Column = NDArray[Any]


class BadChunk(ValueError):
    """A chunk that no encoder writes."""


def decode_ecf(data: bytes, *, most: int) -> NDArray[np.void]:
    """The events of one chunk, `(N,)` of `EVENT`. Raises `BadChunk`, also for more than `most` events."""
    if len(data) < HEADER.size:
        raise BadChunk("no header")
    header, start = HEADER.unpack_from(data)
    count = header >> 2
    if count > most:
        raise BadChunk(f"{count} events, where {most} fit")
    events = np.zeros(count, EVENT)
    raw = np.frombuffer(data, np.uint8)
    t, x, y, p = (np.zeros(count, dtype) for dtype in (np.int64, np.uint16, np.uint16, np.int16))

    def run(kernel: Loop[..., Any]) -> Callable[..., Any]:
        return kernel.plain if len(data) < SMALL else kernel

    with np.errstate(over="ignore"):  # damaged times may wrap around
        at = run(times)(raw, HEADER.size, np.uint64(start).astype(np.int64), t)
    if header & PACKED:
        at = run(packed)(raw, at, y, x, p)
    elif header & PAIRS:
        at = run(pairs)(raw, run(runs)(raw, at, 2, y), x, p)
    else:
        at = run(runs)(raw, run(masks)(raw, run(runs)(raw, at, 2, y), x), 1, p)
    if at < 0:
        raise BadChunk("a section ends early or covers too many events")
    for name, column in zip("txyp", (t, x, y, p), strict=True):
        events[name] = column
    return events


# Each loop reads one section from byte `i` on and returns where it ends, or -1 for a bad one (also if `i` is -1).


@loop
def times(data: Bytes, i: int, now: Any, t: Column) -> Any:
    """Nibbles: high = time since the event before, or 15 for more digits of it; low = events at that time."""
    n = 0
    digits = 0
    while n < t.size:
        if i >= data.size:
            return -1
        high, low = np.int64(data[i]) >> 4, np.int64(data[i]) & 15
        i += 1
        if high == 15:
            if digits < 64:
                now += low << np.int64(digits)
            digits += 4
            continue
        digits = 0
        now += high
        if low == 15:
            if i + 2 > data.size:
                return -1
            low = np.int64(data[i]) | np.int64(data[i + 1]) << 8
            i += 2
        if n + low > t.size:
            return -1
        for _ in range(low):
            t[n] = now
            n += 1
    return i


@loop
def packed(data: Bytes, i: int, y: Column, x: Column, p: Column) -> Any:
    """Groups of four events in three u32: y << 12 | x << 1 | p, 24 bits each."""
    n = 0
    while n < y.size and i >= 0:
        if i + 12 > data.size:
            return -1
        for k in range(min(4, y.size - n)):
            # v0 fills bytes 1..3 of the first word; the parts of v1, v2, v3 stand where the others leave room.
            if k == 0:
                low, middle, high = data[i + 1], data[i + 2], data[i + 3]
            elif k == 1:
                low, middle, high = data[i], data[i + 6], data[i + 7]
            elif k == 2:
                low, middle, high = data[i + 4], data[i + 5], data[i + 11]
            else:
                low, middle, high = data[i + 8], data[i + 9], data[i + 10]
            value = np.int64(low) | np.int64(middle) << 8 | np.int64(high) << 16
            y[n] = value >> 12
            x[n] = (value >> 1) & 0x7FF
            p[n] = value & 1
            n += 1
        i += 12
    return i


@loop
def runs(data: Bytes, i: int, width: int, column: Column) -> Any:
    """A value and how often it comes: u16 with 5 bits of count, or u8 with 7; all bits set: the count is a u16."""
    n = 0
    while n < column.size and i >= 0:
        if i + width > data.size:
            return -1
        word = np.int64(data[i])
        bits = 7
        if width == 2:
            word |= np.int64(data[i + 1]) << 8
            bits = 5
        i += width
        length = word & ((1 << bits) - 1)
        if length == (1 << bits) - 1:
            if i + 2 > data.size:
                return -1
            length = np.int64(data[i]) | np.int64(data[i + 1]) << 8
            i += 2
        if n + length > column.size:
            return -1
        for _ in range(length):
            column[n] = word >> bits
            n += 1
    return i


@loop
def pairs(data: Bytes, i: int, x: Column, p: Column) -> Any:
    """Groups of four events in three u16: x << 1 | p, 12 bits each."""
    n = 0
    while n < x.size and i >= 0:
        if i + 6 > data.size:
            return -1
        w0 = np.int64(data[i]) | np.int64(data[i + 1]) << 8
        w1 = np.int64(data[i + 2]) | np.int64(data[i + 3]) << 8
        w2 = np.int64(data[i + 4]) | np.int64(data[i + 5]) << 8
        i += 6
        for k in range(min(4, x.size - n)):
            if k == 0:
                value = w0 >> 4
            elif k == 1:
                value = (w0 & 15) | (w1 >> 8) << 4
            elif k == 2:
                value = (w1 & 0xFF) | (w2 >> 12) << 8
            else:
                value = w2 & 0xFFF
            x[n] = value >> 1
            p[n] = value & 1
            n += 1
    return i


@loop
def masks(data: Bytes, i: int, x: Column) -> Any:
    """u16: x of an event, then 5 bits for events at x + 1 to x + 5."""
    n = 0
    while n < x.size and i >= 0:
        if i + 2 > data.size:
            return -1
        word = np.int64(data[i]) | np.int64(data[i + 1]) << 8
        i += 2
        x[n] = word >> 5
        n += 1
        for k in range(5):
            if word >> (4 - k) & 1:
                if n >= x.size:
                    return -1
                x[n] = (word >> 5) + k + 1
                n += 1
    return i
