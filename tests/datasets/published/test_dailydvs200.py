"""DailyDVS-200: its lists, its two schemes, class names that repeat, attributes, and what a copy lacks."""

import json
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest

from neuroact import DatasetError, open_recording
from neuroact.datasets.published.dailydvs200 import DAILYDVS200, Line, listing
from neuroact.datasets.sources import collect
from tests.datasets.dailydvs200_copy import EVENTS, lists, write_class_names, write_copy, write_lists

GOOD = "action_50/C49P2M1S3_20231111_15_48_00.aedat4 49"
ONE = {"train": [GOOD], "val": [], "test": []}
JSON = {
    "FileName": "C49P2M1S3_20231111_15_48_00.aedat4",
    "FilePath": ".../event_raw/11_11/2/C49P2M1S3_20231111_15_48_00.aedat4",
    "Time": "20231111_15_48_00",
    "Scene": "3",
    "Action": "49",
    "Move": "1",
    "PersonNum": "1",
    "Props/No Props": "No",
    "Perspective": "",
    "ID": "2",
}


@pytest.mark.parametrize("scheme", ["strict", "official"])
def test_three_hundred_recordings_are_found_and_read(scheme: str, tmp_path: Path) -> None:
    names = write_copy(tmp_path, lists())
    write_class_names(tmp_path)
    assert len(names) == 300
    collection = collect([f"dailydvs200@{scheme}:{tmp_path}"])
    assert [source.name for source in collection.sources] == names
    assert Counter(source.split for source in collection.sources) == {"train": 120, "val": 60, "test": 120}
    assert collection.ignored == ()
    for source in collection.sources:
        action = int(source.name.split("/C")[1].split("P")[0])
        assert (source.label, collection.classes[action]) == (action, source.class_name)
        assert source.sensor_size == (320, 240)
        assert len(open_recording(source.path, format=source.format).read()) == EVENTS


def test_what_a_source_knows(tmp_path: Path) -> None:
    write_copy(tmp_path, ONE)
    write_class_names(tmp_path)
    (source,) = listing(tmp_path).sources
    assert source.path == tmp_path / GOOD.split()[0]
    assert source.size == source.path.stat().st_size
    assert (source.class_name, source.label, source.split) == ("049 action 49", 49, "train")
    assert (source.subject, source.recorded) == ("P2", datetime.fromisoformat("2023-11-11T15:48:00"))
    assert source.attributes == {"Move": "1", "Scene": "3", "Action name": "action 49"}


def test_strict_takes_the_subjects_of_test_out_of_val(tmp_path: Path) -> None:
    write_copy(tmp_path, lists())
    found = listing(tmp_path, "strict")
    assert {source.subject for source in found.sources if source.split == "val"} == {"P3"}
    assert {source.subject for source in found.sources if source.split == "test"} == {"P4", "P5"}
    assert [source.name for source in found.listed] == [source.name for source in found.sources]
    (note,) = found.notes
    assert "60 recordings that val.txt names are left out of val, which keeps 60" in note
    assert "(P4)" in note


def test_official_keeps_what_is_in_two_lists_in_test_and_says_so(tmp_path: Path) -> None:
    write_copy(tmp_path, lists())
    found = listing(tmp_path, "official")
    twice = [source for source in found.sources if "also in" in source.attributes]
    assert {(source.subject, source.split, source.attributes["also in"]) for source in twice} == {("P4", "test", "val")}
    assert len(twice) == 60
    assert Counter(source.split for source in found.listed) == {"train": 120, "val": 120, "test": 120}
    (note,) = found.notes
    assert "60 recordings are in the lists of val and test; each is taken once, into test" in note


def test_a_list_that_cannot_be_read(tmp_path: Path) -> None:
    write_lists(tmp_path, ONE)
    (tmp_path / "val.txt").unlink()
    (tmp_path / "val.txt").mkdir()
    with pytest.raises(DatasetError, match=r"val\.txt: cannot be read: Is a directory"):
        listing(tmp_path)


def test_strict_says_what_it_leaves_out_altogether(tmp_path: Path) -> None:
    lines = lists(classes=1)
    only = "action_1/C0P5M0S0_20240101_10_00_00.aedat4"
    lines["val"].append(f"{only} 0")
    write_copy(tmp_path, lines)
    found = listing(tmp_path, "strict")
    assert found.ignored == [(tmp_path / only, "left out of val: P5 is in test")]
    assert tmp_path / only not in [source.path for source in found.sources]
    assert listing(tmp_path, "official").ignored == []
    (tmp_path / only).unlink()
    found = listing(tmp_path, "strict")
    assert (found.ignored, found.missing) == ([], [tmp_path / only])


def test_classes_of_one_name_stay_two(tmp_path: Path) -> None:
    write_lists(tmp_path, ONE)
    write_class_names(tmp_path)
    classes = listing(tmp_path).classes
    assert len(set(classes)) == 200
    assert (classes[3], classes[60]) == ("003 roll up sleeves", "060 roll up sleeves")


def test_without_names_classes_are_numbers(tmp_path: Path) -> None:
    write_copy(tmp_path, ONE)
    found = listing(tmp_path)
    assert (found.classes[0], found.classes[199], len(found.classes)) == ("000", "199", 200)
    assert "Action name" not in found.sources[0].attributes


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("action_50/C49P2M1S3_20231111_15_48_00.aedat4", "expected action_<C+1>/"),
        ("action_50/C49P2M2S3_20231111_15_48_00.aedat4 49", "expected action_<C+1>/"),
        ("action_50/C49P2M1S6_20231111_15_48_00.aedat4 49", "expected action_<C+1>/"),
        ("action_50\\C49P2M1S3_20231111_15_48_00.aedat4 49", "expected action_<C+1>/"),
        ("action_50/../C49P2M1S3_20231111_15_48_00.aedat4 49", "expected action_<C+1>/"),
        ("action_49/C49P2M1S3_20231111_15_48_00.aedat4 49", "found 49, 49 and 49"),
        ("action_50/C48P2M1S3_20231111_15_48_00.aedat4 49", "found 50, 48 and 49"),
        ("action_50/C49P2M1S3_20231111_15_48_00.aedat4 48", "found 50, 49 and 48"),
        ("action_201/C200P2M1S3_20231111_15_48_00.aedat4 200", "expected a class from 0 to 199, found 200"),
        ("action_50/C49P2M1S3_20231131_15_48_00.aedat4 49", "expected a time"),
        ("action_50/C49P2M1S3_20231111_25_48_00.aedat4 49", "expected a time"),
        (GOOD, "expected each recording once"),
    ],
)
def test_a_bad_line_is_named(line: str, problem: str, tmp_path: Path) -> None:
    write_lists(tmp_path, {"train": [], "val": [GOOD, line], "test": []})
    with pytest.raises(DatasetError) as raised:
        listing(tmp_path)
    assert str(raised.value).startswith(f"{tmp_path / 'val.txt'}, line 2: expected ")
    assert problem in str(raised.value)


def test_lists_from_windows_read_the_same(tmp_path: Path) -> None:
    write_copy(tmp_path, ONE)
    (tmp_path / "train.txt").write_bytes(b"\xef\xbb\xbf" + GOOD.encode() + b"\r\n\r\n")
    assert [source.name for source in listing(tmp_path).sources] == [GOOD.split()[0]]


@pytest.mark.parametrize("name", ["train.txt", "val.txt", "test.txt"])
def test_every_list_is_needed(name: str, tmp_path: Path) -> None:
    write_lists(tmp_path, ONE)
    (tmp_path / name).unlink()
    with pytest.raises(DatasetError, match=f"no {name} in it"):
        listing(tmp_path)


def test_a_list_that_is_no_text(tmp_path: Path) -> None:
    write_lists(tmp_path, ONE)
    (tmp_path / "test.txt").write_bytes(b"abc\xff")
    with pytest.raises(DatasetError, match=r"test\.txt: expected text, found byte 3"):
        listing(tmp_path)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda rows: [*rows[:5], *rows[6:]], "row 6: expected 4,"),
        (lambda rows: [*rows[:5], "4,yawn", *rows[6:]], "row 6: expected 4,"),
        (lambda rows: [*rows[:5], "4, ,of no name", *rows[6:]], "row 6: expected 4,"),
        (lambda rows: rows[:-1], "expected 200 classes, found 199"),
        (lambda rows: [*rows[:5], "4,yawn," + "a" * 200_000, *rows[6:]], "expected rows of <id>"),
    ],
)
def test_bad_class_names(change, problem: str, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    write_lists(tmp_path, ONE)
    write_class_names(tmp_path)
    path = tmp_path / "action_description.csv"
    path.write_text("\n".join(change(path.read_text().splitlines())))
    with pytest.raises(DatasetError, match=problem) as raised:
        listing(tmp_path)
    assert str(path) in str(raised.value)


def test_missing_and_unknown_files_are_listed(tmp_path: Path) -> None:
    names = write_copy(tmp_path, lists(classes=2, takes=1))
    (tmp_path / names[0]).unlink()
    strangers = ["action_1/C0P9M0S0_20231111_09_00_00.aedat4", "readme.md", ".git/config", "action_2/more/a.aedat4"]
    for name in strangers:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = listing(tmp_path)
    assert found.missing == [tmp_path / names[0]]
    assert [source.name for source in found.sources if source.name == names[0]] == []
    assert [source.size for source in found.listed if source.name == names[0]] == [0]
    assert {(path.relative_to(tmp_path).as_posix(), reason) for path, reason in found.ignored} == {
        (strangers[0], "no list names it"),
        ("readme.md", "no list names it"),
        (".git", "hidden"),
        ("action_2/more", "neither a recording nor a folder of recordings"),
    }
    notes = collect([f"dailydvs200:{tmp_path}"]).notes
    assert any(f"lacks 1 of the files of DailyDVS-200, {tmp_path / names[0]} the first" in note for note in notes)


@pytest.mark.parametrize("path", [JSON["FilePath"], "E:\\raw\\C49P2M1S3_20231111_15_48_00.aedat4"])
def test_attributes_are_joined_on_the_base_name(path: str, tmp_path: Path) -> None:
    write_copy(tmp_path, ONE)
    (tmp_path / "all_data.json").write_text(json.dumps([JSON | {"FilePath": path}]))
    found = listing(tmp_path)
    assert found.sources[0].attributes == {"Move": "1", "Scene": "3", "PersonNum": "1", "Props/No Props": "No"}
    assert (found.notes, found.ignored) == ([], [])


def test_attributes_that_fit_no_recording_are_told(tmp_path: Path) -> None:
    write_copy(tmp_path, ONE)
    (tmp_path / "all_data.json").write_text(json.dumps([JSON | {"FilePath": "a/C1.aedat4"}]))
    without, unknown = listing(tmp_path).notes
    assert without.startswith("1 of the 1 recordings have no attributes")
    assert unknown.startswith("1 of the 1 entries")
    assert unknown.endswith("'C1' the first")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[{", r"all_data\.json: expected JSON"),
        ("[" * 100_000, r"all_data\.json: expected JSON"),
        ("{}", "expected a list of objects, found dict"),
        ('[{"FilePath": "a.aedat4"}, 7]', "object 2: expected an object"),
        ('[{"FilePath": "a.aedat4", "Props": 1}]', "object 1: expected an object whose values are strings"),
        ('[{"Props": "No"}]', "object 1: expected a FilePath"),
        ('[{"FilePath": "x/a.aedat4"}, {"FilePath": "y/a.aedat4"}]', "object 2: expected each recording once, found a"),
    ],
    ids=["cut", "deep", "an object", "a number in it", "a number as value", "no path", "twice"],
)
def test_bad_attributes(text: str, problem: str, tmp_path: Path) -> None:
    write_lists(tmp_path, ONE)
    (tmp_path / "all_data.json").write_text(text)
    with pytest.raises(DatasetError, match=problem):
        listing(tmp_path)


def test_the_published_lists(shared: Path) -> None:
    root = shared / "datasets" / "dailydvs200"
    found = listing(root)
    assert Counter(source.split for source in found.listed) == {"train": 14_773, "val": 3_180, "test": 4_093}
    assert (len(found.missing), len(set(found.missing))) == (DAILYDVS200.recordings, 22_046)
    assert (found.classes[52], found.classes[71]) == ("052 shake hands", "071 shake hands")
    assert len({source.label for source in found.listed if source.split == "val"}) == 200
    official = listing(root, "official").listed
    assert Counter(source.split for source in official) == {"train": 14_773, "val": 3_735, "test": 4_093}


def test_a_line_is_read_in_full() -> None:
    line = Line.parse("action_1/C0P47M0S0_20240229_00_00_59.aedat4 0")
    assert (line.path, line.label, line.subject) == ("action_1/C0P47M0S0_20240229_00_00_59.aedat4", 0, "P47")
    assert line.recorded == datetime.fromisoformat("2024-02-29T00:00:59")
