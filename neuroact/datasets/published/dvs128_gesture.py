"""DVS128 Gesture (Amir et al. 2017): 29 people make 11 gestures with arms and hands, under five kinds of light.

    ROOT/userNN_LIGHT.aedat         122 recordings, each of all gestures of one person under one light
    ROOT/userNN_LIGHT_labels.csv    class,startTime_usec,endTime_usec: a row for each gesture, arm roll has two
    ROOT/trials_to_train.txt        98 names, one a line: users 1 to 23
    ROOT/trials_to_test.txt         24 names: users 24 to 29

A sample is a row: the events with `start <= t < end` on the camera's own clock. The 1,464 rows differ from the counts
of other readers, which keep one file for each gesture of a recording: 1,342 in the paper, 1,341 in tonic.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from neuroact.datasets.dataset import Dataset
from neuroact.datasets.source import Listing, Source
from neuroact.datasets.tree import files_below, read_lines, read_splits
from neuroact.errors import DatasetError

SENSOR_SIZE = (128, 128)
CLASSES = (
    "hand clapping",
    "right hand wave",
    "left hand wave",
    "right arm clockwise",
    "right arm counter clockwise",
    "left arm clockwise",
    "left arm counter clockwise",
    "arm roll",
    "air drums",
    "air guitar",
    "other gestures",
)
"""By label. The files count from 1."""
SCHEMES = {"11-classes": CLASSES, "10-classes": CLASSES[:-1]}
"""SpikePoint and EventMamba leave `other gestures` out: every person made others."""
RECORDING = re.compile(r"user(\d{2})_(fluorescent_led|fluorescent|lab|led|natural)\.aedat")
LABELS = "_labels.csv"
LISTS = {"trials_to_train.txt": "train", "trials_to_test.txt": "test"}
SIDE_FILES = {"gesture_mapping.csv", "readme.txt", "license.txt", "errata.txt"}
FIRST_TEST_USER = 24


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a label file: its number from 1, its class from 1, and its time in µs."""

    number: int
    gesture: int
    start: int
    stop: int


def listing(root: Path, scheme: str = "11-classes") -> Listing:
    """Every gesture of every recording as a part of it, in the official split.

    Raises `DatasetError` if there are none, or if a label file or a list makes no sense.
    """
    listing = Listing([], root, classes=SCHEMES[scheme])
    recordings: list[Path] = []
    for path in files_below(root, enter=lambda folder: False):
        if RECORDING.fullmatch(path.name):
            recordings.append(path)
        elif path.name not in LISTS and path.name.lower() not in SIDE_FILES and not _is_labels(path):
            listing.ignored.append((path, "not a file of DVS128 Gesture"))
    if not recordings:
        raise DatasetError(f"{root}: no userNN_LIGHT.aedat in it, as DVS128 Gesture has (user01_led.aedat, ...)")
    splits = _splits(root, listing)
    for path in recordings:
        if path.name not in splits:
            listing.notes.append(f"{path.name} is in neither {' nor '.join(LISTS)}: it has no split")
        labels = _labels_of(path)
        if not labels.is_file():
            listing.missing.append(labels)
            continue
        rows = list(_rows(labels))
        listing.sources += _parts(path, rows, splits.get(path.name), len(listing.classes))
        listing.notes += _overlaps(path, rows)
    wanted = {*splits, *(path.name.removesuffix(LABELS) + ".aedat" for path in root.iterdir() if _is_labels(path))}
    listing.missing += [root / name for name in sorted(wanted - {path.name for path in recordings})]
    if not listing.sources:
        raise DatasetError(f"{root}: no userNN_LIGHT{LABELS} beside the recordings, so nothing says what they show")
    return listing


def _parts(path: Path, rows: list[Row], split: str | None, classes: int) -> Iterator[Source]:
    user, light = RECORDING.fullmatch(path.name).groups()  # type: ignore[union-attr]
    size = path.stat().st_size
    for row in rows:
        if row.gesture <= classes:
            yield Source(
                path=path,
                size=size,
                class_name=CLASSES[row.gesture - 1],
                split=split,
                sensor_size=SENSOR_SIZE,
                format="aedat3",
                span=(row.start, row.stop),
                subject=f"user{user}",
                attributes={"light": light},
                part=row.number,
            )


def _splits(root: Path, listing: Listing) -> dict[str, str]:
    """The split of each recording by name: as the two lists say, or by user where one of them is missing."""
    absent = [root / name for name in LISTS if not (root / name).is_file()]
    if absent:
        listing.missing += absent
        listing.notes.append(
            f"{absent[0].name} is missing: users 1 to 23 are train, 24 to 29 are test, as it would say"
        )
        names = (path.name for path in root.iterdir())
        users = {name: int(match[1]) for name in names if (match := RECORDING.fullmatch(name))}
        return {name: "test" if user >= FIRST_TEST_USER else "train" for name, user in users.items()}
    return read_splits(root, LISTS, _listed)


def _listed(line: str) -> str:
    if not RECORDING.fullmatch(line):
        raise ValueError(f"{line!r} is not the name of a recording such as user01_led.aedat")
    return line


def _rows(path: Path) -> Iterator[Row]:
    """The rows of a label file. Raises `DatasetError` for one that makes no sense."""
    lines = read_lines(path)
    titles = 1 if lines and lines[0].startswith("class") else 0
    for number, line in enumerate(lines[titles:], 1):
        fields = line.split(",")
        try:
            gesture, start, stop = map(int, fields)
        except ValueError as error:
            raise DatasetError(f"{path}: row {number} is {line!r}, not class,startTime_usec,endTime_usec") from error
        if not (1 <= gesture <= len(CLASSES) and 0 <= start < stop < 1 << 62):
            raise DatasetError(f"{path}: row {number} is {line!r}: classes are 1 to 11, and the end is after the start")
        yield Row(number, gesture, start, stop)


def _overlaps(path: Path, rows: list[Row]) -> Iterator[str]:
    """A note for every row that begins before the one before it, in time, has ended."""
    for before, after in pairwise(sorted(rows, key=lambda row: row.start)):
        if after.start < before.stop:
            shared = min(before.stop, after.stop) - after.start
            yield f"{path.name}: rows {before.number} and {after.number} share {shared} µs, which both samples hold"


def _labels_of(recording: Path) -> Path:
    return recording.with_name(recording.stem + LABELS)


def _is_labels(path: Path) -> bool:
    """Whether it is the label file of a recording, be that there or not."""
    return path.name.endswith(LABELS) and bool(RECORDING.fullmatch(path.name.removesuffix(LABELS) + ".aedat"))


DVS128_GESTURE = Dataset(
    name="dvs128_gesture",
    title="DVS128 Gesture",
    classes=len(CLASSES),
    recordings=122,
    sensor_size=SENSOR_SIZE,
    licence="CC BY 4.0",
    place="https://research.ibm.com/interactive/dvsgesture (DvsGesture.tar.gz)",
    files="""userNN_LIGHT.aedat              LIGHT: fluorescent, fluorescent_led, lab, led or natural
userNN_LIGHT_labels.csv         class,startTime_usec,endTime_usec
trials_to_train.txt
trials_to_test.txt""",
    schemes=tuple(SCHEMES),
    listing=listing,
)
