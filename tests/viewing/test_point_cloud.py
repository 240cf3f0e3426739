"""The page with the point cloud: what stands in it, and that a browser draws it without the network."""

import base64
import json
import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from neuroact import open_recording
from neuroact.viewing import view
from neuroact.viewing.point_cloud import figures, script_json
from neuroact.viewing.style import DARK, LIGHT, rgb
from neuroact.viewing.survey import survey
from tests.viewing.conftest import Browser


def unpacked(column: dict[str, str]) -> NDArray[np.float32]:
    assert column["dtype"] == "f4"
    return np.frombuffer(base64.b64decode(column["bdata"]), "<f4")


def test_every_event_of_a_small_recording_is_a_point(two_halves: Path) -> None:
    recording = open_recording(two_halves)
    events = recording.read()
    cloud, _, shown = figures(survey(recording), style=DARK, points=5_000)
    assert shown == len(events)
    for trace, polarity in zip(cloud["data"], (1, 0), strict=True):
        own = events[events.p == polarity]
        assert unpacked(trace["x"]) == pytest.approx((own.t - events.t[0]) / 1e6)
        assert np.array_equal(unpacked(trace["y"]), own.x)
        assert np.array_equal(unpacked(trace["z"]), own.y)


def test_large_recordings_are_thinned_evenly_over_their_events(two_halves: Path) -> None:
    cloud, _, shown = figures(survey(open_recording(two_halves)), style=DARK, points=100)
    assert shown == 100
    on, off = (unpacked(trace["x"]) for trace in cloud["data"])
    assert on.size == off.size == 50
    gaps = np.diff(np.concatenate([on, off]))
    assert gaps.min() > 0
    assert gaps.max() < 2 / 100


def test_the_rate_plot_integrates_to_the_events(two_halves: Path) -> None:
    seen = survey(open_recording(two_halves))
    _, rate, _ = figures(seen, style=DARK, points=10)
    on, off = (unpacked(trace["y"]) for trace in rate["data"])
    assert on.mean() * seen.duration / 1e6 == pytest.approx(1_000, rel=1e-4)
    assert off.mean() * seen.duration / 1e6 == pytest.approx(-1_000, rel=1e-4)


@pytest.mark.parametrize("text", ["</script><script>alert(1)</script>", "<!--", "]]>"])
def test_text_cannot_leave_its_script(text: str) -> None:
    assert "<" not in script_json({"name": text})
    assert json.loads(script_json({"name": text})) == {"name": text}


def test_the_page_escapes_names_and_offers_no_upload(walk: Path, tmp_path: Path) -> None:
    view(open_recording(walk), tmp_path / "walk.html")
    page = (tmp_path / "walk.html").read_text()
    assert "<title>walk &lt;b&gt;&amp;.raw</title>" in page
    assert "default-src 'none'" in page
    config = json.loads(re.search(r"const figures = (\{.*\});", page)[1])["cloud"]["config"]  # type: ignore[index]
    assert config["showSendToCloud"] is False
    assert config["plotlyServerURL"] == ""


def test_the_browser_of_these_tests_notices_requests(tmp_path: Path, browser: Browser) -> None:
    page = tmp_path / "talkative.html"
    page.write_text('<img src="http://neuroact.invalid/pixel.png">')
    browser.open(page, "--dump-dom")
    assert browser.requests() == ["http://neuroact.invalid/pixel.png"]


def test_a_browser_draws_the_cloud_and_asks_the_network_for_nothing(
    walk: Path, tmp_path: Path, browser: Browser
) -> None:
    page, picture = tmp_path / "walk.html", tmp_path / "walk.png"
    view(open_recording(walk), page, style="light")
    document = browser.open(page, "--dump-dom", f"--screenshot={picture}")
    assert 'data-drawn="cloud rate"' in document
    assert browser.requests() == []
    pixels = np.asarray(Image.open(picture).convert("RGB")).astype(int)
    cloud = pixels[130:600]
    for colour in (LIGHT.on, LIGHT.off):
        near = np.abs(cloud - rgb(colour)).max(axis=2) < 40
        assert near.sum() > 1_000, f"hardly any {colour} in the cloud"
