"""Resize: the events of a sensor as one with fewer pixels would have them."""

from __future__ import annotations

import numpy as np

from neuroact.encoders.base import require_at_least, require_inside
from neuroact.events import Events


def resize(events: Events, size: tuple[int, int]) -> Events:
    """All events on a sensor of `(width, height)` pixels that covers the same field.

    Pixel x becomes `x * width // sensor_width`. Raises `ValueError` for a size that is larger than the sensor, since
    that would leave pixels that no event can reach, `EncodingError` for events outside the sensor.
    """
    return Resize(events.sensor_size, size)(events)


class Resize:
    """`resize` of a stream."""

    def __init__(self, sensor_size: tuple[int, int], size: tuple[int, int]) -> None:
        require_at_least(1, width=size[0], height=size[1])
        if size[0] > sensor_size[0] or size[1] > sensor_size[1]:
            (width, height), (wide, high) = sensor_size, size
            raise ValueError(f"a sensor of {width}x{height} pixels cannot be scaled up to {wide}x{high}")
        self.sensor_size = size
        self._from = sensor_size
        # Where each column and row goes: looking it up is quicker than to divide.
        self._x, self._y = (
            (np.arange(old) * new // old).astype(np.uint16) for old, new in zip(sensor_size, size, strict=True)
        )

    def __call__(self, events: Events) -> Events:
        require_inside(events, self._from)
        return events.replace(x=self._x[events.x], y=self._y[events.y], sensor_size=self.sensor_size)
