"""Stabilisation: a motion that is known is undone."""

import numpy as np
import pytest

from neuroact import EncodingError
from neuroact.encoders import SACCADES, stabilise
from tests.encoders.streams import events_of
from tests.encoders.test_filters import rows

PATH = [(10, 0.0, 0.0), (20, 5.0, -2.0), (40, 0.0, 0.0)]


def test_a_picture_that_moves_along_the_path_stands_still() -> None:
    """A point that starts at (1, 3), seen where the path has taken it."""
    seen = [
        (t, 1 + round(np.interp(t, (10, 20, 40), (0, 5, 0))), 3 - round(np.interp(t, (10, 20, 40), (0, 2, 0))), 1)
        for t in range(0, 50, 4)
    ]
    stood = stabilise(events_of(*seen), PATH)
    assert rows(stood) == [(t, 1, 3, 1) for t in range(0, 50, 4)]
    assert len({event[1:] for event in seen}) > 3


def test_it_moves_evenly_between_points_and_rests_outside_them() -> None:
    events = events_of(*((t, 5, 1, 0) for t in (0, 10, 12, 14, 20, 30, 40, 9_000)))
    assert rows(stabilise(events, PATH)) == [
        (0, 5, 1, 0),
        (10, 5, 1, 0),
        (12, 4, 1, 0),
        (14, 3, 2, 0),
        (20, 0, 3, 0),
        (30, 2, 2, 0),
        (40, 5, 1, 0),
        (9_000, 5, 1, 0),
    ]


def test_what_leaves_the_sensor_is_dropped_on_every_side() -> None:
    corners = [(20, 0, 4, 0), (20, 6, 4, 0), (20, 0, 0, 1), (20, 6, 0, 1), (20, 3, 2, 1)]
    for dx, dy in [(1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0), (0.4, -0.4)]:
        stood = stabilise(events_of(*corners), [(0, dx, dy)])
        expected = [(t, x - round(dx), y - round(dy), p) for t, x, y, p in corners]
        assert rows(stood) == [row for row in expected if 0 <= row[1] < 7 and 0 <= row[2] < 5]


def test_the_saccades_are_a_triangle_that_closes() -> None:
    assert SACCADES[0][1:] == SACCADES[-1][1:] == (0.0, 0.0)
    assert rows(stabilise(events_of((105_000, 5, 7 - 3, 1), (157_500, 6, 4, 1)), SACCADES)) == [(157_500, 1, 0, 1)]


@pytest.mark.parametrize("path", [[], [(0, 1)], [(0, float("inf"), 0)]])
def test_what_is_no_path_is_refused(path: list[tuple[int, float, float]]) -> None:
    with pytest.raises(ValueError, match="a path is a list"):
        stabilise(events_of(), path)


@pytest.mark.parametrize("times", [(5, 5), (6, 5)])
def test_times_that_do_not_rise_are_refused(times: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="must rise"):
        stabilise(events_of(), [(t, 0.0, 0.0) for t in times])


def test_events_outside_the_sensor_are_refused() -> None:
    with pytest.raises(EncodingError, match="outside the sensor of 7x5"):
        stabilise(events_of((0, 7, 0, 0)), PATH)
