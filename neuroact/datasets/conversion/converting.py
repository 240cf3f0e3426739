"""convert: raw recordings to a store."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Unpack

from neuroact.cores import granted
from neuroact.datasets.conversion.folder_store import Engine, convert_folder
from neuroact.datasets.conversion.group import convert_group
from neuroact.datasets.conversion.single_store import convert_single
from neuroact.datasets.conversion.supervisor import supervise
from neuroact.datasets.conversion.watching import Silent, Watcher
from neuroact.datasets.sources import collect
from neuroact.datasets.store.manifest import Record
from neuroact.datasets.store.request import ConvertRequest, Settings

PathLike = str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class Converted:
    """What a conversion left.

    - `path`: the store. `records`: one for each recording, in order.
    - `finished_before`: how many of them earlier runs had finished.
    """

    path: Path
    records: tuple[Record, ...]
    finished_before: int

    @property
    def sound(self) -> bool:
        """Whether nothing was lost."""
        return all(record.sound for record in self.records)

    @property
    def bytes(self) -> int:
        """What the store takes on the disk."""
        files = [self.path] if self.path.is_file() else self.path.iterdir()
        return sum(file.stat().st_size for file in files)

    def to_json(self) -> dict[str, object]:
        """Plain values for `json.dumps`."""
        return {
            "path": str(self.path),
            "bytes": self.bytes,
            "samples": sum(record.samples for record in self.records),
            "finished_before": self.finished_before,
            "records": [record.to_json() for record in self.records],
        }


def convert(
    sources: PathLike | Sequence[PathLike],
    out: PathLike,
    *,
    jobs: int | None = None,
    dask: str | None = None,
    resume: bool = False,
    watcher: Watcher | None = None,
    **settings: Unpack[Settings],
) -> Converted:
    """Converts recordings to samples that `open_store` reads.

        convert("recordings", "store", to="voxel", window=50_000)

    - `sources`: recordings, folders, globs, lists (`@FILE`) or data sets (`NAME:ROOT`, see `neuroact datasets list`).
    - `out`: for one recording named by its path, an HDF5 file; otherwise a folder of shards.
    - `settings`: what samples become, from which windows and after which filters; see `ConvertRequest`.
    - `jobs`: worker processes for a folder; by default one per processor. They load the main script anew, so a script
      calls this under `if __name__ == "__main__":`.
    - `dask`: address of a Dask scheduler whose workers convert instead. They must see the same files.
    - `resume`: insist that `out` was begun before. An interrupted conversion is continued in any case, and a finished
      one left alone; what they leave is the same, byte for byte, as if it had never been interrupted.
    - `watcher`: told how far it is.

    A damaged recording never stops the others: its record says what was lost.

    Raises `StoreError` if `out` cannot be written or holds the answer to another request, `RecordingNotFound` or
    `DatasetError` if there is nothing to convert, `RecordingError` or `EncodingError` if a single recording gives
    nothing, `MissingExtra` if Dask is not installed, `ValueError` for settings that contradict each other.
    """
    request, out, watcher = ConvertRequest.of(settings), Path(out), watcher or Silent()
    collection = collect(arguments(sources), out=out)
    if collection.single:
        records, before = convert_single(collection, out, request, watcher, resume=resume)
        return Converted(out, tuple(records), before)
    engine: Engine = partial(supervise, work=convert_group, jobs=jobs or granted(), watch=watcher.update)
    if dask is not None:
        from neuroact.datasets.conversion.dask_engine import convert_on_dask

        engine = partial(convert_on_dask, address=dask, at_home=engine, watch=watcher.update)
    records, before = convert_folder(collection, out, request, engine, watcher, resume=resume)
    return Converted(out, tuple(records), before)


def arguments(sources: PathLike | Sequence[PathLike]) -> list[PathLike]:
    """One source as a list of one."""
    return [sources] if isinstance(sources, str | os.PathLike) else list(sources)
