"""One recording to one HDF5 file, laid out as a shard that brings its own description and manifest."""

from __future__ import annotations

import glob
from dataclasses import replace
from pathlib import Path

from neuroact.cores import one_core
from neuroact.datasets.conversion.encoding import encode_recording
from neuroact.datasets.conversion.group import Teller
from neuroact.datasets.conversion.watching import Watcher
from neuroact.datasets.sources import Collection
from neuroact.datasets.store.description import Description
from neuroact.datasets.store.manifest import Record, to_lines
from neuroact.datasets.store.reading import DESCRIPTION, MANIFEST, open_shard, read_description, read_records
from neuroact.datasets.store.request import ConvertRequest
from neuroact.datasets.store.shards import Shards, explained
from neuroact.errors import EncodingError, StoreError


def convert_single(
    collection: Collection, out: Path, request: ConvertRequest, watcher: Watcher, *, resume: bool
) -> tuple[list[Record], int]:
    """Converts one recording in this process. Returns its record, and 1 if `out` had it before, else 0.

    Raises `RecordingError` or `EncodingError` if the recording gives nothing, `StoreError`.
    """
    description = Description.of(request, collection.sources, collection.classes)
    source = collection.sources[0]
    if out.is_dir():
        raise StoreError(f"{out}: is a folder; one recording goes into a file, such as {out / source.path.stem}.h5")
    if out.exists():
        with open_shard(out) as file:
            read_description(file, out).check_same(description, out)
            return read_records(file, out), 1
    if out.parent.exists() and not out.parent.is_dir():
        raise StoreError(f"{out}: {out.parent} is a file, not a folder")
    if resume:
        raise StoreError(f"{out}: nothing to resume, no such file")
    watcher.begin(collection, [])
    teller = Teller(0, watcher.update)
    with explained(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        for torn in out.parent.glob(f".{glob.escape(out.name)}.*.part"):
            torn.unlink(missing_ok=True)
        # Samples are written and the recording's checksum computed beside the encoding: that keeps two cores busy.
        with one_core(), Shards(lambda _: out, request, whole=True) as shards:
            record = replace(encode_recording(source, 0, request, shards, teller.tell), shards={})
            if shards.file is None:
                raise EncodingError(f"{source.path}: {record.reason}, so there is nothing to write")
            shards.file.text(DESCRIPTION, description.text)
            shards.file.text(MANIFEST, to_lines([record]))
    teller.finish()
    return [record], 0
