"""The pixels of the simulated camera obey their equations, one term at a time."""

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from neuroact import Events
from neuroact.datasets.simulation.simulated_camera import PixelModel, SimulatedCamera, cross

SIZE = (32, 24)
PIXELS = SIZE[0] * SIZE[1]
IDEAL = PixelModel(mismatch=0.0, bandwidth_hz=0.0, refractory_us=0, leak_hz=0.0, shot_hz=0.0)


def thresholds(theta: float, **others: float) -> PixelModel:
    """Ideal pixels but for what is given."""
    return replace(IDEAL, threshold_on=theta, threshold_off=theta, **others)


def flat(brightness: float) -> NDArray[np.float32]:
    return np.full(SIZE[::-1], brightness, np.float32)


def watch(pixel: PixelModel, brightness: list[float], *, frame_us: int = 1000, seed: int = 0) -> Events:
    """The events of an even surface whose brightness is given frame by frame."""
    camera = SimulatedCamera(SIZE, pixel, seed=seed)
    return Events.concatenate([camera.see(flat(b), i * frame_us) for i, b in enumerate(brightness)])


def ramp(factor: float, frames: int = 100, start: float = 0.2) -> list[float]:
    """From `start` to `start * factor`, evenly in the logarithm."""
    return [start * factor ** (i / frames) for i in range(frames + 1)]


@pytest.mark.parametrize("theta", [0.1, 0.2, 0.35])
@pytest.mark.parametrize(("factor", "polarity"), [(4.0, 1), (0.5, 0)])
def test_events_count_the_thresholds_in_the_change_of_log_brightness(
    theta: float, factor: float, polarity: int
) -> None:
    events = watch(thresholds(theta), ramp(factor))
    assert (events.p == polarity).all()
    # References start anywhere between the thresholds, so the mean of the rounded-down count is half an event less.
    assert len(events) / PIXELS == pytest.approx(abs(math.log(factor)) / theta - 0.5, abs=0.1)
    counts = np.bincount(events.y.astype(int) * SIZE[0] + events.x, minlength=PIXELS)
    assert counts.max() - counts.min() <= 2


def test_event_times_lie_where_the_logarithm_crosses() -> None:
    rate = math.log(8.0) / 100_000  # per µs
    events = watch(IDEAL, ramp(8.0, start=0.1))
    one = events[(events.x == 3) & (events.y == 5)]
    assert np.diff(one.t) == pytest.approx(np.full(len(one) - 1, IDEAL.threshold_on / rate), abs=2)


def test_below_20_of_255_brightness_counts_linearly() -> None:
    events = watch(thresholds(0.05), [i / 100 * 20 / 255 for i in range(101)])
    assert len(events) / PIXELS == pytest.approx(math.log(20) / 0.05 - 0.5, abs=0.1)
    quarters = np.histogram(events.t, 4, (0, 100_000))[0] / len(events)
    assert quarters == pytest.approx(np.full(4, 0.25), abs=0.01)


def test_the_refractory_period_separates_events_and_swallows_those_within() -> None:
    free, held = (watch(replace(IDEAL, refractory_us=us), ramp(16.0, start=0.05)) for us in (0, 9000))
    assert 0 < len(held) < len(free)
    order = np.lexsort((held.t, held.x, held.y))
    pixel = (held.y.astype(int) * SIZE[0] + held.x)[order]
    gaps = np.diff(held.t[order])[np.diff(pixel) == 0]
    assert gaps.min() > 9000


def test_leak_gives_on_events_at_its_rate_however_often_the_camera_looks() -> None:
    pixel = replace(IDEAL, leak_hz=5.0)
    often = watch(pixel, [0.5] * 2001, frame_us=1_000)
    seldom = watch(pixel, [0.5] * 21, frame_us=100_000)
    assert (often.p == 1).all()
    spread = math.exp(0.5 * (0.1 * math.log(10)) ** 2)  # mean of the log-normal spread
    assert len(often) / PIXELS == pytest.approx(2.0 * 5.0 * spread - 0.5, rel=0.02)
    assert len(often) == pytest.approx(len(seldom), abs=3)
    assert np.sort(often.t)[: len(seldom)] == pytest.approx(np.sort(seldom.t)[: len(often)], abs=2_000)


@pytest.mark.parametrize(("brightness", "share"), [(0.0, 1 - 0.75 * 20 / 275), (1.0, 0.25)])
def test_shot_noise_has_its_rate_in_the_dark_and_a_quarter_in_white(brightness: float, share: float) -> None:
    events = watch(replace(IDEAL, shot_hz=40.0), [brightness] * 1001)
    expected = 40.0 * share * PIXELS
    assert len(events) == pytest.approx(expected, abs=5 * math.sqrt(expected))
    assert events.p.mean() == pytest.approx(0.5, abs=0.03)
    assert np.unique(events.y.astype(int) * SIZE[0] + events.x).size > 0.99 * PIXELS * (
        1 - math.exp(-expected / PIXELS)
    )


def test_low_thresholds_are_noisier() -> None:
    low, high = (watch(PixelModel(theta, theta, 0.0, 0.0, 0, 0.0, 40.0), [0.0] * 501) for theta in (0.2, 0.4))
    # Alike, since the rate is relative to the nominal threshold ...
    assert len(low) == pytest.approx(len(high), rel=0.1)
    mixed = watch(replace(IDEAL, mismatch=0.05, shot_hz=40.0), [0.0] * 1001)
    camera = SimulatedCamera(SIZE, replace(IDEAL, mismatch=0.05))
    counts = np.bincount(mixed.y.astype(int) * SIZE[0] + mixed.x, minlength=PIXELS)
    # ... while among pixels of one sensor the ones with low thresholds fire more.
    assert np.corrcoef(counts, 1 / camera._theta_on + 1 / camera._theta_off)[0, 1] > 0.3


@pytest.mark.parametrize("corner", [20.0, 100.0])
def test_the_bandwidth_delays_a_step_by_its_time_constant(corner: float) -> None:
    dark, bright = 0.2, 0.8
    events = watch(thresholds(0.02, bandwidth_hz=corner), [dark] + [bright] * 800, frame_us=100)
    tau = 1e6 / (2 * math.pi * corner * (255 * bright + 20) / 275)
    reached = np.searchsorted(np.sort(events.t), tau, side="right") / len(events)
    assert reached == pytest.approx(1 - math.exp(-1), abs=0.03)


def test_mismatch_spreads_the_thresholds() -> None:
    events = watch(replace(IDEAL, mismatch=0.03), ramp(50.0, start=0.02))
    counts = np.bincount(events.y.astype(int) * SIZE[0] + events.x, minlength=PIXELS)
    # A pixel counts S / theta, so a spread of 15 % in theta is one of 15 % in the count (and a little more: 1 / theta).
    assert 0.12 < counts.std() / counts.mean() < 0.2


def test_the_same_seed_repeats_and_another_does_not() -> None:
    frames = ramp(3.0, 50)
    first = watch(PixelModel(), frames, seed=1)
    assert first == watch(PixelModel(), frames, seed=1)
    assert first.checksum() != watch(PixelModel(), frames, seed=2).checksum()


def test_events_come_in_time_order_and_within_their_frame() -> None:
    camera = SimulatedCamera(SIZE, replace(PixelModel(), shot_hz=50.0))
    camera.see(flat(0.1), 0)
    for t, brightness in ((4_000, 0.6), (5_000, 0.2), (20_000, 0.9)):
        events = camera.see(flat(brightness), t)
        assert len(events)
        assert (np.diff(events.t) >= 0).all()
        assert events.t[-1] <= t
        assert events.t[0] > {4_000: 0, 5_000: 4_000, 20_000: 5_000}[t]


def test_the_compiled_kernel_does_what_the_plain_one_does(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = ramp(3.0, 20)
    pixel = replace(PixelModel(), shot_hz=20.0)
    compiled = watch(pixel, frames)
    monkeypatch.setattr("neuroact.datasets.simulation.simulated_camera.cross", cross.plain)
    plain = watch(pixel, frames)
    assert len(plain) == pytest.approx(len(compiled), abs=2)  # float32 sums may round differently
    assert np.array_equal(plain.x[:50], compiled.x[:50])


def test_more_events_than_one_buffer_holds_are_all_there() -> None:
    theta = 0.011
    camera = SimulatedCamera(SIZE, thresholds(theta))
    camera.see(flat(0.1), 0)
    events = camera.see(flat(1.0), 10_000)
    assert len(events) > PIXELS + 4096
    assert len(events) / PIXELS == pytest.approx(math.log(10) / theta - 0.5, abs=0.1)


def test_frames_that_do_not_fit_are_refused() -> None:
    camera = SimulatedCamera(SIZE)
    with pytest.raises(ValueError, match="24 rows and 32 columns"):
        camera.see(np.zeros(SIZE, np.float32), 0)
    camera.see(flat(0.5), 10)
    with pytest.raises(ValueError, match="time must increase"):
        camera.see(flat(0.5), 10)
