"""audit: each kind of leak is found where it is, and nowhere else."""

import json
import shutil
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from neuroact.datasets.audit import Audit, Leak, audit, auditable
from neuroact.datasets.simulation.synthetic import make_synthetic
from neuroact.datasets.source import Listing, Source
from neuroact.errors import DatasetError, SplitLeak
from tests.datasets.builders import converted, write_nmnist, write_recordings
from tests.datasets.dailydvs200_copy import lists, write_lists
from tests.datasets.published.test_dvs128_gesture import write_gestures

NOON = datetime.fromisoformat("2023-11-11T12:00:00")


def source(name: str, split: str | None, seconds: float | None = None, **more: object) -> Source:
    """A recording that was made so many seconds after noon."""
    recorded = None if seconds is None else NOON + timedelta(seconds=seconds)
    return replace(Source(Path(name), 0, name, split=split, recorded=recorded), **more)  # type: ignore[arg-type]


def kinds(result: Audit) -> list[tuple[str, tuple[str, str], int]]:
    return [(leak.kind, leak.splits, leak.recordings) for leak in result.leaks]


def test_splits_that_share_nothing() -> None:
    sources = [
        source("a", "train", 0, subject="P1", class_name="wave"),
        source("b", "test", 60, subject="P2", class_name="wave"),
    ]
    result = audit(sources)
    assert result.clean
    assert result.recordings == 2
    assert result.unknown == {"content": 2}
    result.raise_for_leaks()


def test_a_subject_in_two_splits() -> None:
    sources = [
        source("a", "train", subject="P1"),
        source("b", "train", subject="P2"),
        source("c", "test", subject="P2"),
        source("d", "test", subject="P2"),
        source("e", "test", subject="P3"),
        source("f", "val", subject="P4"),
    ]
    assert audit(sources).leaks == (Leak("subject", ("train", "test"), 1, 2, 3, (("P2",),)),)


def test_no_subject_is_nobody_in_particular() -> None:
    result = audit([source("a", "train"), source("b", "test")])
    assert result.clean
    assert result.unknown == {"subject": 2, "recorded": 2, "content": 2}


def test_a_recording_in_two_splits() -> None:
    sources = [source("a", "val"), source("b", "val"), source("b", "test"), source("c", "test"), source("c", "test")]
    result = audit(sources)
    assert result.leaks == (Leak("recording", ("val", "test"), 1, 1, 2, (("b",),)),)
    assert result.recordings == 3
    assert {name: split.recordings for name, split in result.splits.items()} == {"val": 2, "test": 2}


def test_one_recording_under_two_names(tmp_path: Path) -> None:
    write_recordings(tmp_path, ["train/wave/a.raw", "train/walk/b.raw", "test/walk/c.raw"])
    (tmp_path / "test" / "wave").mkdir()
    (tmp_path / "test" / "wave" / "d.raw").symlink_to(tmp_path / "train" / "wave" / "a.raw")
    assert kinds(audit(auditable(str(tmp_path)))) == [("recording", ("train", "test"), 1)]


@pytest.mark.parametrize(
    ("second", "kind"),
    [((100, 200), "windows"), ((99, 200), "recording"), ((0, 100), "recording"), (None, "recording")],
)
def test_windows_of_a_recording(second: tuple[int, int] | None, kind: str) -> None:
    sources = [source("a", "train", span=(0, 100)), source("a", "test", span=second)]
    assert kinds(audit(sources)) == [(kind, ("train", "test"), 1)]


@pytest.mark.parametrize(
    ("seconds", "class_name", "within", "found"),
    [
        (14.999, "wave", 15, True),
        (-14.999, "wave", 15, True),
        (0, "wave", 15, True),
        (15, "wave", 15, False),
        (-15, "wave", 15, False),
        (20, "wave", 21, True),
        (0, "wave", 0, False),
        (1, "walk", 15, False),
    ],
)
def test_neighbours_in_time(seconds: float, class_name: str, within: float, found: bool) -> None:
    sources = [
        source("late", "train", 1000, class_name="wave"),
        source("a", "train", 0, class_name="wave"),
        source("early", "train", -1000, class_name="wave"),
        source("b", "test", seconds, class_name=class_name),
    ]
    result = audit(sources, within=within)
    assert result.leaks == ((Leak("neighbours", ("train", "test"), 1, 1, 1, (("a", "b"),)),) if found else ())
    assert result.within == within


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_recording_in_both_splits_is_no_neighbour(split: str) -> None:
    both = [source("a", name, 0, class_name="wave") for name in ("train", "test")]
    result = audit([*both, source("b", split, 5, class_name="wave")])
    assert kinds(result) == [("recording", ("train", "test"), 1)]


def test_without_classes_there_are_no_neighbours() -> None:
    assert audit([source("a", "train", 0), source("b", "test", 0)]).clean


def test_equal_content(tmp_path: Path) -> None:
    write_recordings(tmp_path, ["train/wave/a.raw", "train/walk/b.raw", "test/walk/c.raw"])
    shutil.copyfile(tmp_path / "train/wave/a.raw", tmp_path / "test/walk/d.raw")
    shutil.copyfile(tmp_path / "train/walk/b.raw", tmp_path / "train/wave/e.raw")
    (tmp_path / "test/walk/c.raw").write_bytes(bytes((tmp_path / "train/wave/a.raw").stat().st_size))
    assert audit(auditable(str(tmp_path))).clean
    result = audit(auditable(str(tmp_path)), content=True)
    assert result.leaks == (Leak("content", ("train", "test"), 1, 1, 2, (("train/wave/a.raw", "test/walk/d.raw"),)),)
    assert "content" not in result.unknown


def test_a_recording_in_both_splits_is_no_equal_of_itself(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"events")
    sources = [Source(tmp_path / "a", 6, "a", split=split) for split in ("train", "test")]
    assert kinds(audit(sources, content=True)) == [("recording", ("train", "test"), 1)]


def test_what_cannot_be_read_is_counted(tmp_path: Path) -> None:
    there = tmp_path / "a"
    there.write_bytes(b"events")
    sources = [Source(there, 6, "a", split="train"), Source(tmp_path / "b", 0, "b", split="test")]
    assert audit(sources, content=True).unknown["content"] == 1


def test_a_store_knows_its_content(tmp_path: Path) -> None:
    write_recordings(tmp_path / "in", ["train/wave/a.raw", "train/walk/b.raw", "test/walk/c.raw"])
    shutil.copyfile(tmp_path / "in/train/wave/a.raw", tmp_path / "in/test/walk/d.raw")
    converted(tmp_path / "in", tmp_path / "out")
    result = audit(auditable(str(tmp_path / "out")))
    assert kinds(result) == [("content", ("train", "test"), 1)]
    assert result.unknown == {"subject": 4, "recorded": 4}
    assert {name: split.classes for name, split in result.splits.items()} == {"train": 2, "test": 1}


def test_a_store_knows_subjects_times_and_parts(tmp_path: Path) -> None:
    gestures = tmp_path / "gestures"
    write_gestures(gestures, ["user03_led", "user03_lab", "user24_led"])
    (gestures / "trials_to_train.txt").write_text("user03_led.aedat\n")
    (gestures / "trials_to_test.txt").write_text("user03_lab.aedat\nuser24_led.aedat\n")
    converted(Path(f"dvs128_gesture:{gestures}"), tmp_path / "parts")
    of_set, of_store = (audit(auditable(name)) for name in (f"dvs128_gesture:{gestures}", str(tmp_path / "parts")))
    assert kinds(of_store) == kinds(of_set) == [("subject", ("train", "test"), 1)]
    assert (of_store.recordings, of_store.splits) == (of_set.recordings, of_set.splits)
    make_synthetic(tmp_path / "made", 20, duration=30_000, sensor_size=(32, 24))
    converted(Path(f"synthetic:{tmp_path / 'made'}"), tmp_path / "times")
    of_set, of_store = (audit(auditable(name)) for name in (f"synthetic:{tmp_path / 'made'}", str(tmp_path / "times")))
    assert of_store.unknown == {}
    assert of_store.leaks == of_set.leaks


def test_numbers_that_repeat_are_not_recordings_that_repeat(tmp_path: Path) -> None:
    write_nmnist(tmp_path, 1)
    assert audit(auditable(f"nmnist:{tmp_path}"), content=True).clean


@pytest.mark.parametrize(
    ("splits", "problem"), [([None, None], "2 recordings and no split"), (["test", None], "only the split test")]
)
def test_there_must_be_splits(splits: list[str | None], problem: str) -> None:
    with pytest.raises(DatasetError, match=problem):
        audit([source(str(number), split) for number, split in enumerate(splits)])


def test_recordings_of_no_split_are_counted() -> None:
    result = audit([source("a", "train"), source("b", "test"), source("a", None), source("c", None)])
    assert result.unknown["split"] == 2
    assert result.recordings == 3


def test_a_negative_distance() -> None:
    with pytest.raises(ValueError, match="must not be negative"):
        audit([source("a", "train"), source("b", "test")], within=-1)


def test_splits_come_in_their_order_and_examples_are_few() -> None:
    names = [f"{number:02d}" for number in range(9)]
    sources = [source(name, split) for name in names for split in ("zoo", "test", "val", "train", "hall")]
    result = audit(sources)
    assert list(result.splits) == ["train", "val", "test", "hall", "zoo"]
    assert len(result.leaks) == 10
    assert result.leaks[0].examples == tuple((name,) for name in names[:5])
    assert result.leaks[0].count == 9


def test_a_leak_can_be_raised_and_written(tmp_path: Path) -> None:
    result = audit([source("a", "val", subject="P4"), source("a", "test", subject="P4")])
    with pytest.raises(SplitLeak, match="1 of the 1 recordings in test are also in val"):
        result.raise_for_leaks()
    values = json.loads(json.dumps(result.to_json()))
    assert values["clean"] is False
    assert values["splits"]["val"] == {"recordings": 1, "classes": 0, "subjects": 1}
    assert values["leaks"][1] == {
        "kind": "recording", "splits": ["val", "test"], "count": 1, "recordings": 1, "total": 1, "examples": [["a"]],
    }  # fmt: skip


def test_names_are_below_the_root_of_a_listing() -> None:
    root = Path("copy")
    sources = [Source(root / "x" / "a", 0, split="train"), Source(root / "x" / "a", 0, split="test")]
    assert audit(Listing(sources, root)).leaks[0].examples == (("x/a",),)


def test_lists_are_enough(tmp_path: Path) -> None:
    write_lists(tmp_path, lists())
    assert kinds(audit(auditable(f"dailydvs200@official:{tmp_path}"))) == [
        ("subject", ("val", "test"), 60),
        ("recording", ("val", "test"), 60),
    ]
    strict = audit(auditable(f"dailydvs200:{tmp_path}"), content=True)
    assert strict.clean
    assert strict.recordings == strict.unknown["content"] == 300


def test_the_published_split_of_dailydvs200(shared: Path) -> None:
    root = shared / "datasets" / "dailydvs200"
    result = audit(auditable(f"dailydvs200@official:{root}"))
    assert result.recordings == 22_046
    assert {name: split.recordings for name, split in result.splits.items()} == {
        "train": 14_773, "val": 3_735, "test": 4_093,
    }  # fmt: skip
    assert {name: split.subjects for name, split in result.splits.items()} == {"train": 31, "val": 8, "test": 9}
    assert result.leaks[0] == Leak("subject", ("val", "test"), 1, 555, 4_093, (("P4",),))
    assert kinds(result)[1:] == [("recording", ("val", "test"), 555), ("neighbours", ("train", "val"), 1)]
    assert all("P4M" in name for (name,) in result.leaks[1].examples)
    assert kinds(audit(auditable(f"dailydvs200@strict:{root}"))) == [("neighbours", ("train", "val"), 1)]
