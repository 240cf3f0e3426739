"""convert: raw recordings to a store."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from neuroact.datasets.folder_store import Engine, convert_folder
from neuroact.datasets.group import convert_group
from neuroact.datasets.manifest import Record
from neuroact.datasets.request import KINDS, Compression, ConvertRequest, Target
from neuroact.datasets.single_store import convert_single
from neuroact.datasets.sources import collect
from neuroact.datasets.supervisor import supervise
from neuroact.datasets.watching import Silent, Watcher

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


def convert(
    sources: PathLike | Sequence[PathLike],
    out: PathLike,
    *,
    to: str | Target = "events",
    window: int | None = None,
    stride: int | None = None,
    windows: int | None = None,
    filters: Sequence[Any] = (),
    time_origin: Literal["camera", "zero"] = "camera",
    compression: Compression | None = None,
    sensor_size: tuple[int, int] | None = None,
    format: str | None = None,
    raise_limits: int = 1,
    jobs: int | None = None,
    resume: bool = False,
    watcher: Watcher | None = None,
) -> Converted:
    """Converts recordings to samples that `open_store` reads.

    - `sources`: recordings, folders, globs, lists (`@FILE`) or data sets (`nmnist:ROOT`).
    - `out`: for one recording named by its path, an HDF5 file; otherwise a folder of shards.
    - `to`: `events` as they are, or an encoding: `voxel`, `frames`, `surface`, `points`, `spikes`, or a configuration
      of one, such as `VoxelConfig(bins=10)`.
    - `window`, `stride`: µs; or `windows`: this many equal ones. With neither, each recording is one sample.
    - `filters`, `time_origin`, `compression`, `sensor_size`, `format`, `raise_limits`: see `ConvertRequest`.
    - `jobs`: worker processes for a folder; by default one per processor. They load the main script anew, so a script
      calls this under `if __name__ == "__main__":`.
    - `resume`: insist that `out` was begun before. An interrupted conversion is continued in any case, and a finished
      one left alone; what they leave is the same, byte for byte, as if it had never been interrupted.
    - `watcher`: told how far it is.

    A damaged recording never stops the others: its record says what was lost.

    Raises `StoreError` if `out` cannot be written or holds the answer to another request, `RecordingNotFound` or
    `DatasetError` if there is nothing to convert, `RecordingError` or `EncodingError` if a single recording gives
    nothing, `ValueError` for settings that contradict each other.
    """
    request = ConvertRequest(
        to=KINDS[to] if isinstance(to, str) else to,
        window=window,
        stride=stride,
        windows=windows,
        filters=tuple(filters),
        time_origin=time_origin,
        compression=compression,  # type: ignore[arg-type]
        sensor_size=sensor_size,
        format=format,
        raise_limits=raise_limits,
    )
    out = Path(out)
    arguments = [sources] if isinstance(sources, str | os.PathLike) else list(sources)
    collection = collect(arguments, out=out)
    watcher = watcher or Silent()
    if collection.single:
        records, before = convert_single(collection, out, request, watcher, resume=resume)
    else:
        engine: Engine = partial(supervise, work=convert_group, jobs=jobs or processors(), watch=watcher.update)
        records, before = convert_folder(collection, out, request, engine, watcher, resume=resume)
    return Converted(out, tuple(records), before)


def processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
