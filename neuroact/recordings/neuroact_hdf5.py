"""neuroact's own files: four columns in HDF5, compressed with zstd, which DSEC's tools read too.

    /events/{t,x,y,p}   int64 µs relative to t_offset, uint16, uint16, uint8
    /t_offset           int64 µs, the first event's time
    /ms_to_idx          uint64, index of the first event at or past each millisecond since t_offset

Shuffling puts the bytes of equal weight side by side, so that the high bytes of t, which hardly change, take no room.
They are read by `neuroact.recordings.hdf5`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroact.events import Events

VERSION = 1
CHUNK = 1 << 16
"""Events per chunk: small enough for random access, large enough to compress well."""
LEVEL = 3
LONGEST_INDEX = 1 << 27
"""Milliseconds (37 h) beyond which `ms_to_idx` is left out: a leap in time would make it larger than the events."""
TYPES = {"t": np.int64, "x": np.uint16, "y": np.uint16, "p": np.uint8}


def write_neuroact_hdf5(path: Path, chunks: Iterable[Events], sensor_size: tuple[int, int]) -> None:
    """Writes events, given in pieces, to a new file at `path`. `sensor_size` is `(width, height)` in pixels."""
    import h5py
    import hdf5plugin

    options = {"shuffle": True, "chunks": (CHUNK,), "maxshape": (None,), **hdf5plugin.Zstd(clevel=LEVEL)}
    with h5py.File(path, "w", libver=("v110", "v110")) as file:
        width, height = sensor_size
        file.attrs.update({"format": "neuroact", "version": VERSION, "width": width, "height": height})
        columns = {
            name: _Column(file.create_dataset(f"events/{name}", (0,), dtype, **options))
            for name, dtype in TYPES.items()
        }
        index = _MillisecondIndex(_Column(file.create_dataset("ms_to_idx", (0,), np.uint64, **options)))
        origin: int | None = None
        has_polarity = True
        for chunk in chunks:
            if not len(chunk):
                continue
            has_polarity &= chunk.has_polarity
            if origin is None:
                origin = int(chunk.t[0])
            t = chunk.t - origin
            index.add(t)
            for name, values in (("t", t), ("x", chunk.x), ("y", chunk.y), ("p", chunk.p)):
                columns[name].add(values)
        for column in (*columns.values(), index.column):
            column.flush()
        file["t_offset"] = np.int64(origin or 0)
        file.attrs["has_polarity"] = int(has_polarity)
        if index.too_long:
            del file["ms_to_idx"]


class _Column:
    """A dataset that grows by whole chunks, each of which is compressed once."""

    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset
        self._pending = np.empty(dataset.chunks[0], dataset.dtype)
        self._held = 0
        self.written = 0

    def add(self, values: NDArray[Any]) -> None:
        while values.size:
            taken = min(values.size, self._pending.size - self._held)
            self._pending[self._held : self._held + taken] = values[:taken]
            self._held += taken
            values = values[taken:]
            if self._held == self._pending.size:
                self.flush()

    def flush(self) -> None:
        """Writes what is pending; after a part of a chunk, nothing may follow."""
        start, stop = self.written, self.written + self._held
        self._dataset.resize((stop,))
        self._dataset[start:stop] = self._pending[: self._held]
        self.written, self._held = stop, 0


class _MillisecondIndex:
    """DSEC's `ms_to_idx`: for every millisecond, the first event that reaches it. Late events do not count."""

    def __init__(self, column: _Column) -> None:
        self.column = column
        self.too_long = False
        self._known = 0
        """Milliseconds that have their entry."""
        self._events = 0

    def add(self, t: NDArray[np.int64]) -> None:
        """Takes the next events, in µs relative to the first."""
        latest = np.maximum.accumulate(t) // 1000
        last = int(latest[-1])
        self.too_long |= last >= LONGEST_INDEX
        if not self.too_long:
            while self._known <= last:
                stop = min(last + 1, self._known + CHUNK)
                first = np.searchsorted(latest, np.arange(self._known, stop))
                self.column.add((self._events + first).astype(np.uint64))
                self._known = stop
        self._events += t.size
