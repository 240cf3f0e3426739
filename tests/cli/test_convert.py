"""`neuroact convert` as its users see it."""

import json
from pathlib import Path

import numpy as np
import pytest

from neuroact.cli.app import run
from neuroact.datasets import open_store
from tests.datasets.builders import contents, write_nmnist, write_recordings


def test_one_recording_gives_one_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_recordings(tmp_path, ["a.raw"], events=2000)
    arguments = ["convert", str(tmp_path / "a.raw"), "-o", str(tmp_path / "out.h5"), "--to", "voxel", "--bins", "3"]
    assert run([*arguments, "--window", "10ms", "--filter", "refractory:1ms", "--size", "32x24"]) == 0
    store = open_store(tmp_path / "out.h5")
    assert {sample.data.shape for sample in store} == {(3, 24, 32)}  # type: ignore[union-attr]
    assert store[1].start - store[0].start == 10_000
    assert f"{len(store)} samples of 1 recording, 2,000 events" in capsys.readouterr().out


def test_a_folder_with_damage_ends_with_three_and_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_recordings(tmp_path / "in", ["a.raw", "b.raw", "c.raw"])
    (tmp_path / "in" / "b.raw").write_bytes((tmp_path / "in" / "b.raw").read_bytes()[:-1])
    (tmp_path / "in" / "bad [red].dat").write_bytes(b"\0" * 99)
    arguments = ["convert", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "-j", "1"]
    assert run(arguments) == 3
    printed = capsys.readouterr().out
    assert "3 samples of 4 recordings" in printed
    assert "2 of 4 recordings lost something" in printed
    lines = {line.split("  ")[0].strip(): line for line in printed.splitlines()}
    assert "partial" in lines["b.raw"]
    assert "cut at byte" in lines["b.raw"]
    assert "failed" in lines["bad [red].dat"]
    assert "a.raw" not in lines
    assert run([*arguments, "--resume", "--json"]) == 3
    again = json.loads(capsys.readouterr().out)
    assert again["finished_before"] == 4
    assert [record["state"] for record in again["records"]] == ["done", "partial", "failed", "done"]


def test_nmnist_is_said_to_be_recognised(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_nmnist(tmp_path / "in", 1)
    assert run(["convert", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--to", "spikes", "-j", "1"]) == 0
    assert "laid out as N-MNIST" in capsys.readouterr().err
    assert open_store(tmp_path / "out")[0].data.shape == (16, 2, 34, 34)  # type: ignore[union-attr]


def test_spikes_of_stabilised_events_and_of_earlier_steps(tmp_path: Path) -> None:
    write_nmnist(tmp_path / "in", 1)
    base = ["convert", str(tmp_path / "in"), "--to", "spikes", "-j", "1"]
    assert run([*base, "-o", str(tmp_path / "still"), "--filter", "stabilise:0 3 0", "--delays", "1,4"]) == 0
    assert run([*base, "-o", str(tmp_path / "plain")]) == 0
    still, plain = (open_store(tmp_path / name)[0].data for name in ("still", "plain"))
    assert still.shape == (16, 6, 34, 34)  # type: ignore[union-attr]
    assert np.array_equal(still[:, :2, :, :-3], plain[:, :, :, 3:])  # type: ignore[index]
    assert np.array_equal(still[4:, 4:], still[:-4, :2])  # type: ignore[index]


def test_a_dry_run_tells_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_recordings(tmp_path / "in", ["a.raw", "b.raw", "c.raw"])
    (tmp_path / "in" / "bad.dat").write_bytes(b"\0" * 99)
    before = contents(tmp_path)
    arguments = ["convert", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--windows", "4", "--dry-run"]
    assert run(arguments) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("4 recordings of ")
    assert "about 12 samples of" in printed
    assert "the first that fails: bad.dat: UnknownFormat" in printed
    assert run([*arguments, "--json"]) == 0
    expected = json.loads(capsys.readouterr().out)
    assert (expected["recordings"], expected["opened"], expected["samples"]) == (4, 4, 12)
    assert expected["first_failure"][0] == "bad.dat"
    assert expected["seconds"] > 0
    assert contents(tmp_path) == before


WRONG: list[tuple[list[str], str]] = [
    (["--to", "vowel"], "--to takes events, voxel"),
    (["--to", "spikes", "--bins", "4"], "--bins is for --to voxel, not spikes"),
    (["--tau", "5ms"], "--tau is for --to surface, not events"),
    (["--to", "frames", "--threshold", "5"], "--threshold is for --to adaptive_frames, not frames"),
    (["--to", "surface", "--minimum-events", "5"], "--minimum-events is for --to adaptive_frames, not surface"),
    (["--to", "surface", "--frames", "5"], "--frames is for --to frames or adaptive_frames, not surface"),
    (["--to", "spikes", "--delays", "1,0"], "delays.1: Input should be greater than 0"),
    (["--filter", "stabilise:0 0"], "stabilise:T X Y"),
    (["--to", "voxel", "--bins", "0"], "bins: Input should be greater than 0"),
    (["--window", "5"], "'5' is not a time with a unit"),
    (["--window", "5ms", "--windows", "2"], "either window or windows"),
    (["--stride", "5ms"], "a stride needs a window"),
    (["--filter", "sharpen"], "there is no filter 'sharpen'"),
    (["--compression", "lzma"], "compression: Input should be"),
    (["--size", "5"], "'5' is not WIDTHxHEIGHT"),
    (["-j", "0"], "Invalid value for '-j'"),
]


@pytest.mark.parametrize(
    ("options", "message"), WRONG, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_wrong_usage_ends_with_two_and_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    write_recordings(tmp_path, ["a.raw"])
    assert run(["convert", str(tmp_path / "a.raw"), "-o", str(tmp_path / "out"), *options]) == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_done_ends_with_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["convert", str(tmp_path / "nowhere"), "-o", str(tmp_path / "out")]) == 1
    assert "no file, folder or pattern of that name" in capsys.readouterr().err


def test_the_real_recordings_convert_but_for_colour_and_generic(shared: Path, tmp_path: Path) -> None:
    arguments = [
        "convert",
        str(shared / "recordings"),
        "-o",
        str(tmp_path / "out"),
        "--to",
        "voxel",
        "--window",
        "50ms",
    ]
    assert run([*arguments, "--size", "32x32", "-j", "2"]) == 3
    store = open_store(tmp_path / "out")
    lost = {record.source: str(record.reason).split(":")[0] for record in store.records if not record.sound}
    assert lost == {"color_320x240.es": "NoPolarity", "generic.es": "NoPolarity"}
    assert len({sample.source for sample in store}) == len(store.records) - 2
