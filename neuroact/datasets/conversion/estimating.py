"""estimate: what a conversion would do, from the headers of all recordings and the beginnings of a few."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Unpack

from neuroact.cores import granted
from neuroact.datasets.conversion.converting import PathLike, arguments
from neuroact.datasets.conversion.encoding import described
from neuroact.datasets.conversion.group import convert_group
from neuroact.datasets.conversion.planning import Group
from neuroact.datasets.conversion.stream import open_source
from neuroact.datasets.source import Source, total_bytes
from neuroact.datasets.sources import Collection, collect
from neuroact.datasets.store.request import ConvertRequest, Settings
from neuroact.errors import NeuroactError

TRIED = 16
"""Recordings whose beginnings are converted for the estimate."""
TRIED_BYTES = 4 << 20
"""How much of each; most formats, cut there, give the events before the cut."""
PATIENCE = 20.0
"""Seconds for opening recordings: of a very large data set, only the first part is looked at."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a conversion would do.

    - `collection`: the recordings. `opened`: how many of them were opened to see whether they can be read.
    - `first_failure`: name of the first that cannot, and why; None if all can.
    - `samples`, `bytes`, `seconds`: of the whole conversion, as the tried recordings let expect; None where they say
      nothing.
    """

    collection: Collection
    opened: int
    first_failure: tuple[str, str] | None
    samples: int | None
    bytes: int | None
    seconds: float | None

    def to_json(self) -> dict[str, object]:
        """Plain values for `json.dumps`."""
        return {
            "recordings": len(self.collection.sources),
            "source_bytes": total_bytes(self.collection.sources),
            "ignored": [[str(path), reason] for path, reason in self.collection.ignored],
            "notes": list(self.collection.notes),
            "opened": self.opened,
            "first_failure": self.first_failure,
            "samples": self.samples,
            "bytes": self.bytes,
            "seconds": self.seconds,
        }


def estimate(
    sources: PathLike | Sequence[PathLike],
    out: PathLike | None = None,
    *,
    jobs: int | None = None,
    **settings: Unpack[Settings],
) -> Estimate:
    """What `convert` with the same arguments would do; nothing is written where it lasts.

    Raises what `convert` raises before it begins.
    """
    request = ConvertRequest.of(settings)
    collection = collect(arguments(sources), out=None if out is None else Path(out))
    good, first_failure, opened = _open_all(collection, request)
    trial = _try(good[:: -(-len(good) // TRIED)], request) if good else Trial()
    if not trial.read:
        return Estimate(collection, opened, first_failure, None, None, None)
    all_good = sum(source.size for source in good) * len(collection.sources) / opened
    share = all_good / trial.read
    workers = 1 if collection.single else jobs or granted()
    return Estimate(
        collection,
        opened,
        first_failure,
        samples=round(trial.samples * (share if request.window else len(good) / trial.recordings)),
        bytes=round(trial.written * share),
        seconds=trial.seconds * share / workers,
    )


def _open_all(collection: Collection, request: ConvertRequest) -> tuple[list[Source], tuple[str, str] | None, int]:
    """The recordings that can be opened, the first that cannot, and for how many there was time."""
    good: list[Source] = []
    failure: tuple[str, str] | None = None
    opened = 0
    end = time.monotonic() + PATIENCE
    for source in collection.sources:
        try:
            open_source(source, request)
            good.append(source)
        except NeuroactError as error:
            failure = failure or (source.name, described(error))
        opened += 1
        if time.monotonic() > end:
            break
    return good, failure, opened


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of converting a few recordings: how many gave something, and for that many bytes read."""

    recordings: int = 0
    read: int = 0
    samples: int = 0
    written: int = 0
    seconds: float = 0.0


def _try(sources: Sequence[Source], request: ConvertRequest) -> Trial:
    """Converts the beginnings of `sources` twice, for the first time is spent on loading machine code."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        beginnings = tuple(_beginning(source, folder / str(index)) for index, source in enumerate(sources))
        store = folder / "store"
        store.mkdir()
        group = Group(store, request, 0, 0, beginnings)
        convert_group(group, lambda progress: None)
        start = time.perf_counter()
        records = convert_group(group, lambda progress: None)
        seconds = time.perf_counter() - start
        useful = [record for record in records if record.samples]
        return Trial(
            len(useful),
            sum(record.bytes for record in useful),
            sum(record.samples for record in useful),
            sum(path.stat().st_size for path in store.iterdir()),
            seconds,
        )


def _beginning(source: Source, folder: Path) -> Source:
    """A copy of the first bytes of a recording; a part of a recording as it is, for it may lie anywhere in the file."""
    if source.span is not None:
        return source
    folder.mkdir()
    path = folder / source.path.name
    with source.path.open("rb") as file:
        path.write_bytes(file.read(TRIED_BYTES))
    return replace(source, path=path, size=path.stat().st_size)
