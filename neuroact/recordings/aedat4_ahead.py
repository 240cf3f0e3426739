"""Packets of AEDAT 4 expanded before their turn, in several threads.

Whoever walks through the packets decides what each of them means, and where to go on after a damaged one. What is done
here only saves time: from where the walk stands, packets are followed by the sizes that they declare, and what expands
as it should is kept until the walk asks for it. All else is left to the walk.

    caller     stretch 0     stretch 2     ...     in order: copies the events; expands the next rather than wait
    a thread   stretch 1     stretch 3     ...
"""

from __future__ import annotations

import struct
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from io import FileIO

import numpy as np

from neuroact.cores import cores
from neuroact.recordings.expansion import LZ4, ZSTANDARD, most_expanded
from neuroact.recordings.flatbuffers import PREFIX, UINT32
from neuroact.recordings.lz4_library import FrameExpander, library
from neuroact.recordings.reader import Source

HEAD = struct.Struct("<iiI")
"""Number of a packet's stream, bytes of payload, and the payload's first four bytes."""
BEFORE_PAYLOAD = 8
STRETCH = 2
"""Times `Source.block_bytes` that a stretch may have."""
ROOM = 4
"""Times its bytes that the packets of a stretch may expand to: twice what events do."""
WORTH_CORES = 4
"""Stretches that a file must have for several cores to expand them."""
MOST_CORES = 4
"""More would wait for the one that copies the events: that takes a third of the time on one core."""


def begins_packet(source: Source, size: int, start: int) -> bool:
    """Whether a sound packet can have such a size and first bytes of payload."""
    return 0 < size <= source.limits.packet_bytes and start in (LZ4, ZSTANDARD, size - PREFIX)


class Ahead:
    """The stretches of a file one after the other, the next ones on their way.

    - `file`: unbuffered, and read at any position.
    - `wanted`: number of the stream whose packets are expanded; None for all.
    """

    def __init__(self, source: Source, file: FileIO, file_size: int, wanted: int | None) -> None:
        workers = min(cores(), MOST_CORES) if file_size >= WORTH_CORES * STRETCH * source.block_bytes else 1
        self._pool = ThreadPoolExecutor(workers - 1, "neuroact-expander") if workers > 1 else None
        self._file = file
        self._idle = [Stretch(source, wanted) for _ in range(workers + 1 if self._pool else 1)]
        self._waiting: deque[Stretch] = deque()
        self._current: Stretch | None = None
        self._next: int | None = None

    def stretch_at(self, position: int) -> Stretch:
        """The stretch that begins at `position`, ready; what the last call gave must not be used any more."""
        if self._current is not None:
            self._idle.append(self._current)
        if not self._waiting or self._waiting[0].start != position:
            self._forget()
            self._next = position
        while self._idle and self._next is not None:
            self._begin(self._idle.pop(), self._next)
        self._current = self._oldest()
        return self._current

    def close(self) -> None:
        """Ends the threads."""
        if self._pool:
            self._pool.shutdown(cancel_futures=True)

    def _begin(self, stretch: Stretch, position: int) -> None:
        """Has the packets from `position` on expanded. Where there is nothing to expand, the walk goes on alone."""
        stretch.read(self._file, position)
        stretch.job = self._pool.submit(stretch.expand) if self._pool else Future()
        self._waiting.append(stretch)
        self._next = stretch.stop if stretch.frames else None

    def _oldest(self) -> Stretch:
        stretch = self._waiting.popleft()
        while not stretch.job.done():
            idle = next((other for other in (stretch, *self._waiting) if other.job.cancel()), None)
            if idle is None:
                break
            idle.expand()
            idle.job = DONE
        stretch.job.result()
        return stretch

    def _forget(self) -> None:
        """Gives up what was begun, as the walk goes on elsewhere."""
        for stretch in self._waiting:
            if not stretch.job.cancel():
                stretch.job.result()
        self._idle += self._waiting
        self._waiting.clear()


class Stretch:
    """Consecutive packets and what they expand to. Its memory serves one stretch after the other.

    - `start`, `stop`: byte offset of the first packet, and of what follows the last; where no whole packet begins at
      `start`, all that was read lies between them.
    - `bytes`: of the file, from `start` on.
    - `frames`: where LZ4 frames begin and end in `bytes`, by their packets' byte offsets.
    - `expanded`: the FlatBuffers in the frames that turned out sound, by the same.
    - `job`: its expansion in another thread.
    """

    def __init__(self, source: Source, wanted: int | None) -> None:
        size = STRETCH * source.block_bytes
        self.start = self.stop = 0
        self.bytes = memoryview(b"")
        self.frames: dict[int, tuple[int, int]] = {}
        self.expanded: dict[int, memoryview] = {}
        self.job: Future[None] = DONE
        self._source = source
        self._wanted = wanted
        self._buffer = np.empty(size, np.uint8)
        self._room = np.empty(ROOM * size, np.uint8)
        found = library()
        self._expander = FrameExpander(found, self._buffer, self._room) if found else None

    def read(self, file: FileIO, start: int) -> None:
        """Reads the file from byte `start` on, and finds the whole packets.

        An error of the system's is left to the walk, which meets it again after the events before it.
        """
        self.frames.clear()
        self.expanded.clear()
        read = 0
        with suppress(OSError):
            file.seek(start)
            read = file.readinto(self._buffer.data) or 0
        self.bytes = self._buffer.data[:read]
        self.start, self.stop = start, start + len(self.bytes)
        place = 0
        while place + HEAD.size <= len(self.bytes):
            stream, size, begin = HEAD.unpack_from(self.bytes, place)
            after = place + BEFORE_PAYLOAD + size
            if not begins_packet(self._source, size, begin) or after > len(self.bytes):
                break
            if begin == LZ4 and self._wanted in (None, stream):
                self.frames[start + place] = place + BEFORE_PAYLOAD, after
            place = after
        if place:
            self.stop = start + place

    def expand(self) -> None:
        """Expands the frames; leaves out those that are in any way odd, or find no room."""
        if self._expander is None:
            return
        place = 0
        for offset, (begin, end) in self.frames.items():
            size = self._expander.expand(begin, end, place)
            if size is None or size < PREFIX or size > most_expanded(self._source.limits, end - begin):
                continue
            if PREFIX + UINT32.unpack_from(self._room.data, place)[0] == size:
                self.expanded[offset] = self._room.data[place : place + size]
                place += size


DONE: Future[None] = Future()
"""A job that was done in the caller's thread."""
DONE.set_result(None)
