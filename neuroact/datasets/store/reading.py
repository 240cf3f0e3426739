"""What a store says of itself: its description, its manifest, and its shards opened."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from neuroact.datasets.store.description import Description
from neuroact.datasets.store.layout import MANIFEST_FILE
from neuroact.datasets.store.manifest import Record, from_lines
from neuroact.errors import StoreError

DESCRIPTION = "store"
"""The data set of a single file that holds what `store.json` holds for a folder."""
MANIFEST = "manifest"
"""And the one that holds its manifest."""


def read_manifest(folder: Path) -> list[Record]:
    """The records of a finished store. Raises `StoreError`."""
    path = folder / MANIFEST_FILE
    try:
        return from_lines(path.read_text())
    except FileNotFoundError as error:
        raise StoreError(
            f"{folder}: its conversion was interrupted; run the same command again to finish it"
        ) from error
    except (OSError, ValueError, TypeError) as error:
        raise StoreError(f"{path}: not a manifest ({error})") from error


def open_shard(path: Path) -> h5py.File:
    """Opens an HDF5 file for reading. Raises `StoreError`."""
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise StoreError(f"{path}: cannot be opened as HDF5 ({error})") from error


def read_description(file: h5py.File, path: Path) -> Description:
    """What a single store says of itself. Raises `StoreError` if the file is something else."""
    return Description.parse(_text(file, DESCRIPTION, path), path)


def read_records(file: h5py.File, path: Path) -> list[Record]:
    """The manifest of a single store. Raises `StoreError`."""
    try:
        return from_lines(_text(file, MANIFEST, path))
    except (ValueError, TypeError) as error:
        raise StoreError(f"{path}: its manifest is damaged ({error})") from error


def _text(file: h5py.File, name: str, path: Path) -> str:
    dataset = file.get(name)
    if not isinstance(dataset, h5py.Dataset) or dataset.dtype != np.uint8:
        raise StoreError(f"{path}: an HDF5 file, but not a converted store: it has no {name!r}")
    return bytes(dataset[()]).decode()
