"""neuroact view: from the command line to a file."""

from pathlib import Path

import pytest
from PIL import Image

from neuroact import write_recording
from neuroact.cli import options
from neuroact.cli.app import run
from neuroact.cli.exit_codes import ExitCode
from tests.conftest import random_events


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "random.raw"
    write_recording(random_events(5_000), path)  # about 98 ms
    return path


def test_a_picture_is_made_and_named(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = file.with_suffix(".png")
    assert run(["view", str(file), "-o", str(output), "--style", "light", "--frames", "2"]) == ExitCode.DONE
    printed = capsys.readouterr().out
    assert printed.startswith(f"{output} (")
    assert "5,000 events in" in printed
    with Image.open(output) as image:
        assert image.format == "PNG"


def test_times_speed_and_rate_reach_the_video(file: Path) -> None:
    output = file.with_suffix(".gif")
    stretch = ["--start", "10ms", "--stop", "60000us", "--speed", "0.1", "--fps", "20"]
    assert run(["view", str(file), "-o", str(output), *stretch]) == ExitCode.DONE
    with Image.open(output) as gif:
        assert gif.n_frames == 10  # type: ignore[attr-defined]  # 50 ms, ten times slower, at 20 frames per second
        assert gif.info["duration"] == 50


def test_damage_is_drawn_told_and_ends_in_part(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_bytes(file.read_bytes()[:-1])
    assert run(["view", str(file), "-o", str(file.with_suffix(".png"))]) == ExitCode.IN_PART
    assert capsys.readouterr().err.startswith(f"warning: {file}: cut at byte")
    assert file.with_suffix(".png").exists()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (["-o", "out.jpg"], "must end in .png"),
        (["-o", "out.png", "--start", "12"], "'12' is not a time with a unit"),
        (["-o", "out.png", "--style", "pink"], "no style 'pink'"),
        (["-o", "out.png", "--start", "2s", "--stop", "1s"], "not after its start"),
        (["-o", "out.png", "--sensor-size", "0x5"], "not WIDTHxHEIGHT"),
        ([], "Missing option '-o' / '--output'"),
    ],
)
def test_wrong_usage_is_told(
    file: Path, wrong: list[str], message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(file.parent)
    assert run(["view", str(file), *wrong]) == ExitCode.USAGE
    assert message in " ".join(capsys.readouterr().err.split())
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_nothing_in_view_is_an_error(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["view", str(file), "-o", str(file.with_suffix(".png")), "--start", "1min"]) == ExitCode.ERROR
    assert capsys.readouterr().err == f"error: {file}: there is no event in what is to be viewed\n"


@pytest.mark.parametrize(
    ("text", "us"), [("200us", 200), ("200µs", 200), ("50ms", 50_000), ("1.5s", 1_500_000), ("2 min", 120_000_000)]
)
def test_times_are_read_with_their_unit(text: str, us: int) -> None:
    assert options.duration(text) == us
