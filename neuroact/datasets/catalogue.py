"""The published data sets that neuroact knows by name."""

from __future__ import annotations

from pathlib import Path

from neuroact.datasets.dataset import Dataset
from neuroact.datasets.published import (
    daily_dvs,
    dailydvs200,
    dvs128_gesture,
    hardvs,
    n_epic_kitchens,
    ncaltech101,
    nmnist,
    paf,
    pokerdvs,
    seact,
    tonic_layout,
)
from neuroact.datasets.simulation import synthetic
from neuroact.datasets.source import Listing
from neuroact.errors import DatasetError, RecordingNotFound

DATASETS: dict[str, Dataset] = {
    dataset.name: dataset
    for dataset in (
        dailydvs200.DAILYDVS200,
        dvs128_gesture.DVS128_GESTURE,
        paf.PAF,
        hardvs.HARDVS,
        seact.SEACT,
        daily_dvs.DAILY_DVS,
        ncaltech101.NCALTECH101,
        nmnist.NMNIST,
        pokerdvs.POKERDVS,
        n_epic_kitchens.N_EPIC_KITCHENS,
        synthetic.SYNTHETIC,
    )
}


def named(text: str) -> tuple[Dataset, str, Path] | None:
    """The data set, the scheme of its split and the folder of `NAME:ROOT` or `NAME@SCHEME:ROOT`, or None.

    `tonic:NAME` is a name, too, of what tonic keeps at ROOT.

    Raises `DatasetError` for a scheme that the data set does not have, and what `tonic_layout.dataset` raises.
    """
    name, colon, root = text.partition(":")
    of_tonic = name == tonic_layout.PREFIX
    if of_tonic:
        name, colon, root = root.partition(":")
    name, _, scheme = name.partition("@")
    if not (of_tonic or (colon and name in DATASETS)) or Path(text).exists():
        return None
    dataset = tonic_layout.dataset(name) if of_tonic else DATASETS[name]
    if scheme and scheme not in dataset.schemes:
        raise DatasetError(f"{text}: {dataset.title} has no split {scheme!r}; it has {', '.join(dataset.schemes)}")
    return dataset, scheme or dataset.schemes[0], Path(root)


def listing(dataset: Dataset, root: Path, scheme: str) -> Listing:
    """The recordings in a copy of a data set. Raises `RecordingNotFound` if there is no folder of that name."""
    if not root.is_dir():
        raise RecordingNotFound(root, "no such folder")
    return dataset.listing(root, scheme)
