"""N-MNIST (Orchard et al. 2015): MNIST digits seen by an ATIS that makes three saccades.

    ROOT/Train/<digit>/NNNNN.bin    60,000 recordings of about 300 ms
    ROOT/Test/<digit>/NNNNN.bin     10,000

The recordings carry no header, so the sensor's size of 34x34 pixels comes from here.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from neuroact.datasets.dataset import Dataset
from neuroact.datasets.source import Listing, Source
from neuroact.errors import DatasetError

SENSOR_SIZE = (34, 34)
SPLITS = {"Train": "train", "Test": "test"}
DIGITS = tuple("0123456789")
RECORDING = re.compile(r"\d{5}\.bin")


def recognises(root: Path) -> bool:
    """Whether a folder is laid out as N-MNIST, with nothing else in it."""
    folders = [entry.name for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith(".")]
    return bool(folders) and set(folders) <= set(SPLITS) and next(_recordings(root), None) is not None


def listing(root: Path, scheme: str = "official") -> Listing:
    """Every recording with its digit as label and its official split. Raises `DatasetError` if there are none."""
    sources = [
        Source(
            path=path,
            size=path.stat().st_size,
            class_name=path.parent.name,
            split=SPLITS[path.parent.parent.name],
            sensor_size=SENSOR_SIZE,
            format="nmnist",
        )
        for path in _recordings(root)
    ]
    if not sources:
        raise DatasetError(f"{root}: no Train/<digit>/NNNNN.bin or Test/<digit>/NNNNN.bin in it, as N-MNIST has")
    return Listing(sources, root, classes=DIGITS)


def _recordings(root: Path) -> Iterator[Path]:
    for split in SPLITS:
        for digit in DIGITS:
            folder = root / split / digit
            if folder.is_dir():
                yield from sorted(path for path in folder.iterdir() if RECORDING.fullmatch(path.name))


NMNIST = Dataset(
    name="nmnist",
    title="N-MNIST",
    classes=len(DIGITS),
    recordings=70_000,
    sensor_size=SENSOR_SIZE,
    licence="CC BY-SA 4.0",
    place="https://data.mendeley.com/datasets/468j46mzdv (Train.zip, Test.zip)",
    files="""Train/<digit>/NNNNN.bin
Test/<digit>/NNNNN.bin""",
    schemes=("official",),
    listing=listing,
)
