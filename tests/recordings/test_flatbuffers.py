"""FlatBuffers: what is read, and that no offset leads out of the buffer."""

import struct

import pytest

from neuroact.recordings.flatbuffers import INT32, INT64, MalformedBufferError, Table, identifier, root

BUFFER = struct.pack("<II4s6x5HiiIqI", 52, 24, b"IOHE", 10, 20, 4, 12, 8, 10, 3, 12, -7, 2) + b"ab\0\0\0\0\0\0"
"""A table with the number 3, the 64-bit number -7 and the text `ab`."""


def test_fields() -> None:
    table = root(BUFFER)
    assert identifier(BUFFER) == b"IOHE"
    assert (table.scalar(0, INT32, 9), table.scalar(1, INT64, 9), table.text(2)) == (3, -7, b"ab")


def test_absent_fields_have_defaults() -> None:
    table = root(BUFFER[:22] + b"\0\0" + BUFFER[24:])
    assert table.scalar(0, INT32, 9) == 9
    assert table.scalar(3, INT32, 5) == 5
    assert table.vector(3) == (0, 0)
    assert table.text(3) == b""


def test_every_cut_and_every_changed_byte_stays_inside() -> None:
    for position in range(len(BUFFER)):
        for value in (0, 1, 0x7F, 0x80, 0xFF):
            changed = BUFFER[:position] + bytes([value]) + BUFFER[position + 1 :]
            for buffer in (changed, BUFFER[:position]):
                try:
                    table = root(buffer)
                    assert len(table.text(2)) <= len(buffer)
                    table.scalar(0, INT32, 0), table.scalar(1, INT64, 0)
                except MalformedBufferError:
                    continue


@pytest.mark.parametrize("position", [-1, len(BUFFER) - 3, len(BUFFER), 2**40])
def test_a_table_outside_the_buffer(position: int) -> None:
    with pytest.raises(MalformedBufferError):
        Table(BUFFER, position).field(0)
