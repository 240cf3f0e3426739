"""Beside tonic: equal where tonic is right, and each difference named where it is not."""

import numpy as np
import pytest

from neuroact import Events
from neuroact.encoders import (
    EventFrames,
    Window,
    as_transform,
    background_activity,
    crop,
    event_frames,
    flip,
    refractory,
    time_surface,
    voxel_grid,
)
from tests.conftest import random_events
from tests.encoders.streams import events_of

tonic = pytest.importorskip("tonic.transforms")

SENSOR = (33, 21, 2)
SIGNED = np.dtype([("x", "<i2"), ("y", "<i2"), ("t", "<i8"), ("p", "i1")])


def stream(count: int = 2_000) -> Events:
    return random_events(count, SENSOR[:2], seed=3)


def structured(events: Events) -> np.ndarray:
    """With whole-number polarities, which tonic's voxel grid needs to tell OFF from ON."""
    return events.to_structured().astype(SIGNED)


@pytest.mark.parametrize("bins", [3, 5, 12])
def test_a_voxel_grid_is_tonics_with_one_bin_less_and_the_last_one_that_tonic_lacks(bins: int) -> None:
    """tonic scales time by `bins` where Zhu et al. have `bins - 1`, and drops what falls into the bin at the end.

    So tonic's grid of `bins - 1` bins is ours of `bins` without its last, which holds up to half of the last interval.
    """
    events = stream()
    theirs = tonic.ToVoxelGrid(SENSOR, bins - 1)(structured(events))[:, 0]
    ours = voxel_grid(events, bins)
    np.testing.assert_allclose(ours[:-1], theirs, atol=2e-5)
    assert abs(ours[-1]).sum() > 10


def test_tonics_voxel_grid_drops_the_last_event() -> None:
    events = events_of((0, 0, 0, 1), (10, 3, 3, 1))
    theirs = tonic.ToVoxelGrid((7, 5, 2), 4)(structured(events))
    assert theirs.sum() == 1
    assert voxel_grid(events, 4).sum() == 2


def test_tonics_voxel_grid_takes_every_event_of_its_own_layout_for_on() -> None:
    """Its polarities are boolean, and the -1 that it writes for OFF is True again."""
    events = events_of((0, 0, 0, 0), (10, 3, 3, 1))
    theirs = tonic.ToVoxelGrid((7, 5, 2), 4)(events.to_structured())
    assert theirs[0, 0, 0, 0] == 1
    assert voxel_grid(events, 4)[0, 0, 0] == -1


def test_tonics_voxel_grid_of_one_moment_divides_by_zero() -> None:
    events = events_of((5, 0, 0, 1), (5, 1, 1, 1))
    with pytest.warns(RuntimeWarning, match="invalid value"), pytest.raises(IndexError):
        tonic.ToVoxelGrid((7, 5, 2), 4)(structured(events))
    assert voxel_grid(events, 4).sum() == 2


def test_frames_by_count_equal_tonics_where_the_count_divides() -> None:
    events = stream(2_000)
    assert np.array_equal(
        as_transform("event_frames", sensor_size=SENSOR, frames=8, by="count")(events.to_structured()),
        tonic.ToFrame(SENSOR, n_event_bins=8)(events.to_structured()),
    )


def test_tonics_frames_by_count_drop_the_events_that_remain() -> None:
    events = stream(2_003)
    assert tonic.ToFrame(SENSOR, n_event_bins=8)(events.to_structured()).sum() == 2_000
    assert event_frames(events, 8, by="count").sum() == 2_003


def test_frames_by_time_equal_tonics_but_for_the_last_events() -> None:
    """tonic cuts `last - first` into whole microseconds, so events at the very end fall out of its last frame."""
    events = stream()
    first, last = events.span
    width = (last - first) // 8
    kept = events.between(first, first + 8 * width)
    frames = EventFrames(SENSOR[:2], Window(first, first + 8 * width), 8)
    frames.add(kept)
    assert np.array_equal(frames.result(), tonic.ToFrame(SENSOR, n_time_bins=8)(events.to_structured()))
    assert len(kept) < len(events) == event_frames(events, 8).sum()


def test_a_time_surface_equals_tonics() -> None:
    events = stream()
    first = int(events.t[0])
    theirs = tonic.ToTimesurface(SENSOR, dt=5_000, tau=3_000)(events.to_structured())
    for index in range(3):
        at = first + (index + 1) * 5_000
        ours = time_surface(events[events.t < at], 3_000, at=at)
        np.testing.assert_allclose(ours, theirs[index], atol=1e-6)


def test_crop_and_flip_equal_tonics() -> None:
    events = stream()
    array = events.to_structured()
    assert np.array_equal(crop(events, 6, 4, 20, 12).to_structured(), tonic.CenterCrop(SENSOR, (20, 12))(array.copy()))
    assert np.array_equal(flip(events, "x").to_structured(), tonic.RandomFlipLR(SENSOR, p=1)(array.copy()))
    assert np.array_equal(flip(events, "y").to_structured(), tonic.RandomFlipUD(SENSOR, p=1)(array.copy()))


def test_refractory_equals_tonics_for_pairs_of_events() -> None:
    """Where no pixel fires three times in a row, and none exactly one period apart."""
    pairs = [(100 + 50 * i + late, i % 7, i // 7, 1) for i in range(35) for late in (0, 1 + 2 * i)]
    events = events_of(*sorted(pairs))
    theirs = tonic.RefractoryPeriod(delta=30)(events.to_structured())
    ours = refractory(events, 30)
    assert np.array_equal(ours.to_structured(), theirs)
    assert 35 < len(ours) < 70


def test_tonics_refractory_period_silences_a_pixel_that_never_rests() -> None:
    """It counts from the last event, kept or not, where a pixel's rest begins with the last event it sent."""
    events = events_of(*((t, 2, 2, 1) for t in range(100, 200, 6)))
    assert len(tonic.RefractoryPeriod(delta=10)(events.to_structured())) == 1
    assert refractory(events, 10).t.tolist() == list(range(100, 200, 12))


def test_background_activity_keeps_what_tonic_keeps_and_diagonal_neighbours() -> None:
    """tonic asks four neighbours, we ask eight; and it takes all events before `filter_time` for supported."""
    events = stream()
    events = events.replace(t=events.t + 5_000)
    theirs = tonic.Denoise(filter_time=300)(events.to_structured())
    ours = background_activity(events, 299).to_structured()
    assert 0 < len(theirs) < len(ours) < len(events)
    assert np.isin(theirs, ours).all()


def test_they_compose() -> None:
    events = stream()
    compose = tonic.Compose(
        [
            as_transform("refractory", sensor_size=SENSOR, period_us=500),
            tonic.RandomFlipLR(SENSOR, p=1),
            as_transform("voxel_grid", sensor_size=SENSOR, bins=5),
        ]
    )
    expected = voxel_grid(flip(refractory(events, 500)), 5)
    assert np.array_equal(compose(events.to_structured())[:, 0], expected)
