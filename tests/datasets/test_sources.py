"""What arguments stand for: names, labels, what is left out."""

from pathlib import Path

import pytest

from neuroact import DatasetError, RecordingNotFound
from neuroact.datasets.sources import Collection, collect
from tests.datasets.builders import converted, write_nmnist, write_recordings


def names(collection: Collection) -> list[str]:
    return [source.name for source in collection.sources]


def test_a_file_is_single_and_has_its_own_name(tmp_path: Path) -> None:
    write_recordings(tmp_path, ["a.raw"])
    collection = collect([tmp_path / "a.raw"])
    assert collection.single
    assert names(collection) == ["a.raw"]
    assert collection.sources[0].size == (tmp_path / "a.raw").stat().st_size


def test_a_folder_gives_its_recordings_sorted_and_lists_the_rest(tmp_path: Path) -> None:
    write_recordings(tmp_path, ["b.raw", "a.raw", "deep/er/c", ".hidden/d.raw"])
    (tmp_path / "README.md").write_text("1 2 3 1\n")
    (tmp_path / "user01_labels.csv").write_text("1,2,3\n")
    (tmp_path / "notes").write_text("nothing to see")
    (tmp_path / ".hidden.raw").write_bytes(b"x")
    (tmp_path / "damaged.raw").write_bytes(b"\0" * 100)
    collection = collect([tmp_path])
    assert not collection.single
    assert names(collection) == ["a.raw", "b.raw", "damaged.raw", "deep/er/c"]
    assert {(path.name, reason) for path, reason in collection.ignored} == {
        ("README.md", "a side file"),
        ("user01_labels.csv", "a side file"),
        ("notes", "not a recording"),
        (".hidden.raw", "hidden"),
    }


def test_stores_and_the_output_are_not_sources(tmp_path: Path) -> None:
    write_recordings(tmp_path / "in", ["a.raw", "b.raw"])
    converted(tmp_path / "in", tmp_path / "in" / "store")
    write_recordings(tmp_path / "in" / "out", ["c.raw"])
    assert names(collect([tmp_path / "in"], out=tmp_path / "in" / "out")) == ["a.raw", "b.raw"]


CLASS_FOLDERS = [
    (["cat/1.raw", "dog/1.raw"], ("cat", "dog"), [0, 1], [None, None]),
    (["10/1.raw", "9/1.raw"], ("9", "10"), [1, 0], [None, None]),
    (["test/cat/1.raw", "train/cat/1.raw", "train/dog/1.raw"], ("cat", "dog"), [0, 0, 1], ["test", "train", "train"]),
    (["1.raw", "cat/1.raw", "dog/1.raw"], (), [None] * 3, [None] * 3),
    (["all/1.raw", "all/2.raw"], (), [None] * 2, [None] * 2),
    (["test/1.raw", "train/1.raw"], (), [None] * 2, [None] * 2),
]


@pytest.mark.parametrize(("paths", "classes", "labels", "splits"), CLASS_FOLDERS, ids=lambda value: str(value))
def test_class_folders_give_labels(
    tmp_path: Path, paths: list[str], classes: tuple[str, ...], labels: list[int | None], splits: list[str | None]
) -> None:
    write_recordings(tmp_path, paths)
    collection = collect([tmp_path])
    assert names(collection) == sorted(paths)
    assert collection.classes == classes
    assert [source.label for source in collection.sources] == labels
    assert [source.split for source in collection.sources] == splits


@pytest.mark.parametrize("prefix", ["", "nmnist:"])
def test_nmnist_is_recognised_and_can_be_named(tmp_path: Path, prefix: str) -> None:
    write_nmnist(tmp_path, 2, digits=(0, 7))
    collection = collect([f"{prefix}{tmp_path}"])
    assert names(collection)[:3] == ["Test/0/00001.bin", "Test/0/00002.bin", "Test/7/00001.bin"]
    assert collection.classes == tuple("0123456789")
    assert [source.label for source in collection.sources] == [0, 0, 7, 7] * 2
    assert [source.split for source in collection.sources] == ["test"] * 4 + ["train"] * 4
    assert {source.sensor_size for source in collection.sources} == {(34, 34)}
    assert bool(collection.notes) == (not prefix)


def test_a_folder_beside_train_and_test_is_no_nmnist(tmp_path: Path) -> None:
    write_nmnist(tmp_path, 1)
    write_recordings(tmp_path, ["extra/a.raw"])
    assert collect([tmp_path]).notes == ()


@pytest.mark.parametrize("argument", ["@list.txt", "@list.anything", "list.txt"])
def test_a_list_is_read_relative_to_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argument: str) -> None:
    write_recordings(tmp_path / "data", ["a.raw", "x/b.raw"])
    name = argument.removeprefix("@")
    (tmp_path / "data" / name).write_text("# two of them\nx/b.raw\n\na.raw\nmissing.raw\n")
    monkeypatch.chdir(tmp_path)
    collection = collect([argument.replace("list", "data/list")])
    assert names(collection) == ["a.raw", "missing.raw", "x/b.raw"]
    assert not collection.single


def test_a_text_recording_is_no_list(tmp_path: Path) -> None:
    (tmp_path / "events.txt").write_text("100 3 4 1\n200 5 6 0\n")
    assert collect([tmp_path / "events.txt"]).single


def test_names_stay_apart_when_folders_share_them(tmp_path: Path) -> None:
    write_recordings(tmp_path, ["a/1.raw", "b/1.raw"])
    assert names(collect([tmp_path / "a", tmp_path / "b" / "1.raw"])) == ["a/1.raw", "b/1.raw"]
    assert names(collect([tmp_path / "a", tmp_path / "a" / "1.raw"])) == ["1.raw"]


def test_a_pattern_finds_what_it_matches(tmp_path: Path) -> None:
    write_recordings(tmp_path, ["a/1.raw", "b/2.raw", "b/3.dat"])
    assert names(collect([f"{tmp_path}/*/*.raw"])) == ["a/1.raw", "b/2.raw"]


NOTHING: list[tuple[str, type[Exception], str]] = [
    ("nowhere", RecordingNotFound, "no file, folder or pattern"),
    ("*.nothing", RecordingNotFound, "no file, folder or pattern"),
    ("gesture:empty", RecordingNotFound, "data sets are .*nmnist"),
    ("nmnist:nowhere", RecordingNotFound, "no such folder"),
    ("nmnist:empty", DatasetError, "Train/<digit>/NNNNN.bin"),
    ("empty", DatasetError, "no recordings found"),
    ("@nowhere.txt", RecordingNotFound, "no such list"),
    ("@binary", DatasetError, "byte 1 is not UTF-8"),
]


@pytest.mark.parametrize(("argument", "error", "message"), NOTHING)
def test_arguments_that_name_nothing_are_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argument: str, error: type[Exception], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "binary").write_bytes(b"a\xff")
    with pytest.raises(error, match=message):
        collect([argument])
