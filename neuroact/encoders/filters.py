"""Filters that need no memory: they keep, drop or move each event by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from neuroact.encoders.base import Filter, require_at_least, require_inside, require_polarity
from neuroact.events import Events


def crop(events: Events, x: int, y: int, width: int, height: int) -> Events:
    """The events of a rectangle, which becomes the sensor.

    - `x`, `y`: its top-left pixel, on the sensor.
    - `width`, `height`: its size; parts outside the sensor stay empty.

    Raises `ValueError` if the corner is off the sensor or the size not positive.
    """
    return Crop(events.sensor_size, x, y, width, height)(events)


def downsample(events: Events, factor: int) -> Events:
    """All events, on a sensor whose pixels are `factor` x `factor` of the old ones.

    Coordinates are divided, rounding down; what remains at the right and bottom becomes a narrower pixel. Raises
    `ValueError` if `factor < 1`.
    """
    return Downsample(events.sensor_size, factor)(events)


def flip(events: Events, axes: Literal["x", "y", "xy"] = "x") -> Events:
    """The events mirrored left to right (`x`), top to bottom (`y`), or both.

    Raises `ValueError` for other axes, `EncodingError` for events outside the sensor.
    """
    return Flip(events.sensor_size, axes)(events)


def polarity(events: Events, keep: Literal["on", "off"]) -> Events:
    """The events of one polarity.

    Raises `ValueError` for another `keep`, `NoPolarity` for a stream without.
    """
    return Polarity(events.sensor_size, keep)(events)


class Crop:
    """`crop` of a stream."""

    def __init__(self, sensor_size: tuple[int, int], x: int, y: int, width: int, height: int) -> None:
        require_at_least(0, x=x, y=y)
        require_at_least(1, width=width, height=height)
        if x >= sensor_size[0] or y >= sensor_size[1]:
            raise ValueError(f"a crop from ({x}, {y}) on leaves nothing of {sensor_size[0]}x{sensor_size[1]} pixels")
        self.sensor_size = (width, height)
        self._corner = (x, y)

    def __call__(self, events: Events) -> Events:
        (left, top), (width, height) = self._corner, self.sensor_size
        x, y = events.x, events.y
        kept = events[(x >= left) & (x < left + width) & (y >= top) & (y < top + height)]
        return kept.replace(x=kept.x - np.uint16(left), y=kept.y - np.uint16(top), sensor_size=self.sensor_size)


class Downsample:
    """`downsample` of a stream."""

    def __init__(self, sensor_size: tuple[int, int], factor: int) -> None:
        require_at_least(1, factor=factor)
        self.sensor_size = (-(-sensor_size[0] // factor), -(-sensor_size[1] // factor))
        self._factor = np.uint32(factor)

    def __call__(self, events: Events) -> Events:
        return events.replace(
            x=(events.x // self._factor).astype(np.uint16),
            y=(events.y // self._factor).astype(np.uint16),
            sensor_size=self.sensor_size,
        )


class Flip:
    """`flip` of a stream."""

    def __init__(self, sensor_size: tuple[int, int], axes: Literal["x", "y", "xy"] = "x") -> None:
        if axes not in ("x", "y", "xy"):
            raise ValueError(f"events are flipped along 'x', 'y' or 'xy', not {axes!r}")
        self.sensor_size = sensor_size
        self._axes = axes

    def __call__(self, events: Events) -> Events:
        require_inside(events, self.sensor_size)
        last = {"x": self.sensor_size[0] - 1, "y": self.sensor_size[1] - 1}
        return events.replace(**{axis: last[axis] - getattr(events, axis) for axis in self._axes})


class Polarity:
    """`polarity` of a stream."""

    def __init__(self, sensor_size: tuple[int, int], keep: Literal["on", "off"]) -> None:
        if keep not in ("on", "off"):
            raise ValueError(f"the polarity to keep is 'on' or 'off', not {keep!r}")
        self.sensor_size = sensor_size
        self._kept = 1 if keep == "on" else 0

    def __call__(self, events: Events) -> Events:
        require_polarity(events)
        return events[events.p == self._kept]


class Chain:
    """Filters one after the other."""

    def __init__(self, sensor_size: tuple[int, int], filters: Sequence[Filter] = ()) -> None:
        self.sensor_size = filters[-1].sensor_size if filters else sensor_size
        self._filters = tuple(filters)

    def __call__(self, events: Events) -> Events:
        for step in self._filters:
            events = step(events)
        return events
