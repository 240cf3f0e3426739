"""Formats that are a header followed by a stream of words: EVT, DAT, AEDAT 1 and 2, ES, N-MNIST.

A format brings a kernel: a loop over the bytes of one block that keeps everything it must remember in a one-record
state array, so a file may be cut into blocks anywhere and gives the same events.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from neuroact.cores import cores
from neuroact.errors import RecordingNotFound
from neuroact.jit import Loop, always_compiled, part
from neuroact.recordings.ahead import ALIGNMENT, AheadDecoder
from neuroact.recordings.columns import Columns
from neuroact.recordings.reader import Decoder, Reader
from neuroact.recordings.report import Report

Kernel = Callable[..., tuple[Any, Any]]
"""`kernel(words, final, state, tally, offset, width, height, t, x, y, p, size) -> (words used, new size)`

- `words`: the block, as `WordReader.word` says. `offset`: byte offset of its first word in the file.
- `final`: whether the file ends with this block, so that no more bytes come to complete a record.
- `state`: `(1,)` record array with at least the fields of `CLOCK`.
- `tally`: `(reasons,)` record array with `count` and `first`, in the order of `WordReader.reasons`.
- `t, x, y, p, size`: the columns and how many events they hold. The kernel stops where a word might not fit.
"""

CLOCK = [("last", "i8"), ("backward", "i8"), ("largest", "i8"), ("wraps", "i8")]
"""What every kernel keeps: time of the last event, steps back, the largest of them, overflows of the clock."""
TALLY = np.dtype([("count", "i8"), ("first", "i8")])
SMALL_FILE = 1 << 16
"""Below this many bytes the kernel runs as plain Python, which is quicker than to load its machine code."""
SMALL_BLOCK = 1 << 12
"""Bytes that are read at a time at least, but where blocks are to be smaller: a file may grow while it is read."""
LEAD_IN = 128 * ALIGNMENT
"""Bytes within which Prophesee's formats nearly always say all that bears on the words after them."""
WORTH_CORES = 4
"""Blocks that a file must have for several cores to decode it."""
MOST_CORES = 8
"""More would wait for the one that takes the blocks in order."""
GROUP = 32
"""Events that kernels convert at once, by vector instructions, where none of them is in any way special."""
Integer = int | np.integer[Any]
EARLIEST = np.iinfo(np.int64).min


@part
def count(tally: Any, entry: int, amount: Integer, offset: Integer) -> None:
    """Adds to an entry of the tally; `offset` is the byte where it happened."""
    if tally[entry]["count"] == 0:
        tally[entry]["first"] = offset
    tally[entry]["count"] += amount


@part
def step_back(state: Any, step: Integer) -> None:
    """Notes that an event is `step` µs older than the one before it."""
    state[0]["backward"] += 1
    state[0]["largest"] = max(state[0]["largest"], step)


class WordReader(Reader):
    """A header, then words to the end of the file. Subclasses read the header and name their kernel."""

    kernel: ClassVar[Loop[..., tuple[Any, Any]]]
    tables: ClassVar[tuple[NDArray[Any], ...]] = ()
    """Constant arrays that the kernel takes as last arguments."""
    word: ClassVar[np.dtype[Any]]
    event_bytes: ClassVar[int] = 8
    """How much of the file an event takes, or a little less."""
    lead_in: ClassVar[int] = 0
    """Bytes that nearly always tell the state after them, a multiple of `ALIGNMENT`: what several cores need.

    0 if nothing less than all bytes before tells it, or if records differ in size.
    """
    state: ClassVar[np.dtype[Any]]
    dropped: ClassVar[tuple[str, ...]] = ("events outside the sensor",)
    """Reasons of damage, the first entries of the kernel's tally."""
    skipped: ClassVar[tuple[str, ...]] = ()
    """Kinds of sound content that is not an event, the entries after them."""
    payload: int
    """Byte offset of the first word."""

    @abstractmethod
    def initial_state(self) -> NDArray[np.void]:
        """A `(1,)` array of `state`, as before the first word."""

    def unfinished(self, state: NDArray[np.void]) -> int | None:
        """Byte offset of the record that `state` is in the middle of, for kernels that take records in parts."""
        return None

    def conclude(self, state: NDArray[np.void], report: Report) -> None:
        """Tells `report` what only this format knows once the last word is read."""

    @property
    def expected_events(self) -> int:
        return self.source.path.stat().st_size // self.event_bytes

    @property
    def suited_kernel(self) -> Kernel:
        """The kernel, compiled unless the file is small."""
        small = self.source.path.stat().st_size < SMALL_FILE and not always_compiled()
        return self.kernel.plain if small else self.kernel

    def decoder(self, report: Report) -> Decoder:
        blocks = (self.source.path.stat().st_size - self.payload) // self.source.block_bytes
        if self.lead_in and blocks >= WORTH_CORES and cores() > 1:
            return AheadDecoder(self, report, min(cores(), MOST_CORES))
        return WordDecoder(self, report)

    def open(self) -> FileIO:
        """The file at its first word. Raises `RecordingNotFound`."""
        file = open_binary(self.source.path)
        file.seek(self.payload)
        return file

    def tell(self, report: Report, state: NDArray[np.void], tally: NDArray[np.void], *, located: bool = True) -> None:
        """Brings `report` up to date with a kernel's `state` and `tally`, and clears the tally.

        `located`: whether offsets in the tally are offsets in the file.
        """
        for index in tally["count"].nonzero()[0]:
            tell = report.drop if index < len(self.dropped) else report.skip
            number, first = tally[index].item()
            tell((self.dropped + self.skipped)[index], number, first if located else None)
        tally["count"] = 0
        _, report.backward_steps, report.largest_backward_step, report.wraps, *_ = state[0].item()

    def new_state(self, **values: int) -> NDArray[np.void]:
        """Zeros but for `values`, and no event so far."""
        state = np.zeros(1, self.state)
        state[0]["last"] = EARLIEST
        for name, value in values.items():
            state[0][name] = value
        return state

    def new_tally(self) -> NDArray[np.void]:
        """Nothing met so far."""
        return np.zeros(len(self.dropped) + len(self.skipped), TALLY)


class ByteStream(Protocol):
    """Where words come from: the file itself, or what a container holds, such as the messages of a bag end to end."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Fills the start of `buffer` and returns how many bytes it wrote; none at the end."""

    def close(self) -> None:
        """Lets go of the file."""


class WordDecoder(Decoder):
    """Runs a `WordReader`'s kernel over the file, or over `stream`, block by block.

    Positions in a stream are not positions in the file, so what is met there is reported without an offset.
    """

    def __init__(self, reader: WordReader, report: Report, stream: ByteStream | None = None) -> None:
        self._reader = reader
        self._report = report
        self._file: ByteStream = stream or reader.open()
        self._has_offsets = stream is None
        self._kernel = reader.suited_kernel
        self._word = reader.word.itemsize
        held = reader.source.block_bytes if stream else reader.source.path.stat().st_size - reader.payload
        self._block = max(64, min(reader.source.block_bytes, max(held, SMALL_BLOCK)))
        self._buffer = np.empty(self._block + 64, np.uint8)
        self._start = self._stop = 0
        self._offset = reader.payload
        self._state = reader.initial_state()
        self._tally = reader.new_tally()
        self._final = False

    def fill(self, columns: Columns) -> bool:
        reader = self._reader
        width, height = reader.bounds
        while columns.room >= reader.margin:
            whole = (self._stop - self._start) // self._word
            words = self._buffer[self._start : self._start + whole * self._word].view(reader.word)
            used, size = self._kernel(
                words, self._final, self._state, self._tally, self._offset, width, height,
                columns.t, columns.x, columns.y, columns.p, columns.size, *reader.tables,
            )  # fmt: skip
            self._report.events += int(size) - columns.size
            columns.size = int(size)
            self._start += int(used) * self._word
            self._offset += int(used) * self._word
            if columns.room < reader.margin:
                break
            if self._final:
                self._finish()
                return False
            self._refill()
        self._tell()
        return True

    def _refill(self) -> None:
        """Moves the unread rest to the front and reads behind it; a short read marks the end of the file."""
        rest = self._stop - self._start
        self._buffer[:rest] = self._buffer[self._start : self._stop].copy()
        self._start, self._stop = 0, rest
        read = self._file.readinto(self._buffer[rest : rest + self._block].data)
        self._stop += read or 0
        self._final = not read

    def _finish(self) -> None:
        self._tell()
        self._reader.conclude(self._state, self._report)
        unfinished = self._reader.unfinished(self._state)
        if self._start != self._stop:
            unfinished = self._offset
        if self._has_offsets:
            self._report.truncated_at = unfinished
        self.close()

    def _tell(self) -> None:
        self._reader.tell(self._report, self._state, self._tally, located=self._has_offsets)

    def close(self) -> None:
        self._file.close()


def open_binary(path: Path) -> FileIO:
    """Opens a file unbuffered. Raises `RecordingNotFound` with the system's reason."""
    try:
        return path.open("rb", buffering=0)
    except OSError as error:
        raise RecordingNotFound(path, error.strerror or str(error)) from error
