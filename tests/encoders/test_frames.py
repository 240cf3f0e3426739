"""Event frames against histograms of numpy."""

import numpy as np
import pytest

from neuroact import Events
from neuroact.encoders import EventFrames, Window, event_frames
from tests.encoders.streams import disordered, events_of


def reference(events: Events, frame: np.ndarray, frames: int) -> np.ndarray:
    width, height = events.sensor_size
    counts = np.zeros((frames, 2, height, width), np.int64)
    np.add.at(counts, (frame, events.p, events.y, events.x), 1)
    return counts


@pytest.mark.parametrize("frames", [1, 2, 7, 64])
@pytest.mark.parametrize("mode", ["count", "binary"])
@pytest.mark.parametrize("by", ["time", "count"])
def test_equals_a_histogram(engine: str, frames: int, by: str, mode: str) -> None:
    events = disordered(3_000)
    first, last = events.span
    place = np.arange(len(events)) * frames // len(events)
    frame = (events.t - first) * frames // (last - first + 1) if by == "time" else place
    expected = reference(events, frame, frames)
    result = event_frames(events, frames, by=by, mode=mode)  # type: ignore[arg-type]
    assert result.dtype == (np.int32 if mode == "count" else np.uint8)
    assert np.array_equal(result, expected if mode == "count" else expected > 0)


def test_frames_of_equal_count_hold_equally_many(engine: str) -> None:
    frames = event_frames(disordered(1_003), 8, by="count")
    assert frames.sum((1, 2, 3)).tolist() == [126, 125, 126, 125, 125, 126, 125, 125]


def test_a_window_is_cut_evenly_whatever_its_events(engine: str) -> None:
    frames = EventFrames((7, 5), Window(0, 100), 4)
    frames.add(events_of((24, 0, 0, 1), (25, 0, 0, 1), (99, 6, 4, 0)))
    assert [tuple(int(i) for i in cell) for cell in np.argwhere(frames.result())] == [
        (0, 1, 0, 0),
        (1, 1, 0, 0),
        (3, 0, 4, 6),
    ]


@pytest.mark.parametrize("by", ["time", "count"])
@pytest.mark.parametrize("rows", [[], [(7, 1, 2, 1)], [(7, 1, 2, 1)] * 3])
def test_few_events(engine: str, by: str, rows: list[tuple[int, int, int, int]]) -> None:
    frames = event_frames(events_of(*rows), 4, by=by)  # type: ignore[arg-type]
    assert frames.shape == (4, 2, 5, 7)
    assert frames.sum() == frames[:, 1, 2, 1].sum() == len(rows)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [({"frames": 0}, "frames must be at least 1"), ({"by": "size"}, "'size'"), ({"mode": "sum"}, "'sum'")],
)
def test_wrong_arguments(arguments: dict[str, object], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        event_frames(events_of(), **arguments)  # type: ignore[arg-type]
