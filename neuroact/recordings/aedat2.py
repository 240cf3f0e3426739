"""AEDAT 1.0 and 2.0, the formats of jAER: a text header, then pairs of an address and a time, all big-endian.

The address is 16 bits in version 1 and 32 in version 2, and the camera decides what its bits mean; the `AEChip` line
names the camera. The time is 32 bits of µs. Row 0 is at the bottom, and is turned; x stays as stored (jAER's viewer
mirrors it). A DAVIS also stores the samples of frames and of its inertial sensor, as addresses with a mark.
Source: jAER's event extractors, docs.inivation.com.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuroact.jit import loop
from neuroact.recordings.aedat_header import SENSORS, AedatHeader, read_aedat_header
from neuroact.recordings.reader import RecordingInfo, Source
from neuroact.recordings.report import Report
from neuroact.recordings.words import CLOCK, Integer, WordReader, count, open_binary, step_back

OUTSIDE, SPECIAL, APS, IMU = range(4)
"""Entries of the tally, in the order of `Aedat2Reader.dropped` and `.skipped`."""
RANGE = 1 << 32
OVERFLOW = 3_000_000_000
"""A step back of more than this, in µs, is an overflow, and a step ahead of more than this the way back over one. Half
the range would do as well, but is the very step that one damaged bit makes."""
RESET = 1_000_000
"""A clock that falls back by more than this, in µs, to less than this was set to zero."""
MARK = 1 << 31
SAMPLE_KIND = 0xC00
"""Bits of a marked DAVIS address: both are set in words of the inertial sensor, one or none in those of frames."""
ONE = np.uint64(1)


class Layout(NamedTuple):
    """Where an address has its fields.

    - `record`: bytes of an address and a time.
    - `other`: bits that are set in addresses that are no events.
    - `samples`: whether addresses with the highest bit set are samples of a DAVIS.
    - `inverted`: whether 1 stands for OFF, as in the DVS128.
    """

    record: int
    other: int
    samples: int
    x_shift: int
    x_mask: int
    y_shift: int
    y_mask: int
    p_shift: int
    inverted: int


DVS128 = Layout(8, MARK | 1 << 15, 0, x_shift=1, x_mask=0x7F, y_shift=8, y_mask=0x7F, p_shift=0, inverted=1)
DVS640 = Layout(8, MARK, 0, x_shift=1, x_mask=0x3FF, y_shift=11, y_mask=0x3FF, p_shift=0, inverted=0)
DAVIS = Layout(8, MARK | 1 << 10, 1, x_shift=12, x_mask=0x3FF, y_shift=22, y_mask=0x1FF, p_shift=11, inverted=0)
LAYOUTS = {"dvs128": DVS128, "dvs640": DVS640}
"""Of the cameras that are no DAVIS."""

STATE = np.dtype(
    [*CLOCK, ("previous", "i8"), ("resets", "i8"), ("turned", "i8"), *((name, "i8") for name in Layout._fields)]
)


@loop
def decode_aedat2(
    words: NDArray[np.uint8], final: bool, state: Any, tally: Any, offset: int, width: int, height: int,
    t: NDArray[np.int64], x: NDArray[np.uint16], y: NDArray[np.uint16], p: NDArray[np.uint8], size: int,
) -> tuple[Integer, Integer]:  # fmt: skip
    """See `neuroact.recordings.words.Kernel`. `state` also holds the fields of `Layout`.

    One damaged time does not shift those after it: the clock goes back over an overflow as it went ahead.
    """
    s = state[0]
    previous, wraps, resets, last = s["previous"], s["wraps"], s["resets"], s["last"]
    other, samples, inverted = s["other"], s["samples"], s["inverted"]
    x_shift, x_mask, y_shift, y_mask, p_shift = s["x_shift"], s["x_mask"], s["y_shift"], s["y_mask"], s["p_shift"]
    turned = s["turned"]
    wide = s["record"] == 8
    record = np.uint64(s["record"])
    n = np.uint64(size)
    capacity = np.uint64(t.size)
    i = np.uint64(0)
    stop = np.uint64(words.size)
    while i + record <= stop and n < capacity:
        at = i + record - np.uint64(6)
        address = np.int64(words[at]) << 8 | np.int64(words[at + ONE])
        if wide:
            address |= np.int64(words[i]) << 24 | np.int64(words[i + ONE]) << 16
        at += np.uint64(2)
        now = (
            np.int64(words[at]) << 24
            | np.int64(words[at + ONE]) << 16
            | np.int64(words[at + np.uint64(2)]) << 8
            | np.int64(words[at + np.uint64(3)])
        )
        step = now - previous
        if step < -RESET and previous >= 0:
            if step < -OVERFLOW:
                wraps += 1
            elif now < RESET:
                resets += 1
        elif step > OVERFLOW and previous >= 0:
            wraps -= 1
        previous = now
        if address & other == 0:
            column = address >> x_shift & x_mask
            row = address >> y_shift & y_mask
            if column < width and row < height:
                now += wraps * RANGE
                t[n] = now
                x[n] = column
                y[n] = height - 1 - row if turned else row
                p[n] = (address >> p_shift & 1) ^ inverted
                n += ONE
                if now < last:
                    step_back(state, last - now)
                last = now
            else:
                count(tally, OUTSIDE, 1, offset + np.int64(i))
        elif samples and address & MARK:
            count(tally, IMU if address & SAMPLE_KIND == SAMPLE_KIND else APS, 1, offset + np.int64(i))
        else:
            count(tally, SPECIAL, 1, offset + np.int64(i))
        i += record
    s["previous"], s["wraps"], s["resets"], s["last"] = previous, wraps, resets, last
    return np.int64(i), np.int64(n)


class Aedat2Reader(WordReader):
    """AEDAT 1.0 or 2.0. Without a known camera the sensor's size stays open."""

    kernel = decode_aedat2
    word = np.dtype("u1")
    event_bytes = 6
    state = STATE
    skipped = ("special events", "frame samples", "IMU words")

    def __init__(self, source: Source, header: AedatHeader, layout: Layout, format: str) -> None:
        self.source = source
        self.payload = header.payload
        self.layout = layout
        self.info = RecordingInfo(format, camera=header.camera, y_flipped=True, details=header.fields)
        known = header.known_camera or ("dvs128" if layout.y_mask == DVS128.y_mask else None)
        if known:
            self.settle_sensor_size(SENSORS[known], "camera")

    def initial_state(self) -> NDArray[np.void]:
        turned = self.info.sensor_size is not None  # rows cannot be turned while the highest is being looked for
        return self.new_state(previous=-1, turned=turned, **self.layout._asdict())

    def conclude(self, state: NDArray[np.void], report: Report) -> None:
        if resets := int(state[0]["resets"]):
            report.note(f"the camera's clock was set to zero {resets} times; times are as stored")


def open_aedat1(source: Source) -> Aedat2Reader:
    """Opens an AEDAT 1.0 file; they all come from cameras with the DVS128's addresses, and some have no header."""
    return Aedat2Reader(source, read_aedat_header(source), DVS128._replace(record=6, other=1 << 15), "aedat1")


def open_aedat2(source: Source) -> Aedat2Reader:
    """Opens an AEDAT 2.0 file. Where no known camera is named, addresses of 16 bits are those of a DVS128."""
    header = read_aedat_header(source)
    if header.known_camera:
        layout = LAYOUTS.get(header.known_camera, DAVIS)
    else:
        layout = DVS128 if _fits_16_bits(source, header.payload) else DAVIS
    return Aedat2Reader(source, header, layout, "aedat2")


def _fits_16_bits(source: Source, payload: int) -> bool:
    """Whether the first records have nothing in the upper half of their addresses, as a DAVIS has in every row."""
    with open_binary(source.path) as file:
        file.seek(payload)
        start = file.read(1 << 15)
    addresses = np.frombuffer(start, ">u4", len(start) // 8 * 2)[::2]
    return bool((addresses < 1 << 16).all())
