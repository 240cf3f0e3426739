"""Stabilisation: a known motion of the camera is taken out of its events."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neuroact.encoders.base import require_inside
from neuroact.events import Events

SACCADES = ((0, 0.0, 0.0), (105_000, 3.5, 7.0), (210_000, 7.0, 0.0), (315_000, 0.0, 0.0))
"""How pictures move over the sensor in N-MNIST and N-Caltech101 (Orchard et al. 2015, and the authors' `stabilize`)."""


def stabilise(events: Events, path: Sequence[tuple[int, float, float]]) -> Events:
    """The events where they would be had the picture stood still, where it was at (0, 0) of the path.

    - `path`: `(t, x, y)`, how far the picture has moved by `t`, in µs on the clock of the events and in pixels. Between
      two of them it moves evenly; before the first and after the last it rests.

    Pixels are rounded, and what comes to lie off the sensor is dropped. Raises `ValueError` for a path without points
    or whose times do not rise, `EncodingError` for events outside the sensor.
    """
    return Stabilise(events.sensor_size, path)(events)


class Stabilise:
    """`stabilise` of a stream."""

    def __init__(self, sensor_size: tuple[int, int], path: Sequence[tuple[int, float, float]]) -> None:
        points = np.array(path, np.float64)
        if points.ndim != 2 or points.shape[1] != 3 or not np.isfinite(points).all():
            raise ValueError("a path is a list of (t, x, y), of finite numbers")
        if np.any(np.diff(points[:, 0]) <= 0):
            raise ValueError("the times of a path must rise")
        self.sensor_size = sensor_size
        self._times, *self._moved = points.T

    def __call__(self, events: Events) -> Events:
        require_inside(events, self.sensor_size)
        x, y = (
            np.rint(where - np.interp(events.t, self._times, moved))
            for where, moved in zip((events.x, events.y), self._moved, strict=True)
        )
        inside = (x >= 0) & (x < self.sensor_size[0]) & (y >= 0) & (y < self.sensor_size[1])
        return events.replace(x=x.clip(0).astype(np.uint16), y=y.clip(0).astype(np.uint16))[inside]
