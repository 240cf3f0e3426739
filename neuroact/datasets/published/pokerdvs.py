"""POKER-DVS (Serrano-Gotarredona and Linares-Barranco 2015): pips of poker cards, browsed before a DVS.

    ROOT/pips_train/<class>/*.npy    48 recordings; cl, he, di, sp: clubs, hearts, diamonds, spades
    ROOT/pips_test/<class>/*.npy     20

This is the layout in which tonic hands it on: tables of t, x, y, p on 35x35 pixels. The authors' own `.aedat` files,
named by card, are not read.
"""

from __future__ import annotations

from pathlib import Path

from neuroact.datasets.dataset import Dataset
from neuroact.datasets.source import Listing, Source
from neuroact.datasets.tree import files_below
from neuroact.errors import DatasetError

SENSOR_SIZE = (35, 35)
CLASSES = ("cl", "he", "di", "sp")
"""By label, as tonic numbers them."""
SPLITS = {"pips_train": "train", "pips_test": "test"}


def listing(root: Path, scheme: str = "official") -> Listing:
    """Every recording with its suit and split. Raises `DatasetError` if there are none."""
    listing = Listing([], root, classes=CLASSES)
    for path in files_below(root):
        folders = path.relative_to(root).parts[:-1]
        if path.suffix != ".npy":
            listing.ignored.append((path, "not an .npy"))
        elif len(folders) != 2 or folders[0] not in SPLITS or folders[1] not in CLASSES:
            listing.ignored.append((path, "not in pips_train/<class> or pips_test/<class>"))
        else:
            listing.sources.append(
                Source(
                    path=path,
                    size=path.stat().st_size,
                    class_name=folders[1],
                    split=SPLITS[folders[0]],
                    sensor_size=SENSOR_SIZE,
                    format="npy",
                )
            )
    if not listing.sources:
        raise DatasetError(
            f"{root}: no pips_train/<class>/*.npy or pips_test/<class>/*.npy in it, as POKER-DVS has in tonic's layout"
        )
    found = {(source.split, source.class_name) for source in listing.sources}
    listing.missing += [
        root / folder / name for folder, split in SPLITS.items() for name in CLASSES if (split, name) not in found
    ]
    return listing


POKERDVS = Dataset(
    name="pokerdvs",
    title="POKER-DVS",
    classes=len(CLASSES),
    recordings=68,
    sensor_size=SENSOR_SIZE,
    licence=None,
    place="https://github.com/neuromorphs/tonic (pips_train.tar.gz, pips_test.tar.gz)",
    files="""pips_train/<class>/*.npy    cl, he, di, sp
pips_test/<class>/*.npy""",
    schemes=("official",),
    listing=listing,
)
