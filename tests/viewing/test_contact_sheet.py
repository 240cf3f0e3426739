"""The contact sheet: what its second pass collects, and that the page shows it."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neuroact import Events, open_recording, write_recording
from neuroact.recordings import DamageWarning
from neuroact.viewing import STYLES, view
from neuroact.viewing.contact_sheet import _collect, _legible_exposure
from neuroact.viewing.style import rgb
from neuroact.viewing.survey import survey


def test_frames_hold_the_events_of_their_exposure(two_halves: Path) -> None:
    recording = open_recording(two_halves)
    events, seen = recording.read(), survey(recording)
    strip = _collect(seen, frames=5, exposure=30_000)
    for i, start in enumerate(strip.starts):
        assert start == pytest.approx(seen.first_t + (i + 0.5) * 200_000 - 15_000, abs=1)
        shown = events.between(start, start + 30_000)
        expected = np.zeros((2, 30, 40), int)
        np.add.at(expected, (shown.p, shown.y, shown.x), 1)
        assert np.array_equal(strip.off[i], expected[0])
        assert np.array_equal(strip.on[i], expected[1])


def test_frames_without_gaps_hold_every_event(walk: Path) -> None:
    seen = survey(open_recording(walk))
    strip = _collect(seen, frames=4, exposure=-(-seen.duration // 4))
    assert strip.on.sum() + strip.off.sum() == pytest.approx(seen.events, rel=1e-3)
    assert strip.rates.mean(axis=1).sum() * seen.duration / 1e6 == pytest.approx(seen.events)


def test_large_sensors_are_pooled_without_loss(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 1279, 500), rng.integers(0, 719, 500)
    events = Events(np.arange(500), x, y, np.ones(500), (1279, 719))  # type: ignore[arg-type]
    write_recording(events, tmp_path / "large.raw")
    strip = _collect(survey(open_recording(tmp_path / "large.raw")), frames=1, exposure=500)
    assert strip.on.shape == (1, 240, 427)
    assert strip.on.sum() == 500
    assert strip.on[0, y[0] // 3, x[0] // 3] >= 1


def test_the_exposure_gets_longer_where_there_is_less_to_see(two_halves: Path, walk: Path) -> None:
    assert _legible_exposure(survey(open_recording(two_halves)), 8) == 1_000_000 // 8  # 400 events take 0.2 s
    seen = survey(open_recording(walk))
    exposure = _legible_exposure(seen, 8)
    assert exposure * seen.events / seen.duration == pytest.approx(0.06 * 160 * 120, rel=0.01)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("frames", [1, 3, 8])
def test_the_page_shows_on_and_off_where_they_happened(
    two_halves: Path, tmp_path: Path, style: str, frames: int
) -> None:
    output = tmp_path / "sheet.png"
    view(open_recording(two_halves), output, style=style, frames=frames)
    with Image.open(output) as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    assert (pixels[0, 0] == rgb(STYLES[style].ground)).all()
    counts = [(np.abs(pixels - rgb(colour)).max(axis=2) < 8).sum() for colour in (STYLES[style].on, STYLES[style].off)]
    assert min(counts) > 2_000


def test_a_stretch_is_drawn_alone(two_halves: Path, tmp_path: Path) -> None:
    seen = view(open_recording(two_halves), tmp_path / "early.png", start=100_000, stop=300_000)
    assert (seen.first_t, seen.last_t) == (pytest.approx(5_100_000, abs=600), pytest.approx(5_300_000, abs=600))
    assert seen.off.sum() == 0
    assert seen.events == pytest.approx(400, abs=1)


def test_damage_is_announced_once_and_stands_on_the_page(walk: Path, tmp_path: Path) -> None:
    cut = tmp_path / "walk.raw"
    cut.write_bytes(walk.read_bytes()[:-1])
    with pytest.warns(DamageWarning) as caught:
        seen = view(open_recording(cut), tmp_path / "cut.png")
    assert len(caught) == 1
    assert seen.report.truncated_at is not None
    with Image.open(tmp_path / "cut.png") as image:
        foot = np.asarray(image.convert("RGB")).astype(int)[-40:]
    assert (np.abs(foot - rgb(STYLES["dark"].alarm)).max(axis=2) < 8).sum() > 100


@pytest.mark.parametrize("wrong", [{"frames": 0}, {"exposure": 0}])
def test_no_frames_are_refused(two_halves: Path, tmp_path: Path, wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least one"):
        view(open_recording(two_halves), tmp_path / "out.png", **wrong)  # type: ignore[arg-type]
    assert not (tmp_path / "out.png").exists()
