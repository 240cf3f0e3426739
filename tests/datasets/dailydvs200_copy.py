"""A small copy of DailyDVS-200: lists and names of its grammar, and tiny recordings."""

import shutil
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from neuroact import write_recording
from tests.conftest import random_events

SUBJECTS = {"train": (1, 2), "val": (3, 4), "test": (4, 5)}
"""As published, subject 4 is in two lists."""
EVENTS = 6


def lists(classes: int = 20, takes: int = 3, subjects: Mapping[str, Sequence[int]] = SUBJECTS) -> dict[str, list[str]]:
    """Lines of train.txt, val.txt and test.txt: for every class and subject some takes, each an hour after the last."""
    start = datetime.fromisoformat("2023-11-11T09:00:00")
    lines: dict[str, list[str]] = {}
    for split, people in subjects.items():
        lines[split] = []
        for action in range(classes):
            for person in people:
                for take in range(takes):
                    when = start + timedelta(hours=(action * 100 + person) * takes + take)
                    name = f"C{action}P{person}M{take % 2}S{person}_{when:%Y%m%d_%H_%M_%S}.aedat4"
                    lines[split].append(f"action_{action + 1}/{name} {action}")
    return lines


def write_lists(root: Path, lines: Mapping[str, Sequence[str]]) -> None:
    """The lists of a copy."""
    root.mkdir(parents=True, exist_ok=True)
    for split, entries in lines.items():
        (root / f"{split}.txt").write_text("".join(f"{line}\n" for line in entries))


def write_copy(root: Path, lines: Mapping[str, Sequence[str]]) -> list[str]:
    """Lists and recordings, all of the same events; returns the recordings' paths below `root`, sorted."""
    write_lists(root, lines)
    model = root / "model.aedat4"
    write_recording(random_events(EVENTS, (320, 240)), model)
    names = sorted({line.split()[0] for entries in lines.values() for line in entries})
    for name in names:
        (root / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(model, root / name)
    model.unlink()
    return names


def write_class_names(root: Path) -> None:
    """200 names, of which 3 and 60 are the same, as they are in the authors' file."""
    names = {3: "roll up sleeves", 60: "roll up sleeves"}
    rows = [f'{label},{names.get(label, f"action {label}")},"First, do it."' for label in range(200)]
    (root / "action_description.csv").write_text("\n".join(["ID,Action,Action description", *rows]))
