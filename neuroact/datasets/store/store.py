"""Store: the samples that `convert` wrote, one at a time and in any order."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import hdf5plugin  # noqa: F401  (importing it is what lets HDF5 read zstd and blosc2)
import numpy as np
from numpy.typing import NDArray

from neuroact.datasets.store.description import Description
from neuroact.datasets.store.layout import STORE_FILE
from neuroact.datasets.store.manifest import Record
from neuroact.datasets.store.reading import open_shard, read_description, read_manifest, read_records
from neuroact.datasets.store.request import ConvertRequest
from neuroact.errors import StoreError
from neuroact.events import Events

OPEN_FILES = 64
"""Most shards that a store keeps open in one process."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One sample of a store.

    - `data`: a tensor, or `Events` where events were kept.
    - `label`: index into `Store.classes`, or None.
    - `source`: name of the recording. `split`: `train`, `test`, ... or None.
    - `start`, `stop`: its window `start <= t < stop` in µs.
    """

    data: NDArray[Any] | Events
    label: int | None
    source: str
    split: str | None
    start: int
    stop: int


def open_store(path: str | os.PathLike[str]) -> Store:
    """Opens what `convert` wrote: a folder of shards or a single HDF5 file.

    Raises `StoreError` if it is not a store, of another layout, or not finished.
    """
    path = Path(path)
    if path.is_dir():
        if not (path / STORE_FILE).is_file():
            raise StoreError(f"{path}: not a converted store: it has no {STORE_FILE}")
        description = Description.parse((path / STORE_FILE).read_text(), path / STORE_FILE)
        records = read_manifest(path)
        shards: dict[str, int] = {}
        for record in records:
            for name, samples in record.shards.items():
                shards[name] = shards.get(name, 0) + samples
        return Store(path, description, records, {path / name: samples for name, samples in shards.items()})
    if not path.is_file():
        raise StoreError(f"{path}: no such store")
    with open_shard(path) as file:
        description, records = read_description(file, path), read_records(file, path)
    return Store(path, description, records, {path: sum(record.samples for record in records)})


class Store:
    """Samples in the order of their recordings and windows; made by `open_store`.

    - `request`: what was asked of `convert`.
    - `classes`: names of the classes; labels are indices into them.
    - `records`: what became of every recording.

    It may be copied to other processes, by fork or by pickle: each opens the files for itself when it first needs
    them, so a PyTorch `DataLoader` can take it as a dataset whatever its workers are. It is not for several threads.
    """

    def __init__(self, path: Path, description: Description, records: list[Record], shards: dict[Path, int]) -> None:
        self.path = path
        self.request: ConvertRequest = description.request
        self.classes = description.classes
        self.records = tuple(records)
        self._shards = tuple(shards)
        self._ends = tuple(accumulate(shards.values()))
        self._open: OrderedDict[int, _Shard] = OrderedDict()
        self._owner = os.getpid()
        self._inherited: OrderedDict[int, _Shard] | None = None

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __getitem__(self, index: int) -> Sample:
        """The sample of that index; negative ones count from the end. Raises `IndexError`, `StoreError`."""
        position = index + len(self) if index < 0 else index
        if not 0 <= position < len(self):
            raise IndexError(f"sample {index} of a store of {len(self)}")
        shard = bisect_right(self._ends, position)
        row = position - (self._ends[shard - 1] if shard else 0)
        try:
            return self._read(self._shard(shard), row)
        except (OSError, KeyError, ValueError, IndexError, RuntimeError) as error:
            raise StoreError(f"{self._shards[shard]}: sample {row} cannot be read ({error})") from error

    def __iter__(self) -> Iterator[Sample]:
        return (self[index] for index in range(len(self)))

    def __repr__(self) -> str:
        return (
            f"Store({str(self.path)!r}, {len(self)} samples of {self.request.to.kind}, {len(self.records)} recordings)"
        )

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_open": OrderedDict(), "_inherited": None}

    def close(self) -> None:
        """Closes the files that are open; they open again when they are needed."""
        while self._open:
            self._open.popitem()[1].close()

    def _shard(self, shard: int) -> _Shard:
        if self._owner != os.getpid():  # forked: the open files are the parent's, neither to be used nor closed here
            self._inherited, self._open, self._owner = self._open, OrderedDict(), os.getpid()
        if shard in self._open:
            self._open.move_to_end(shard)
            return self._open[shard]
        if len(self._open) >= OPEN_FILES:
            self._open.popitem(last=False)[1].close()
        opened = self._open[shard] = _Shard(self._shards[shard])
        return opened

    def _read(self, shard: _Shard, row: int) -> Sample:
        label = int(shard.label[row])
        record = self.records[int(shard.recording[row])]
        return Sample(
            shard.data(row),
            label if label >= 0 else None,
            record.source,
            record.split,
            int(shard.start[row]),
            int(shard.stop[row]),
        )


class _Shard:
    """An open shard: what describes its samples is in memory, the samples are not."""

    def __init__(self, path: Path) -> None:
        self._file = file = open_shard(path)
        self.recording, self.label, self.start, self.stop = (
            file[name][()] for name in ("recording", "label", "start", "stop")
        )
        self._samples = file.get("samples")
        if self._samples is None:
            self._columns = [file["events"][name] for name in "txyp"]
            self._offsets = file["events/offsets"][()]
            self._sensor_size = file["sensor_size"][()]

    def data(self, row: int) -> NDArray[Any] | Events:
        """The sample in that row."""
        if self._samples is not None:
            return np.asarray(self._samples[row])
        begin, end = self._offsets[row : row + 2]
        width, height = self._sensor_size[row]
        t, x, y, p = (np.asarray(column[begin:end]) for column in self._columns)
        return Events(t, x, y, p, (int(width), int(height)))

    def close(self) -> None:
        """Closes the file."""
        self._file.close()
