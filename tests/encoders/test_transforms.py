"""Transforms take and give what tonic's do."""

import pickle
from typing import Any

import numpy as np
import pytest

from neuroact import EncodingError, encoders
from neuroact.encoders import as_transform
from neuroact.encoders.transforms import ENCODERS, FILTERS
from tests.encoders.streams import disordered, events_of

OPTIONS: dict[str, dict[str, Any]] = {
    "crop": {"x": 2, "y": 3, "width": 10, "height": 9},
    "downsample": {"factor": 2},
    "polarity": {"keep": "on"},
    "stabilise": {"path": [(0, 0.0, 0.0), (9_000, 3.0, 4.0)]},
}
"""Arguments of those that have no default."""
SIGNED = np.dtype([("t", "<f8"), ("x", "<i4"), ("y", "<i4"), ("p", "i1")])


@pytest.mark.parametrize(
    ("name", "options", "shape"),
    [
        ("voxel_grid", {"bins": 5}, (5, 1, 21, 33)),
        ("voxel_grid", {"bins": 5, "split_polarity": True}, (5, 2, 21, 33)),
        ("event_frames", {"frames": 3}, (3, 2, 21, 33)),
        ("adaptive_frames", {}, (1, 2, 21, 33)),
        ("time_surface", {}, (1, 2, 21, 33)),
        ("spike_train", {"steps": 4}, (4, 2, 21, 33)),
        ("point_cloud", {"points": 12}, (12, 3)),
    ],
)
def test_encoders_give_time_channel_height_width(name: str, options: dict[str, Any], shape: tuple[int, ...]) -> None:
    events = disordered(400)
    array = events.to_structured()
    tensor = as_transform(name, sensor_size=(33, 21, 2), **options)(array)
    assert tensor.shape == shape
    assert np.array_equal(tensor, getattr(encoders, name)(events, **options).reshape(shape))
    assert np.array_equal(array, events.to_structured())


@pytest.mark.parametrize("name", FILTERS)
def test_filters_give_structured_arrays(name: str) -> None:
    events = disordered(400)
    options = OPTIONS.get(name, {})
    array = events.to_structured()
    expected = getattr(encoders, name)(events, **options)
    result = as_transform(name, sensor_size=(33, 21, 2), **options)(array)
    assert result.dtype == array.dtype
    assert np.array_equal(result, expected.to_structured())
    assert np.array_equal(array, events.to_structured())


def test_other_layouts_come_back_as_they_went_in() -> None:
    events = disordered(50)
    array = np.empty(50, SIGNED)
    for name in "txy":
        array[name] = getattr(events, name)
    array["p"] = np.where(events.p, 1, -1)
    flipped = as_transform("flip", sensor_size=(33, 21, 2))(array)
    assert flipped.dtype == SIGNED
    assert np.array_equal(flipped["x"], 32 - array["x"])
    assert np.array_equal(flipped["p"], array["p"])
    assert np.array_equal(as_transform("voxel_grid", sensor_size=(33, 21, 2))(array)[:, 0], encoders.voxel_grid(events))


def test_the_sensor_is_inferred_as_tonic_does() -> None:
    assert as_transform("event_frames")(events_of((0, 4, 1, 0), (9, 2, 3, 1)).to_structured()).shape == (8, 2, 4, 5)


def test_nothing_can_be_inferred_from_no_events() -> None:
    none = events_of().to_structured()
    with pytest.raises(EncodingError, match=r"give sensor_size=\(width, height, 2\)"):
        as_transform("voxel_grid")(none)
    assert not as_transform("voxel_grid", sensor_size=(7, 5, 2))(none).any()


@pytest.mark.parametrize("name", [*ENCODERS, *FILTERS])
def test_a_transform_can_be_sent_to_a_worker(name: str) -> None:
    array = disordered(100).to_structured()
    transform = as_transform(name, sensor_size=(33, 21, 2), **OPTIONS.get(name, {}))
    assert np.array_equal(pickle.loads(pickle.dumps(transform))(array), transform(array))


@pytest.mark.parametrize(
    ("name", "sensor_size", "problem"),
    [("voxels", None, "there is no encoder or filter 'voxels'"), ("flip", (7, 5), "2"), ("flip", (7, 5, 1), "2")],
)
def test_wrong_arguments(name: str, sensor_size: Any, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        as_transform(name, sensor_size=sensor_size)
