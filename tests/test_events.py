"""Events: columns, slices, structured arrays and the checksum."""

import hashlib

import numpy as np
import pytest
import tonic.slicers

from neuroact import Events
from neuroact.events import STRUCTURED
from tests.conftest import random_events


def test_columns_take_the_types_of_the_field() -> None:
    events = Events([1, 2], [3, 4], [5, 6], [True, False], (8, 8))  # type: ignore[arg-type]
    assert [getattr(events, name).dtype for name in "txyp"] == [np.int64, np.uint16, np.uint16, np.uint8]


def test_right_types_are_not_copied() -> None:
    t = np.arange(3)
    small = np.zeros(3, np.uint16)
    assert Events(t, small, small, small.astype(np.uint8), (8, 8)).t is t


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (([1], [1, 2], [1], [1]), "equally long"),
        (([[1]], [[1]], [[1]], [[1]]), "one-dimensional"),
    ],
)
def test_columns_that_do_not_fit_are_refused(columns: tuple[list[int], ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Events(*(np.array(column) for column in columns), sensor_size=(8, 8))  # type: ignore[arg-type]


def test_slices_are_views_and_masks_are_not() -> None:
    events = random_events(100)
    assert np.shares_memory(events[10:20].t, events.t)
    assert events[events.p == 1].p.all()
    with pytest.raises(TypeError, match="slice"):
        events[3]  # type: ignore[index]


def test_between_keeps_file_order_when_time_runs_backwards() -> None:
    events = Events([10, 30, 20, 40], [0, 1, 2, 3], [0] * 4, [1] * 4, (8, 8))  # type: ignore[arg-type]
    assert events.between(15, 40).x.tolist() == [1, 2]
    assert events.span == (10, 40)


def test_structured_arrays_go_both_ways_and_tonic_takes_them() -> None:
    events = random_events(500)
    array = events.to_structured()
    assert array.dtype == STRUCTURED
    assert Events.from_structured(array, events.sensor_size) == events
    slices = tonic.slicers.SliceByEventCount(100).slice(array, None)[0]
    assert len(slices) == 5


def test_signed_polarity_becomes_zero_and_one() -> None:
    array = np.array([(1, 2, 3, -1), (4, 5, 6, 1)], [("x", "u2"), ("y", "u2"), ("t", "i8"), ("p", "i1")])
    assert Events.from_structured(array, (8, 8)).p.tolist() == [0, 1]


def test_a_missing_field_is_named() -> None:
    with pytest.raises(ValueError, match="lacks the fields p"):
        Events.from_structured(np.zeros(1, [("t", "i8"), ("x", "i2"), ("y", "i2")]), (8, 8))


def test_checksum_is_the_sha256_of_the_four_columns() -> None:
    events = random_events(50)
    digest = hashlib.sha256()
    for column in (events.t, events.x, events.y, events.p):
        digest.update(column.astype("<i8").tobytes())
    assert events.checksum() == digest.hexdigest()


def test_concatenate_puts_parts_in_order_and_refuses_mixed_sensors() -> None:
    events = random_events(90)
    assert Events.concatenate([events[:30], events[30:]]) == events
    with pytest.raises(ValueError, match="different sensor sizes"):
        Events.concatenate([events, Events.empty((9, 9))])
    with pytest.raises(ValueError, match="nothing to concatenate"):
        Events.concatenate([])


def test_equality_compares_everything() -> None:
    events = random_events(10)
    assert events != events[:9]
    assert events != events.replace(p=1 - events.p)
    assert events != Events(events.t, events.x, events.y, events.p, (65, 48))
    assert events != "events"
