"""Event Stream 2 (.es): one byte of time, then the event; pauses are bytes of their own.

The header names one of five types: DVS, ATIS, colour, generic, and the events of an asynchronous display. Rows are
counted from the bottom and turned on reading. Colour, generic and display streams carry no polarity; a generic event is
a time and bytes of unknown meaning, so it is given as pixel (0, 0) of a sensor of one pixel.
Source: github.com/neuromorphic-paris/event_stream.
"""

from __future__ import annotations

import struct
from abc import abstractmethod
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neuroact.errors import CorruptRecording, UnknownFormat
from neuroact.events import Events
from neuroact.recordings.event_stream_kernels import (
    DVS_OVERFLOW_US,
    DVS_STATE,
    GENERIC_STATE,
    IDLE,
    OVERFLOW,
    PLAIN_STATE,
    decode_atis,
    decode_dvs,
    decode_generic,
    decode_plain,
)
from neuroact.recordings.reader import RecordingInfo, Source
from neuroact.recordings.storable import storable
from neuroact.recordings.words import WordReader, open_binary

MAGIC = b"Event Stream"
TYPE_AT, SIZE_AT, PAYLOAD_AT = 15, 16, 20


class EventStreamReader(WordReader):
    """What the five types share: the version and, for three of them, the sensor's size."""

    word = np.dtype("u1")
    event_bytes = 5
    name: str
    has_size = True
    has_polarity = True
    from_below = True

    def __init__(self, source: Source, header: bytes) -> None:
        self.source = source
        self.payload = PAYLOAD_AT if self.has_size else SIZE_AT
        details = {"type": self.name, "version": ".".join(map(str, header[12:15]))}
        self.info = RecordingInfo("es", y_flipped=self.from_below, has_polarity=self.has_polarity, details=details)
        if self.has_size:
            if len(header) < PAYLOAD_AT:
                raise CorruptRecording(source.path, "the header is cut", offset=len(header))
            self.settle_sensor_size(struct.unpack_from("<HH", header, SIZE_AT), "header")

    @abstractmethod
    def initial_state(self) -> NDArray[np.void]: ...


class DvsReader(EventStreamReader):
    """Type 1: DVS events of 5 bytes."""

    name = "dvs"
    kernel = decode_dvs
    state = DVS_STATE

    def initial_state(self) -> NDArray[np.void]:
        return self.new_state()


class AtisReader(EventStreamReader):
    """Type 2: DVS events and the crossings of an exposure measurement, which are skipped."""

    name = "atis"
    kernel = decode_atis
    state = DVS_STATE
    skipped = ("threshold crossings",)

    def initial_state(self) -> NDArray[np.void]:
        return self.new_state()


class DisplayReader(EventStreamReader):
    """Type 3: events of an asynchronous display, with coordinates of one byte and no sensor size."""

    name = "display"
    has_size = False
    has_polarity = False
    kernel = decode_plain
    state = PLAIN_STATE

    def initial_state(self) -> NDArray[np.void]:
        # Rows can only be turned once the height is known; the scan that finds it reads them as they stand.
        return self.new_state(record=4, turned=int(self.info.sensor_size is not None))


class ColorReader(EventStreamReader):
    """Type 4: colour events of 8 bytes."""

    name = "color"
    has_polarity = False
    kernel = decode_plain
    state = PLAIN_STATE

    def initial_state(self) -> NDArray[np.void]:
        return self.new_state(record=8, turned=1)


class GenericReader(EventStreamReader):
    """Type 0: a time and any number of bytes."""

    name = "generic"
    has_size = False
    has_polarity = False
    from_below = False
    kernel = decode_generic
    state = GENERIC_STATE
    dropped = ("events larger than the limit",)

    def __init__(self, source: Source, header: bytes) -> None:
        super().__init__(source, header)
        self.settle_sensor_size((1, 1), "header")

    def initial_state(self) -> NDArray[np.void]:
        return self.new_state(stage=IDLE, limit=self.source.limits.packet_bytes)

    def unfinished(self, state: NDArray[np.void]) -> int | None:
        return None if state[0]["stage"] == IDLE else int(state[0]["begin"])


TYPES: dict[int, type[EventStreamReader]] = {
    0: GenericReader,
    1: DvsReader,
    2: AtisReader,
    3: DisplayReader,
    4: ColorReader,
}


def open_es(source: Source) -> EventStreamReader:
    """Opens an ES 2 file. Raises `CorruptRecording` for a broken header, `UnknownFormat` for another version."""
    with open_binary(source.path) as file:
        header = file.read(PAYLOAD_AT)
    if not header.startswith(MAGIC):
        raise CorruptRecording(source.path, f"it does not begin with {MAGIC.decode()!r}", offset=0)
    if len(header) <= TYPE_AT:
        raise CorruptRecording(source.path, "the header is cut", offset=len(header))
    if header[12] != 2:
        problem = f"version {header[12]} of Event Stream is not read; version 2 is"
        raise UnknownFormat(source.path, problem, offset=len(MAGIC))
    if header[TYPE_AT] not in TYPES:
        raise UnknownFormat(source.path, f"events of type {header[TYPE_AT]}; 0 to 4 are known", offset=TYPE_AT)
    return TYPES[header[TYPE_AT]](source, header)


def write_es(path: Path, chunks: Iterable[Events], sensor_size: tuple[int, int]) -> None:
    """Writes ES 2 of type DVS. The time before the first event is written too, as one byte per 127 µs.

    Raises `EncodingError` for events out of order, beyond 2^32 µs or outside the sensor (at most 65535 a side).
    """
    clock = 0
    pieces = storable(chunks, sensor_size, format="ES", latest=(1 << 32) - 1, longest_side=(1 << 16) - 1)
    with path.open("wb") as file:
        file.write(MAGIC + bytes((2, 0, 0, 1)) + struct.pack("<HH", *sensor_size))
        for piece in pieces:
            file.write(_bytes(piece, sensor_size[1], clock).data)
            clock = int(piece.t[-1])


def _bytes(piece: Events, height: int, clock: int) -> NDArray[np.uint8]:
    """The bytes of some events after one at `clock` µs."""
    pauses, steps = np.divmod(np.diff(piece.t, prepend=clock), DVS_OVERFLOW_US)
    at = np.cumsum(pauses + 5) - 5
    rows = height - 1 - piece.y.astype(np.int64)
    data = np.full(at[-1] + 5, OVERFLOW, np.uint8)
    data[at] = steps << 1 | piece.p
    for place, value in enumerate((piece.x & 0xFF, piece.x >> 8, rows & 0xFF, rows >> 8), start=1):
        data[at + place] = value
    return data
