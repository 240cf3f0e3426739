"""Many recordings to a folder of shards, whichever way and however often it is interrupted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from neuroact.atomic import sync, whole_file
from neuroact.datasets.conversion.journal import Journal
from neuroact.datasets.conversion.planning import Group, plan
from neuroact.datasets.conversion.watching import Watcher
from neuroact.datasets.sources import Collection
from neuroact.datasets.store.description import Description
from neuroact.datasets.store.layout import JOURNAL_FILE, MANIFEST_FILE, STORE_FILE
from neuroact.datasets.store.manifest import Record, to_lines
from neuroact.datasets.store.reading import read_manifest
from neuroact.datasets.store.request import ConvertRequest
from neuroact.datasets.store.shards import explained
from neuroact.errors import StoreError

Engine = Callable[[Sequence[Group]], Iterator[tuple[Group, list[Record]]]]
"""Converts groups, in any order; a group is yielded once its shards are on the disk."""


def convert_folder(
    collection: Collection, out: Path, request: ConvertRequest, engine: Engine, watcher: Watcher, *, resume: bool
) -> tuple[list[Record], int]:
    """Converts `collection` into the folder `out`. Returns all records and how many earlier runs had made.

    The order of events is what makes a kill harmless: a shard gets its name when it is on the disk, then its group a
    line in the journal, and when no group is left the manifest is written and the journal removed. What the journal
    does not know is removed and made again.

    Raises `StoreError`.
    """
    with explained(out):
        _begin(out, Description.of(request, collection.sources, collection.classes), resume=resume)
        if (out / MANIFEST_FILE).exists():
            (out / JOURNAL_FILE).unlink(missing_ok=True)
            return read_manifest(out), len(collection.sources)
        groups = plan(collection.sources, request, out)
        with Journal(out / JOURNAL_FILE) as journal:
            _clear(out, known={name for records in journal.groups.values() for r in records for name in r.shards})
            finished = [index for group in groups if group.number in journal.groups for index in group.indices]
            watcher.begin(collection, finished)
            try:
                for group, records in engine([group for group in groups if group.number not in journal.groups]):
                    journal.append(group.number, records)
            finally:
                _clear(out, known=None)
            records = [record for group in groups for record in journal.groups[group.number]]
            with whole_file(out / MANIFEST_FILE) as temporary:
                temporary.write_text(to_lines(records))
            journal.path.unlink()
            sync(out)
        return records, len(finished)


def _begin(out: Path, asked: Description, *, resume: bool) -> None:
    """Makes the folder a store of that description, or makes sure that it is one."""
    if out.exists() and not out.is_dir():
        raise StoreError(f"{out}: is a file; several recordings go into a folder")
    out.mkdir(parents=True, exist_ok=True)
    path = out / STORE_FILE
    if path.exists():
        Description.parse(path.read_text(), path).check_same(asked, out)
        return
    if resume:
        raise StoreError(f"{out}: nothing to resume, no conversion was begun here")
    others = [entry.name for entry in out.iterdir() if not entry.name.startswith(".")]
    if others:
        raise StoreError(f"{out}: holds other files ({others[0]}, ...); choose a new or empty folder")
    asked.save(path)


def _clear(out: Path, *, known: Iterable[str] | None) -> None:
    """Removes what a kill left: temporary files, and unless `known` is None shards that are not in it."""
    keep = None if known is None else set(known)
    for path in out.iterdir():
        torn = path.name.startswith(".") and path.suffix == ".part"
        unknown = keep is not None and path.name.startswith("shard-") and path.name not in keep
        if torn or unknown:
            path.unlink(missing_ok=True)
