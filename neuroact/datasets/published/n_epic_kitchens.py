"""N-EPIC-Kitchens (Plizzari et al., CVPR 2022): 8 verbs in three kitchens, simulated from EPIC-Kitchens-55's video.

    ROOT/Di_train.csv, Di_test.csv    i = 1, 2, 3; a row for each action, with its video and when in it
    ROOT/events/<video>.*             one recording a video, in any format that neuroact reads; from 0 µs on

An action is the part of its video's recording from `start_timestamp` to `stop_timestamp`.

The set ships its tables as pickles, which can run anything and are never opened here; the message about a missing
table says how to copy one. Its voxel grids (`voxels_xy_3/<video>/event_%010d.npy`) are encoded already, one for each
frame of the video, and hold no events any more: they are not covered.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from neuroact.datasets.dataset import Dataset
from neuroact.datasets.source import Listing, Source
from neuroact.datasets.tree import read_lines
from neuroact.errors import DatasetError

SENSOR_SIZE = (456, 256)
CLASSES = ("take", "put", "open", "close", "wash", "cut", "mix", "pour")
"""By label: the verbs' `verb_class`."""
KITCHENS = (1, 2, 3)
"""Of the participants P08, P01, P22."""
SCHEMES = {f"D{train}-D{test}": (train, test) for train in KITCHENS for test in KITCHENS}
"""Trained on one kitchen, tested on the same (seen) or another (unseen)."""
COLUMNS = ("uid", "participant_id", "video_id", "start_timestamp", "stop_timestamp", "verb_class")
VIDEO = re.compile(r"P\d{2}_\d{2}")
CLOCK = re.compile(r"(\d{1,4}):(\d{2}):(\d{2}(?:\.\d{1,9})?)")
VOXELS = "voxels_xy_3"


def listing(root: Path, scheme: str = "D1-D1") -> Listing:
    """Every action as a part of its video's recording.

    Raises `DatasetError` if a table is missing or makes no sense, or if there are no events.
    """
    train, test = SCHEMES[scheme]
    listing = Listing([], root, classes=CLASSES)
    videos = _videos(root / "events", listing)
    absent: set[str] = set()
    for table, split in ((f"D{train}_train.csv", "train"), (f"D{test}_test.csv", "test")):
        for source in _actions(root / table, split):
            video = source.path.name
            if video in videos:
                listing.sources.append(_located(source, videos[video]))
            else:
                absent.add(video)
    listing.missing += [root / "events" / video for video in sorted(absent)]
    if not listing.sources:
        voxels = (
            f"; {VOXELS} holds voxel grids, in which there are no events any more" if (root / VOXELS).is_dir() else ""
        )
        raise DatasetError(f"{root}: no events/<video>.* of the tables' videos, one recording each{voxels}")
    return listing


def _videos(folder: Path, listing: Listing) -> dict[str, Path]:
    """The recordings by video. Raises `DatasetError` for two of one video."""
    videos: dict[str, Path] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        video = path.name.partition(".")[0]
        if not path.is_file() or not VIDEO.fullmatch(video):
            listing.ignored.append((path, "not <video>.*, one recording of the whole video"))
        elif videos.setdefault(video, path) != path:
            raise DatasetError(f"{path}: {videos[video].name} is a recording of {video}, too; keep one of them")
    return videos


def _located(action: Source, recording: Path) -> Source:
    return replace(action, path=recording, size=recording.stat().st_size)


def _actions(table: Path, split: str) -> Iterator[Source]:
    """The rows of a table, with the video's name for a path. Raises `DatasetError`."""
    if not table.is_file():
        raise DatasetError(f"{table}: missing. {_how_to_copy(table)}")
    reader = csv.DictReader(read_lines(table))
    try:
        rows, titles = list(reader), reader.fieldnames or ()
    except csv.Error as error:
        raise DatasetError(f"{table}, line {reader.line_num + 1}: {error}") from error
    absent = [name for name in COLUMNS if name not in titles]
    if absent:
        raise DatasetError(f"{table}: no columns {', '.join(absent)}. {_how_to_copy(table)}")
    for number, row in enumerate(rows, 2):
        try:
            yield _action(row, split)
        except ValueError as error:
            raise DatasetError(f"{table}, line {number}: {error}") from error


def _action(row: dict[str, str], split: str) -> Source:
    """One row. Raises `ValueError`."""
    if any(value is None for value in row.values()):
        raise ValueError("the row ends early")
    video, verb = row["video_id"], int(row["verb_class"])
    if not VIDEO.fullmatch(video):
        raise ValueError(f"{video!r} is not a video such as P08_09")
    if not 0 <= verb < len(CLASSES):
        raise ValueError(f"verb_class {verb} is not one of 0 to {len(CLASSES) - 1}")
    start, stop = _micros(row["start_timestamp"]), _micros(row["stop_timestamp"])
    if stop <= start:
        raise ValueError(f"it ends at {row['stop_timestamp']}, not after {row['start_timestamp']}")
    return Source(
        path=Path(video),
        size=0,
        class_name=CLASSES[verb],
        split=split,
        sensor_size=SENSOR_SIZE,
        span=(start, stop),
        subject=row["participant_id"],
        part=int(row["uid"]),
    )


def _micros(clock: str) -> int:
    """µs from the video's beginning of a time such as 00:01:02.34. Raises `ValueError`."""
    match = CLOCK.fullmatch(clock)
    if match is None:
        raise ValueError(f"{clock!r} is not a time such as 00:01:02.34")
    hours, minutes, seconds = match.groups()
    return int((int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds)) * 1_000_000)


def _how_to_copy(table: Path) -> str:
    pickle = table.with_suffix(".pkl").name
    copy = f"import pandas; pandas.read_pickle('{pickle}').to_csv('{table.name}')"
    return (
        f"N-EPIC-Kitchens ships it as {pickle}, and a pickle can run anything, so it is never opened here. Where you "
        f'trust it, with pandas below 2: python -c "{copy}"'
    )


N_EPIC_KITCHENS = Dataset(
    name="n_epic_kitchens",
    title="N-EPIC-Kitchens",
    classes=len(CLASSES),
    recordings=64,
    sensor_size=SENSOR_SIZE,
    licence=None,
    place="https://github.com/EgocentricVision/N-EPIC-Kitchens (rsync: events)",
    files="""events/<video>.*                one recording for each of P01_01 to P22_17, times from 0 µs on
Di_train.csv, Di_test.csv       i = 1, 2, 3; copies of the pickles""",
    schemes=tuple(SCHEMES),
    listing=listing,
    divided=True,
)
