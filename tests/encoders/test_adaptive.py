"""Adaptive frames against the recursion that the paper describes, on all events at once."""

import numpy as np
import pytest

from neuroact import Events
from neuroact.encoders import AdaptiveFrames, Window, adaptive_frames
from tests.encoders.streams import disordered, events_of, pieces


def image(events: Events) -> np.ndarray:
    width, height = events.sensor_size
    counts = np.zeros((2, height, width), np.int64)
    np.add.at(counts, (events.p, events.y, events.x), 1)
    return counts


def reference(events: Events, threshold: float, minimum: int) -> list[np.ndarray]:
    middle = len(events) // 2
    if len(events) <= minimum or len(events) < 2:
        return [image(events)]
    halves = events[:middle], events[middle:]
    if 200 * abs(image(halves[0]) - image(halves[1])).sum() / len(events) <= threshold:
        return [image(events)]
    return [frame for half in halves for frame in reference(half, threshold, minimum)]


def difference(events: Events, minimum: int) -> float:
    """Between halves; -1 for what is left whole."""
    middle = len(events) // 2
    if len(events) <= minimum or len(events) < 2:
        return -1.0
    return float(200 * abs(image(events[:middle]) - image(events[middle:])).sum() / len(events))


def most_different_first(events: Events, threshold: float, minimum: int, frames: int) -> np.ndarray:
    """`frames` slices, halved one after the other, and empty frames where there are fewer."""
    slices = [events]
    while len(slices) < frames:
        differences = [difference(part, minimum) for part in slices]
        place = int(np.argmax(differences))
        if differences[place] <= threshold:
            break
        middle = len(slices[place]) // 2
        slices[place : place + 1] = [slices[place][:middle], slices[place][middle:]]
    return np.stack([*map(image, slices), *[np.zeros_like(image(events))] * (frames - len(slices))])


def restless(count: int) -> Events:
    """A scene that rests for the first half, and then crosses the sensor."""
    still = disordered(count, (4, 3))
    moved = np.maximum(0, np.arange(count) - count // 2) * 40 // count
    return still.replace(x=still.x + moved, sensor_size=(24, 3))


@pytest.mark.parametrize("threshold", [0.0, 20.0, 60.0, 120.0, 200.0])
@pytest.mark.parametrize("minimum", [1, 37, 400, 3_000])
def test_equals_the_recursion(engine: str, threshold: float, minimum: int) -> None:
    events = restless(1_501)
    frames = adaptive_frames(events, threshold, minimum)
    assert frames.dtype == np.int32
    assert np.array_equal(frames, reference(events, threshold, minimum))


@pytest.mark.parametrize("frames", [1, 2, 3, 8, 30])
@pytest.mark.parametrize(("threshold", "minimum"), [(0.0, 20), (60.0, 20), (0.0, 400), (200.0, 1)])
def test_a_number_of_frames_is_reached_by_the_largest_differences(threshold: float, minimum: int, frames: int) -> None:
    events = restless(1_501)
    result = adaptive_frames(events, threshold, minimum, frames=frames)
    assert np.array_equal(result, most_different_first(events, threshold, minimum, frames))
    assert result.sum() == len(events), "events are left out"


def test_frames_that_are_missing_are_empty() -> None:
    events = restless(1_501)
    every = adaptive_frames(events, 60.0, 200)
    filled = adaptive_frames(events, 60.0, 200, frames=len(every) + 3)
    assert np.array_equal(filled[: len(every)], every)
    assert filled.shape == (len(every) + 3, *every.shape[1:])
    assert not filled[len(every) :].any()


def test_slices_are_short_where_the_scene_moves() -> None:
    sizes = adaptive_frames(restless(4_000), 60.0, 100).sum((1, 2, 3)).tolist()
    assert sizes[0] == 2_000
    assert len(sizes) > 4
    assert max(sizes[1:]) <= 500


def test_cuts_never_show_in_a_long_window() -> None:
    events = disordered(150_000)
    frames = AdaptiveFrames(events.sensor_size, Window.of(events), 15.0, 5_000)
    for part in pieces(events, [1, 65_535, 65_537, 99_999]):
        frames.add(part)
    result = frames.result()
    assert len(result) > 1
    assert np.array_equal(result, adaptive_frames(events, 15.0, 5_000))


@pytest.mark.parametrize("count", [0, 1])
@pytest.mark.parametrize(("asked", "made"), [(None, 1), (1, 1), (4, 4)])
def test_few_events_are_one_frame(count: int, asked: int | None, made: int) -> None:
    frames = adaptive_frames(events_of(*[(0, 2, 2, 1)] * count), 0.0, 1, frames=asked)
    assert frames.shape == (made, 2, 5, 7)
    assert frames.dtype == np.int32
    assert frames[0].sum() == frames.sum() == count


def test_at_least_one_event_a_slice() -> None:
    with pytest.raises(ValueError, match="minimum_events must be at least 1"):
        adaptive_frames(events_of(), 50.0, 0)
    with pytest.raises(ValueError, match="frames must be at least 1"):
        adaptive_frames(events_of(), 50.0, 1, frames=0)


@pytest.mark.parametrize(("minimum", "slices"), [(100, 1), (99, 2), (50, 2), (49, 4)])
def test_slices_of_the_minimum_stay_whole(minimum: int, slices: int) -> None:
    events = events_of(*((t, t % 7, t % 35 // 7, 1) for t in range(100)))
    assert len(adaptive_frames(events, -1.0, minimum)) == slices
