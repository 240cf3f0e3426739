"""How many events the simulated camera gives, against what its equations say for flicker, ramps and noise."""

import math
from dataclasses import replace

import numpy as np
import pytest

from neuroact.datasets.simulation.simulated_camera import AHEAD, PixelModel, SimulatedCamera
from tests.datasets.simulation.test_simulated_camera import IDEAL, PIXELS, SIZE, flat, ramp, thresholds, watch


def flicker(amplitude: float, per_s: float, frames: int, frame_us: int, mean: float = 0.3) -> list[float]:
    """Brightness whose logarithm is a sine of an amplitude."""
    return [mean * math.exp(amplitude * math.sin(2e-6 * math.pi * per_s * i * frame_us)) for i in range(frames + 1)]


@pytest.mark.parametrize("theta", [0.1, 0.2])
@pytest.mark.parametrize("contrast", [0.3, 0.6, 1.15])
def test_flicker_gives_events_in_proportion_to_its_contrast(theta: float, contrast: float) -> None:
    events = watch(thresholds(theta), flicker(contrast, 10.0, 400, 1_000))
    later = events[events.t > 100_000]  # three cycles, after the references have found their places
    # Where the flicker turns, on average one threshold goes by without an event.
    expected = 2 * contrast / theta - 1
    for polarity in (0, 1):
        assert (later.p == polarity).sum() / PIXELS / 3 == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize("relative", [0.25, 1.0, 3.0])
def test_flicker_beyond_the_corner_frequency_is_weakened_as_by_a_low_pass(relative: float) -> None:
    corner, contrast, theta, brightness = 40.0, 0.1, 0.01, 0.5
    effective = corner * (255 * brightness + 20) / 275
    per_s = relative * effective
    cycle = 1e6 / per_s
    frames = round(6 * cycle / 200)
    shown = flicker(contrast, per_s, frames, 200, brightness)
    events = watch(thresholds(theta, bandwidth_hz=corner), shown, frame_us=200)
    later = events[(events.t > 2 * cycle) & (events.t <= 6 * cycle)]
    passed = contrast / math.sqrt(1 + relative**2)
    assert len(later) / PIXELS / 8 == pytest.approx(2 * passed / theta - 1, rel=0.04)


def test_the_refractory_period_lets_every_third_crossing_through() -> None:
    slope = IDEAL.threshold_on / 1_000  # a crossing every millisecond
    shown = ramp(math.exp(slope * 16_000), 16, start=0.03 * 20 / 7)
    events = watch(replace(IDEAL, refractory_us=2_500), shown)
    one = events[(events.x == 5) & (events.y == 7)]
    assert len(one) >= 4
    assert np.diff(one.t) == pytest.approx(np.full(len(one) - 1, 3_000), abs=3)


def test_each_pixel_counts_by_its_own_threshold() -> None:
    pixel = replace(IDEAL, mismatch=0.03)
    camera = SimulatedCamera(SIZE, pixel, seed=4)
    assert camera._theta_on.mean() == pytest.approx(0.2, abs=5 * 0.03 / math.sqrt(PIXELS))
    assert camera._theta_on.std() == pytest.approx(0.03, rel=0.12)
    assert abs(np.corrcoef(camera._theta_on, camera._theta_off)[0, 1]) < 0.15
    events = watch(pixel, ramp(10.0, start=0.1), seed=4)
    counts = np.bincount(events.y.astype(int) * SIZE[0] + events.x, minlength=PIXELS)
    expected = math.log(10.0) / camera._theta_on
    # A reference begins anywhere from right at the ON threshold to right at the OFF threshold.
    assert (counts < expected + 1.001).all()
    assert (counts > expected - 1.001 - camera._theta_off / camera._theta_on).all()
    assert np.corrcoef(counts, expected)[0, 1] > 0.9


@pytest.mark.parametrize("frame_us", [500, 7_000, AHEAD + 30_000])
@pytest.mark.parametrize("brightness", [0.1, 0.6])
def test_shot_noise_has_its_rate_however_often_the_camera_looks(frame_us: int, brightness: float) -> None:
    frames = 560_000 // frame_us
    events = watch(replace(IDEAL, shot_hz=50.0), [brightness] * (frames + 1), frame_us=frame_us)
    g = (255 * brightness + 20) / 275
    expected = 50.0 * (1 - 0.75 * g) * PIXELS * frames * frame_us * 1e-6
    assert len(events) == pytest.approx(expected, abs=5 * math.sqrt(expected))
    share = np.histogram(events.t, 4, (0, frames * frame_us))[0] / len(events)
    assert share == pytest.approx(np.full(4, 0.25), abs=0.03)


def test_shot_noise_keeps_the_refractory_period() -> None:
    events = watch(replace(IDEAL, shot_hz=2_000.0, refractory_us=800), [0.0] * 201)
    order = np.lexsort((events.t, events.x, events.y))
    pixel = (events.y.astype(int) * SIZE[0] + events.x)[order]
    gaps = np.diff(events.t[order])[np.diff(pixel) == 0]
    assert gaps.size > 1_000
    assert gaps.min() > 800


def test_leaking_and_noisy_pixels_wake_alone_in_their_block() -> None:
    # One changing pixel in a sensor that sleeps: its events are those of a sensor in which all change alike.
    pixel = PixelModel(mismatch=0.0, bandwidth_hz=0.0, refractory_us=0, leak_hz=0.0, shot_hz=0.0)
    camera = SimulatedCamera(SIZE, pixel)
    frame = flat(0.2)
    camera.see(frame, 0)
    found = []
    for i, brightness in enumerate(ramp(4.0), 1):
        frame = frame.copy()
        frame[11, 17] = brightness
        found.append(camera.see(frame, 1_000 * i))
    alone = [(int(t), int(p)) for events in found for t, p in zip(events.t, events.p, strict=True)]
    assert {(int(x), int(y)) for events in found for x, y in zip(events.x, events.y, strict=True)} == {(17, 11)}
    together = watch(pixel, [0.2, *ramp(4.0)])
    one = together[(together.x == 17) & (together.y == 11)]
    assert alone == [(int(t), int(p)) for t, p in zip(one.t, one.p, strict=True)]
