"""Prophesee DAT: a text header, two bytes for the kind and size of its events, then 8 bytes an event.

Version 2 holds x and y in 14 bits each, version 1 in 9 and 8. The clock has 32 bits and wraps every 71.6 min; a step
back of more than half the range is an overflow. Source: docs.prophesee.ai, openEB.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroact.errors import CorruptRecording, UnknownFormat
from neuroact.events import Events
from neuroact.jit import loop, part
from neuroact.recordings.ahead import ALIGNMENT
from neuroact.recordings.prophesee_header import PropheseeHeader, read_prophesee_header, settle_from_header
from neuroact.recordings.reader import RecordingInfo, Source
from neuroact.recordings.storable import storable
from neuroact.recordings.words import CLOCK, GROUP, Integer, WordReader, count, open_binary, step_back

OUTSIDE = 0
"""Entry of the tally, in the order of `DatReader.dropped`."""
EVENT_BYTES = 8
DVS_KINDS = (0x00, 0x0C)
OTHER_KINDS = {0x0E: "external triggers", 0x10: "boxes", 0x11: "event counts", 0x28: "optical flow"}
HALF_RANGE = 1 << 31
TWO = np.uint64(2)

STATE = np.dtype([*CLOCK, ("previous", "i8"), ("x_bits", "i8"), ("y_bits", "i8"), ("p_shift", "i8")])


@part
def is_plain_group(
    words: NDArray[np.uint32], i: np.uint64, x_bits: np.uint32, x_mask: np.uint32, y_mask: np.uint32,
    width: np.uint32, height: np.uint32,
) -> bool:  # fmt: skip
    """Whether the next `GROUP` events are all inside the sensor and in time order."""
    odd = np.uint32(0)
    for k in range(GROUP):
        place = words[i + np.uint64(2 * k + 1)]
        odd |= np.uint32((place & x_mask) >= width) | np.uint32(((place >> x_bits) & y_mask) >= height)
    for k in range(GROUP - 1):
        odd |= np.uint32(words[i + np.uint64(2 * k)] > words[i + np.uint64(2 * k + 2)])
    return bool(odd == 0)


@loop
def decode_dat(
    words: NDArray[np.uint32], final: bool, state: Any, tally: Any, offset: int, width: int, height: int,
    t: NDArray[np.int64], x: NDArray[np.uint16], y: NDArray[np.uint16], p: NDArray[np.uint8], size: int,
) -> tuple[Integer, Integer]:  # fmt: skip
    """See `neuroact.recordings.words.Kernel`. `words` are halves of events; `state.previous` is the last raw time.

    Groups of events without anything odd are converted in loops that the compiler turns into vector instructions.
    """
    s = state[0]
    previous, wraps, last = s["previous"], s["wraps"], s["last"]
    x_bits, p_shift = np.uint32(s["x_bits"]), np.uint32(s["p_shift"])
    x_mask, y_mask = np.uint32((1 << s["x_bits"]) - 1), np.uint32((1 << s["y_bits"]) - 1)
    columns, rows = np.uint32(width), np.uint32(height)
    n = np.uint64(size)
    capacity = np.uint64(t.size)
    i = np.uint64(0)
    stop = np.uint64(words.size // 2 * 2)
    while i < stop and n < capacity:
        raw = np.int64(words[i])
        fits = i + np.uint64(2 * GROUP) <= stop and n + np.uint64(GROUP) <= capacity
        if (
            fits
            and raw >= previous
            and raw + (wraps << 32) >= last
            and is_plain_group(words, i, x_bits, x_mask, y_mask, columns, rows)
        ):
            for k in range(GROUP):
                place = words[i + np.uint64(2 * k + 1)]
                t[n + np.uint64(k)] = np.int64(words[i + np.uint64(2 * k)]) + (wraps << 32)
                x[n + np.uint64(k)] = place & x_mask
                y[n + np.uint64(k)] = (place >> x_bits) & y_mask
                p[n + np.uint64(k)] = (place >> p_shift) & np.uint32(1)
            n += np.uint64(GROUP)
            i += np.uint64(2 * GROUP)
            previous = np.int64(words[i - TWO])
            last = previous + (wraps << 32)
            continue
        place = words[i + np.uint64(1)]
        if previous - raw > HALF_RANGE:
            wraps += 1
        previous = raw
        column = place & x_mask
        row = (place >> x_bits) & y_mask
        if column < columns and row < rows:
            now = raw + (wraps << 32)
            t[n] = now
            x[n] = column
            y[n] = row
            p[n] = (place >> p_shift) & np.uint32(1)
            n += np.uint64(1)
            if now < last:
                step_back(state, last - now)
            last = now
        else:
            count(tally, OUTSIDE, 1, offset + 4 * np.int64(i))
        i += TWO
    s["previous"], s["wraps"], s["last"] = previous, wraps, last
    return np.int64(i), np.int64(n)


class DatReader(WordReader):
    """Prophesee DAT whose events are DVS events, old kind 0 or new kind 12."""

    kernel = decode_dat
    word = np.dtype("<u4")
    event_bytes = 8
    lead_in = ALIGNMENT
    state = STATE

    def __init__(self, source: Source, header: PropheseeHeader, payload: int) -> None:
        self.source = source
        self.payload = payload
        self.version = header.fields.get("Version", "2")
        self.info = RecordingInfo("dat", camera=header.camera, details=header.fields)
        settle_from_header(self, header)

    def initial_state(self) -> NDArray[np.void]:
        if self.version == "1":
            return self.new_state(x_bits=9, y_bits=8, p_shift=17)
        return self.new_state(x_bits=14, y_bits=14, p_shift=28)


def open_dat(source: Source) -> DatReader:
    """Opens a DAT file, or its bare events if it does not begin with a header.

    Raises `CorruptRecording` if the header is cut or broken and `UnknownFormat` if the events are no DVS events.
    """
    header = read_prophesee_header(source, required=False)
    if not header.payload:
        return DatReader(source, header, 0)
    with open_binary(source.path) as file:
        file.seek(header.payload)
        layout = file.read(2)
    if len(layout) < 2:
        raise CorruptRecording(source.path, "the header ends before the kind of its events", offset=header.payload)
    kind, size = layout
    if kind not in DVS_KINDS:
        what = OTHER_KINDS.get(kind, "unknown")
        known = " and ".join(map(str, DVS_KINDS))
        raise UnknownFormat(source.path, f"events of kind {kind} ({what}); {known} are read", offset=header.payload)
    if size != EVENT_BYTES:
        problem = f"events of {size} bytes; those of kind {kind} have {EVENT_BYTES}"
        raise CorruptRecording(source.path, problem, offset=header.payload + 1)
    return DatReader(source, header, header.payload + 2)


def write_dat(path: Path, chunks: Iterable[Events], sensor_size: tuple[int, int]) -> None:
    """Writes DAT version 2.

    Raises `EncodingError` for events out of order, beyond 2^32 µs or outside the sensor (at most 16384 a side).
    """
    width, height = sensor_size
    with path.open("wb") as file:
        file.write(f"% Version 2\n% Height {height}\n% Width {width}\n% end\n".encode("ascii"))
        file.write(bytes((DVS_KINDS[-1], EVENT_BYTES)))
        for piece in storable(chunks, sensor_size, format="DAT", latest=(1 << 32) - 1, longest_side=1 << 14):
            words = np.empty((len(piece), 2), "<u4")
            words[:, 0] = piece.t
            words[:, 1] = piece.p.astype(np.uint32) << 28 | piece.y.astype(np.uint32) << 14 | piece.x
            file.write(words.data)
