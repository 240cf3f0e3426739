"""The few FlatBuffers reads that AEDAT 4 needs, with every offset checked: the bytes come from strangers.

A size-prefixed buffer begins with its length and the offset of its root table. A table begins with the distance back
to its vtable, which lists where in the table each field stands. Strings and vectors stand elsewhere: their field holds
the distance to them. All numbers are little-endian. Source: flatbuffers.dev/internals.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

PREFIX = 4
"""Bytes of the length in front of a size-prefixed buffer."""
INT16, UINT16 = struct.Struct("<h"), struct.Struct("<H")
INT32, UINT32 = struct.Struct("<i"), struct.Struct("<I")
INT64 = struct.Struct("<q")


Buffer = bytes | memoryview


class MalformedBufferError(ValueError):
    """An offset or a length leads out of the buffer."""


@dataclass(slots=True)
class Table:
    """The table at byte `position` of `buffer`. Its methods raise `MalformedBufferError`."""

    buffer: Buffer
    position: int

    def field(self, index: int) -> int | None:
        """Where the value of field `index` stands, or None if the table leaves it out."""
        vtable = self.position - number(INT32, self.buffer, self.position)
        entry = 4 + 2 * index
        if entry + UINT16.size > number(UINT16, self.buffer, vtable):
            return None
        offset = number(UINT16, self.buffer, vtable + entry)
        return self.position + offset if offset else None

    def scalar(self, index: int, kind: struct.Struct, default: int) -> int:
        """Field `index` as the number `kind`."""
        position = self.field(index)
        return default if position is None else number(kind, self.buffer, position)

    def vector(self, index: int) -> tuple[int, int]:
        """Where the items of the vector in field `index` begin, and how many it declares; no items if left out.

        The items themselves are not checked: the buffer may end before the last of them.
        """
        position = self.field(index)
        if position is None:
            return 0, 0
        position += number(UINT32, self.buffer, position)
        return position + UINT32.size, number(UINT32, self.buffer, position)

    def text(self, index: int) -> bytes:
        """The string in field `index`, still encoded; empty if left out."""
        start, length = self.vector(index)
        if start + length > len(self.buffer):
            raise MalformedBufferError(f"a string of {length} bytes at byte {start} of {len(self.buffer)}")
        return bytes(self.buffer[start : start + length])


def root(buffer: Buffer) -> Table:
    """The root table of a size-prefixed buffer."""
    return Table(buffer, PREFIX + number(UINT32, buffer, PREFIX))


def identifier(buffer: Buffer) -> bytes:
    """The four letters that say what a size-prefixed buffer holds."""
    return bytes(buffer[2 * PREFIX : 3 * PREFIX])


def number(kind: struct.Struct, buffer: Buffer, position: int) -> int:
    """The number at a byte position. Raises `MalformedBufferError` if it is not in the buffer."""
    if not 0 <= position <= len(buffer) - kind.size:
        raise MalformedBufferError(f"byte {position} of {len(buffer)}")
    value: int = kind.unpack_from(buffer, position)[0]
    return value
