"""The packets of an AEDAT 4 file, one after the other, whatever is broken between them.

A packet is its stream's number, its size, and one LZ4 or Zstandard frame (or nothing around it) with a FlatBuffer
inside. The table of packets at the end of the file is not needed, and not read: files that were cut lack it.

The first bytes of a sound packet are recognised, so reading goes on after a broken one: from the next place that
looks like the start of a packet.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from neuroact.errors import CorruptRecording, LimitExceeded
from neuroact.recordings.aedat4_ahead import BEFORE_PAYLOAD, HEAD, Ahead, begins_packet
from neuroact.recordings.aedat4_header import Aedat4Header
from neuroact.recordings.expansion import LZ4, ZSTANDARD, OversizedPayloadError, UnsoundPayloadError, expand
from neuroact.recordings.flatbuffers import PREFIX, UINT32
from neuroact.recordings.limits import MIB
from neuroact.recordings.reader import Source, check_limit
from neuroact.recordings.report import Report
from neuroact.recordings.words import open_binary

BEFORE_IDENTIFIER = BEFORE_PAYLOAD + 2 * PREFIX
EVENTS = b"EVTS"
OTHERS = {"FRME": "frame packets", "IMUS": "IMU packets", "TRIG": "trigger packets", "EVTS": "other event packets"}
DAMAGED, UNDECLARED = "damaged packets", "packets of undeclared streams"


class Packet(NamedTuple):
    """A packet that was read: `data` is its FlatBuffer, or the beginning of it in a packet that is not `whole`.

    The data is there until the next packet is asked for.
    """

    offset: int
    data: bytes | memoryview
    whole: bool


class PacketWalk:
    """Gives the packets of the stream `wanted` in file order; of every stream if it is None.

    Tells `report` which others were skipped and what was damaged or cut.
    """

    def __init__(self, source: Source, header: Aedat4Header, wanted: int | None, report: Report) -> None:
        self._source = source
        self._header = header
        self._wanted = wanted
        self._report = report
        self._largest = source.limits.packet_bytes
        self._file = open_binary(source.path)
        self._size = self._file.seek(0, 2)
        self._ahead = Ahead(source, self._file, self._size, wanted)
        self._expanded: dict[int, memoryview] = {}
        self._stretch_stop = 0
        self._block = memoryview(b"")
        self._block_start = 0
        self._memory = memoryview(bytearray(max(source.block_bytes, HEAD.size)))
        identifiers = {stream.identifier.encode() for stream in header.streams.values()} | {EVENTS}
        needles = [UINT32.pack(LZ4), UINT32.pack(ZSTANDARD), *(name for name in identifiers if len(name) == PREFIX)]
        self._needle = re.compile(b"|".join(re.escape(needle) for needle in needles))
        self._wasted = 0

    @property
    def file_size(self) -> int:
        """In bytes."""
        return self._size

    def __iter__(self) -> Iterator[Packet]:
        position: int | None = self._header.payload
        while position is not None and position < self._size and position != self._header.table:
            if position >= self._stretch_stop:
                self._enter_stretch(position)
            head = self._bytes(position, HEAD.size)
            if len(head) < HEAD.size:
                self._report.truncated_at = position
                return
            stream, size, start = HEAD.unpack(head)
            after = position + BEFORE_PAYLOAD + size
            if not begins_packet(self._source, size, start):
                self._refuse_oversized(position, size)
                position = self._after_damage(position)
                continue
            whole = after <= self._size
            if not whole:
                if self._next_packet(position + BEFORE_PAYLOAD) is not None:  # not cut: only its size is wrong
                    position = self._after_damage(position)
                    continue
                self._report.truncated_at = position
            if self._is_wanted(stream, position, whole=whole):
                data = self._expanded.get(position) or self._expand(position, size, whole=whole)
                if data is None and whole:
                    position = self._after_damage(position, size)
                    continue
                if data is not None:
                    yield Packet(position, data, whole)
            position = after
        if self._header.table > self._size and self._report.truncated_at is None:
            self._report.truncated_at = self._size

    def close(self) -> None:
        """Lets go of the file."""
        self._ahead.close()
        self._file.close()

    def _enter_stretch(self, position: int) -> None:
        """Goes on to the packets from `position` on that were expanded ahead."""
        stretch = self._ahead.stretch_at(position)
        self._expanded, self._stretch_stop = stretch.expanded, stretch.stop
        self._block, self._block_start = stretch.bytes, position

    def _bytes(self, position: int, count: int) -> memoryview:
        """`count` bytes, or as many as the file has, until the next call."""
        start = position - self._block_start
        if start < 0 or start + count > len(self._block):
            count = min(count, self._size - position)
            if count > len(self._memory):
                self._memory = memoryview(bytearray(count))
            self._file.seek(position)
            read = self._file.readinto(self._memory) or 0
            self._block, self._block_start, start = self._memory[:read], position, 0
        return self._block[start : start + count]

    def _refuse_oversized(self, position: int, size: int) -> None:
        """Raises `LimitExceeded` for a packet that is beyond the limit but stands where a sound one would."""
        after = position + BEFORE_PAYLOAD + size
        if size <= self._largest or after > self._size:
            return
        head = self._bytes(after, HEAD.size)
        ends = after in (self._size, self._header.table)
        if ends or (len(head) == HEAD.size and begins_packet(self._source, *HEAD.unpack(head)[1:])):
            check_limit(self._source, "a packet", size, self._largest, offset=position)

    def _is_wanted(self, stream: int, position: int, *, whole: bool) -> bool:
        """Whether to read a packet; counts it otherwise."""
        if self._wanted in (None, stream):
            return True
        declared = self._header.streams.get(stream)
        if whole and declared is None:
            self._report.drop(UNDECLARED, 1, position)
        elif whole and declared is not None:
            self._report.skip(OTHERS.get(declared.identifier, "other packets"), 1, position)
        return False

    def _expand(self, position: int, size: int, *, whole: bool) -> bytes | None:
        """The FlatBuffer in a packet, or None if it is damaged."""
        try:
            return expand(self._bytes(position + BEFORE_PAYLOAD, size), self._source.limits, whole=whole)
        except OversizedPayloadError as error:
            problem = f"a packet of {size} bytes expands to more than {error.limit}, which is not accepted"
            raise LimitExceeded(self._source.path, problem, offset=position) from error
        except UnsoundPayloadError:
            return None

    def _after_damage(self, position: int, size: int = 0) -> int | None:
        """Where to go on after the damaged packet at `position`, of which `size` bytes were read in vain.

        What looks like a packet may stand within another's bytes, so a hostile file can have its bytes read again and
        again: up to four times here.
        """
        self._report.drop(DAMAGED, 1, position)
        self._wasted += size
        if self._wasted > 4 * self._size + MIB:
            raise CorruptRecording(self._source.path, "more damaged packets than have room in it", offset=position)
        return self._next_packet(position + 1)

    def _next_packet(self, position: int) -> int | None:
        """The first place from `position` on where a packet of a declared stream seems to begin."""
        overlap = BEFORE_IDENTIFIER + PREFIX
        while True:
            window = self._bytes(position, max(self._source.block_bytes, 2 * overlap))
            for found in self._needle.finditer(window):
                framed = UINT32.unpack(found[0])[0] in (LZ4, ZSTANDARD)
                start = found.start() - (BEFORE_PAYLOAD if framed else BEFORE_IDENTIFIER)
                if start < 0:
                    continue
                stream, size, begin = HEAD.unpack_from(window, start)
                known = not self._header.streams or stream in self._header.streams
                if known and begins_packet(self._source, size, begin):
                    return position + start
            if len(window) <= overlap:
                return None
            position += len(window) - overlap
