"""The encodings that libcaer's ROS driver puts in EventPackets: events, compressed words, and the older `mono`.

Times count from the packet's `time_base`. Source: github.com/ros-event-camera/event_camera_codecs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroact.jit import loop
from neuroact.recordings.blocks import Block
from neuroact.recordings.report import Report
from neuroact.recordings.ros_messages import EventPacket

TIME_HIGH, TIME_LOW, ADDR_X, ADDR_Y, VECT_BASE_Y, VECT_8, VECT_12 = range(7)
PIECE = 1 << 13
"""Words decoded at a time; each gives up to 12 events."""
SMALL = 1 << 9
"""Words below which the loop runs as plain Python: see `neuroact.jit`."""


def decode_libcaer(packet: EventPacket, offset: int | None, report: Report) -> Iterator[Block]:
    """8 bytes per event: a word of valid (1 bit), p (1), y (15), x (15), and int32 µs which may wrap at 2^31."""
    order = ">" if packet.big_endian else "<"
    events = np.frombuffer(packet.payload, [("word", f"{order}u4"), ("t", f"{order}i4")], len(packet.payload) // 8)
    t = events["t"].astype(np.int64)
    t += np.cumsum(np.diff(t, prepend=t[:1]) < 0) << 31
    valid = (events["word"] & 1).astype(bool)
    report.skip("events marked invalid", int(np.count_nonzero(~valid)), offset)
    word = events["word"][valid]
    yield Block(t[valid] + packet.time_base // 1000, word >> 17, (word >> 2) & 0x7FFF, (word >> 1) & 1, offset)


def decode_mono(packet: EventPacket, offset: int | None, report: Report) -> Iterator[Block]:
    """8 bytes per event: ns since the base (32 bits), x (16), y (15), p (1)."""
    order = ">" if packet.big_endian else "<"
    word = np.frombuffer(packet.payload, f"{order}u8", len(packet.payload) // 8).astype(np.uint64)
    t = ((word & 0xFFFFFFFF) + np.uint64(packet.time_base % (1 << 62))) // 1000
    yield Block(t, (word >> 32) & 0xFFFF, (word >> 48) & 0x7FFF, word >> 63, offset)


def decode_libcaer_cmp(packet: EventPacket, offset: int | None, report: Report) -> Iterator[Block]:
    """16-bit words in the manner of EVT3, with columns as vectors; time starts at 0 in every packet."""
    order = ">" if packet.big_endian else "<"
    words = np.frombuffer(packet.payload, f"{order}u2", len(packet.payload) // 2).astype(np.uint16)
    state = np.zeros(6, np.int64)
    run = _decode_words.plain if words.size < SMALL else _decode_words
    unknown = 0
    for start in range(0, words.size, PIECE):
        piece = words[start : start + PIECE]
        t, x, y = (np.empty(12 * piece.size, np.int64) for _ in range(3))
        p = np.empty(12 * piece.size, np.uint8)
        count, skipped = run(piece, state, t, x, y, p)
        unknown += int(skipped)
        yield Block(t[:count] + packet.time_base // 1000, x[:count], y[:count], p[:count], offset)
    report.skip("other words", unknown, offset)


DECODERS = {"libcaer": decode_libcaer, "libcaer_cmp": decode_libcaer_cmp, "mono": decode_mono}
"""Encoding -> what decodes one packet."""


@loop
def _decode_words(
    words: NDArray[np.uint16], state: NDArray[np.int64],
    t: NDArray[np.int64], x: NDArray[np.int64], y: NDArray[np.int64], p: NDArray[np.uint8],
) -> tuple[Any, Any]:  # fmt: skip
    """Writes events and returns how many, and how many words mean nothing. `state`: high, low, x, base, polarity."""
    n = 0
    unknown = 0
    for i in range(words.size):
        word = np.int64(words[i])
        kind = word >> 12
        content = word & 0xFFF
        if kind == TIME_HIGH:
            state[0] = content
        elif kind == TIME_LOW:
            state[1] = content
        elif kind == ADDR_X:
            state[2] = content & 0x7FF
        elif kind == VECT_BASE_Y:
            state[3] = content & 0x7FF
            state[4] = content >> 11
        elif kind == ADDR_Y:
            t[n] = state[0] << 12 | state[1]
            x[n] = state[2]
            y[n] = content & 0x7FF
            p[n] = content >> 11
            n += 1
        elif kind == VECT_8 or kind == VECT_12:
            span = 8 if kind == VECT_8 else 12
            for bit in range(span):
                if content >> bit & 1:
                    t[n] = state[0] << 12 | state[1]
                    x[n] = state[2]
                    y[n] = state[3] + bit
                    p[n] = state[4]
                    n += 1
            state[3] += span
        else:
            unknown += 1
    return n, unknown
