"""Videos: every event is in its frame, and what a player decodes is what was drawn."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neuroact import Events, open_recording, write_recording
from neuroact.viewing import view
from neuroact.viewing.style import DARK, LIGHT, Style, rgb
from neuroact.viewing.survey import survey
from neuroact.viewing.video import STRIP, draw_frames, frame_count, natural_speed


def coloured(frame: np.ndarray, style: Style) -> tuple[np.ndarray, np.ndarray]:
    """Which pixels of a frame's picture are nearer to ON and to OFF than to the ground."""
    picture = frame[:-STRIP].astype(int)
    ground, on, off = (np.abs(picture - rgb(colour)).sum(axis=2) for colour in (style.panel, style.on, style.off))
    return (on < ground) & (on < off), (off < ground) & (off < on)


@pytest.mark.parametrize("style", [DARK, LIGHT], ids=["dark", "light"])
def test_frames_hold_the_events_of_their_time(two_halves: Path, style: Style) -> None:
    seen = survey(open_recording(two_halves))
    frames = list(draw_frames(seen, style=style, fps=10, speed=1.0))
    assert len(frames) == 10
    assert len({frame.shape for frame in frames}) == 1
    for index, frame in enumerate(frames):
        assert frame.shape[0] % 2 == frame.shape[1] % 2 == 0
        on, off = coloured(frame, style)
        middle = frame.shape[1] // 2
        own, other = (on, off) if index < 5 else (off, on)
        side = slice(0, middle) if index < 5 else slice(middle, None)
        assert own[:, side].mean() > 0.1
        assert own.sum() == own[:, side].sum()
        assert other.sum() == 0


@pytest.mark.parametrize("chunk", [1, 7, 300, 5_000])
def test_the_pieces_that_a_file_is_read_in_do_not_matter(
    two_halves: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    def frames() -> list[np.ndarray]:
        return list(draw_frames(survey(recording), style=DARK, fps=7, speed=0.9))

    recording = open_recording(two_halves)
    whole = frames()
    chunks = recording.chunks
    monkeypatch.setattr(recording, "chunks", lambda: chunks(events=chunk))
    assert all(np.array_equal(a, b) for a, b in zip(whole, frames(), strict=True))


def test_silent_stretches_are_empty_frames_and_late_events_stay(tmp_path: Path) -> None:
    t = np.array([0, 10, 900_000, 100_000, 999_999])  # the fourth runs backwards
    path = tmp_path / "gap.csv"
    write_recording(Events(t, np.arange(5), np.zeros(5), np.ones(5), (8, 8)), path)  # type: ignore[arg-type]
    frames = list(draw_frames(survey(open_recording(path, sensor_size=(8, 8))), style=DARK, fps=10, speed=1.0))
    lit = [int(coloured(frame, DARK)[0].any(axis=0).sum()) for frame in frames]
    magnified = frames[0].shape[1] // 8
    assert lit == [2 * magnified, *[0] * 8, 3 * magnified]


def test_a_gif_decodes_to_its_frames(two_halves: Path, tmp_path: Path) -> None:
    recording = open_recording(two_halves)
    view(recording, tmp_path / "out.gif", fps=10, speed=1.0)
    with Image.open(tmp_path / "out.gif") as gif:
        assert gif.n_frames == 10  # type: ignore[attr-defined]
        assert gif.info["duration"] == 100
        for index, frame in enumerate(draw_frames(survey(recording), style=DARK, fps=10, speed=1.0)):
            gif.seek(index)
            decoded = np.asarray(gif.convert("RGB")).astype(int)
            assert np.abs(decoded - frame).max(axis=2).mean() < 6
            assert np.corrcoef(decoded.ravel(), frame.ravel())[0, 1] > 0.99


def test_an_mp4_decodes_to_its_frames(two_halves: Path, tmp_path: Path) -> None:
    from imageio_ffmpeg import get_ffmpeg_exe

    recording = open_recording(two_halves)
    view(recording, tmp_path / "out.mp4", fps=10, speed=0.5)
    drawn = list(draw_frames(survey(recording), style=DARK, fps=10, speed=0.5))
    command = [get_ffmpeg_exe(), "-i", str(tmp_path / "out.mp4"), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    played = subprocess.run(command, capture_output=True, check=True)
    assert b"h264" in played.stderr
    assert b"10 fps" in played.stderr
    decoded = np.frombuffer(played.stdout, np.uint8).reshape(-1, *drawn[0].shape).astype(int)
    assert len(decoded) == len(drawn) == 20
    for ours, theirs in zip(drawn, decoded, strict=True):
        assert np.abs(theirs - ours).mean() < 6
        assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.95


def test_the_time_code_changes_from_frame_to_frame(two_halves: Path) -> None:
    frames = list(draw_frames(survey(open_recording(two_halves)), style=DARK, fps=10, speed=1.0))
    codes = {frame[-STRIP + 4 :, :120].tobytes() for frame in frames}
    assert len(codes) == len(frames)


@pytest.mark.parametrize(
    ("duration", "speed"), [(60_000_000, 1.0), (1_990_000, 1.0), (1_000_000, 0.5), (8_801, 1 / 500), (1, 1 / 2_000_000)]
)
def test_short_recordings_play_slower(duration: int, speed: float) -> None:
    assert natural_speed(duration) == pytest.approx(speed)


def test_what_makes_no_video_is_refused(two_halves: Path, tmp_path: Path) -> None:
    recording = open_recording(two_halves)
    for wrong in ({"fps": 0}, {"speed": 0.0}, {"speed": -1.0}, {"speed": float("nan")}):
        with pytest.raises(ValueError, match="both must be positive"):
            view(recording, tmp_path / "out.gif", **wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="610 frames, and 600 is the most"):
        view(recording, tmp_path / "out.gif", fps=10, speed=1 / 61)
    assert frame_count(survey(recording), 10, 1 / 61) == 610
    assert [path.name for path in tmp_path.iterdir()] == ["halves.raw"]
