"""view: what it accepts, what it refuses, and that a file is whole or absent."""

from pathlib import Path

import numpy as np
import pytest

from neuroact import Events, RecordingError, open_recording, write_recording
from neuroact.viewing import view
from neuroact.viewing.drawing import SUFFIXES
from neuroact.viewing.survey import survey


def write(path: Path, events: Events) -> Path:
    write_recording(events, path)
    return path


def one_event(t: int = 7) -> Events:
    return Events([t], [3], [2], [1], (8, 6))  # type: ignore[arg-type]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_single_event_can_be_drawn(tmp_path: Path, suffix: str) -> None:
    recording = open_recording(write(tmp_path / "one.raw", one_event()))
    seen = view(recording, tmp_path / f"one{suffix.upper()}")
    assert (seen.events, seen.duration) == (1, 1)
    assert (tmp_path / f"one{suffix.upper()}").stat().st_size > 0


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_streams_without_polarity_can_be_drawn(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    recording = open_recording(write(tmp_path / "plain.raw", one_event()))
    from dataclasses import replace

    recording._reader.info = replace(recording.info, has_polarity=False)
    seen = view(recording, tmp_path / f"plain{suffix}")
    assert (seen.on.sum(), seen.off.sum()) == (1, 0)
    assert not any("ON" in fact for fact in seen.facts())


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_nothing_to_see_is_an_error_and_no_file(tmp_path: Path, suffix: str) -> None:
    recording = open_recording(write(tmp_path / "one.raw", one_event()))
    with pytest.raises(RecordingError, match="no event"):
        view(recording, tmp_path / f"none{suffix}", start=1_000)
    assert not (tmp_path / f"none{suffix}").exists()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"output": "out.jpg"}, "must end in .png, .gif, .mp4 or .html"),
        ({"style": "pink"}, "no style 'pink'; there are dark, light"),
        ({"start": 20, "stop": 20}, "not after its start"),
        ({"output": "out.html", "points": 0}, "at least one point"),
    ],
)
def test_wrong_arguments_are_value_errors(tmp_path: Path, wrong: dict[str, object], message: str) -> None:
    recording = open_recording(write(tmp_path / "one.raw", one_event()))
    output = tmp_path / str(wrong.pop("output", "out.png"))
    with pytest.raises(ValueError, match=message):
        view(recording, output, **wrong)  # type: ignore[arg-type]
    assert not output.exists()


def test_a_view_that_fails_leaves_the_file_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = tmp_path / "out.png"
    output.write_bytes(b"before")
    recording = open_recording(write(tmp_path / "one.raw", one_event()))

    def full_disk(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("neuroact.viewing.contact_sheet.contact_sheet", full_disk)
    with pytest.raises(OSError, match="No space left"):
        view(recording, output)
    assert output.read_bytes() == b"before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.raw", "out.png"]


def test_a_sensor_too_large_to_draw_is_refused_by_name(tmp_path: Path) -> None:
    path = write(tmp_path / "one.raw", one_event())
    with pytest.raises(RecordingError, match="5000x5000 pixels is too large"):
        survey(open_recording(path, sensor_size=(5_000, 5_000)))


def test_the_facts_of_a_recording(two_halves: Path) -> None:
    seen = survey(open_recording(two_halves))
    assert seen.facts()[0] == "EVT3"
    assert seen.facts()[-4:] == ["40 × 30", "2,000 events in 1.00 s", "2.00 kev/s", "50% ON"]


def test_pictures_do_not_touch_pyplot(tmp_path: Path) -> None:
    import sys

    sys.modules.pop("matplotlib.pyplot", None)
    view(open_recording(write(tmp_path / "one.raw", one_event())), tmp_path / "one.png")
    assert "matplotlib.pyplot" not in sys.modules


def test_counts_of_a_pixel_mix_both_colours() -> None:
    from neuroact.viewing.shading import full_count, pool, shade
    from neuroact.viewing.style import DARK, rgb

    on, off = np.array([[4, 0, 2, 0]]), np.array([[0, 9, 2, 0]])
    image = shade(on, off, 4.0, DARK)
    assert tuple(image[0, 0]) == rgb(DARK.on)
    assert tuple(image[0, 1]) == rgb(DARK.off)
    assert image[0, 2] == pytest.approx((np.array(rgb(DARK.on)) + rgb(DARK.off)) / 2, abs=1)
    assert tuple(image[0, 3]) == rgb(DARK.panel)
    assert full_count(np.zeros(3)) == 1.0
    assert pool(np.ones((5, 7), np.uint32), 3).tolist() == [[9, 9, 3], [6, 6, 2]]
