"""HARDVS: stems that repeat between classes, lists, second copies."""

import io
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from neuroact.datasets.published.hardvs import CLASSES, listing
from neuroact.datasets.sources import collect
from neuroact.errors import DatasetError
from tests.conftest import random_events
from tests.datasets.builders import converted

STEM = "dvSave-2021_08_20_16_15_22"
OTHER = "dvSave-2021_08_20_16_15_32"


def npz(seed: int) -> bytes:
    events = random_events(60, (346, 260), seed=seed)
    buffer = io.BytesIO()
    np.savez(buffer, t=events.t, x=events.x, y=events.y, p=events.p)
    return buffer.getvalue()


def write_hardvs(root: Path, names: list[str]) -> None:
    for seed, name in enumerate(names):
        path = root / f"{name}.npz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(npz(seed))


def write_lists(root: Path, train: str = "", val: str = "", test: str = "") -> None:
    for name, text in (("train", train), ("val", val), ("test", test)):
        (root / f"{name}_label.txt").write_text(text)


def test_a_stem_is_a_recording_together_with_its_class(tmp_path: Path) -> None:
    write_hardvs(tmp_path, [f"action_001/{STEM}", f"action_300/{STEM}", f"action_300/{OTHER}/{OTHER}"])
    write_lists(tmp_path, f"action_001/{STEM} 44 0\naction_300/{OTHER} 5 299", f"action_300/{STEM} 44 299")
    collection = collect([f"hardvs:{tmp_path}"])
    assert [(source.name, source.label, source.split) for source in collection.sources] == [
        (f"action_001/{STEM}.npz", 0, "train"),
        (f"action_300/{STEM}.npz", 299, "val"),
        (f"action_300/{OTHER}/{OTHER}.npz", 299, "train"),
    ]
    assert collection.classes == CLASSES
    assert len(set(CLASSES)) == 300
    assert [source.recorded for source in collection.sources][::2] == [
        datetime(2021, 8, 20, 16, 15, 22),  # noqa: DTZ001
        datetime(2021, 8, 20, 16, 15, 32),  # noqa: DTZ001
    ]
    assert collection.notes == collection.ignored == ()


def test_its_recordings_are_converted(tmp_path: Path) -> None:
    write_hardvs(tmp_path / "in", [f"action_001/{STEM}", f"action_002/{STEM}"])
    store = converted(Path(f"hardvs:{tmp_path / 'in'}"), tmp_path / "store")
    assert [sample.data for sample in store] == [random_events(60, (346, 260), seed=seed) for seed in (0, 1)]


def test_second_copies_and_foreign_files_are_left_out(tmp_path: Path) -> None:
    names = [f"action_001/{STEM}", f"action_001/{STEM} (2)", f"action_001/{STEM}/{STEM}", f"action_301/{STEM}",
             f"action_001/x/y/{STEM}", f"{STEM}"]  # fmt: skip
    write_hardvs(tmp_path, names)
    (tmp_path / "HARDVS_300_class.txt").write_text("Action001-L type clamp back\n")
    found = listing(tmp_path)
    assert len(found.sources) == 1
    assert len(found.ignored) == 5
    assert sum("again" in reason for _, reason in found.ignored) == 1


def test_what_lists_name_and_is_not_there_is_missing(tmp_path: Path) -> None:
    write_hardvs(tmp_path, [f"action_001/{STEM}"])
    (tmp_path / "train_label.txt").write_text(f"action_001/{STEM} 1 0\naction_002/{STEM} 1 1")
    found = listing(tmp_path)
    assert found.missing == [
        tmp_path / "val_label.txt",
        tmp_path / "test_label.txt",
        tmp_path / "action_002" / f"{STEM}.npz",
    ]
    assert "val_label.txt is missing" in found.notes[0]


BROKEN = [
    (f"action_002/{STEM} 44 2", "the label of action_002 is 1"),
    (f"action_301/{STEM} 44 300", "the label of action_301 is 300"),
    (f"action_002/{STEM}", "is not 'action_NNN/dvSave-<date> <frames> <label>'"),
    (f"action_001/{STEM} 44 0", "is in the list of train, too"),
]


@pytest.mark.parametrize(("line", "message"), BROKEN)
def test_lists_that_make_no_sense_are_errors(tmp_path: Path, line: str, message: str) -> None:
    write_hardvs(tmp_path, [f"action_001/{STEM}"])
    write_lists(tmp_path, f"action_001/{STEM} 44 0", test=line)
    with pytest.raises(DatasetError, match=rf"test_label\.txt, line 1: .*{message}"):
        listing(tmp_path)


def test_a_folder_without_recordings_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="as HARDVS has"):
        listing(tmp_path)
    (tmp_path / "action_001.zip").write_bytes(b"")
    with pytest.raises(DatasetError, match=r"unpack its action_NNN\.zip first"):
        listing(tmp_path)
