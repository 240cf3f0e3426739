"""SeAct (Zhou et al., ExACT, CVPR 2024): 58 actions in four themes by ten people, in front of a DAVIS346.

    ROOT/<subject>/[prefix]<code>-YYYY_MM_DD_HH_MM_SS.aedat4    such as m3-xu/xu0000-2023_08_19_15_15_23.aedat4
    ROOT/SeAct_train.txt, SeAct_val.txt                         464 and 116 lines; what counts are the last two names

The code's first digit is the theme. The authors' split is by recording: every person is in train and in val, and a
class has 1 to 5 recordings in val. E-FAction, which SpikMamba is also tested on, has another layout (a folder
a class, numbered from 1): `convert FOLDER` reads it as class folders; its list of class names was not to be found.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from neuroact.datasets.dataset import Dataset
from neuroact.datasets.source import Listing, Source
from neuroact.datasets.tree import files_below, local_time, read_splits
from neuroact.errors import DatasetError

SENSOR_SIZE = (346, 260)
THEMES: dict[int, tuple[str, ...]] = {
    0: (
        "clap", "circle", "jumping jack", "squat down", "jump squat", "push-up", "sit down", "salute", "bend forward",
        "hurdle start", "long jump", "nod head", "walking", "running", "shake head", "circle head", "circle arm",
        "raise the arm", "side kick", "forward kick", "high leg lift", "waving hand", "punch straight forward",
    ),
    1000: (
        "catch a ball", "throw a ball", "catch and throw a ball", "walk with a ball",
        "circle the ball around the main body", "circle the ball around the leg", "open and close umbrella",
        "open the computer", "close the computer", "use the phone", "put on glasses", "put off glasses",
        "tie shoelaces", "take a photo", "lift the box", "put down the box", "drink water", "twist the bottle cap",
        "walk with an opened umbrella", "walk with a box", "run with a box",
    ),
    2000: (
        "falling down", "vomit", "staggering", "walk with stomach pain", "walk with headache", "walk with back pain",
        "leg injury walking",
    ),
    3000: (
        "hug", "fight", "wave hand to each other", "handshake", "shoulder tapping", "clap hand", "handing box",
    ),
}  # fmt: skip
"""First code of a theme -> its actions by code. The authors write one with a space in front, and one `unbrella`."""
NAMES = {first + index: name for first, names in THEMES.items() for index, name in enumerate(names)}
CLASSES = tuple(NAMES.values())
"""By label."""
RECORDING = re.compile(r"(?:[a-z]+)?(\d{4})-(\d{4}(?:_\d{2}){5})\.aedat4")
LISTS = {"SeAct_train.txt": "train", "SeAct_val.txt": "val"}
SIDE_FILES = {"SeAct_whole.txt", "SeAct_sampled_train.txt", "SeAct_sampled_val.txt", "SeAct.json", "SeAct_ds_cls.json",
              "SeAct_idx_to_label.json"}  # fmt: skip


def listing(root: Path, scheme: str = "official") -> Listing:
    """Every recording with its action, who does it, when, and the authors' split.

    Raises `DatasetError` if there are none, or if a list makes no sense.
    """
    listing = Listing([], root, classes=CLASSES)
    for path in files_below(root):
        match = RECORDING.fullmatch(path.name)
        if match is None:
            if path.name not in LISTS and path.name not in SIDE_FILES:
                listing.ignored.append((path, "not <code>-<date>.aedat4"))
        elif (code := int(match[1])) not in NAMES:
            listing.ignored.append((path, f"{match[1]} is the code of no action"))
        else:
            listing.sources.append(
                Source(
                    path=path,
                    size=path.stat().st_size,
                    class_name=NAMES[code],
                    sensor_size=SENSOR_SIZE,
                    format="aedat4",
                    subject=path.parent.name,
                    recorded=local_time(match[2]),
                    attributes={"code": match[1]},
                )
            )
    if not listing.sources:
        raise DatasetError(f"{root}: no <subject>/<code>-<date>.aedat4 in it, as SeAct has (f1-zhou/0000-2023_...)")
    _split(listing)
    return listing


def _split(listing: Listing) -> None:
    splits = read_splits(listing.root, LISTS, _listed)
    absent = [listing.root / name for name in LISTS if not (listing.root / name).is_file()]
    if absent:
        listing.notes.append(f"{absent[0].name} is missing, so what it would list has no split")
    sources = listing.sources
    listing.sources = [replace(s, split=splits.pop((s.path.parent.name, s.path.name), None)) for s in sources]
    listing.missing += absent + [listing.root / folder / name for folder, name in sorted(splits)]


def _listed(line: str) -> tuple[str, str]:
    """Subject and file of a line, which has a path on the authors' machine."""
    parts = re.split(r"[\\/]+", line)
    if len(parts) < 2 or not RECORDING.fullmatch(parts[-1]):
        raise ValueError(f"{line!r} does not end in <subject>/<code>-<date>.aedat4")
    return parts[-2], parts[-1]


SEACT = Dataset(
    name="seact",
    title="SeAct",
    classes=len(CLASSES),
    recordings=580,
    sensor_size=SENSOR_SIZE,
    licence=None,
    place="https://github.com/jiazhou-garland/ExACT (Google Drive)",
    files="""<subject>/<code>-<date>.aedat4    such as f1-zhou/0004-2023_08_19_15_30_09.aedat4
SeAct_train.txt
SeAct_val.txt""",
    schemes=("official",),
    listing=listing,
)
