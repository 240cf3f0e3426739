"""However a stream is cut into pieces, encoders and filters give the very same result; and they never write to it."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from neuroact import EncodingError, Events, NoPolarity
from neuroact.encoders import (
    Accumulator,
    AdaptiveFrames,
    BackgroundActivity,
    Chain,
    Crop,
    Downsample,
    EventFrames,
    Filter,
    Flip,
    HotPixels,
    PixelSurvey,
    PointCloud,
    Polarity,
    Refractory,
    SpikeTrain,
    Stabilise,
    TimeSurface,
    VoxelGrid,
    Window,
)
from tests.encoders.streams import SIZE, cut_streams, disordered, events_of, frozen, pieces

Encoding = Callable[[tuple[int, int], Window], Accumulator]

ENCODINGS: dict[str, Encoding] = {
    "voxel": lambda size, window: VoxelGrid(size, window, 5),
    "voxel, split": lambda size, window: VoxelGrid(size, window, 3, split_polarity=True),
    "voxel, one bin": lambda size, window: VoxelGrid(size, window, 1),
    "frames by time": lambda size, window: EventFrames(size, window, 4),
    "frames by count": lambda size, window: EventFrames(size, window, 4, by="count"),
    "frames, binary": lambda size, window: EventFrames(size, window, 3, by="count", mode="binary"),
    "adaptive": lambda size, window: AdaptiveFrames(size, window, 60.0, 3),
    "adaptive, four": lambda size, window: AdaptiveFrames(size, window, 60.0, 3, frames=4),
    "surface": lambda size, window: TimeSurface(size, window, 30.0),
    "surface, earlier": lambda size, window: TimeSurface(size, window, 30.0, at=40),
    "points": lambda size, window: PointCloud(size, window, 8, polarity=True, seed=3),
    "spikes": lambda size, window: SpikeTrain(size, window, 6),
    "spikes, delayed": lambda size, window: SpikeTrain(size, window, 6, delays=(1, 4)),
    "spikes by step": lambda size, window: SpikeTrain(size, window, step_us=17, max_spikes=2),
}


def survey(events: Events) -> PixelSurvey:
    result = PixelSurvey(events.sensor_size)
    result.add(events)
    return result


FILTERS: dict[str, Callable[[Events], Filter]] = {
    "crop": lambda events: Crop(events.sensor_size, 1, 2, 4, 3),
    "downsample": lambda events: Downsample(events.sensor_size, 2),
    "hot pixels": lambda events: HotPixels(survey(events)),
    "background activity": lambda events: BackgroundActivity(events.sensor_size, 9),
    "refractory": lambda events: Refractory(events.sensor_size, 25),
    "flip": lambda events: Flip(events.sensor_size, "xy"),
    "polarity": lambda events: Polarity(events.sensor_size, "on"),
    "stabilise": lambda events: Stabilise(events.sensor_size, [(0, 0, 0), (40, 2.2, -1.6), (90, -1, 3)]),
    "chain": lambda events: Chain(
        events.sensor_size, [Downsample(events.sensor_size, 2), Refractory((4, 3), 20), BackgroundActivity((4, 3), 50)]
    ),
}

many = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def encoded(encoding: Encoding, parts: list[Events], window: Window) -> np.ndarray:
    accumulator = encoding(parts[0].sensor_size, window)
    for part in parts:
        accumulator.add(frozen(part))
    return accumulator.result()


def filtered(stream: Filter, parts: list[Events]) -> Events:
    return Events.concatenate([stream(frozen(part)) for part in parts])


@pytest.mark.parametrize("name", ENCODINGS)
@many
@given(stream=cut_streams())
def test_cuts_never_show_in_a_tensor(name: str, engine: str, stream: tuple[Events, list[Events]]) -> None:
    events, parts = stream
    window = Window.of(events)
    whole = encoded(ENCODINGS[name], [events], window)
    assert np.array_equal(encoded(ENCODINGS[name], parts, window), whole)
    assert np.isfinite(whole).all()


@pytest.mark.parametrize("name", [name for name in ENCODINGS if not name.startswith("adaptive")])
def test_cuts_never_show_in_a_long_window(name: str) -> None:
    """Long enough to be handled in several blocks, and cut where no block ends."""
    events = disordered(150_000)
    window = Window.of(events)
    whole = encoded(ENCODINGS[name], [events], window)
    assert np.array_equal(encoded(ENCODINGS[name], list(pieces(events, [1, 65_535, 65_537, 99_999])), window), whole)


@pytest.mark.parametrize("name", FILTERS)
@many
@given(stream=cut_streams())
def test_cuts_never_show_in_filtered_events(name: str, engine: str, stream: tuple[Events, list[Events]]) -> None:
    events, parts = stream
    whole = FILTERS[name](events)(frozen(events))
    again = filtered(FILTERS[name](events), parts)
    assert again == whole
    assert whole.sensor_size == FILTERS[name](events).sensor_size
    assert len(whole) <= len(events)


@pytest.mark.parametrize("name", ENCODINGS)
@pytest.mark.parametrize(
    "misfit",
    [(100, 7, 0, 0), (100, 0, 5, 0), (100, 65_535, 65_535, 1), (100, 0, 0, 2), (99, 0, 0, 0), (111, 0, 0, 1)],
    ids=["right", "below", "far", "polarity", "too early", "too late"],
)
def test_misplaced_events_are_refused(name: str, engine: str, misfit: tuple[int, int, int, int]) -> None:
    """Kernels write where coordinates point: nothing may reach them that points outside."""
    accumulator = ENCODINGS[name](SIZE, Window(100, 111, events=2))
    sound = (105, 6, 4, 1)
    with pytest.raises(EncodingError):
        accumulator.add(events_of(sound, misfit))


@pytest.mark.parametrize("name", [name for name in FILTERS if name not in ("crop", "downsample", "polarity", "chain")])
def test_filters_refuse_events_outside_the_sensor(name: str, engine: str) -> None:
    stream = FILTERS[name](events_of())
    with pytest.raises(EncodingError, match="outside the sensor of 7x5"):
        stream(events_of((0, 7, 0, 0)))


@pytest.mark.parametrize("name", ENCODINGS)
def test_a_stream_without_polarity_is_refused(name: str) -> None:
    events = Events([0, 1], [0, 1], [0, 1], [0, 0], SIZE, has_polarity=False)  # type: ignore[arg-type]
    with pytest.raises(NoPolarity):
        ENCODINGS[name](SIZE, Window.of(events)).add(events)


def test_a_cloud_without_polarities_needs_none() -> None:
    events = Events([0, 1], [0, 1], [0, 1], [0, 0], SIZE, has_polarity=False)  # type: ignore[arg-type]
    cloud = PointCloud(SIZE, Window.of(events), 2)
    cloud.add(events)
    assert cloud.result()[:, 2].tolist() == [0.0, 1.0]


@pytest.mark.parametrize("name", ["frames by count", "adaptive", "adaptive, four"])
@pytest.mark.parametrize("promised", [0, 2, 4])
def test_a_wrong_count_is_refused(name: str, promised: int) -> None:
    events = events_of(*((t, 0, 0, 0) for t in range(3)))
    with pytest.raises(EncodingError, match=f"promised {promised}"):
        encoded(ENCODINGS[name], [events], Window(0, 3, events=promised))


@pytest.mark.parametrize("name", ["frames by count", "adaptive", "adaptive, four"])
def test_a_count_is_needed(name: str) -> None:
    with pytest.raises(ValueError, match="how many events"):
        ENCODINGS[name](SIZE, Window(0, 3))
