"""Point clouds: who is in them, where, and in which order."""

import numpy as np
import pytest

from neuroact.encoders import point_cloud
from neuroact.encoders.points import hashed
from tests.encoders.streams import SIZE, disordered, events_of


def coordinates(events: object, seed: int = 0) -> np.ndarray:
    """All events as points, by hand."""
    first, last = events.span  # type: ignore[attr-defined]
    width, height = events.sensor_size  # type: ignore[attr-defined]
    columns = (events.x / (width - 1), events.y / (height - 1), (events.t - first) / (last - first), events.p)  # type: ignore[attr-defined]
    return np.stack(columns, 1).astype(np.float32)


def chosen_by_hand(events: object, points: int, seed: int) -> np.ndarray:
    """The events with the smallest keys, in order of time and then of file."""
    smallest = np.argsort(hashed(seed, np.arange(len(events), dtype=np.uint64)))[:points]  # type: ignore[arg-type]
    order = sorted(smallest, key=lambda place: (events.t[place], place))  # type: ignore[attr-defined]
    return coordinates(events)[order]


@pytest.mark.parametrize("points", [1, 100, 1024, 2999, 3000])
@pytest.mark.parametrize("seed", [0, 7, -1, 1 << 70])
def test_is_the_subset_with_the_smallest_keys(points: int, seed: int) -> None:
    events = disordered(3_000)
    cloud = point_cloud(events, points, polarity=True, seed=seed)
    assert cloud.dtype == np.float32
    assert np.array_equal(cloud, chosen_by_hand(events, points, seed))
    assert np.array_equal(point_cloud(events, points, seed=seed), cloud[:, :3])


def test_fills_the_unit_cube_in_time_order() -> None:
    cloud = point_cloud(disordered(5_000), 5_000)
    assert cloud.min(0).tolist() == [0, 0, 0]
    assert cloud.max(0).tolist() == [1, 1, 1]
    assert (np.diff(cloud[:, 2]) >= 0).all()


def test_every_event_is_there_when_there_are_too_few() -> None:
    events = events_of((0, 0, 0, 0), (5, 3, 2, 1), (10, 6, 4, 0))
    cloud = point_cloud(events, 64, polarity=True)
    unique, times = np.unique(cloud, axis=0, return_counts=True)
    assert unique.tolist() == [[0, 0, 0, 0], [0.5, 0.5, 0.5, 1], [1, 1, 1, 0]]
    assert times.min() > 5  # drawn 61 times from three: a biased draw would show
    assert (np.diff(cloud[:, 2]) >= 0).all()


def test_seeds_choose_differently_and_repeatably() -> None:
    events = disordered(4_000)
    first, again, other = (point_cloud(events, 200, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    shared = {tuple(point) for point in first.tolist()} & {tuple(point) for point in other.tolist()}
    assert len(shared) < 40  # ten are expected by chance


def test_every_event_is_equally_likely() -> None:
    """Over 2,000 seeds, each of 20 events is among 5 chosen about 500 times; five sigma is 97."""
    events = events_of(*((t, 0, 0, 0) for t in range(20)))
    drawn = np.concatenate([point_cloud(events, 5, seed=seed)[:, 2] for seed in range(2_000)])
    times = np.bincount(np.rint(drawn * 19).astype(int), minlength=20)
    assert abs(times - 500).max() < 97


def test_keys_are_those_of_splitmix64() -> None:
    """The first outputs of the published generator for seed 0."""
    assert [int(key) for key in hashed(0, np.arange(2, dtype=np.uint64))] == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4]


@pytest.mark.parametrize("polarity", [False, True])
def test_no_events_give_zeros(polarity: bool) -> None:
    assert point_cloud(events_of(), 9, polarity=polarity).tolist() == [[0.0] * (4 if polarity else 3)] * 9


def test_axes_without_extent_are_zero() -> None:
    events = events_of((5, 0, 0, 1), (5, 0, 0, 1), sensor_size=(1, 1))
    assert point_cloud(events, 4).tolist() == [[0.0, 0.0, 0.0]] * 4


def test_at_least_one_point() -> None:
    with pytest.raises(ValueError, match="points must be at least 1"):
        point_cloud(events_of(sensor_size=SIZE), 0)
