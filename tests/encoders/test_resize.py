"""Resize: every event stays, and pixels keep their place in the field."""

import numpy as np
import pytest

from neuroact import EncodingError
from neuroact.encoders import Resize, downsample, resize
from tests.conftest import random_events


@pytest.mark.parametrize("size", [(64, 48), (32, 24), (50, 7), (1, 1)])
def test_pixels_scale_and_every_event_stays(size: tuple[int, int]) -> None:
    events = random_events(3000)
    small = resize(events, size)
    assert small.sensor_size == size
    assert np.array_equal(small.x, events.x.astype(int) * size[0] // 64)
    assert np.array_equal(small.y, events.y.astype(int) * size[1] // 48)
    assert np.array_equal(small.t, events.t)
    assert small.x.max() == size[0] - 1
    assert small.y.max() == size[1] - 1


def test_halving_is_downsampling_by_two() -> None:
    events = random_events(3000)
    assert resize(events, (32, 24)) == downsample(events, 2)


def test_cutting_the_stream_changes_nothing_nor_does_it_change_its_input() -> None:
    events = random_events(300)
    for column in (events.t, events.x, events.y, events.p):
        column.flags.writeable = False
    apply = Resize((64, 48), (10, 10))
    assert np.array_equal(np.concatenate([apply(events[:7]).x, apply(events[7:]).x]), resize(events, (10, 10)).x)


@pytest.mark.parametrize(
    ("size", "message"),
    [((65, 48), "cannot be scaled up to 65x48"), ((0, 10), "width must be at least 1")],
)
def test_sizes_that_make_no_sense_are_refused(size: tuple[int, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        resize(random_events(3), size)


def test_events_outside_the_sensor_are_refused() -> None:
    with pytest.raises(EncodingError, match="outside the sensor"):
        Resize((8, 8), (4, 4))(random_events(100))
