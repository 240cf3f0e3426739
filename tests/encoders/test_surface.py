"""Time surfaces against the formula, pixel by pixel."""

import math

import numpy as np
import pytest

from neuroact import Events
from neuroact.encoders import time_surface
from tests.encoders.streams import disordered, events_of


def reference(events: Events, tau_us: float, at: int) -> np.ndarray:
    width, height = events.sensor_size
    surface = np.zeros((2, height, width))
    for t, x, y, p in zip(events.t, events.x, events.y, events.p, strict=True):
        if t <= at:
            surface[p, y, x] = max(surface[p, y, x], math.exp((int(t) - at) / tau_us))
    return surface


@pytest.mark.parametrize("tau_us", [1.0, 900.0, 50_000.0])
@pytest.mark.parametrize("at", [None, 4_000, 9_000, 1_000_000])
def test_equals_the_formula(engine: str, tau_us: float, at: int | None) -> None:
    events = disordered(700)
    surface = time_surface(events, tau_us, at=at)
    assert surface.dtype == np.float32
    np.testing.assert_allclose(surface, reference(events, tau_us, events.span[1] if at is None else at), atol=1e-7)


def test_the_latest_time_counts_not_the_last_in_the_file(engine: str) -> None:
    assert time_surface(events_of((100, 0, 0, 1), (50, 0, 0, 1)), 10)[1, 0, 0] == 1


def test_no_events_have_no_age() -> None:
    assert not time_surface(events_of()).any()


@pytest.mark.parametrize("t", [0, 1_700_000_000_000_000])
def test_an_event_at_that_moment_is_one(engine: str, t: int) -> None:
    surface = time_surface(events_of((t, 6, 4, 0)), math.inf)
    assert surface[0, 4, 6] == surface.sum() == 1


@pytest.mark.parametrize("tau_us", [0, -1.0, math.nan])
def test_the_time_constant_is_positive(tau_us: float) -> None:
    with pytest.raises(ValueError, match="tau_us must be more than 0"):
        time_surface(events_of(), tau_us)
