"""DailyAction-DVS (Liu et al., IJCAI 2021): 12 actions by 15 people in front of a DVS128, 120 recordings of each.

    ROOT/<class>/<any name>.aedat

File names say nothing, so neither who is seen nor when is known. The authors publish no split, and recordings have
none here: any random one has the same people on both sides. Labels are in the order of the names, as most readers
have them; some published code numbers the classes otherwise.
"""

from __future__ import annotations

import re
from pathlib import Path

from neuroact.datasets.dataset import Dataset
from neuroact.datasets.source import Listing, Source
from neuroact.datasets.tree import files_below
from neuroact.errors import DatasetError

SENSOR_SIZE = (128, 128)
CLASSES = ("bend", "climb", "fall", "get up", "jump", "lie", "lift", "pick", "run", "sit", "stand", "walk")
"""By label."""


def listing(root: Path, scheme: str = "none") -> Listing:
    """Every recording with its action. Raises `DatasetError` if there are none."""
    listing = Listing([], root, classes=CLASSES)
    folders = {_letters(name): name for name in CLASSES}
    for path in files_below(root):
        name = folders.get(_letters(path.parent.name))
        if path.suffix.lower() != ".aedat":
            listing.ignored.append((path, "not an .aedat"))
        elif name is None or path.parent.parent != root:
            listing.ignored.append((path, "not in the folder of one of the twelve actions"))
        else:
            listing.sources.append(
                Source(path, path.stat().st_size, class_name=name, sensor_size=SENSOR_SIZE, format="aedat2")
            )
    if not listing.sources:
        raise DatasetError(f"{root}: no <class>/<name>.aedat in it, as DailyAction-DVS has (bend, climb, ..., walk)")
    found = {source.class_name for source in listing.sources}
    listing.missing += [root / name for name in CLASSES if name not in found]
    listing.notes.append("DailyAction-DVS has no official split and does not say who is seen: no recording has a split")
    return listing


def _letters(folder: str) -> str:
    """Of a folder's name: one and the same for `get up`, `get_up` and `GetUp`."""
    return re.sub(r"[^a-z]", "", folder.lower())


DAILY_DVS = Dataset(
    name="daily_dvs",
    title="DailyAction-DVS",
    classes=len(CLASSES),
    recordings=1_440,
    sensor_size=SENSOR_SIZE,
    licence=None,
    place="https://github.com/qianhuiliu/SNN-action-recognition (Google Drive)",
    files="<class>/<any name>.aedat    bend, climb, fall, get up, jump, lie, lift, pick, run, sit, stand, walk",
    schemes=("none",),
    listing=listing,
)
