"""Settings of filters: how they are written, what they build, and JSON."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter

from neuroact import Events
from neuroact.encoders import (
    SACCADES,
    background_activity,
    crop,
    downsample,
    flip,
    hot_pixels,
    polarity,
    refractory,
    stabilise,
)
from neuroact.encoders.filter_configs import (
    FILTERS,
    BackgroundActivityFilter,
    CropFilter,
    DownsampleFilter,
    FilterConfig,
    FilterSettings,
    FlipFilter,
    HotPixelsFilter,
    PolarityFilter,
    RefractoryFilter,
    StabiliseFilter,
    filter_chain,
    parse_filter,
)
from tests.encoders.streams import SIZE, disordered, events_of

ADAPTER: TypeAdapter[Any] = TypeAdapter(FilterConfig)
WRITTEN = [
    ("crop:1,2,20,10", CropFilter(x=1, y=2, width=20, height=10), lambda events: crop(events, 1, 2, 20, 10)),
    ("downsample:3", DownsampleFilter(factor=3), lambda events: downsample(events, 3)),
    ("hot_pixels", HotPixelsFilter(), hot_pixels),
    ("hot-pixels", HotPixelsFilter(), hot_pixels),
    ("background_activity", BackgroundActivityFilter(window_us=5000), background_activity),
    ("background_activity:0.2ms", BackgroundActivityFilter(window_us=200), lambda e: background_activity(e, 200)),
    ("refractory", RefractoryFilter(period_us=1000), refractory),
    ("refractory:", RefractoryFilter(period_us=1000), refractory),
    ("refractory:1000", RefractoryFilter(period_us=1000), refractory),
    (" refractory: 1ms ", RefractoryFilter(period_us=1000), refractory),
    ("refractory:2 s", RefractoryFilter(period_us=2_000_000), lambda events: refractory(events, 2_000_000)),
    ("flip", FlipFilter(axes="x"), flip),
    ("flip:xy", FlipFilter(axes="xy"), lambda events: flip(events, "xy")),
    ("stabilise:saccades", StabiliseFilter(path=SACCADES), lambda events: stabilise(events, SACCADES)),
    (
        "stabilise: 0 0 0; 2ms 1.5 -2 ;10000 0 -4",
        StabiliseFilter(path=((0, 0, 0), (2_000, 1.5, -2), (10_000, 0, -4))),
        lambda events: stabilise(events, [(0, 0, 0), (2_000, 1.5, -2), (10_000, 0, -4)]),
    ),
    ("polarity:off", PolarityFilter(keep="off"), lambda events: polarity(events, "off")),
]
"""What is written, the settings it means, and the function of the same meaning."""


def noisy() -> Events:
    """A scene with one defect pixel."""
    scene = disordered(2_000)
    defect = events_of(*((9_000 + t, 3, 4, 1) for t in range(300)), sensor_size=scene.sensor_size)
    return Events.concatenate([scene, defect])


@pytest.mark.parametrize(("text", "config", "function"), WRITTEN, ids=[text for text, _, _ in WRITTEN])
def test_what_is_written_is_done(text: str, config: FilterSettings, function: Any) -> None:
    events = noisy()
    assert parse_filter(text) == config
    assert ADAPTER.validate_json(config.model_dump_json()) == config
    chain = filter_chain([config], events.sensor_size, lambda: [events])
    expected = function(events)
    assert chain(events) == expected
    assert chain.sensor_size == expected.sensor_size


def test_every_filter_is_tried() -> None:
    assert {config.kind for _, config, _ in WRITTEN} == set(FILTERS)  # type: ignore[attr-defined]


def test_a_survey_sees_what_the_filters_before_it_pass() -> None:
    """Behind the crop, the defect has other neighbours and another place."""
    events = noisy()
    passes = 0

    def start() -> Iterator[Events]:
        nonlocal passes
        passes += 1
        yield from (events[:1_000], events[1_000:])

    configs = [parse_filter(text) for text in ("crop:2,2,20,15", "hot_pixels", "flip", "refractory:40", "hot_pixels")]
    chain = filter_chain(configs, events.sensor_size, start)
    assert passes == 2
    expected = hot_pixels(refractory(flip(hot_pixels(crop(events, 2, 2, 20, 15))), 40))
    assert Events.concatenate([chain(events[:77]), chain(events[77:])]) == expected
    assert len(expected) < len(crop(events, 2, 2, 20, 15)) - 200
    assert not np.any((expected.x == 19 - 1) & (expected.y == 2))


def test_hot_pixels_cannot_be_told_without_a_survey() -> None:
    with pytest.raises(ValueError, match="survey"):
        HotPixelsFilter().stream(SIZE)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "there is no filter ''; there are crop, downsample"),
        ("blur:3", "there is no filter 'blur'"),
        ("crop", "crop:X,Y,WIDTH,HEIGHT`; x: Field required"),
        ("crop:0,0,128", "height: Field required"),
        ("crop:0,0,128,-1", "height: Input should be greater than 0"),
        ("crop:0,0,1,1,1", "5 values are too many"),
        ("crop:a,0,1,1", "x: Input should be a valid integer"),
        ("refractory:1h", "period_us"),
        ("refractory:0ms", "period_us: Input should be greater than 0"),
        ("flip:z", "axes: Input should be 'x', 'y' or 'xy'"),
        ("polarity", "keep: Field required"),
        ("stabilise", "path: Field required"),
        ("stabilise:saccade", "path: Input should be a valid tuple"),
        (
            "stabilise:0 0 0; 1 2",
            "stabilise:T X Y; ...`, in µs (or with a unit) and pixels; path: Field required",
        ),
        ("stabilise:5 0 0; 5 1 1", "path: Value error, the times of a path must rise"),
        ("stabilise:0 nan 0", "path: Input should be a finite number"),
        ("hot_pixels:3", "1 values are too many"),
    ],
)
def test_what_is_written_wrong_is_explained(text: str, problem: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        parse_filter(text)
    assert problem in str(caught.value)
