"""Voxel grids against the formula, written out in numpy."""

import numpy as np
import pytest
from numpy.typing import NDArray

from neuroact import EncodingError, Events
from neuroact.encoders import VoxelGrid, Window, voxel, voxel_grid
from tests.encoders.streams import SIZE, disordered, events_of, pieces


@pytest.fixture(params=["one by one", "both ways", "summed up"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How events reach the grid: as few or as many of an interval do."""
    few = {"one by one": 1 << 16, "both ways": 100, "summed up": 0}[request.param]
    monkeypatch.setattr(voxel, "few_for", lambda pixels: few)
    return str(request.param)


def reference(events: Events, bins: int, span: tuple[int, int], *, split: bool) -> np.ndarray:
    """Σ ±max(0, 1 - |b - tau|) in float64, every event against every bin."""
    first, last = span
    width, height = events.sensor_size
    tau = (bins - 1) * (events.t - first) / max(last - first, 1)
    grid = np.zeros((bins, 2, height, width))
    for b in range(bins):
        np.add.at(grid[b], (events.p, events.y, events.x), np.maximum(0, 1 - abs(b - tau)))
    return grid if split else grid[:, 1] - grid[:, 0]


@pytest.mark.parametrize("bins", [1, 2, 3, 5, 16])
@pytest.mark.parametrize("split", [False, True])
def test_equals_the_formula(engine: str, way: str, bins: int, split: bool) -> None:
    events = disordered(4_000)
    expected = reference(events, bins, events.span, split=split)
    grid = voxel_grid(events, bins, split_polarity=split)
    assert grid.dtype == np.float32
    assert grid.shape == ((bins, 2, 21, 33) if split else (bins, 21, 33))
    np.testing.assert_allclose(grid, expected, rtol=0, atol=2e-5)


def test_a_window_spans_the_grid_whatever_its_events(engine: str, way: str) -> None:
    events = disordered(500)
    window = Window(events.span[0] - 300, events.span[1] + 777)
    grid = VoxelGrid(events.sensor_size, window, 7)
    grid.add(events)
    np.testing.assert_allclose(grid.result(), reference(events, 7, window.span, split=False), rtol=0, atol=1e-5)


@pytest.mark.parametrize("epoch", [0, -(1 << 40), 1_700_000_000_000_000, (1 << 61)])
def test_absolute_times_cost_no_accuracy(engine: str, way: str, epoch: int) -> None:
    events = disordered(1_000)
    later = events.replace(t=events.t + epoch)
    assert np.array_equal(voxel_grid(later, 6), voxel_grid(events, 6))


def test_borders_belong_to_one_bin_exactly(engine: str, way: str) -> None:
    """A span that bins - 1 does not divide in float, with events on each border: no weight leaks to a neighbour."""
    t = [0, 7, 14, 21, 28, 35, 42, 49]
    grid = voxel_grid(events_of(*((time, x % 7, 0, 1) for x, time in enumerate(t))), 8)
    expected = np.zeros((8, 5, 7), np.float32)
    for b in range(8):
        expected[b, 0, b % 7] = 1
    assert np.array_equal(grid, expected)


@pytest.mark.parametrize("bins", [1, 2, 5])
@pytest.mark.parametrize(("count", "weight"), [(0, 0.0), (1, 1.0), (3, 3.0)])
def test_events_of_one_moment_are_in_the_first_bin(engine: str, way: str, bins: int, count: int, weight: float) -> None:
    grid = voxel_grid(events_of(*[(42, 6, 4, 1)] * count), bins)
    assert grid[0, 4, 6] == weight
    assert grid.sum() == weight


def test_polarities_cancel_or_stay_apart(engine: str, way: str) -> None:
    events = events_of((0, 1, 1, 1), (0, 1, 1, 0), (0, 1, 1, 0), (10, 0, 0, 1))
    assert voxel_grid(events, 2)[0, 1, 1] == -1
    assert voxel_grid(events, 2, split_polarity=True)[0, :, 1, 1].tolist() == [2, 1]


def test_the_sensor_may_be_given() -> None:
    assert voxel_grid(events_of((0, 6, 4, 1)), 3, sensor_size=(20, 10)).shape == (3, 10, 20)


@pytest.mark.parametrize("split", [False, True])
def test_cuts_never_show(engine: str, way: str, split: bool) -> None:
    """Cut where an interval begins to be summed up, around it, and everywhere."""
    events = disordered(1_500)
    whole = voxel_grid(events, 4, split_polarity=split)
    for cuts in ([99, 100, 101, 700], list(range(0, 1_500, 7))):
        grid = VoxelGrid(events.sensor_size, Window.of(events), 4, split_polarity=split)
        for piece in pieces(events, cuts):
            grid.add(piece)
        assert np.array_equal(grid.result(), whole)


@pytest.mark.parametrize("hours", [1, 100_000])
def test_sums_over_long_intervals(engine: str, way: str, hours: int) -> None:
    events = disordered(1_500)
    events = events.replace(t=events.t * (hours * 3_600_000_000 // events.span[1]))
    expected = reference(events, 3, events.span, split=False)
    np.testing.assert_allclose(voxel_grid(events, 3), expected, rtol=0, atol=2e-5)


@pytest.mark.parametrize("before", [99, 100, 101])
@pytest.mark.parametrize("cut", [0, 99, 100, 101, 120])
def test_after_an_interval_with_many_events_the_next_is_summed_up_from_its_first(
    engine: str, monkeypatch: pytest.MonkeyPatch, before: int, cut: int
) -> None:
    """One by one, shares are rounded on the way; a sum is rounded once. The last digit tells which it was."""
    monkeypatch.setattr(voxel, "few_for", lambda pixels: 100)
    late = np.arange(1_001, 1_400, 7)
    events = events_of(*((0, 0, 0, 1) for _ in range(before)), *((t, 1, 1, 1) for t in late.tolist()))
    grid = VoxelGrid(SIZE, Window(0, 2_001), 3)
    for piece in pieces(events, [cut]):
        grid.add(piece)
    one_by_one = np.float32(0)
    for share in ((late - 1_000) * 0.001).astype(np.float32):
        one_by_one += share
    summed_up = np.float32((late - 1_000).sum() * 0.001)
    assert one_by_one != summed_up
    assert grid.result()[2, 1, 1] == (summed_up if before > 100 else one_by_one)


@pytest.mark.parametrize("polarity", [0, 1])
def test_sums_never_overflow(polarity: int) -> None:
    """More events of one pixel than a sum holds, all as late in their interval as can be."""
    count = (1 << 22) + 100_000
    t = np.full(count, (1 << 20) - 2)
    t[0], t[-1] = 0, (1 << 20) - 1
    zeros = np.zeros(count, np.uint16)
    grid = voxel_grid(Events(t, zeros, zeros, np.full(count, polarity, np.uint8), (2, 1)), 2)
    early = 1 + (count - 2) / ((1 << 20) - 1)
    sign = 2 * polarity - 1
    np.testing.assert_allclose(grid[:, 0, 0], [sign * early, sign * (count - early)], rtol=1e-6)
    assert not grid[:, 0, 1].any()


@pytest.mark.parametrize("outlier", [-1_000_000, 100_000_000])
def test_the_earliest_and_the_latest_event_may_be_anywhere(outlier: int) -> None:
    events = disordered(140_000)
    t = events.t.copy()
    t[70_000] = outlier
    events = events.replace(t=t)
    grid = VoxelGrid(events.sensor_size, Window.of(events), 4)
    grid.add(events)
    assert np.array_equal(voxel_grid(events, 4), grid.result())


def test_a_misplaced_event_among_many_is_refused() -> None:
    events = disordered(140_000)
    events.x[70_000] = 33
    with pytest.raises(EncodingError, match="outside the sensor of 33x21"):
        voxel_grid(events)


@pytest.mark.parametrize("bins", [0, -1])
def test_at_least_one_bin(bins: int) -> None:
    with pytest.raises(ValueError, match=f"bins must be at least 1, not {bins}"):
        voxel_grid(events_of(), bins)


def test_more_bins_than_time_can_be_cut_into() -> None:
    with pytest.raises(ValueError, match="too many"):
        VoxelGrid(SIZE, Window(0, 1 << 53), 1024)


MANY = voxel.WORTH_SHARING * voxel.few_for(48 * 32) + 1
"""Events from which on a second thread helps."""


def many_events(times: NDArray[np.int64]) -> Events:
    rng = np.random.default_rng(1)
    return Events(times, *(rng.integers(0, side, times.size) for side in (48, 32, 2)), (48, 32))  # type: ignore[arg-type]


TIMES = {
    "evenly": np.arange(MANY),
    "few in the first half": np.concatenate([np.arange(200) * MANY // 400, MANY + np.arange(MANY)]) // 2,
    "none in the second of four intervals": np.concatenate([np.arange(MANY // 2) // 4, np.arange(MANY // 2, MANY)]),
    "back across the middle": np.roll(np.arange(MANY), MANY // 3),
    "back by a little everywhere": np.arange(MANY) ^ 7,
    "in steps": np.arange(MANY) // 1000 * 1000,
}


@pytest.mark.parametrize("bins", [2, 3, 4, 5, 8])
@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize("times", TIMES)
def test_two_cores_make_the_same_bits(times: str, split: bool, bins: int, monkeypatch: pytest.MonkeyPatch) -> None:
    events = many_events(TIMES[times])
    monkeypatch.setattr("neuroact.encoders.voxel.cores", lambda: 1)
    one = voxel_grid(events, bins, split_polarity=split)
    monkeypatch.setattr("neuroact.encoders.voxel.cores", lambda: 2)
    assert np.array_equal(voxel_grid(events, bins, split_polarity=split), one)
    assert np.abs(one).sum() > 1


def test_two_cores_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neuroact.encoders.voxel.cores", lambda: 2)
    shared: list[bool] = []
    alone = VoxelGrid.take_after
    monkeypatch.setattr(VoxelGrid, "take_after", lambda *given: shared.append(True) or alone(*given))
    voxel_grid(many_events(TIMES["evenly"]))
    assert shared
    with pytest.raises(EncodingError):
        voxel_grid(many_events(TIMES["evenly"]), sensor_size=(10, 10))
