"""Writes AEDAT 4.0 as DV does: one stream of events in LZ4 packets, described in XML, with a table of the packets."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import lz4.frame
import numpy as np

from neuroact.events import Events
from neuroact.recordings.aedat4 import EVENT
from neuroact.recordings.aedat4_header import COMPRESSIONS, MAGIC, NO_TABLE
from neuroact.recordings.flatbuffers import PREFIX
from neuroact.recordings.storable import storable

STREAM = 0
EVENTS_PER_PACKET = 8192
"""128 KiB: two blocks of LZ4."""
LATEST = (1 << 63) - 1
LONGEST_SIDE = (1 << 15) - 1

IO_HEADER = struct.Struct("<II4s6x5HiiIqI")
IO_HEADER_FIXED = (24, b"IOHE", 10, 20, 4, 12, 8, 10, COMPRESSIONS.index("LZ4"), 12)
"""Size, offset of the root table, identifier, vtable; root table: distance to the vtable, compression, distance to the
XML, position of the table of packets; length of the XML."""
VECTOR = struct.Struct("<II4s2x3HiII")
VECTOR_FIXED = (6, 8, 4, 6, 4)
"""Size, offset of the root table, identifier, vtable; root table: distances to the vtable and to the vector; the
vector's length. Its items follow at byte 32."""
DEFINITION_VTABLE = struct.pack("<7H", 14, 44, 12, 4, 20, 28, 36)
DEFINITION = struct.Struct("<iiiqqqq4x")
"""A packet in the table of packets: distance to the vtable, stream, bytes, position of the payload, events, their first
and last time. Its 64-bit fields begin at byte 12, so it stands at 4 modulo 8."""

DESCRIPTION = """<dv version="2.0">
    <node name="outInfo" path="/mainloop/Recorder/outInfo/">
        <node name="{stream}" path="/mainloop/Recorder/outInfo/{stream}/">
            <attr key="compression" type="string">LZ4</attr>
            <attr key="originalModuleName" type="string">{source}</attr>
            <attr key="originalOutputName" type="string">events</attr>
            <attr key="typeDescription" type="string">Array of events (polarity ON/OFF).</attr>
            <attr key="typeIdentifier" type="string">EVTS</attr>
            <node name="info" path="/mainloop/Recorder/outInfo/{stream}/info/">
                <attr key="sizeX" type="int">{width}</attr>
                <attr key="sizeY" type="int">{height}</attr>
                <attr key="source" type="string">{source}</attr>
                <attr key="tsOffset" type="long">0</attr>
            </node>
        </node>
    </node>
</dv>
"""
SOURCE = "neuroact"


class Definition(NamedTuple):
    """A packet's entry in the table: position and size of its payload, its events and their first and last time."""

    position: int
    size: int
    events: int
    first: int
    last: int


def write_aedat4(path: Path, chunks: Iterable[Events], sensor_size: tuple[int, int]) -> None:
    """Writes chunks of events, which must be in time order from 0 µs on.

    Raises `EncodingError` for an event that the format cannot hold.
    """
    pieces = storable(chunks, sensor_size, format="AEDAT4", latest=LATEST, longest_side=LONGEST_SIDE)
    definitions: list[Definition] = []
    with path.open("wb") as file:
        file.write(_header(sensor_size, NO_TABLE))
        for packet in _packets(pieces):
            payload = lz4.frame.compress(_event_packet(packet), store_size=False)
            file.write(struct.pack("<ii", STREAM, len(payload)))
            first, last = int(packet.t[0]), int(packet.t[-1])
            definitions.append(Definition(file.tell(), len(payload), len(packet), first, last))
            file.write(payload)
        table = file.tell()
        file.write(lz4.frame.compress(_file_table(definitions), store_size=False))
        file.seek(0)
        file.write(_header(sensor_size, table))


def _packets(pieces: Iterable[Events]) -> Iterator[Events]:
    for piece in pieces:
        for start in range(0, len(piece), EVENTS_PER_PACKET):
            yield piece[start : start + EVENTS_PER_PACKET]


def _header(sensor_size: tuple[int, int], table: int) -> bytes:
    """The first line and the IOHeader. Its length does not depend on `table`, so it can be written again at the end."""
    width, height = sensor_size
    xml = DESCRIPTION.format(stream=STREAM, width=width, height=height, source=SOURCE).encode()
    size = IO_HEADER.size - PREFIX + len(xml) + 1
    return MAGIC + IO_HEADER.pack(size, *IO_HEADER_FIXED, table, len(xml)) + xml + b"\0"


def _event_packet(events: Events) -> bytes:
    structs = np.zeros(len(events), EVENT)
    for name in "txyp":
        structs[name] = getattr(events, name)
    return _vector(b"EVTS", len(events), structs.tobytes())


def _file_table(definitions: list[Definition]) -> bytes:
    vtable = VECTOR.size + 4 * len(definitions)
    first = vtable + len(DEFINITION_VTABLE)
    first += (4 - first) % 8
    places = [first + DEFINITION.size * index for index in range(len(definitions))]
    offsets = [place - (VECTOR.size + 4 * index) for index, place in enumerate(places)]
    items = struct.pack(f"<{len(offsets)}I", *offsets) + DEFINITION_VTABLE
    tables = [
        DEFINITION.pack(place - vtable, STREAM, entry.size, entry.position, entry.events, entry.first, entry.last)
        for place, entry in zip(places, definitions, strict=True)
    ]
    return _vector(b"FTAB", len(definitions), items.ljust(first - VECTOR.size, b"\0") + b"".join(tables))


def _vector(identifier: bytes, length: int, items: bytes) -> bytes:
    """A size-prefixed buffer whose root table has one field, a vector; `items` is all that follows its length."""
    return VECTOR.pack(VECTOR.size - PREFIX + len(items), 16, identifier, *VECTOR_FIXED, length) + items
