"""The synthetic set: a simulated camera watches a figure that does twelve actions, as twenty different people.

    ROOT/action_<C+1>/C<C>P<P>M<M>S<S>_<YYYYMMDD>_<hh>_<mm>_<ss>.aedat4    (or .raw, which is EVT3)
    ROOT/train.txt, val.txt, test.txt      a recording and its label a line
    ROOT/action_description.csv            ID,Action,Action description

Laid out and named as DailyDVS-200: label C, subject P, camera moving or not M, place S. No subject is in two splits.
"""

from __future__ import annotations

import csv
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self

from neuroact.atomic import sync, whole_file
from neuroact.cores import one_core
from neuroact.datasets.conversion.group import Progress
from neuroact.datasets.conversion.supervisor import supervise
from neuroact.datasets.dataset import Dataset
from neuroact.datasets.simulation import simulated
from neuroact.datasets.simulation.actions import ACTIONS
from neuroact.datasets.simulation.casting import SPLITS, SUBJECTS, shot
from neuroact.datasets.source import Listing, Source
from neuroact.errors import DatasetError, StoreError
from neuroact.events import Events
from neuroact.recordings import write_recording

RECORDINGS = 480
"""Two of every action by every subject."""
SENSOR_SIZE = (320, 240)
DURATION = 3_000_000
SUFFIXES = {"aedat4": ".aedat4", "evt3": ".raw"}
DESCRIPTION = "action_description.csv"
HEAD = ("ID", "Action", "Action description")
LINE = re.compile(r"(action_\d+/C\d+P(\d+)M([01])S([0-5])_(\d{8}_\d\d_\d\d_\d\d)\.(?:aedat4|raw)) (\d+)")

Watch = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Made:
    """A set that was made.

    - `path`: its folder. `recordings`: how many, by split.
    - `events`, `bytes`: of all recordings together.
    """

    path: Path
    recordings: dict[str, int]
    events: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Job:
    """One recording to make below a folder."""

    folder: Path
    number: int
    seed: int
    format: str
    duration: int
    sensor_size: tuple[int, int]

    def without(self, recording: int, reason: str) -> Self:
        """Never: a set that lacks a recording is another set. Raises `StoreError`."""
        raise StoreError(f"{self.folder.parent}: recording {recording} of the synthetic set was not made: it {reason}")


def make_synthetic(
    folder: str | os.PathLike[str],
    recordings: int = RECORDINGS,
    *,
    seed: int = 0,
    format: str = "aedat4",
    jobs: int = 1,
    duration: int = DURATION,
    sensor_size: tuple[int, int] = SENSOR_SIZE,
    watch: Watch = lambda progress: None,
) -> Made:
    """Makes the set in a new folder, which appears once it is whole.

    - `recordings`: how many, at least 20. Every 12 hold each action once, every 20 each subject, every 240 each action
      by each subject.
    - `seed`: of everything. The same arguments give the same bytes, whatever `jobs` is.
    - `format`: "aedat4" or "evt3".
    - `jobs`: worker processes; 1 for none beside this one.
    - `duration`: of each recording in µs. `sensor_size`: `(width, height)` in pixels.
    - `watch`: is told of every recording that is begun and finished.

    Raises `StoreError` if the folder is there and not empty, `ValueError` for values that no set can be made with.
    """
    folder = Path(folder)
    if recordings < SUBJECTS:
        raise ValueError(f"{recordings} recordings; at least {SUBJECTS} are needed, one of every subject")
    if format not in SUFFIXES:
        raise ValueError(f"no format {format!r}; there are {', '.join(SUFFIXES)}")
    if seed < 0 or jobs < 1 or duration < 1 or min(sensor_size) < 1:
        raise ValueError(
            f"seed {seed}, {jobs} jobs, {duration} µs of {sensor_size[0]}x{sensor_size[1]} pixels; the seed must be at "
            "least 0, all others at least 1"
        )
    with _whole_folder(folder) as temporary:
        made = [Job(temporary, number, seed, format, duration, sensor_size) for number in range(recordings)]
        for label in range(len(ACTIONS)):
            (temporary / f"action_{label + 1}").mkdir()
        events = sum(_film_all(made, jobs, watch))
        splits = _write_lists(temporary, made)
        size = sum(path.stat().st_size for path in temporary.glob("action_*/*"))
    return Made(folder, splits, events, size)


def film(job: Job, send: Watch) -> int:
    """Makes one recording and returns how many events it has."""
    send(Progress(job.number))
    width, height = job.sensor_size
    plan = shot(job.seed, job.number, duration=job.duration / 1e6, aspect=width / height)
    events = 0

    def counted() -> Iterator[Events]:
        nonlocal events
        for piece in simulated.stream(plan.stage, job.duration, sensor_size=job.sensor_size, seed=plan.seed):
            events += len(piece)
            yield piece

    path = job.folder / f"{plan.stem}{SUFFIXES[job.format]}"
    with one_core():
        write_recording(counted(), path, job.format, job.sensor_size)
    send(Progress(job.number, events, finished=1))
    return events


def listing(root: Path, scheme: str = "subject") -> Listing:
    """Every recording of the set with its label, subject and split. Raises `DatasetError` if that is not told."""
    classes = _classes(root)
    found = Listing([], root, classes)
    for split in SPLITS:
        for number, line in enumerate(_text(root / f"{split}.txt").splitlines(), 1):
            match = LINE.fullmatch(line)
            if match is None or int(match[6]) >= len(classes):
                raise DatasetError(f"{root / f'{split}.txt'}, line {number}: not a recording and its label: {line!r}")
            path, label = root / match[1], int(match[6])
            if not path.is_file():
                found.missing.append(path)
                continue
            found.sources.append(
                Source(
                    path=path,
                    size=path.stat().st_size,
                    class_name=classes[label],
                    label=label,
                    split=split,
                    subject=match[2],
                    recorded=datetime.strptime(match[5], "%Y%m%d_%H_%M_%S"),  # noqa: DTZ007  (local, as the name says)
                    attributes={"camera moving": match[3], "place": match[4]},
                )
            )
    if not found.sources:
        raise DatasetError(f"{root}: none of the recordings that train.txt, val.txt and test.txt name is in it")
    return found


def _film_all(made: list[Job], jobs: int, watch: Watch) -> Iterator[int]:
    if jobs == 1:
        yield from (film(job, watch) for job in made)
    else:
        yield from (events for _, events in supervise(made, film, jobs=jobs, watch=watch))


def _write_lists(folder: Path, made: list[Job]) -> dict[str, int]:
    """Writes the lists and the descriptions; returns the number of recordings by split."""
    lines: dict[str, list[str]] = {split: [] for split in SPLITS}
    for job in made:
        plan = shot(job.seed, job.number)
        lines[plan.split].append(f"{plan.stem}{SUFFIXES[job.format]} {plan.label}\n")
    for split, listed in lines.items():
        with whole_file(folder / f"{split}.txt") as path:
            path.write_text("".join(listed), "utf-8")
    with whole_file(folder / DESCRIPTION) as path, path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEAD)
        writer.writerows((label, action.name, action.description) for label, action in enumerate(ACTIONS))
    return {split: len(listed) for split, listed in lines.items()}


@contextmanager
def _whole_folder(folder: Path) -> Iterator[Path]:
    """Yields a temporary folder beside `folder`, which it becomes when the block ends well, and else vanishes."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise StoreError(f"{folder}: is there already; name a folder that is new or empty")
    folder = Path(os.path.abspath(folder))  # noqa: PTH100  (a symbolic link stays one)
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = folder.with_name(f".{folder.name}.{secrets.token_hex(8)}.part")
    temporary.mkdir()
    try:
        yield temporary
        sync(temporary)
        temporary.replace(folder)
        sync(folder.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _classes(root: Path) -> tuple[str, ...]:
    rows = list(csv.DictReader(_text(root / DESCRIPTION).splitlines()))
    names = [row.get("Action") or "" for row in rows]
    ids = [row.get("ID") for row in rows]
    numbered = ids == [str(label) for label in range(len(rows))]
    if not rows or not numbered or not all(names) or len(set(names)) < len(names):
        raise DatasetError(f"{root / DESCRIPTION}: not {','.join(HEAD)} with IDs from 0 on and a name of its own each")
    return tuple(names)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: cannot be read, and the synthetic set has it: {error}") from error


SYNTHETIC = Dataset(
    name="synthetic",
    title="neuroact's synthetic actions",
    classes=len(ACTIONS),
    recordings=RECORDINGS,
    sensor_size=SENSOR_SIZE,
    licence="yours: you make it",
    place="neuroact datasets make synthetic -o ROOT",
    files=f"""action_<C+1>/C<C>P<P>M<M>S<S>_<YYYYMMDD>_<hh>_<mm>_<ss>.aedat4
train.txt, val.txt, test.txt
{DESCRIPTION}""",
    schemes=("subject",),
    listing=listing,
)
