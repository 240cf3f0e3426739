"""What all tests share: where the real recordings are, and a small recording of our own."""

import signal
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from neuroact import Events

settings.register_profile("busy machine", deadline=timedelta(hours=1), suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy machine")

SHARED = Path(__file__).resolve().parents[2] / "shared"

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell that starts the tests in the background has them ignore Ctrl-C, and so would the processes they start.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real recordings beside the checkout; tests that need it are skipped where it is missing."""
    if not (SHARED / "recordings" / "MANIFEST.tsv").is_file():
        pytest.skip("the shared folder of real recordings is not beside this checkout")
    return SHARED


def random_events(count: int, sensor_size: tuple[int, int] = (64, 48), *, seed: int = 0, start: int = 1000) -> Events:
    """`count` events in time order with gaps of 0 to 40 µs, spread evenly over the sensor."""
    rng = np.random.default_rng(seed)
    width, height = sensor_size
    return Events(
        start + np.cumsum(rng.integers(0, 40, count)),
        rng.integers(0, width, count),  # type: ignore[arg-type]
        rng.integers(0, height, count),  # type: ignore[arg-type]
        rng.integers(0, 2, count),  # type: ignore[arg-type]
        sensor_size,
    )
