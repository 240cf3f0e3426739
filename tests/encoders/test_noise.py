"""Filters against noise, each against its definition written out over all pairs of events."""

import numpy as np
import pytest

from neuroact import Events
from neuroact.encoders import HotPixels, PixelSurvey, background_activity, hot_pixels, refractory
from neuroact.hot_pixels import hot_pixel_mask
from tests.encoders.streams import disordered, events_of


def rested(events: Events, period: int) -> list[int]:
    """Indices of the events that refractoriness keeps."""
    kept: list[int] = []
    last: dict[tuple[int, int], int] = {}
    for index, (t, x, y) in enumerate(zip(events.t.tolist(), events.x.tolist(), events.y.tolist(), strict=True)):
        if (x, y) in last and 0 <= t - last[x, y] < period:
            continue
        last[x, y] = t
        kept.append(index)
    return kept


def supported(events: Events, window: int) -> list[int]:
    """Indices of the events of which a neighbouring pixel's latest event is recent."""
    kept: list[int] = []
    last: dict[tuple[int, int], int] = {}
    for index, (t, x, y) in enumerate(zip(events.t.tolist(), events.x.tolist(), events.y.tolist(), strict=True)):
        around = [(x + i, y + j) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0)]
        if any(pixel in last and 0 <= t - last[pixel] <= window for pixel in around):
            kept.append(index)
        last[x, y] = t
    return kept


@pytest.mark.parametrize("start", [0, -30_000, 1 << 61])
@pytest.mark.parametrize("duration", [1, 50, 800, 10_000, 1 << 40])
def test_refractory_equals_its_definition(engine: str, duration: int, start: int) -> None:
    events = disordered(1_500, (9, 6))
    events = events.replace(t=events.t + start)
    assert refractory(events, duration) == events[np.array(rested(events, duration))]


@pytest.mark.parametrize("start", [0, -30_000, 1 << 61])
@pytest.mark.parametrize("duration", [10, 50, 800, 1 << 40])
def test_background_activity_equals_its_definition(engine: str, duration: int, start: int) -> None:
    events = disordered(1_500, (20, 15))
    events = events.replace(t=events.t + start)
    kept = supported(events, duration)
    assert background_activity(events, duration) == events[np.array(kept, np.intp)]
    assert 0 < len(kept) < len(events)


def test_a_dropped_event_does_not_prolong_the_refractory_period(engine: str) -> None:
    events = events_of(*((t, 2, 2, t // 6 % 2) for t in range(0, 60, 6)))
    assert refractory(events, 10).t.tolist() == [0, 12, 24, 36, 48]


def test_the_refractory_period_ends_after_exactly_its_length(engine: str) -> None:
    assert refractory(events_of((0, 2, 2, 0), (9, 2, 2, 0), (10, 2, 2, 0)), 10).t.tolist() == [0, 10]


def test_a_pixel_starts_anew_where_time_runs_back(engine: str) -> None:
    assert refractory(events_of((1000, 2, 2, 0), (3, 2, 2, 0), (4, 2, 2, 0)), 10).t.tolist() == [1000, 3]


@pytest.mark.parametrize("corner", [(0, 0), (6, 0), (0, 4), (6, 4)])
def test_opposite_borders_are_no_neighbours(engine: str, corner: tuple[int, int]) -> None:
    """Nor are the end of one row and the start of the next, which lie side by side in memory."""
    everywhere_else = [
        (0, x, y, 0) for x in range(7) for y in range(5) if max(abs(x - corner[0]), abs(y - corner[1])) > 1
    ]
    assert background_activity(events_of(*everywhere_else, (1, *corner, 1)), 5).t.tolist().count(1) == 0
    assert 1 in background_activity(events_of((0, 3, 2, 0), (1, 4, 3, 1)), 5).t


def test_a_pixel_does_not_support_itself(engine: str) -> None:
    assert len(background_activity(events_of(*((t, 3, 3, 1) for t in range(9))), 100)) == 0


def test_hot_pixels_are_those_that_info_counts() -> None:
    scene = disordered(2_000)
    defect = events_of(*((5_000 + t, 30, 2, t % 2) for t in range(200)), sensor_size=scene.sensor_size)
    events = Events.concatenate([scene, defect])
    survey = PixelSurvey(events.sensor_size)
    for part in (events[:700], events[700:]):
        survey.add(part)
    expected = np.zeros((21, 33), np.int64)
    np.add.at(expected, (events.y, events.x), 1)
    assert np.array_equal(survey.counts, expected)
    assert np.argwhere(hot_pixel_mask(expected)).tolist() == [[2, 30]]
    quiet = hot_pixels(events)
    assert quiet == events[(events.x != 30) | (events.y != 2)]
    assert HotPixels(survey)(events) == quiet


def test_no_events_stay_none(engine: str) -> None:
    for clean in (refractory, background_activity, hot_pixels):
        assert len(clean(events_of())) == 0


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        (lambda events: refractory(events, 0), "period_us must be at least 1"),
        (lambda events: background_activity(events, 0), "window_us must be at least 1"),
    ],
)
def test_wrong_arguments(call: object, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        call(events_of())  # type: ignore[operator]
