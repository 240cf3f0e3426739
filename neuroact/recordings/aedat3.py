"""AEDAT 3.0 and 3.1, the formats of cAER: packets of events, frames, IMU samples and others. DVS128 Gesture is in 3.1.

A packet has 28 bytes of header, little-endian, and then `capacity` events of `size` bytes of which `number` are used.
Times have 31 bits; the packet's header counts how often they overflowed. Row 0 is at the bottom in 3.0, at the top in
3.1. There is no sensor size: the header names the camera. Source: docs.inivation.com, libcaer.

Packets have no mark of their own. After damage, reading goes on where 28 bytes make a sound header again.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroact.errors import UnknownFormat
from neuroact.jit import loop, part
from neuroact.recordings.aedat_header import SENSORS, AedatHeader, read_aedat_header
from neuroact.recordings.reader import RecordingInfo, Source
from neuroact.recordings.report import Report
from neuroact.recordings.words import CLOCK, Integer, WordReader, count, open_binary, step_back

BOTTOM_UP = b"#!AER-DAT3.0"
HEADER = 28
TYPE, CAMERA, SIZE, STAMP, OVERFLOW, CAPACITY, NUMBER, VALID = 0, 2, 4, 8, 12, 16, 20, 24
"""Where in a header its fields stand: the first two have 2 bytes, the others 4."""
SPECIAL, POLARITY, FRAME, IMU6, IMU9 = range(5)
LAST_TYPE = 13
EVENT, FRAME_HEADER, IMU6_SAMPLE, IMU9_SAMPLE = 8, 36, 36, 48
"""Bytes of what packets hold; a frame is its header and its pixels."""
STAMP_AT = 4
"""Where the time stands in all of them."""
TIMESTAMP_RESET = 1
OUTSIDE, IMPOSSIBLE, DAMAGED, INVALID, SPECIALS, FRAMES, IMUS, OTHERS, OTHER_SOURCES = range(9)
"""Entries of the tally, in the order of `Aedat3Reader.dropped` and `.skipped`."""
ONE = np.uint64(1)

STATE = np.dtype(
    [
        *CLOCK,
        ("type", "i8"),  # of the packet that is being read,
        ("begin", "i8"),  # where in the file its header stands,
        ("events", "i8"),  # and how many events
        ("rest", "i8"),  # and bytes after them are still to come
        ("camera", "i8"),  # source number of the first packet of events; other cameras are left out
        ("lost", "i8"),  # whether a sound header is being looked for
        ("resets", "i8"),  # of the camera's clock
        ("turned", "i8"),  # whether rows are turned upside down
        ("limit", "i8"),  # of the bytes of a packet
    ]
)


@part
def uint16(words: Any, at: Any) -> Integer:
    """The number in the two bytes from `at` on."""
    return np.int64(words[at]) | np.int64(words[at + ONE]) << 8


@part
def int32(words: Any, at: Any) -> Integer:
    """The signed number in the four bytes from `at` on."""
    return uint16(words, at) | (uint16(words, at + np.uint64(2)) ^ 0x8000) - 0x8000 << 16


@part
def field(words: Any, header: Any, name: int) -> Integer:
    """One of the four-byte fields of the header that begins at byte `header`."""
    return int32(words, header + np.uint64(name))


@part
def is_sound(words: Any, header: Any, limit: Integer) -> bool:
    """Whether a packet can have such a header."""
    kind = uint16(words, header)
    if kind > LAST_TYPE:  # so nearly all places of a damaged file are passed at once
        return False
    item, room = field(words, header, SIZE), field(words, header, CAPACITY)
    number, valid = field(words, header, NUMBER), field(words, header, VALID)
    size_fits = item == EVENT if kind <= POLARITY else item > 0
    counts_fit = 0 <= valid <= number <= room and item * room <= limit
    return bool(size_fits and counts_fit and field(words, header, OVERFLOW) >= 0)


@part
def is_telling(words: Any, header: Any) -> bool:
    """Whether a sound header is none by chance, such as in a row of zeros: after damage only such a one will do."""
    kind = uint16(words, header)
    item = field(words, header, SIZE)
    size_fits = (
        kind <= POLARITY
        or (kind == FRAME and item > FRAME_HEADER)
        or (kind == IMU6 and item == IMU6_SAMPLE)
        or (kind == IMU9 and item == IMU9_SAMPLE)
    )
    return bool(size_fits and field(words, header, STAMP) == STAMP_AT and field(words, header, NUMBER) > 0)


@part
def begin_packet(words: Any, header: Any, s: Any, tally: Any) -> None:
    """Takes the sound header that begins at `state.begin` in the file: what follows is events, or is left out."""
    kind, camera = uint16(words, header), uint16(words, header + np.uint64(CAMERA))
    number = field(words, header, NUMBER)
    s["type"] = kind
    s["events"] = 0
    s["rest"] = field(words, header, SIZE) * field(words, header, CAPACITY)
    if kind == POLARITY and s["camera"] < 0:
        s["camera"] = camera
    if kind == POLARITY and camera != s["camera"]:
        count(tally, OTHER_SOURCES, number, s["begin"])
    elif kind <= POLARITY:
        s["events"] = number
        s["rest"] -= EVENT * number
        if kind == POLARITY:
            s["wraps"] = field(words, header, OVERFLOW)
    elif kind == FRAME:
        count(tally, FRAMES, number, s["begin"])
    else:
        count(tally, IMUS if kind == IMU6 or kind == IMU9 else OTHERS, number, s["begin"])


@loop
def decode_aedat3(
    words: NDArray[np.uint8], final: bool, state: Any, tally: Any, offset: int, width: int, height: int,
    t: NDArray[np.int64], x: NDArray[np.uint16], y: NDArray[np.uint16], p: NDArray[np.uint8], size: int,
) -> tuple[Integer, Integer]:  # fmt: skip
    """See `neuroact.recordings.words.Kernel`."""
    s = state[0]
    kind, events, rest, high, last = s["type"], s["events"], s["rest"], s["wraps"] << 31, s["last"]
    turned = s["turned"]
    n = np.uint64(size)
    capacity = np.uint64(t.size)
    i = np.uint64(0)
    stop = np.uint64(words.size)
    while n < capacity:
        if events > 0:
            if i + np.uint64(EVENT) > stop:
                break
            data = int32(words, i)
            now = int32(words, i + np.uint64(STAMP_AT))
            column, row = data >> 17 & 0x7FFF, data >> 2 & 0x7FFF
            if kind == SPECIAL:
                count(tally, SPECIALS, 1, offset + np.int64(i))
                if data & 1 and data >> 1 & 0x7F == TIMESTAMP_RESET:
                    s["resets"] += 1
            elif data & 1 == 0:
                count(tally, INVALID, 1, offset + np.int64(i))
            elif now < 0:
                count(tally, IMPOSSIBLE, 1, offset + np.int64(i))
            elif column >= width or row >= height:
                count(tally, OUTSIDE, 1, offset + np.int64(i))
            else:
                now |= high
                t[n] = now
                x[n] = column
                y[n] = height - 1 - row if turned else row
                p[n] = data >> 1 & 1
                n += ONE
                if now < last:
                    step_back(state, last - now)
                last = now
            events -= 1
            i += np.uint64(EVENT)
        elif rest > 0:
            if i == stop:
                break
            step = min(rest, np.int64(stop - i))
            i += np.uint64(step)
            rest -= step
        else:
            if i + np.uint64(HEADER) > stop:
                break
            if is_sound(words, i, s["limit"]) and (s["lost"] == 0 or is_telling(words, i)):
                s["lost"] = 0
                s["begin"] = offset + np.int64(i)
                begin_packet(words, i, s, tally)
                kind, events, rest, high = s["type"], s["events"], s["rest"], s["wraps"] << 31
                i += np.uint64(HEADER)
            else:
                if s["lost"] == 0:
                    count(tally, DAMAGED, 1, offset + np.int64(i))
                s["lost"] = 1
                i += ONE
    s["type"], s["events"], s["rest"], s["last"] = kind, events, rest, last
    return np.int64(i), np.int64(n)


class Aedat3Reader(WordReader):
    """AEDAT 3.0 or 3.1, uncompressed."""

    kernel = decode_aedat3
    word = np.dtype("u1")
    state = STATE
    dropped = ("events outside the sensor", "events with an impossible time", "damaged packets")
    skipped = (
        "events marked invalid", "special events", "frames", "IMU samples", "other events", "events of other cameras",
    )  # fmt: skip

    def __init__(self, source: Source, header: AedatHeader, *, bottom_up: bool) -> None:
        self.source = source
        self.payload = header.payload
        self.info = RecordingInfo("aedat3", camera=header.camera, y_flipped=bottom_up, details=header.fields)
        if header.known_camera:
            self.settle_sensor_size(SENSORS[header.known_camera], "camera")

    def initial_state(self) -> NDArray[np.void]:
        turned = self.info.y_flipped and self.info.sensor_size is not None
        return self.new_state(camera=-1, turned=turned, limit=self.source.limits.packet_bytes)

    def unfinished(self, state: NDArray[np.void]) -> int | None:
        return int(state[0]["begin"]) if state[0]["events"] > 0 or state[0]["rest"] > 0 else None

    def conclude(self, state: NDArray[np.void], report: Report) -> None:
        if resets := int(state[0]["resets"]):
            report.note(f"the camera's clock was set to zero {resets} times; times are as stored")


def open_aedat3(source: Source) -> Aedat3Reader:
    """Opens an AEDAT 3 file. Raises `UnknownFormat` for one whose packets are compressed."""
    header = read_aedat_header(source)
    encoding = header.fields.get("Format", "RAW")
    if encoding.upper() != "RAW":
        raise UnknownFormat(source.path, f"AEDAT 3 packets encoded as {encoding!r} are not read; only RAW ones are")
    with open_binary(source.path) as file:
        first_line = file.read(len(BOTTOM_UP))
    return Aedat3Reader(source, header, bottom_up=first_line == BOTTOM_UP)
