"""Filters that judge each event by itself."""

import numpy as np
import pytest

from neuroact import EncodingError, Events, NoPolarity
from neuroact.encoders import Chain, Crop, Downsample, crop, downsample, flip, polarity
from tests.encoders.streams import SIZE, disordered, events_of

CORNERS = events_of((0, 0, 0, 0), (1, 6, 0, 1), (2, 0, 4, 0), (3, 6, 4, 1), (4, 3, 2, 0))


def rows(events: Events) -> list[tuple[int, ...]]:
    return [tuple(int(value) for value in row) for row in zip(events.t, events.x, events.y, events.p, strict=True)]


def test_crop_keeps_a_rectangle_and_counts_from_its_corner() -> None:
    cropped = crop(CORNERS, 3, 2, 4, 3)
    assert cropped.sensor_size == (4, 3)
    assert rows(cropped) == [(3, 3, 2, 1), (4, 0, 0, 0)]


def test_crop_may_reach_past_the_sensor() -> None:
    assert rows(crop(CORNERS, 6, 4, 100, 70_000)) == [(3, 0, 0, 1)]


@pytest.mark.parametrize("factor", [1, 2, 3, 7, 100_000])
def test_downsample_keeps_every_event(factor: int) -> None:
    events = disordered(500)
    small = downsample(events, factor)
    assert np.array_equal(small.t, events.t)
    assert np.array_equal(small.x, events.x.astype(int) // factor)
    assert np.array_equal(small.y, events.y.astype(int) // factor)
    assert small.sensor_size == (-(-33 // factor), -(-21 // factor))
    assert small.x.max() == small.sensor_size[0] - 1


@pytest.mark.parametrize(
    ("axes", "expected"), [("x", (6, 0)), ("y", (0, 4)), ("xy", (6, 4))], ids=["left-right", "top-bottom", "both"]
)
def test_flip(axes: str, expected: tuple[int, int]) -> None:
    flipped = flip(CORNERS, axes)  # type: ignore[arg-type]
    assert rows(flipped)[0] == (0, *expected, 0)
    assert rows(flipped)[4] == (4, 3, 2, 0)
    assert flip(flipped, axes) == CORNERS  # type: ignore[arg-type]


@pytest.mark.parametrize(("keep", "expected"), [("on", [1, 3]), ("off", [0, 2, 4])])
def test_polarity(keep: str, expected: list[int]) -> None:
    assert polarity(CORNERS, keep).t.tolist() == expected  # type: ignore[arg-type]


def test_polarity_of_a_stream_without() -> None:
    with pytest.raises(NoPolarity):
        polarity(Events.empty(SIZE, has_polarity=False), "on")


def test_a_chain_applies_its_filters_in_order() -> None:
    chain = Chain(SIZE, [Downsample(SIZE, 2), Crop((4, 3), 1, 1, 9, 9)])
    assert chain.sensor_size == (9, 9)
    assert rows(chain(CORNERS)) == [(3, 2, 1, 1), (4, 0, 0, 0)]


def test_an_empty_chain_changes_nothing() -> None:
    assert Chain(SIZE).sensor_size == SIZE
    assert Chain(SIZE)(CORNERS) == CORNERS


def test_flip_refuses_what_has_no_mirror_image() -> None:
    with pytest.raises(EncodingError, match="outside the sensor"):
        flip(events_of((0, 7, 0, 0)))


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        (lambda events: crop(events, -1, 0, 1, 1), "x must be at least 0"),
        (lambda events: crop(events, 0, 0, 0, 1), "width must be at least 1"),
        (lambda events: crop(events, 7, 0, 1, 1), r"leaves nothing of 7x5"),
        (lambda events: crop(events, 0, 5, 1, 1), r"leaves nothing of 7x5"),
        (lambda events: downsample(events, 0), "factor must be at least 1"),
        (lambda events: flip(events, "yx"), "'yx'"),
        (lambda events: polarity(events, "both"), "'both'"),
    ],
)
def test_wrong_arguments(call: object, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        call(CORNERS)  # type: ignore[operator]
