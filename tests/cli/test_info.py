"""neuroact info: the sheet, the table, JSON, and files that cannot be read."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from neuroact import open_recording, write_recording
from neuroact.cli.app import run
from neuroact.cli.exit_codes import ExitCode
from tests.cli.test_app import loaded_by
from tests.conftest import random_events

KEYS = {
    "path", "format", "camera", "width", "height", "sensor_from", "bytes", "events", "first_t", "last_t", "duration",
    "mean_rate", "peak_rate", "on_share", "hot_pixels", "has_polarity", "y_flipped", "damaged", "report", "details",
}  # fmt: skip


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    path = tmp_path / "sound.raw"
    write_recording(random_events(5_000), path)
    return path


@pytest.fixture
def cut(sound: Path) -> Path:
    path = sound.with_name("cut.raw")
    path.write_bytes(sound.read_bytes()[:-1])
    return path


@pytest.fixture
def unknown(tmp_path: Path) -> Path:
    path = tmp_path / "MANIFEST.tsv"
    path.write_text("file\tformat\nsound.raw\tevt3\n")
    return path


def test_one_file_is_a_sheet(sound: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["info", str(sound)]) == ExitCode.DONE
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == str(sound)
    sheet = dict(line.split(maxsplit=1) for line in lines[1:] if not line.startswith("  hot"))
    assert sheet["format"] == "evt3"
    assert sheet["sensor"] == "64 x 48, from the header"
    assert sheet["events"] == "5,000"
    assert sheet["ON"].endswith("% of the events")
    assert sheet["damage"] == "none"


def test_damage_is_told_and_ends_in_part(cut: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["info", str(cut)]) == ExitCode.IN_PART
    printed = capsys.readouterr()
    assert f"cut at byte {cut.stat().st_size - 1}" in printed.out
    assert printed.err == ""


def test_strict_makes_damage_an_error(cut: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["info", "--strict", str(cut)]) == ExitCode.ERROR
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"error: {cut}, byte ")
    assert printed.err.count("\n") == 1


def test_several_files_are_a_table_and_none_stops_the_others(
    sound: Path, cut: Path, unknown: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [tmp_path, unknown, sound, tmp_path / "missing.raw", cut]
    assert run(["info", *map(str, files)]) == ExitCode.IN_PART
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["file", "sound.raw", "cut.raw"]
    assert "none" in lines[1]
    assert "cut at byte" in lines[2]
    assert [line for line in lines[3:] if not line.startswith("not read: ")] == []
    assert len(lines) == 6
    assert "it is a folder" in lines[3]
    assert "matches no known format" in lines[4] or "match no known format" in lines[4]
    assert "no such file" in lines[5]


def test_if_nothing_can_be_read_it_is_an_error(unknown: Path, tmp_path: Path) -> None:
    assert run(["info", str(unknown)]) == ExitCode.ERROR
    assert run(["info", "--json", str(unknown)]) == ExitCode.ERROR
    assert run(["info", str(unknown), str(tmp_path / "missing.raw")]) == ExitCode.ERROR


def test_json_is_one_object_for_one_file_and_a_list_for_several(
    sound: Path, cut: Path, unknown: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["info", "--json", str(sound)]) == ExitCode.DONE
    one = json.loads(capsys.readouterr().out)
    assert set(one) == KEYS
    assert run(["info", "--json", "--checksum", str(sound), str(unknown), str(cut)]) == ExitCode.IN_PART
    several = json.loads(capsys.readouterr().out)
    assert [set(record) for record in several] == [
        KEYS | {"checksum"},
        {"path", "error", "error_type"},
        KEYS | {"checksum"},
    ]
    assert several[0] == one | {"checksum": open_recording(sound).checksum()}
    assert several[1]["error_type"] == "UnknownFormat"
    assert several[2]["damaged"] is True


def test_options_reach_the_reader(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "events.bin"
    path.write_bytes(bytes([3, 2, 0x80, 0, 9]) * 10)
    arguments = ["info", str(path), "--json", "--format", "nmnist", "--sensor-size", "34x30", "--raise-limits", "2"]
    assert run(arguments) == ExitCode.DONE
    record = json.loads(capsys.readouterr().out)
    assert (record["format"], record["width"], record["height"]) == ("nmnist", 34, 30)
    assert record["sensor_from"] == "argument"
    assert record["events"] == 10
    assert run(["info", str(path), "--format", "pictures"]) == ExitCode.USAGE
    assert "there is no format 'pictures'" in capsys.readouterr().err


def test_a_small_file_needs_neither_numba_nor_hdf5(sound: Path) -> None:
    assert sound.stat().st_size < 64_000
    assert loaded_by("info", "--checksum", str(sound)) == []


def test_the_real_recordings_agree_with_their_manifest(shared: Path) -> None:
    folder = shared / "recordings"
    files = sorted(folder.iterdir())
    done = subprocess.run(
        [sys.executable, "-m", "neuroact", "info", "--json", "--checksum", *map(str, files)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == ExitCode.IN_PART, done.stderr
    records = {Path(record["path"]).name: record for record in json.loads(done.stdout)}
    assert records.pop("MANIFEST.tsv")["error_type"] == "UnknownFormat"
    with (folder / "MANIFEST.tsv").open(newline="") as file:
        rows = {row["file"]: row for row in csv.DictReader(file, delimiter="\t")}
    assert set(rows) == set(records)
    for name, row in rows.items():
        record = records[name]
        assert "error" not in record, record
        for key, ours in (("events", "events"), ("t_min", "first_t"), ("t_max", "last_t")):
            if row[key]:
                assert record[ours] == int(row[key]), (name, key)
        if row["sha256_txyp"]:
            assert record["checksum"] == row["sha256_txyp"], name
