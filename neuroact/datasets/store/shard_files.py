"""Shards: HDF5 files of samples, the same bytes for the same samples.

samples            (n, *shape)   tensors, a chunk each; or instead of it
events/t, x, y, p  (events,)     the columns of all samples, one after the other
events/offsets     (n + 1,)      sample i is events[offsets[i]:offsets[i + 1]]
sensor_size        (n, 2)        width, height
recording          (n,)          index of the source, as in the manifest
label              (n,)          index into the store's classes, -1 where unknown
start, stop        (n,)          the window in µs, `start <= t < stop`
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import numpy as np
from numpy.typing import NDArray

from neuroact.datasets.store.disk_file import DiskFile
from neuroact.datasets.store.request import Compression
from neuroact.encoders.window import Window
from neuroact.events import Events
from neuroact.recordings.columns import Columns

EVENTS_PER_CHUNK = 1 << 14
"""Small chunks: to load one sample, no more than this is decompressed on either side of it."""
BUFFERED_EVENTS = 1 << 17
EVENT_BYTES = 13
WRITTEN_ASIDE = 1 << 20
"""Bytes. A tensor as large as this is written while the next one is encoded."""
FILTERS: dict[Compression, dict[str, Any]] = {
    "zstd": {"shuffle": True, **hdf5plugin.Zstd(clevel=3)},
    "blosc2": dict(hdf5plugin.Blosc2(cname="lz4", clevel=5, filters=hdf5plugin.Blosc2.SHUFFLE)),
    "gzip": {"shuffle": True, "compression": "gzip", "compression_opts": 4},
    "none": {},
}
COLUMNS = {"t": np.int64, "x": np.uint16, "y": np.uint16, "p": np.uint8}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where samples come from: index and label of the recording, and the size of its sensor after filters."""

    recording: int
    label: int | None
    sensor_size: tuple[int, int]


class ShardFile:
    """One HDF5 file under construction. Whatever it is asked to write may raise `OSError`."""

    def __init__(self, path: Path, compression: Compression) -> None:
        self.size = 0
        """Of the samples in bytes, uncompressed."""
        self._filters = FILTERS[compression]
        self._rows: list[tuple[int, ...]] = []
        # A fixed version of the file format and no times: the bytes depend on nothing but the samples.
        self._disk = DiskFile(path)
        self._file = h5py.File(self._disk, "w", libver=("v110", "v110"))

    def __len__(self) -> int:
        return len(self._rows)

    def note(self, window: Window, origin: Origin) -> None:
        """Completes a sample."""
        label = -1 if origin.label is None else origin.label
        self._rows.append((origin.recording, label, window.start, window.stop, *origin.sensor_size))

    def text(self, name: str, content: str) -> None:
        """Adds a text, as UTF-8 bytes."""
        self._file.create_dataset(name, data=np.frombuffer(content.encode(), np.uint8), track_times=False)

    def finish(self) -> None:
        """Writes what describes the samples and closes the file."""
        rows = np.array(self._rows, np.int64).reshape(len(self._rows), 6)
        for column, name in enumerate(("recording", "label", "start", "stop")):
            self._file.create_dataset(name, data=rows[:, column], track_times=False)
        self._file.create_dataset("sensor_size", data=rows[:, 4:].astype(np.uint16), track_times=False)
        self._file.close()
        self._disk.close()
        self._disk.check()

    def close(self) -> None:
        """Lets go of the file, finished or not."""
        self._file.close()
        self._disk.close()


class TensorFile(ShardFile):
    """Samples of one shape and type."""

    def __init__(self, path: Path, compression: Compression, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        super().__init__(path, compression)
        self.shape = shape
        self._samples = self._file.create_dataset(
            "samples", (0, *shape), dtype, maxshape=(None, *shape), chunks=(1, *shape), track_times=False,
            **self._filters,
        )  # fmt: skip
        self._writer = ThreadPoolExecutor(1)
        self._writing: Future[None] | None = None

    def append(self, tensor: NDArray[Any], window: Window, origin: Origin) -> None:
        """Adds a sample. `tensor` must not change afterwards: a large one may still be on its way to the disk."""
        self._wait()
        index = len(self)
        self.note(window, origin)
        self.size += tensor.nbytes
        if tensor.nbytes < WRITTEN_ASIDE:
            self._write(index, tensor)
        else:
            self._writing = self._writer.submit(self._write, index, tensor)

    def finish(self) -> None:
        self._wait()
        super().finish()

    def close(self) -> None:
        self._writer.shutdown()
        super().close()

    def _wait(self) -> None:
        """Until the sample before is written, or could not be."""
        if self._writing is not None:
            writing, self._writing = self._writing, None
            writing.result()

    def _write(self, index: int, tensor: NDArray[Any]) -> None:
        self._samples.resize(index + 1, axis=0)
        if self._filters:
            self._samples[index] = tensor
        else:
            self._samples.id.write_direct_chunk((index, *[0] * tensor.ndim), np.ascontiguousarray(tensor))
        self._disk.check()


class EventFile(ShardFile):
    """Samples of any number of events."""

    shape: tuple[int, ...] = ()

    def __init__(self, path: Path, compression: Compression) -> None:
        super().__init__(path, compression)
        group = self._file.create_group("events")
        self._columns = {
            name: group.create_dataset(
                name, (0,), dtype, maxshape=(None,), chunks=(EVENTS_PER_CHUNK,), track_times=False, **self._filters
            )
            for name, dtype in COLUMNS.items()
        }
        self._offsets = [0]
        self._waiting = Columns(2 * BUFFERED_EVENTS)
        self._written = 0

    def append(self, events: Events) -> None:
        """Adds events to the sample under way."""
        waiting = self._waiting
        for begin in range(0, len(events), BUFFERED_EVENTS):
            part = events[begin : begin + BUFFERED_EVENTS]
            if len(part) > waiting.room:
                self._flush(waiting.size // EVENTS_PER_CHUNK * EVENTS_PER_CHUNK)
            waiting.append(part.t, part.x, part.y, part.p)
        self.size += EVENT_BYTES * len(events)

    def end(self, window: Window, origin: Origin) -> None:
        """Completes the sample under way."""
        self._offsets.append(self._written + self._waiting.size)
        self.note(window, origin)

    def finish(self) -> None:
        self._flush(self._waiting.size)
        self._file.create_dataset("events/offsets", data=np.array(self._offsets, np.int64), track_times=False)
        super().finish()

    def _flush(self, count: int) -> None:
        """Writes the first `count` of the waiting events."""
        waiting, rest = self._waiting, self._waiting.size - count
        for name, dataset in self._columns.items():
            column = getattr(waiting, name)
            dataset.resize(self._written + count, axis=0)
            dataset[self._written :] = column[:count]
            column[:rest] = column[count : waiting.size].copy()
        waiting.size = rest
        self._written += count
        self._disk.check()
