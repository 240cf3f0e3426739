"""`tonic:NAME`: the data sets that tonic keeps on the disk in a layout that is read here. Nothing is downloaded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from neuroact.datasets.dataset import Dataset
from neuroact.datasets.published import ncaltech101, nmnist, pokerdvs
from neuroact.datasets.source import Listing
from neuroact.errors import DatasetError, MissingExtra, RecordingNotFound

PREFIX = "tonic"
ON_DISK: dict[str, tuple[Dataset, str]] = {
    "NMNIST": (nmnist.NMNIST, ""),
    "POKERDVS": (pokerdvs.POKERDVS, ""),
    "NCALTECH101": (ncaltech101.NCALTECH101, "Caltech101"),
}
"""tonic's name of a set -> the set, and where below tonic's folder of that name its files are."""


def described(name: str) -> Dataset:
    """A set of `ON_DISK` as `tonic:NAME`; its ROOT is what tonic calls `save_to`. Does without tonic."""
    known, below = ON_DISK[name]

    def listing(root: Path, scheme: str) -> Listing:
        return known.listing(folder_of(name, below, root), scheme)

    files = "\n".join(str(Path(name, below, line)) for line in known.files.splitlines())
    place = f"tonic.datasets.{name}(save_to=ROOT)"
    return replace(known, name=f"{PREFIX}:{name}", place=place, files=files, listing=listing)


def dataset(name: str) -> Dataset:
    """What `tonic:NAME` stands for.

    Raises `MissingExtra`, and `DatasetError` for a set that tonic does not have or whose files are not read here.
    """
    return described(checked(name))


def checked(name: str) -> str:
    """A set's name. Raises `MissingExtra`, `DatasetError`."""
    if name in ON_DISK:
        import_tonic()
        return name
    has = hasattr(import_tonic().datasets, name)
    hint = (
        "load it with tonic and write it with neuroact.datasets.published.tonic_sets.save_recordings"
        if has
        else "tonic has no such data set"
    )
    raise DatasetError(f"tonic:{name}: {hint}; read from the disk are {', '.join(ON_DISK)}, as tonic:NAME:ROOT")


def folder_of(name: str, below: str, root: Path) -> Path:
    """Where a set's files are below tonic's folder of it. Raises `RecordingNotFound`."""
    folder = root / name / below
    if not folder.is_dir():
        raise RecordingNotFound(folder, f"no such folder: tonic keeps {name} there with save_to={str(root)!r}")
    return folder


def import_tonic() -> Any:
    """The package. Raises `MissingExtra`."""
    try:
        import tonic
    except ImportError as missing:
        raise MissingExtra("tonic", "tonic") from missing
    return tonic
