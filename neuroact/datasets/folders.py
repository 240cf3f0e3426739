"""The recordings in a folder, with labels where they are sorted into class folders."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from neuroact.datasets.source import Listing, Source
from neuroact.datasets.store.layout import STORE_FILE
from neuroact.errors import RecordingNotFound, UnknownFormat
from neuroact.recordings import reader
from neuroact.recordings.detection import detect_format

SPLITS = {"train": "train", "training": "train", "test": "test", "val": "val", "valid": "val", "validation": "val"}
RECORDING_SUFFIXES = frozenset(
    (
        ".raw",
        ".dat",
        ".aedat",
        ".aedat4",
        ".es",
        ".bin",
        ".bs2",
        ".h5",
        ".hdf5",
        ".bag",
        ".db3",
        ".mcap",
        ".npy",
        ".npz",
    )
)
"""A file of such a name that matches no format is a damaged recording, not a side file."""
SIDE_SUFFIXES = frozenset(
    (".md", ".tsv", ".json", ".jsonl", ".yaml", ".yml", ".toml", ".xml", ".pdf", ".html", ".py", ".ipynb", ".m", ".sh",
     ".png", ".jpg", ".jpeg", ".gif", ".mp4", ".avi", ".bias", ".log", ".tmp_index", ".part")
)  # fmt: skip


def folder_listing(root: Path, *, out: Path | None = None) -> Listing:
    """Every recording below `root`, in the order of their paths; hidden files, other stores and `out` are left out.

    A file that is no recording is listed in `ignored`, unless its suffix says that it should be one.
    """
    listing = Listing([], root)
    for path in _files(root, out, listing):
        reason = _why_not(path)
        if reason is None:
            listing.sources.append(Source(path, path.stat().st_size))
        else:
            listing.ignored.append((path, reason))
    _label(listing)
    return listing


def _files(root: Path, out: Path | None, listing: Listing) -> Iterator[Path]:
    for folder, subfolders, names in os.walk(root):
        here = Path(folder)
        if out is not None and here.absolute() == out.absolute():
            subfolders.clear()
            continue
        if STORE_FILE in names:
            listing.ignored.append((here, "a converted store"))
            subfolders.clear()
            continue
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        for name in sorted(names):
            path = here / name
            if name.startswith("."):
                listing.ignored.append((path, "hidden"))
            elif path.is_file() and (out is None or path.absolute() != out.absolute()):
                yield path


def _why_not(path: Path) -> str | None:
    """Why a file is not taken for a recording, or None if it is."""
    suffix = path.suffix.lower()
    if suffix in SIDE_SUFFIXES or path.name.endswith("_labels.csv"):
        return "a side file"
    try:
        detect_format(reader.Source(path))
    except UnknownFormat:
        return None if suffix in RECORDING_SUFFIXES else "not a recording"
    except RecordingNotFound:
        return None  # it cannot be opened: converting it will put that on record
    return None


def _label(listing: Listing) -> None:
    """Takes folder names for classes if every recording stands in `CLASS/` or every one in `SPLIT/CLASS/`."""
    parts = [source.path.relative_to(listing.root).parts[:-1] for source in listing.sources]
    depth = {len(folders) for folders in parts}
    split = depth == {2} and all(folders[0].lower() in SPLITS for folders in parts)
    if not split and not (depth == {1} and not all(folders[0].lower() in SPLITS for folders in parts)):
        return
    if len({folders[-1] for folders in parts}) < 2:
        return
    listing.sources = [
        replace(source, class_name=folders[-1], split=SPLITS[folders[0].lower()] if split else None)
        for source, folders in zip(listing.sources, parts, strict=True)
    ]
