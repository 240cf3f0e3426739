"""EVT, DAT, ES and N-MNIST files from events, one event at a time and as plainly as the specification says it.

These builders share no code with the package's readers and writers, so that a mistake cannot agree with itself.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

from neuroact import Events

Row = tuple[int, int, int, int]


def rows(events: Events) -> Iterator[Row]:
    """`(t, x, y, p)` of each event as Python integers."""
    return zip(*(getattr(events, name).tolist() for name in "txyp"), strict=True)


def raw_header(events: Events, encoding: str, *extra: str) -> bytes:
    """The header of a Prophesee RAW file; `extra` lines come before its end."""
    width, height = events.sensor_size
    lines = [f"format {encoding};height={height};width={width}", f"geometry {width}x{height}", *extra, "end"]
    return "".join(f"% {line}\n" for line in lines).encode()


def raw_file(encoding: str, words: Sequence[int], *extra: str, sensor_size: tuple[int, int] = (64, 48)) -> bytes:
    """A RAW file of any words: of 16 bits for EVT3, of 64 for EVT21, else of 32."""
    code = {"EVT3": "H", "EVT21": "Q"}.get(encoding, "I")
    return raw_header(Events.empty(sensor_size), encoding, *extra) + struct.pack(f"<{len(words)}{code}", *words)


def evt2(events: Events) -> bytes:
    """EVT2 with a TIME_HIGH wherever the high part of the time changes."""
    words, high = [], -1
    for t, x, y, p in rows(events):
        if t >> 6 != high:
            high = t >> 6
            words.append(0x8 << 28 | high & 0xFFFFFFF)
        words.append(p << 28 | (t & 0x3F) << 22 | x << 11 | y)
    return raw_header(events, "EVT2") + struct.pack(f"<{len(words)}I", *words)


def evt3(events: Events) -> bytes:
    """EVT3 with every TIME_HIGH through a pause, and one ADDR_X per event."""
    words: list[int] = []
    high = low = row = None
    for t, x, y, p in rows(events):
        if t >> 12 != high:
            words += [0x8000 | step & 0xFFF for step in range(t >> 12 if high is None else high + 1, (t >> 12) + 1)]
            high, low = t >> 12, None
        if t & 0xFFF != low:
            low = t & 0xFFF
            words.append(0x6000 | low)
        if y != row:
            row = y
            words.append(y)
        words.append(0x2000 | p << 11 | x)
    return raw_header(events, "EVT3") + struct.pack(f"<{len(words)}H", *words)


def evt3_vectors(events: Events) -> bytes:
    """EVT3 with each event as a 32 pixel vector: VECT_BASE_X, then VECT_12, VECT_12, VECT_8 with one bit set in all."""
    words: list[int] = []
    high = None
    for t, x, y, p in rows(events):
        words += [0x8000 | step & 0xFFF for step in range(t >> 12 if high is None else high + 1, (t >> 12) + 1)]
        high = t >> 12
        base = min(x, max(events.sensor_size[0] - 32, 0))
        bit = 1 << x - base
        words += [0x6000 | t & 0xFFF, y, 0x3000 | p << 11 | base]
        words += [0x4000 | bit & 0xFFF, 0x4000 | bit >> 12 & 0xFFF, 0x5000 | bit >> 24]
    return raw_header(events, "EVT3") + struct.pack(f"<{len(words)}H", *words)


def evt21_words(events: Events) -> list[int]:
    """EVT2.1: 64-bit words with a mask of one pixel each, aligned to 32 pixels as the hardware does it."""
    words, high = [], -1
    for t, x, y, p in rows(events):
        if t >> 6 != high:
            high = t >> 6
            words.append(0x8 << 60 | (high & 0xFFFFFFF) << 32)
        words.append(p << 60 | (t & 0x3F) << 54 | (x & ~31) << 43 | y << 32 | 1 << (x & 31))
    return words


def evt21(events: Events) -> bytes:
    """EVT2.1, each word as one little-endian integer."""
    words = evt21_words(events)
    return raw_header(events, "EVT21", "endianness little") + struct.pack(f"<{len(words)}Q", *words)


def evt21_legacy(events: Events) -> bytes:
    """EVT2.1, the upper half of each word first."""
    halves = [half for word in evt21_words(events) for half in (word >> 32, word & 0xFFFFFFFF)]
    return raw_header(events, "EVT21", "endianness legacy") + struct.pack(f"<{len(halves)}I", *halves)


def evt4(events: Events) -> bytes:
    """EVT4 with plain events and one-pixel vectors in turn."""
    words, high = [], -1
    for index, (t, x, y, p) in enumerate(rows(events)):
        if t >> 6 != high:
            high = t >> 6
            words.append(0xE << 28 | high & 0xFFFFFFF)
        place = (t & 0x3F) << 22 | y
        if index % 2:
            words.append((0xA + p) << 28 | place | x << 11)
        else:
            words += [(0xC + p) << 28 | place | (x & ~31) << 11, 1 << (x & 31)]
    return raw_header(events, "EVT4") + struct.pack(f"<{len(words)}I", *words)


def dat(events: Events) -> bytes:
    """DAT version 2, event type 12."""
    width, height = events.sensor_size
    header = f"% Version 2\n% Height {height}\n% Width {width}\n% end\n".encode() + bytes((12, 8))
    return header + b"".join(struct.pack("<II", t & 0xFFFFFFFF, p << 28 | y << 14 | x) for t, x, y, p in rows(events))


def dat1(events: Events) -> bytes:
    """DAT version 1: narrower fields."""
    width, height = events.sensor_size
    header = f"% Version 1\n% Height {height}\n% Width {width}\n% end\n".encode() + bytes((0, 8))
    return header + b"".join(struct.pack("<II", t & 0xFFFFFFFF, p << 17 | y << 9 | x) for t, x, y, p in rows(events))


def es_header(events: Events, kind: int) -> bytes:
    """The header of an ES 2 file; generic (0) and AMD (3) files have no size in it."""
    size = b"" if kind in (0, 3) else struct.pack("<HH", *events.sensor_size)
    return b"Event Stream" + bytes((2, 0, 0, kind)) + size


def es_body(events: Events, kind: int, overflow: int) -> bytes:
    """The events, each after as many overflow bytes of `overflow` µs as its pause needs."""
    height = events.sensor_size[1]
    body, clock = bytearray(), 0
    for t, x, y, p in rows(events):
        pauses, delta = divmod(t - clock, overflow)
        clock = t
        place = struct.pack("<HH", x, height - 1 - y)
        body += b"\xff" * pauses
        if kind == 1:
            body += bytes((delta << 1 | p,)) + place
        elif kind == 2:
            body += bytes((delta << 2 | p << 1,)) + place
        elif kind == 3:
            body += bytes((delta, x, height - 1 - y, 128))
        elif kind == 4:
            body += bytes((delta,)) + place + bytes((10, 20, 30))
        else:
            size = 4 * x + y  # beyond 127 it needs a second size byte
            sizes = bytes((size << 1,)) if size < 128 else bytes((size << 1 & 0xFF | 1, size >> 7 << 1))
            body += bytes((delta,)) + sizes + b"\xfe" * size
    return bytes(body)


def es(events: Events) -> bytes:
    """ES 2, DVS events."""
    return es_header(events, 1) + es_body(events, 1, 127)


def es_atis(events: Events) -> bytes:
    """ES 2, ATIS events without threshold crossings; one overflow byte 0xFF is 3 x 63 µs."""
    height = events.sensor_size[1]
    body, clock = bytearray(), 0
    for t, x, y, p in rows(events):
        pauses, delta = divmod(t - clock, 63)
        clock = t
        body += b"\xff" * (pauses // 3) + (bytes((0xFC + pauses % 3,)) if pauses % 3 else b"")
        body += bytes((delta << 2 | p << 1,)) + struct.pack("<HH", x, height - 1 - y)
    return es_header(events, 2) + bytes(body)


def es_amd(events: Events) -> bytes:
    """ES 2, events of an asynchronous display: coordinates of one byte, no sensor size."""
    return es_header(events, 3) + es_body(events, 3, 254)


def es_color(events: Events) -> bytes:
    """ES 2, colour events."""
    return es_header(events, 4) + es_body(events, 4, 254)


def es_generic(events: Events) -> bytes:
    """ES 2, generic events with payloads of 0 to some hundred bytes."""
    return es_header(events, 0) + es_body(events, 0, 254)


def nmnist(events: Events) -> bytes:
    """N-MNIST: 40 bits an event, from the top: x 8, y 8, p 1, t 23."""
    return b"".join((x << 32 | y << 24 | p << 23 | t).to_bytes(5, "big") for t, x, y, p in rows(events))
