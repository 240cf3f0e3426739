"""AEDAT files from events, as plainly as the specification says it.

These builders share no code with the package's readers and writers, so that a mistake cannot agree with itself.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

import lz4.frame
import zstandard

from neuroact import Events
from tests.recordings.build_words import Row, rows

IMU_WORD, APS_WORD, SPECIAL_WORD = 0x80000C00, 0x80000400, 0x00000402
"""Addresses of a DAVIS that are no events."""
POLARITY, SPECIAL, FRAME, IMU6 = 1, 0, 2, 3
"""Packets of AEDAT 3."""
HEADER_2 = b"#!AER-DAT2.0\r\n# This is a raw AE data file - do not edit\r\n# Timestamps tick is 1 us\r\n"
COMPRESSIONS = {"none": 0, "lz4": 1, "zstd": 3}


def dvs128_address(x: int, y: int, p: int) -> int:
    """The 16 bits of a DVS128, which calls OFF 1."""
    return 127 - y << 8 | x << 1 | 1 - p


def davis_address(x: int, y: int, p: int, height: int = 180) -> int:
    """The 32 bits of a DAVIS."""
    return height - 1 - y << 22 | x << 12 | p << 11


def aedat1(events: Events) -> bytes:
    """AEDAT 1.0."""
    records = (struct.pack(">HI", dvs128_address(x, y, p), t & 0xFFFFFFFF) for t, x, y, p in rows(events))
    return b"#!AER-DAT1.0\r\n# hand made\r\n" + b"".join(records)


def aedat2(addresses: Iterable[tuple[int, int]], chip: str = "", ending: bytes = b"") -> bytes:
    """AEDAT 2.0 of `(address, t)` pairs."""
    name = f"# AEChip: {chip}\r\n".encode() if chip else b""
    return HEADER_2 + name + ending + b"".join(struct.pack(">II", address, t & 0xFFFFFFFF) for address, t in addresses)


def aedat2_dvs128(events: Events) -> bytes:
    """AEDAT 2.0 from a DVS128."""
    addresses = ((dvs128_address(x, y, p), t) for t, x, y, p in rows(events))
    return aedat2(addresses, "ch.unizh.ini.jaer.chip.retina.DVS128")


def aedat2_davis(events: Events) -> bytes:
    """AEDAT 2.0 from a DAVIS240C, with samples of its frames and its inertial sensor between the events."""
    addresses: list[tuple[int, int]] = []
    for index, (t, x, y, p) in enumerate(rows(events)):
        if index % 10 == 0:
            addresses += [(IMU_WORD | code << 28 | 1234 << 12, t) for code in range(7)]
            addresses += [(APS_WORD | y << 22 | x << 12 | 321, t), (SPECIAL_WORD, t)]
        addresses.append((davis_address(x, y, p), t))
    ending = b"#Start of Preferences for this AEChip\r\n#<?xml?>\r\n#End Of ASCII Header\r\n"
    return aedat2(addresses, "eu.seebetter.ini.chips.davis.DAVIS240C", ending)


def packet3(kind: int, items: list[bytes], overflow: int = 0, *, source: int = 1, padding: int = 0) -> bytes:
    """A packet of AEDAT 3 with `items`, all equally long, and room for `padding` more."""
    size = len(items[0])
    head = struct.pack("<hhiiiiii", kind, source, size, 4, overflow, len(items) + padding, len(items), len(items))
    return head + b"".join(items) + bytes(size * padding)


def event3(row: Row, *, valid: bool = True) -> bytes:
    """A polarity event of AEDAT 3."""
    t, x, y, p = row
    return struct.pack("<Ii", x << 17 | y << 2 | p << 1 | valid, t & 0x7FFFFFFF)


def header3(version: str = "3.1", camera: str = "DVS128", *more: str) -> bytes:
    """The header of AEDAT 3."""
    lines = [f"!AER-DAT{version}", "Format: RAW", f"Source 1: {camera}", *more]
    lines += ["!END-HEADER"] if version == "3.1" else []
    return "".join(f"#{line}\r\n" for line in lines).encode()


def aedat3(events: Events) -> bytes:
    """AEDAT 3.1 from a DVS128: packets of 30 events, and between them packets of others, invalid events and padding."""
    everything = list(rows(events))
    parts = [header3()]
    for start in range(0, len(everything), 30):
        few = everything[start : start + 30]
        overflow = few[0][0] >> 31
        special = struct.pack("<Ii", 1 | 14 << 1, few[0][0] & 0x7FFFFFFF)
        frame = struct.pack("<I8i6H", 1, *range(4), 3, 2, 0, 0, *range(6))
        parts.append(packet3(SPECIAL, [special], overflow))
        for high in sorted({row[0] >> 31 for row in few}):
            items = [event3(row) for row in few if row[0] >> 31 == high]
            parts.append(packet3(POLARITY, [event3(few[0], valid=False), *items], high, padding=3))
        parts += [packet3(IMU6, [bytes(36)] * 2, overflow), packet3(FRAME, [frame], overflow)]
    return b"".join(parts)


def flatbuffer(identifier: bytes, count: int, items: bytes) -> bytes:
    """A size-prefixed FlatBuffer whose root table holds one vector."""
    head = struct.pack("<I4s2x3HiII", 16, identifier, 6, 8, 4, 6, 4, count)
    return struct.pack("<I", len(head) + len(items)) + head + items


def events4(table: Iterable[Row]) -> bytes:
    """The FlatBuffer of an AEDAT 4 packet of events."""
    items = [struct.pack("<qhhB3x", *row) for row in table]
    return flatbuffer(b"EVTS", len(items), b"".join(items))


def compress4(data: bytes, compression: str) -> bytes:
    """A payload as DV compresses it; its LZ4 frames do not tell the size of their content."""
    if compression == "lz4":
        return bytes(lz4.frame.compress(data, store_size=False))
    if compression == "zstd":
        return zstandard.ZstdCompressor().compress(data)
    return data


def packet4(data: bytes, compression: str = "none", *, stream: int = 0) -> bytes:
    """A packet of AEDAT 4 around a FlatBuffer."""
    payload = compress4(data, compression)
    return struct.pack("<ii", stream, len(payload)) + payload


def stream4(number: int, identifier: str, size: tuple[int, int] | None = None) -> str:
    """The node of a stream in the XML."""
    sides = zip(("sizeX", "sizeY"), size or (), strict=False)
    info = "".join(f'<attr key="{key}" type="int">{side}</attr>' for key, side in sides)
    kind = f'<attr key="typeIdentifier" type="string">{identifier}</attr>'
    return f'<node name="{number}">{kind}<node name="info"><attr key="source">hand made</attr>{info}</node></node>'


def header4(streams: str, compression: str = "none", table: int = -1) -> bytes:
    """The head of an AEDAT 4 file with `streams` in its XML."""
    return header4_of(f'<dv version="2.0"><node name="outInfo">{streams}</node></dv>', compression, table)


def header4_of(xml: str, compression: str = "none", table: int = -1) -> bytes:
    """The head of an AEDAT 4 file with a given XML."""
    text = xml.encode() + b"\0"
    fields = (24, b"IOHE", 10, 20, 4, 12, 8, 10, COMPRESSIONS[compression], 12, table, len(text) - 1)
    fixed = struct.pack("<I4s6x5HiiIqI", *fields)
    return b"#!AER-DAT4.0\r\n" + struct.pack("<I", len(fixed) + len(text)) + fixed + text


def aedat4(events: Events, compression: str) -> bytes:
    """AEDAT 4 with packets of 70 events of stream 0 between IMU packets of stream 2, and a table at the end."""
    streams = stream4(0, "EVTS", events.sensor_size) + stream4(2, "IMUS")
    everything = list(rows(events))
    body = b""
    for start in range(0, len(everything), 70):
        body += packet4(flatbuffer(b"IMUS", 0, b""), compression, stream=2)
        body += packet4(events4(everything[start : start + 70]), compression)
    payload = len(header4(streams, compression))
    table = compress4(flatbuffer(b"FTAB", 0, b""), compression)
    return header4(streams, compression, payload + len(body)) + body + table


def aedat4_none(events: Events) -> bytes:
    """AEDAT 4, not compressed."""
    return aedat4(events, "none")


def aedat4_lz4(events: Events) -> bytes:
    """AEDAT 4 in LZ4 frames."""
    return aedat4(events, "lz4")


def aedat4_zstd(events: Events) -> bytes:
    """AEDAT 4 in Zstandard frames."""
    return aedat4(events, "zstd")
