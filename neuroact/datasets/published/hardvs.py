"""HARDVS (Wang et al., AAAI 2024): 300 actions in front of a DAVIS346, 107,646 recordings of some seconds.

    ROOT/action_NNN/dvSave-YYYY_MM_DD_HH_MM_SS.npz            arrays t, x, y, p; or, as ExACT has them,
    ROOT/action_NNN/dvSave-.../dvSave-....npz
    ROOT/train_label.txt, val_label.txt, test_label.txt       action_NNN/dvSave-... <frames> <label>

A stem stands for a recording only together with its class: 10,050 of them occur in more than one, since several
cameras recorded at a time. The official split is by recording: 36 % of what is tested on has a neighbour of the same
class within 15 s in what is trained on. The lists that ExACT, SpikMamba and others use are another, random split.
"""

from __future__ import annotations

import re
from pathlib import Path

from neuroact.datasets.dataset import Dataset
from neuroact.datasets.published.hardvs_classes import CLASSES
from neuroact.datasets.source import Listing, Source
from neuroact.datasets.tree import files_below, local_time, read_splits
from neuroact.errors import DatasetError

SENSOR_SIZE = (346, 260)
FOLDER = re.compile(r"action_(\d{3})")
STEM = re.compile(r"dvSave-(\d{4}(?:_\d{2}){5})")
LINE = re.compile(r"(action_(\d{3}))/(dvSave-\d{4}(?:_\d{2}){5}) (\d+) (\d+)")
LISTS = {"train_label.txt": "train", "val_label.txt": "val", "test_label.txt": "test"}
SIDE_FILES = {"HARDVS_300_class.txt", "HARDVS_300_class.json"}


def listing(root: Path, scheme: str = "official") -> Listing:
    """Every recording with its action, when it was made, and its official split.

    Raises `DatasetError` if there are none, or if a list makes no sense.
    """
    listing = Listing([], root, classes=CLASSES)
    splits = read_splits(root, LISTS, _listed)
    listing.missing += [root / name for name in LISTS if not (root / name).is_file()]
    if listing.missing:
        listing.notes.append(f"{listing.missing[0].name} is missing, so what it would list has no split")
    known: dict[tuple[str, str], Path] = {}
    for path in files_below(root):
        folder, reason = _place(path, root)
        if reason is None:
            key = (folder, path.stem)
            if known.setdefault(key, path) == path:
                listing.sources.append(_source(path, folder, splits.pop(key, None)))
            else:
                listing.ignored.append((path, f"the recording of {known[key]} again"))
        elif path.name not in LISTS and path.name not in SIDE_FILES:
            listing.ignored.append((path, reason))
    if not listing.sources:
        packed = any(root.glob("action_*.zip"))
        hint = "unpack its action_NNN.zip first" if packed else "as HARDVS has (action_001/dvSave-2021_...)"
        raise DatasetError(f"{root}: no action_NNN/dvSave-<date>.npz in it, {hint}")
    listing.missing += [root / folder / f"{stem}.npz" for (folder, stem) in sorted(splits)]
    return listing


def _place(path: Path, root: Path) -> tuple[str, str | None]:
    """The class folder that a file stands in, and why it is no recording of that class, or None if it is one."""
    folder, *between = path.relative_to(root).parts[:-1] or ("",)
    match = FOLDER.fullmatch(folder)
    if match is None or not 1 <= int(match[1]) <= len(CLASSES):
        return folder, "not in a folder action_001 to action_300"
    if between not in ([], [path.stem]):
        return folder, "too deep in folders"
    if path.suffix != ".npz" or not STEM.fullmatch(path.stem):
        return folder, "not dvSave-<date>.npz"
    return folder, None


def _source(path: Path, folder: str, split: str | None) -> Source:
    return Source(
        path=path,
        size=path.stat().st_size,
        class_name=CLASSES[int(folder.removeprefix("action_")) - 1],
        split=split,
        sensor_size=SENSOR_SIZE,
        format="npz",
        recorded=local_time(path.stem.removeprefix("dvSave-")),
    )


def _listed(line: str) -> tuple[str, str]:
    """Class folder and stem of a line."""
    match = LINE.fullmatch(line)
    if match is None:
        raise ValueError(f"{line!r} is not 'action_NNN/dvSave-<date> <frames> <label>'")
    folder, number, stem, _, label = match.groups()
    if int(label) != int(number) - 1 or int(label) >= len(CLASSES):
        raise ValueError(f"{line!r}: the label of {folder} is {int(number) - 1}")
    return folder, stem


HARDVS = Dataset(
    name="hardvs",
    title="HARDVS",
    classes=len(CLASSES),
    recordings=107_646,
    sensor_size=SENSOR_SIZE,
    licence=None,
    place="https://github.com/Event-AHU/HARDVS (MINI_HARDVS_files.zip, and the zip of each class in it)",
    files="""action_NNN/dvSave-<date>.npz    NNN from 001 to 300
train_label.txt
val_label.txt
test_label.txt""",
    schemes=("official",),
    listing=listing,
)
