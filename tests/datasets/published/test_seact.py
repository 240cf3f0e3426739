"""SeAct: labels from codes, prefixes before them, lists with paths of another machine."""

from datetime import datetime
from pathlib import Path

import pytest

from neuroact.datasets.published.seact import CLASSES, listing
from neuroact.datasets.sources import collect
from neuroact.errors import DatasetError
from tests.conftest import random_events
from tests.datasets.builders import converted
from tests.recordings import build_aedat as aedat

FILES = {
    "f1-zhou/0000-2023_08_19_15_30_09.aedat4": (0, "clap"),
    "f1-zhou/1020-2023_08_19_15_30_19.aedat4": (43, "run with a box"),
    "m2-khao/khao2005-2023_08_19_15_48_17.aedat4": (49, "walk with back pain"),
    "m3-xu/xu3006-2023_08_19_15_52_43.aedat4": (57, "handing box"),
}
HOME = "/somewhere/else/DVS Semantic Action"  # the lists name their authors' own folder


def write_seact(root: Path) -> None:
    for seed, name in enumerate(FILES):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(aedat.aedat4_lz4(random_events(60, (346, 260), seed=seed)))
    names = list(FILES)
    (root / "SeAct_train.txt").write_text("".join(f"{HOME}/{name}\n" for name in names[:3]))
    (root / "SeAct_val.txt").write_text(f"{HOME}/{names[3]}")


def test_the_code_decides_the_label(tmp_path: Path) -> None:
    write_seact(tmp_path)
    collection = collect([f"seact:{tmp_path}"])
    assert {s.name: (s.label, s.class_name) for s in collection.sources} == FILES
    assert [source.split for source in collection.sources] == ["train"] * 3 + ["val"]
    assert [source.subject for source in collection.sources] == ["f1-zhou", "f1-zhou", "m2-khao", "m3-xu"]
    assert collection.sources[0].recorded == datetime(2023, 8, 19, 15, 30, 9)  # noqa: DTZ001
    assert collection.sources[2].attributes == {"code": "2005"}
    assert collection.classes == CLASSES
    assert len(set(CLASSES)) == 58
    assert collection.notes == collection.ignored == ()


def test_its_recordings_are_converted(tmp_path: Path) -> None:
    write_seact(tmp_path / "in")
    store = converted(Path(f"seact:{tmp_path / 'in'}"), tmp_path / "store")
    assert [sample.data for sample in store] == [random_events(60, (346, 260), seed=seed) for seed in range(4)]


def test_what_is_missing_or_foreign_is_named(tmp_path: Path) -> None:
    write_seact(tmp_path)
    (tmp_path / "SeAct_val.txt").unlink()
    (tmp_path / "f1-zhou" / "0000-2023_08_19_15_30_09.aedat4").unlink()
    for name in ("0023-2023_08_19_15_30_09.aedat4", "0001.aedat4"):
        (tmp_path / "f1-zhou" / name).write_bytes(b"")
    found = listing(tmp_path)
    assert [source.split for source in found.sources] == ["train", "train", None]
    assert found.missing == [tmp_path / "SeAct_val.txt", tmp_path / "f1-zhou" / "0000-2023_08_19_15_30_09.aedat4"]
    assert [(path.name, reason) for path, reason in found.ignored] == [
        ("0001.aedat4", "not <code>-<date>.aedat4"),
        ("0023-2023_08_19_15_30_09.aedat4", "0023 is the code of no action"),
    ]


def test_a_date_that_does_not_exist_is_none(tmp_path: Path) -> None:
    (tmp_path / "f1-zhou").mkdir()
    (tmp_path / "f1-zhou" / "0000-2023_13_19_15_30_09.aedat4").write_bytes(b"")
    assert listing(tmp_path).sources[0].recorded is None


def test_lists_that_make_no_sense_and_empty_folders_are_errors(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="as SeAct has"):
        listing(tmp_path)
    write_seact(tmp_path)
    (tmp_path / "SeAct_val.txt").write_text("0000-2023_08_19_15_30_09.aedat4\n")
    with pytest.raises(DatasetError, match=r"SeAct_val\.txt, line 1: .* does not end in"):
        listing(tmp_path)
    (tmp_path / "SeAct_val.txt").write_text(f"elsewhere/{next(iter(FILES))}\n")
    with pytest.raises(DatasetError, match="is in the list of train, too"):
        listing(tmp_path)
