"""The synthetic set: whole or absent, the same from the same seed, and split by subject."""

import csv
import hashlib
import re
from collections import Counter
from pathlib import Path

import pytest

from neuroact.datasets.simulation import synthetic
from neuroact.datasets.simulation.actions import ACTIONS
from neuroact.datasets.simulation.casting import PLACES, SPLITS, SUBJECTS, shot
from neuroact.datasets.simulation.synthetic import listing, make_synthetic
from neuroact.datasets.sources import collect
from neuroact.errors import DatasetError, StoreError
from neuroact.recordings import open_recording

SMALL = {"duration": 100_000, "sensor_size": (32, 24)}
DAILYDVS200 = re.compile(r"action_(\d+)/C(\d+)P(\d+)M([01])S([0-5])_(\d{8})_(\d{2})_(\d{2})_(\d{2})\.aedat4 (\d+)")


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("synthetic") / "set"
    make_synthetic(folder, 24, **SMALL)  # type: ignore[arg-type]
    return folder


def test_the_same_seed_gives_the_same_bytes_whatever_jobs_is(made: Path, tmp_path: Path) -> None:
    told = []
    result = make_synthetic(tmp_path / "set", 24, jobs=2, watch=told.append, **SMALL)  # type: ignore[arg-type]
    assert digests(made) == digests(tmp_path / "set")
    assert sum(progress.finished for progress in told) == 24
    assert sum(progress.events for progress in told) == result.events
    make_synthetic(tmp_path / "other", 24, seed=1, **SMALL)  # type: ignore[arg-type]
    recordings = [
        {digest for name, digest in digests(folder).items() if "/" in name} for folder in (made, tmp_path / "other")
    ]
    assert not recordings[0] & recordings[1]


def test_a_larger_set_begins_with_the_smaller_one() -> None:
    first = [shot(3, number).stem for number in range(20)]
    assert first == [shot(3, number).stem for number in range(40)][:20]
    assert len({shot(0, number).stem for number in range(1000)}) == 1000


def test_every_action_subject_and_place_occurs_as_often() -> None:
    shots = [shot(0, number) for number in range(240)]
    assert set(Counter((one.label, one.subject) for one in shots).values()) == {1}
    assert len({(one.label, one.subject) for one in shots}) == len(ACTIONS) * SUBJECTS
    assert {one.place for one in shots} == set(range(len(PLACES)))
    assert 0.2 < sum(one.moving for one in shots) / len(shots) < 0.4
    assert all(one.stage.hand.still != one.moving for one in shots)
    for count in (20, 33, 61):
        subjects = Counter(shot(0, number).subject for number in range(count))
        assert len(subjects) == SUBJECTS
        assert max(subjects.values()) - min(subjects.values()) <= 1


def test_no_subject_is_in_two_splits(made: Path) -> None:
    assert sorted(subject for subjects in SPLITS.values() for subject in subjects) == list(range(1, SUBJECTS + 1))
    subjects = {
        split: {source.subject for source in listing(made).sources if source.split == split} for split in SPLITS
    }
    assert {split: len(found) for split, found in subjects.items()} == {"train": 14, "val": 2, "test": 4}
    assert len(set.union(*subjects.values())) == SUBJECTS


def test_it_is_laid_out_as_dailydvs200(made: Path) -> None:
    lines = [line for split in SPLITS for line in (made / f"{split}.txt").read_text().splitlines()]
    assert len(lines) == 24
    for line in lines:
        match = DAILYDVS200.fullmatch(line)
        assert match
        assert int(match[1]) - 1 == int(match[2]) == int(match[10])
        assert (made / line.split()[0]).is_file()
    with (made / "action_description.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["ID"], row["Action"]) for row in rows] == [(str(i), action.name) for i, action in enumerate(ACTIONS)]
    assert len({row["Action description"] for row in rows}) == len(ACTIONS)


def test_its_recordings_can_be_read_and_have_their_labels(made: Path) -> None:
    collection = collect([f"synthetic:{made}"])
    assert len(collection.sources) == 24
    assert collection.classes == tuple(action.name for action in ACTIONS)
    for source in collection.sources:
        assert source.label == int(source.path.parent.name.removeprefix("action_")) - 1
        assert source.recorded
        assert f"{source.recorded:%Y%m%d_%H_%M_%S}" in source.name
    assert open_recording(collection.sources[0].path).sensor_size == (32, 24)
    events = [len(open_recording(source.path).read()) for source in collection.sources]
    assert min(events) > 0


def test_evt3_holds_the_same_events(made: Path, tmp_path: Path) -> None:
    make_synthetic(tmp_path / "set", 24, format="evt3", **SMALL)  # type: ignore[arg-type]
    for source in listing(tmp_path / "set").sources:
        assert source.path.suffix == ".raw"
        assert (
            open_recording(source.path).read()
            == open_recording(made / source.path.relative_to(tmp_path / "set").with_suffix(".aedat4")).read()
        )


def test_a_set_that_is_not_finished_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(progress: object) -> None:
        assert not (tmp_path / "set").exists()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_synthetic(tmp_path / "set", 24, watch=interrupt, **SMALL)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(StoreError, match="new or empty"):
        make_synthetic(tmp_path, 24, **SMALL)  # type: ignore[arg-type]
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"recordings": 19}, "at least 20"),
        ({"format": "dat"}, "no format 'dat'"),
        ({"seed": -1}, "seed -1"),
        ({"jobs": 0}, "0 jobs"),
        ({"duration": 0}, "0 µs"),
    ],
)
def test_what_cannot_be_made_is_refused(wrong: dict[str, int | str], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        make_synthetic(tmp_path / "set", **{"recordings": 24} | wrong)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_recordings_that_are_gone_are_missing(made: Path, tmp_path: Path) -> None:
    copy = tmp_path / "set"
    for split in SPLITS:
        copy.mkdir(exist_ok=True)
        (copy / f"{split}.txt").write_bytes((made / f"{split}.txt").read_bytes())
    (copy / "action_description.csv").write_bytes((made / "action_description.csv").read_bytes())
    with pytest.raises(DatasetError, match="none of the recordings"):
        listing(copy)
    line = (copy / "train.txt").read_text().split()[0]
    (copy / line).parent.mkdir()
    (copy / line).write_bytes((made / line).read_bytes())
    found = listing(copy)
    assert [source.path for source in found.sources] == [copy / line]
    assert len(found.missing) == 23


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("val.txt", "action_1/other.aedat4 0\n", "val.txt, line 1: not a recording"),
        ("val.txt", "action_13/C12P1M0S0_20260105_09_00_00.aedat4 12\n", "val.txt, line 1: not a recording"),
        ("test.txt", None, "test.txt: cannot be read"),
        ("action_description.csv", "ID,Action\n0,a\n0,b\n", "IDs from 0 on"),
        ("action_description.csv", "ID,Action\n0,a\n1,a\n", "a name of its own"),
        ("action_description.csv", "", "IDs from 0 on"),
    ],
)
def test_lists_that_are_wrong_are_refused(
    made: Path, tmp_path: Path, name: str, content: str | None, message: str
) -> None:
    for path in made.glob("*.*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_text(content)
    with pytest.raises(DatasetError, match=message):
        listing(tmp_path)


def test_a_recording_that_cannot_be_made_ends_the_making(tmp_path: Path) -> None:
    job = synthetic.Job(tmp_path, 7, 0, "aedat4", 1, (1, 1))
    with pytest.raises(StoreError, match=r"recording 7 .* killed"):
        job.without(7, "killed the process that made it")
