"""N-EPIC-Kitchens: tables that are copies of pickles, and parts of simulated recordings."""

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuroact import Events, write_recording
from neuroact.datasets.published.n_epic_kitchens import CLASSES, N_EPIC_KITCHENS, SCHEMES, listing
from neuroact.datasets.sources import collect
from neuroact.datasets.verifying import verify
from neuroact.errors import DatasetError
from tests.conftest import random_events
from tests.datasets.builders import converted

TITLES = ",uid,participant_id,video_id,narration,start_timestamp,stop_timestamp,start_frame,stop_frame,verb,verb_class"
TRAIN = [
    '0,11,P08,P08_02,"take knife, fork",00:00:00.00,00:00:00.01,0,1,take,0',
    "1,12,P08,P08_02,mix it,00:00:00.005,00:00:00.02,0,600,mix,6",
]
TEST = ["0,13,P08,P08_09,pour water,00:00:00.000001,00:00:00.004,0,8,pour,7"]


def write_epic(root: Path) -> dict[str, Events]:
    """Tables of two kitchens, and what is in the recordings of the first."""
    (root / "events").mkdir(parents=True)
    for name, rows in (("D1_train", TRAIN), ("D1_test", TEST)):
        (root / f"{name}.csv").write_text("\n".join([TITLES, *rows]) + "\n")
    row = "0,99,P01,P01_11,wash,00:00:00,00:00:01,0,60,wash,4"
    (root / "D2_test.csv").write_text(f"{TITLES}\n{row}\n")
    written = {}
    for seed, video in enumerate(("P08_02", "P08_09")):
        written[video] = random_events(600, (456, 256), seed=seed, start=0)
        write_recording(written[video], root / "events" / f"{video}.h5")
    return written


def test_an_action_is_a_part_of_its_video(tmp_path: Path) -> None:
    events = write_epic(tmp_path / "in")
    argument = f"n_epic_kitchens:{tmp_path / 'in'}"
    collection = collect([argument])
    assert [(s.name, s.label, s.split, s.span, s.subject) for s in collection.sources] == [
        ("events/P08_02.h5#11", 0, "train", (0, 10_000), "P08"),
        ("events/P08_02.h5#12", 6, "train", (5_000, 20_000), "P08"),
        ("events/P08_09.h5#13", 7, "test", (1, 4_000), "P08"),
    ]
    assert collection.classes == CLASSES
    store = converted(Path(argument), tmp_path / "store")
    spans = [source.span for source in collection.sources]
    videos = ["P08_02", "P08_02", "P08_09"]
    assert [sample.data for sample in store] == [
        events[video].between(*span) for video, span in zip(videos, spans, strict=True) if span
    ]
    assert events["P08_02"].t[-1] < 20_000  # the second action reaches past the end


def test_kitchens_are_trained_and_tested_on_in_all_nine_ways(tmp_path: Path) -> None:
    assert len(SCHEMES) == 9
    write_epic(tmp_path)
    found = listing(tmp_path, "D1-D2")
    assert {source.split for source in found.sources} == {"train"}
    assert found.missing == [tmp_path / "events" / "P01_11"]


CLOCKS = [("00:00:00", 0), ("00:00:00.000001", 1), ("00:01:02.34", 62_340_000), ("10:00:00.5", 36_000_500_000)]


@pytest.mark.parametrize(("clock", "micros"), CLOCKS)
def test_times_are_exact(tmp_path: Path, clock: str, micros: int) -> None:
    write_epic(tmp_path)
    (tmp_path / "D1_test.csv").write_text(f"{TITLES}\n0,13,P08,P08_09,x,{clock},11:00:00,0,1,pour,7\n")
    assert listing(tmp_path).sources[-1].span == (micros, 39_600_000_000)


class Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def test_a_pickle_is_never_opened_and_the_message_says_how_to_copy_it(tmp_path: Path) -> None:
    write_epic(tmp_path)
    (tmp_path / "D1_test.csv").unlink()
    (tmp_path / "D1_test.pkl").write_bytes(pickle.dumps(Trap(tmp_path / "trapped")))
    with pytest.raises(
        DatasetError, match=r"D1_test\.csv: missing.*read_pickle\('D1_test\.pkl'\)\.to_csv\('D1_test\.csv'"
    ):
        listing(tmp_path)
    assert not (tmp_path / "trapped").exists()


def test_voxel_grids_are_no_recordings(tmp_path: Path) -> None:
    write_epic(tmp_path)
    for path in (tmp_path / "events").iterdir():
        path.unlink()
    (tmp_path / "voxels_xy_3" / "P08_09").mkdir(parents=True)
    for frame in range(10):
        np.save(tmp_path / "voxels_xy_3" / "P08_09" / f"event_{frame:010d}.npy", np.zeros((3, 256, 456), np.float32))
    with pytest.raises(DatasetError, match="voxels_xy_3 holds voxel grids, in which there are no events any more"):
        listing(tmp_path)
    (tmp_path / "events").rmdir()
    with pytest.raises(DatasetError, match=r"no events/<video>\.\*"):
        listing(tmp_path)


BROKEN = [
    ("0,13,P08,P8_9,x,00:00:00.00,00:00:00.01,0,1,pour,7", "'P8_9' is not a video"),
    ("0,13,P08,P08_09,x,00:00:00.00,00:00:00.01,0,1,pour,8", "verb_class 8 is not one of 0 to 7"),
    ("0,13,P08,P08_09,x,00:00:00.00,0.01,0,1,pour,7", "'0.01' is not a time"),
    ("0,13,P08,P08_09,x,00:00:00.01,00:00:00.01,0,1,pour,7", "not after 00:00:00.01"),
    ("0,x,P08,P08_09,x,00:00:00.00,00:00:00.01,0,1,pour,7", "invalid literal"),
    ("0,13,P08,P08_09,x,00:00:00.00", "the row ends early"),
    ("0,13,P08,P08_09,x,99999999999999:00:00,99999999999999:00:01,0,1,pour,7", "is not a time"),
    (f"0,13,P08,P08_09,{'x' * 200_000},00:00:00,00:00:01,0,1,pour,7", "field larger than field limit"),
]


@pytest.mark.parametrize(("row", "message"), BROKEN, ids=lambda value: value[:40])
def test_rows_that_make_no_sense_are_errors(tmp_path: Path, row: str, message: str) -> None:
    write_epic(tmp_path)
    (tmp_path / "D1_test.csv").write_text(f"{TITLES}\n{row}\n")
    with pytest.raises(DatasetError, match=rf"D1_test\.csv, line 2: .*{message}"):
        listing(tmp_path)


def test_columns_and_recordings_must_be_there_once(tmp_path: Path) -> None:
    write_epic(tmp_path)
    (tmp_path / "events" / "notes.txt").write_text("x")
    assert [path.name for path, _ in listing(tmp_path).ignored] == ["notes.txt"]
    (tmp_path / "events" / "P08_09.npz").write_bytes(b"")
    with pytest.raises(DatasetError, match=r"P08_09\.npz: P08_09\.h5 is a recording of P08_09, too"):
        listing(tmp_path)
    (tmp_path / "events" / "P08_09.npz").unlink()
    (tmp_path / "D1_test.csv").write_text("uid,video_id\n")
    with pytest.raises(DatasetError, match="no columns participant_id, start_timestamp"):
        listing(tmp_path)


def test_a_copy_is_whole_if_it_has_what_the_tables_of_its_split_name(tmp_path: Path) -> None:
    write_epic(tmp_path)
    whole = verify(N_EPIC_KITCHENS, tmp_path, "D1-D1")
    assert (whole.whole, whole.recordings, whole.expected) == (True, 2, 2)
    in_part = verify(N_EPIC_KITCHENS, tmp_path, "D1-D2")
    assert (in_part.whole, in_part.recordings, in_part.expected) == (False, 1, 2)
    assert in_part.missing == (tmp_path / "events" / "P01_11",)
