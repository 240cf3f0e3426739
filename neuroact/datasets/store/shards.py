"""Where samples go: shards that are whole or absent, each begun when the one before is full."""

from __future__ import annotations

import errno
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from neuroact.atomic import whole_file
from neuroact.datasets.store.request import ConvertRequest
from neuroact.datasets.store.shard_files import COLUMNS, EventFile, Origin, ShardFile, TensorFile
from neuroact.encoders.base import Accumulator
from neuroact.encoders.configs import Encoder
from neuroact.encoders.window import Window
from neuroact.errors import EncodingError, NeuroactError, StoreError
from neuroact.events import Events

SHARD_SAMPLES = 512
SHARD_BYTES = 1 << 30
"""Uncompressed: a shard of large tensors ends here before it has `SHARD_SAMPLES`."""
LARGEST_SAMPLE = (1 << 31) - (1 << 20)
"""In bytes: blosc2 takes chunks up to this size."""

F = TypeVar("F", bound=ShardFile)


class Shards:
    """The shards of one group of recordings: `name(0)`, `name(1)`, ...; with `whole`, one file however many samples.

    Used as a context: after an error, the shard that was under way is gone.
    """

    def __init__(self, name: Callable[[int], Path], request: ConvertRequest, *, whole: bool = False) -> None:
        self.request = request
        self.file: ShardFile | None = None
        """The shard under way."""
        self.samples: dict[str, int] = {}
        """How many samples went to which shard since this was last cleared."""
        self._name = name
        self._whole = whole
        self._begun = 0
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.__exit__(kind, error, at)

    def tensors(self, encoder: Encoder, shape: tuple[int, ...]) -> TensorFile:
        """A shard for one more tensor of that shape."""
        file = self.file
        if isinstance(file, TensorFile) and file.shape == shape and not self._full(file):
            return file
        return self._begin(lambda path: TensorFile(path, self.request.compression, shape, encoder.dtype))

    def events(self) -> EventFile:
        """A shard for one more sample of events."""
        file = self.file
        if isinstance(file, EventFile) and not self._full(file):
            return file
        return self._begin(lambda path: EventFile(path, self.request.compression))

    def count(self) -> None:
        """Notes that the shard under way has one sample more."""
        name = self._name(self._begun - 1).name
        self.samples[name] = self.samples.get(name, 0) + 1

    def _full(self, file: ShardFile) -> bool:
        return not self._whole and (len(file) >= SHARD_SAMPLES or file.size >= SHARD_BYTES)

    def _begin(self, make: Callable[[Path], F]) -> F:
        self._stack.close()
        self.file = file = self._stack.enter_context(_shard(self._name(self._begun), make))
        self._begun += 1
        return file


@contextmanager
def _shard(path: Path, make: Callable[[Path], F]) -> Iterator[F]:
    """A file that is finished and renamed to `path` when the block ends well. Raises `StoreError`."""
    with explained(path), whole_file(path) as temporary:
        file = make(temporary)
        try:
            yield file
            file.finish()
        finally:
            file.close()


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turns the system's refusal to write into a `StoreError`."""
    try:
        yield
    except OSError as error:
        if isinstance(error, NeuroactError):
            raise
        reason = "the disk is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else error.strerror or str(error)
        raise StoreError(f"{path}: cannot be written: {reason}; nothing half-written was left") from error


class TensorSink:
    """Encodes each window of one recording to a tensor."""

    def __init__(self, shards: Shards, encoder: Encoder, origin: Origin) -> None:
        self._shards = shards
        self._encoder = encoder
        self._origin = origin

    def open(self, window: Window) -> Accumulator:
        """Begins a tensor. Raises `EncodingError` if it would be larger than a store holds."""
        shape = self._encoder.shape(self._origin.sensor_size, window)
        size = self._encoder.dtype.itemsize
        for side in shape:
            size *= side
        if size > LARGEST_SAMPLE:
            raise EncodingError(f"a sample of shape {shape} takes {size} bytes; at most {LARGEST_SAMPLE} can be stored")
        return self._encoder.accumulator(self._origin.sensor_size, window)

    def close(self, window: Window, taken: Accumulator) -> None:
        """Writes a tensor."""
        tensor = taken.result()
        self._shards.tensors(self._encoder, tensor.shape).append(tensor, window, self._origin)
        self._shards.count()


class EventSink:
    """Keeps the events of each window of one recording.

    Those of the oldest open window go straight to the shard; the others wait for their turn. So a window of any
    length takes no memory, as long as it does not overlap the next.
    """

    def __init__(self, shards: Shards, origin: Origin) -> None:
        self._shards = shards
        self._origin = origin
        self._open: deque[EventSample] = deque()

    def open(self, window: Window | None = None) -> EventSample:
        """Begins a sample; its window may be known only when it is closed."""
        sample = EventSample()
        self._open.append(sample)
        if len(self._open) == 1:
            sample.begin(self._shards)
        return sample

    def close(self, window: Window, taken: EventSample) -> None:
        """Completes the oldest sample."""
        self._open.popleft().begin(self._shards).end(window, self._origin)
        self._shards.count()
        if self._open:
            self._open[0].begin(self._shards)


class EventSample:
    """The events of one window: waiting, and once it has begun, on their way to a shard."""

    def __init__(self) -> None:
        self._file: EventFile | None = None
        self._waiting: list[Events] = []

    def begin(self, shards: Shards) -> EventFile:
        """Sends what waits, and from now on everything, to a shard."""
        if self._file is None:
            self._file = shards.events()
            for events in self._waiting:
                self._file.append(events)
            self._waiting.clear()
        return self._file

    def add(self, events: Events) -> None:
        """Takes the next events of the window."""
        if self._file is not None:
            self._file.append(events)
        else:  # copies, for a view would keep all of its chunk in memory
            self._waiting.append(events.replace(**{name: getattr(events, name).copy() for name in COLUMNS}))
