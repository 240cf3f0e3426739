"""Blocks of a file decoded side by side, each from a guess at the state before it.

What a word means depends on those before it: the time that has come to pass, the row that was chosen. But all of it
is said again within a few words, so running the kernel over the `lead_in` before a block gives the state at its start
- nearly always. Once the block before it is done, the guess is compared with the truth, and a block that began from a
wrong guess is decoded again. What is decoded is therefore the same as on one core, whatever the file holds.

    caller     block 0     lead-in, block 2     ...     in order: was the guess right? If not, decode it again
    a thread   lead-in, block 1     lead-in, block 3     ...

The caller takes the blocks in order, and decodes the next one that nobody works on rather than wait.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neuroact.recordings.columns import BATCH, Columns
from neuroact.recordings.reader import Decoder
from neuroact.recordings.report import Report

if TYPE_CHECKING:
    from neuroact.recordings.words import WordReader

ALIGNMENT = 120
"""Blocks have a multiple of so many bytes, which is one of every size of word and record."""
FILLED = 0.9
"""How full a block's columns should get; its size in bytes follows what the file showed so far."""
LARGEST = 4
"""Times `Source.block_bytes` that a block may have."""
COUNTERS = 3
"""Fields of a state that do not bear on what is decoded: `last`, `backward`, `largest`, the first of `words.CLOCK`."""


class AheadDecoder(Decoder):
    """Runs a `WordReader`'s kernel over its file in several threads."""

    def __init__(self, reader: WordReader, report: Report, cores: int) -> None:
        self._reader = reader
        self._report = report
        self._size = reader.source.path.stat().st_size
        self._state = reader.initial_state()
        self._tally = reader.new_tally()
        self._pool = ThreadPoolExecutor(cores - 1, "neuroact-decoder")
        self._blocks = [Block(reader) for _ in range(cores + 1)]
        self._waiting: deque[Block] = deque()
        self._current: Block | None = None
        self._next = reader.payload
        self._bytes_per_event = float(reader.event_bytes)
        for block in self._blocks:
            self._begin(block)

    def fill(self, columns: Columns) -> bool:
        block = self._current or self._oldest()
        self._report.events -= columns.size
        block.move_to(columns)
        self._report.events += columns.size
        self._current = None if block.is_empty else block
        if block.is_empty:
            self._account(block)
            if block.final:
                self._finish(block)
                return False
            self._begin(block)
        self._reader.tell(self._report, self._state, self._tally)
        return True

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)
        for block in self._blocks:
            block.close()

    def _begin(self, block: Block) -> None:
        """Has the next stretch of the file decoded, if there is one."""
        if self._next >= self._size:
            return
        size = min(FILLED * BATCH * self._bytes_per_event, LARGEST * self._reader.source.block_bytes)
        size = max(int(size) // ALIGNMENT, 1) * ALIGNMENT
        block.assign(self._next, size, self._next + size >= self._size, self._state)
        block.job = self._pool.submit(block.decode)
        self._waiting.append(block)
        self._next += size

    def _oldest(self) -> Block:
        """The next block of the file, decoded from the true state before it."""
        block = self._waiting.popleft()
        while not block.job.done():
            idle = next((other for other in (block, *self._waiting) if other.job.cancel()), None)
            if idle is None:
                break
            idle.decode_here()
        block.job.result()
        if not block.began_at(self._state):
            block.decode_from(self._state)
        return block

    def _account(self, block: Block) -> None:
        """Goes on to the state after `block`, and adds what it counted."""
        last, backward, largest, *_ = self._state[0].item()
        own_last, own_backward, own_largest, *decoding = block.state[0].item()
        if block.events:
            step = last - block.first
            backward, largest, last = backward + (step > 0), max(largest, step), own_last
            self._bytes_per_event = block.bytes / block.events
        self._state[:] = (last, backward + own_backward, max(largest, own_largest), *decoding)
        if block.tally["count"].any():
            new = (self._tally["count"] == 0) & (block.tally["count"] > 0)
            self._tally["first"][new] = block.tally["first"][new]
            self._tally["count"] += block.tally["count"]

    def _finish(self, block: Block) -> None:
        reader, report = self._reader, self._report
        reader.tell(report, self._state, self._tally)
        reader.conclude(self._state, report)
        report.truncated_at = block.torn_at
        self.close()


class Block:
    """A stretch of the file on its way to events. Its memory serves one stretch after the other.

    - `state`: after its last word so far; counts what this block met alone, as `tally` does.
    - `events`: how many it gave so far, `first` the time of the first.
    - `final`: whether the file ends with it.
    - `job`: its decoding, here or in another thread; an error stays with it until its events are due.
    """

    def __init__(self, reader: WordReader) -> None:
        self.state = reader.initial_state()
        self.tally = reader.new_tally()
        self.job: Future[None] = Future()
        self.events = self.first = 0
        self.final = False
        self._reader = reader
        self._kernel = reader.suited_kernel
        self._file = reader.open()
        self._buffer = self._bytes = np.empty(0, np.uint8)
        self._start = self._size = self._used = self._moved = 0
        self._fresh = self._begin = self.state[0].item()
        self._columns = Columns(BATCH + reader.margin)
        self._exhausted = True

    def assign(self, start: int, size: int, final: bool, state: NDArray[np.void]) -> None:
        """What to decode: `size` bytes from byte `start` on; `state` is from anywhere before them.

        `final`: whether the file ends with them. It does too if it has become shorter.
        """
        self._start, self._size, self.final = start, size, final
        self.state[:] = state

    def decode(self) -> None:
        """Reads the bytes and decodes them, from a guess at the state before them."""
        start = self._start
        lead_in = min(self._reader.lead_in, start - self._reader.payload)
        data = self._read(start - lead_in, lead_in + self._size)
        self._start, self._used, self._bytes = start - lead_in, 0, data[:lead_in]
        while self._used < lead_in < data.size:  # not if the file has become so short that nothing follows
            self._columns.size = 0
            self._run()
        self._start, self._bytes = start, data[lead_in:]
        self.final |= data.size < lead_in + self._size
        self.decode_from(self.state)

    def decode_here(self) -> None:
        """The same in the caller's thread."""
        self.job = Future()
        try:
            self.decode()
        except OSError as error:
            self.job.set_exception(error)
        else:
            self.job.set_result(None)

    def decode_from(self, state: NDArray[np.void]) -> None:
        """Decodes the bytes, if need be again; `state` is the one right before them."""
        self._begin = (*self._fresh[:COUNTERS], *state[0].item()[COUNTERS:])
        self.state[:] = self._begin
        self.tally[:] = 0
        self.events = self._used = 0
        self._decode_more()
        self.first = int(self._columns.t[0])

    def began_at(self, state: NDArray[np.void]) -> bool:
        """Whether the events are those that follow `state`."""
        return bool(self._begin[COUNTERS:] == state[0].item()[COUNTERS:])

    def move_to(self, columns: Columns) -> None:
        """Hands over as many events as fit; arrays of the same size change places, which spares the copying."""
        if columns.size or self._moved or columns.capacity != self._columns.capacity:
            self._moved += columns.take(self._columns, self._moved)
        else:
            columns.swap(self._columns)
        if self._moved == self._columns.size and not self._exhausted:
            self._decode_more()

    def close(self) -> None:
        """Lets go of the file."""
        self._file.close()

    @property
    def is_empty(self) -> bool:
        """Whether all events were handed over."""
        return self._exhausted and self._moved == self._columns.size

    @property
    def bytes(self) -> int:
        """How many of the file it has."""
        return self._bytes.size

    @property
    def torn_at(self) -> int | None:
        """Byte offset of the record that the end of the file cuts, or None."""
        return self._start + self._used if self._used < self._bytes.size else None

    def _decode_more(self) -> None:
        """Decodes until the columns are full or the bytes at their end."""
        self._columns.size = self._moved = 0
        self._run()
        self._exhausted = self._columns.room >= self._reader.margin
        self.events += self._columns.size

    def _run(self) -> None:
        reader, columns = self._reader, self._columns
        width = reader.word.itemsize
        words = self._bytes[self._used : self._used + (self._bytes.size - self._used) // width * width]
        used, size = self._kernel(
            words.view(reader.word), self.final, self.state, self.tally, self._start + self._used, *reader.bounds,
            columns.t, columns.x, columns.y, columns.p, columns.size, *reader.tables,
        )  # fmt: skip
        self._used += int(used) * width
        columns.size = int(size)

    def _read(self, start: int, size: int) -> NDArray[np.uint8]:
        """So many bytes of the file, or as many as it still has."""
        if self._buffer.size < size:
            self._buffer = np.empty(size, np.uint8)
        self._file.seek(start)
        read = 0
        while read < size and (more := self._file.readinto(self._buffer[read:size].data)):
            read += more
        return self._buffer[:read]
