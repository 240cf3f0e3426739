"""neuroact datasets: what is known, what a copy lacks, what its splits share."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from neuroact.cli.app import run
from neuroact.cli.exit_codes import ExitCode
from neuroact.datasets import catalogue
from tests.cli.test_app import loaded_by
from tests.datasets.builders import write_recordings
from tests.datasets.dailydvs200_copy import lists, write_copy, write_lists

COMMANDS = ["list", "verify", "audit"]
TONICS = ["tonic:NMNIST", "tonic:POKERDVS", "tonic:NCALTECH101"]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """DailyDVS-200 as if it had 15 recordings."""
    dataset = replace(catalogue.DATASETS["dailydvs200"], recordings=15)
    monkeypatch.setitem(catalogue.DATASETS, "dailydvs200", dataset)


def test_help_loads_nothing_heavy() -> None:
    assert loaded_by("datasets", "--help") == []
    assert loaded_by("datasets", "audit", "--help") == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_an_example_that_names_it(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["datasets", name, "--help"]) == ExitCode.DONE
    assert f"neuroact datasets {name}" in capsys.readouterr().out.partition("Example:")[2]


def test_list_is_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["datasets", "list"]) == ExitCode.DONE
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == ["name", "title", "classes", "recordings", "sensor", "licence", "splits", "where", "from"]
    assert {row.split()[0] for row in rows} == {*catalogue.DATASETS, *TONICS}
    (row,) = (row for row in rows if row.startswith("dailydvs200 "))
    assert row.split() == [
        "dailydvs200", "DailyDVS-200", "200", "22,046", "320x240", "MIT", "strict,", "official",
        "https://github.com/QiWang233/DailyDVS-200",
    ]  # fmt: skip


def test_list_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["datasets", "list", "--json"]) == ExitCode.DONE
    values = {value["name"]: value for value in json.loads(capsys.readouterr().out)}
    assert set(values) == {*catalogue.DATASETS, *TONICS}
    daily = values["dailydvs200"]
    assert (daily["recordings"], daily["sensor_size"], daily["licence"]) == (22_046, [320, 240], "MIT")
    assert daily["schemes"] == ["strict", "official"]
    assert "train.txt" in daily["files"]


def test_a_whole_copy(small: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_copy(tmp_path, lists(classes=1))
    assert run(["datasets", "verify", f"dailydvs200:{tmp_path}"]) == ExitCode.DONE
    first, second, *notes = capsys.readouterr().out.splitlines()
    assert (first, second) == (f"dailydvs200:{tmp_path}", "  whole: 15 of 15 recordings")
    assert [note[:20] for note in notes] == ["  note: strict split"]


def test_a_copy_in_part(small: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = write_copy(tmp_path, lists(classes=1))
    (tmp_path / names[3]).unlink()
    (tmp_path / "notes.odt").touch()
    assert run(["datasets", "verify", f"dailydvs200:{tmp_path}"]) == ExitCode.IN_PART
    printed = capsys.readouterr().out
    assert "  in part: 14 of 15 recordings\n  missing: 1 that the lists name\n" in printed
    assert f"\n    {tmp_path / names[3]}\n" in printed
    assert "more" not in printed
    assert f"left out: {tmp_path / 'notes.odt'} (no list names it)" in printed


def test_the_first_twenty_as_text_and_all_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = lists(classes=3, takes=2)
    write_lists(tmp_path, lines)
    paths = {str(tmp_path / line.split()[0]) for entries in lines.values() for line in entries}
    assert run(["datasets", "verify", f"dailydvs200:{tmp_path}"]) == ExitCode.IN_PART
    printed = capsys.readouterr().out
    assert sum(path in printed for path in paths) == 20
    assert "and 10 more; --json names them all" in printed
    assert run(["datasets", "verify", "--json", f"dailydvs200@official:{tmp_path}"]) == ExitCode.IN_PART
    values = json.loads(capsys.readouterr().out)
    assert (values["whole"], values["recordings"], values["expected"]) == (False, 0, 22_046)
    assert len(values["missing"]) == 30
    assert set(values["missing"]) == paths


def test_without_lists_the_number_tells(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "Train" / "3").mkdir(parents=True)
    (tmp_path / "Train" / "3" / "00001.bin").write_bytes(bytes(5))
    assert run(["datasets", "verify", f"nmnist:{tmp_path}"]) == ExitCode.IN_PART
    assert "in part: 1 of 70,000 recordings" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["nosuch:.", "."])
def test_verify_needs_a_data_set(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["datasets", "verify", text]) == ExitCode.USAGE
    assert "dailydvs200" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["verify", "audit"])
def test_no_such_folder_is_an_error(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["datasets", command, f"dailydvs200:{tmp_path / 'none'}"]) == ExitCode.ERROR
    assert capsys.readouterr().err == f"error: {tmp_path / 'none'}: no such folder\n"


def test_audit_of_lists_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_lists(tmp_path, lists(classes=2))
    what = f"dailydvs200@official:{tmp_path}"
    assert run(["datasets", "audit", what]) == ExitCode.DONE
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{what}: 30 recordings"
    assert [line.split() for line in lines[2:5]] == [
        ["train", "12", "2", "2"],
        ["val", "12", "2", "2"],
        ["test", "12", "2", "2"],
    ]
    assert "recording: 6 of the 12 recordings in test are also in val" in lines
    assert "  and 1 more" in lines
    assert lines[-1] == "not looked at: 30 recordings were not compared by content"


def test_audit_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_lists(tmp_path, lists(classes=2))
    assert run(["datasets", "audit", "--json", "--within", "4000", f"dailydvs200@official:{tmp_path}"]) == ExitCode.DONE
    values = json.loads(capsys.readouterr().out)
    assert (values["recordings"], values["within"]) == (30, 4000)
    assert [(leak["kind"], leak["splits"], leak["count"]) for leak in values["leaks"]] == [
        ("subject", ["val", "test"], 1),
        ("recording", ["val", "test"], 6),
        ("neighbours", ["train", "val"], 2),
    ]


def test_strict_makes_a_leak_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_lists(tmp_path, lists(classes=2))
    assert run(["datasets", "audit", "--strict", f"dailydvs200@strict:{tmp_path}"]) == ExitCode.DONE
    assert "share nothing that was looked for" in capsys.readouterr().out
    assert run(["datasets", "audit", "--strict", f"dailydvs200@official:{tmp_path}"]) == ExitCode.ERROR
    printed = capsys.readouterr()
    assert "recording: 6 of the 12" in printed.out
    assert printed.err.startswith("error: 6 of the 12 recordings in test are of subjects that are also in val")


def test_audit_of_a_folder_by_content(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_recordings(tmp_path, ["train/wave/a.raw", "train/walk/b.raw", "test/walk/c.raw"])
    (tmp_path / "test/walk/d.raw").write_bytes((tmp_path / "train/wave/a.raw").read_bytes())
    assert run(["datasets", "audit", "--content", str(tmp_path)]) == ExitCode.DONE
    printed = capsys.readouterr().out
    assert "content: 1 of the 2 recordings in test equal another recording in train\n" in printed
    assert "  train/wave/a.raw  test/walk/d.raw\n" in printed
    assert "compared by content" not in printed


def test_audit_of_a_folder_without_splits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_recordings(tmp_path, ["wave/a.raw", "walk/b.raw"])
    assert run(["datasets", "audit", str(tmp_path)]) == ExitCode.ERROR
    assert "nothing to compare: 2 recordings and no split" in capsys.readouterr().err


def test_the_page_on_protocols_shows_what_is_printed(shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = shared / "datasets" / "dailydvs200"
    assert run(["datasets", "audit", f"dailydvs200@official:{root}"]) == ExitCode.DONE
    page = Path(__file__).parents[2] / "docs" / "protocols.md"
    assert capsys.readouterr().out.replace(str(root), "DailyDVS-200") in page.read_text(encoding="utf-8")
