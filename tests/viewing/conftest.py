"""A small recording to look at, and a browser to look with."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from neuroact import Events, write_recording
from neuroact.datasets.simulation.casting import shot
from neuroact.datasets.simulation.simulated import record


@pytest.fixture(scope="session")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """0.4 s of a figure that walks on 160x120 pixels, as EVT3."""
    path = tmp_path_factory.mktemp("recordings") / "walk <b>&.raw"
    write_recording(record(shot(0, 7, duration=0.4).stage, 400_000, sensor_size=(160, 120)), path)
    return path


@pytest.fixture
def two_halves(tmp_path: Path) -> Path:
    """40x30 pixels for 1 s: ON events in the left half first, then OFF events in the right half, 1,000 each."""
    t = np.linspace(5_000_000, 5_999_999, 2_000).astype(np.int64)
    late = np.arange(2_000) >= 1_000
    rng = np.random.default_rng(0)
    x = rng.integers(0, 20, 2_000) + 20 * late
    path = tmp_path / "halves.raw"
    write_recording(Events(t, x, rng.integers(0, 30, 2_000), ~late, (40, 30)), path)  # type: ignore[arg-type]
    return path


class Browser:
    """Headless Chromium with a fresh profile for every page."""

    def __init__(self, program: str, folder: Path) -> None:
        self._program = program
        self._folder = folder

    def open(self, page: Path, *extra: str) -> str:
        """Loads a page, lets its scripts run, and returns the document as it then is."""
        log = self._folder / "network.json"
        done = subprocess.run(
            [
                self._program, "--headless", "--no-sandbox", "--disable-gpu", "--use-angle=swiftshader",
                "--enable-unsafe-swiftshader", "--disable-background-networking", "--disable-component-update",
                "--disable-sync", "--no-first-run", "--host-resolver-rules=MAP * ~NOTFOUND",
                f"--user-data-dir={self._folder / 'profile'}",
                "--window-size=1000,900", "--virtual-time-budget=15000", f"--log-net-log={log}", *extra,
                page.resolve().as_uri(),
            ],
            capture_output=True, text=True, timeout=120, check=True,
        )  # fmt: skip
        return done.stdout

    def requests(self) -> list[str]:
        """What the latest page asked the network for. (What the browser itself asks for has no origin.)"""
        log = json.loads((self._folder / "network.json").read_text())
        asked = [event["params"] for event in log["events"] if "initiator" in event.get("params", {})]
        return [
            params["url"]
            for params in asked
            if params["initiator"] != "not an origin" and params["url"].startswith(("http", "ws"))
        ]


@pytest.fixture
def browser(tmp_path: Path) -> Browser:
    """Skips the test where no Chromium is installed."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no chromium is installed (Debian: apt-get install chromium)")
    return Browser(program, tmp_path)
