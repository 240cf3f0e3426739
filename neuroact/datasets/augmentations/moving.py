"""Events that move on the sensor, and leave it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroact.events import Events

Places = NDArray[np.floating[Any]] | NDArray[np.integer[Any]]


def moved(events: Events, x: Places, y: Places) -> Events:
    """The events at the pixels nearest to `x` and `y`; those off the sensor are dropped, the sensor stays as it is."""
    width, height = events.sensor_size
    columns, rows = np.floor(x + 0.5), np.floor(y + 0.5)
    inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    return events[inside].replace(x=columns[inside], y=rows[inside])


def from_centre(events: Events) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """`x` and `y` as distances from the sensor's centre, in pixels."""
    width, height = events.sensor_size
    return events.x.astype(np.float64) - (width - 1) / 2, events.y.astype(np.float64) - (height - 1) / 2


def around_centre(events: Events, x: NDArray[np.float64], y: NDArray[np.float64]) -> Events:
    """`moved`, to distances from the sensor's centre."""
    width, height = events.sensor_size
    return moved(events, x + (width - 1) / 2, y + (height - 1) / 2)
