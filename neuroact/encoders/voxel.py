"""Voxel grids: time cut into bins, each event shared between its two nearest."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroact.encoders.base import misplaced, require_at_least, require_inside, require_polarity
from neuroact.encoders.window import Window
from neuroact.events import Events
from neuroact.jit import loop


def voxel_grid(
    events: Events, bins: int = 5, *, sensor_size: tuple[int, int] | None = None, split_polarity: bool = False
) -> NDArray[np.float32]:
    """Sum events into time bins, each event shared between its two nearest (Zhu et al. 2019, eq. 1).

        grid[b] = Σ ±max(0, 1 - |b - tau|),   tau = (bins - 1) (t - first) / (last - first)

    - `events`: one window; its earliest and latest event span the grid.
    - `bins`: number of bins, at least 1.
    - `sensor_size`: `(width, height)`, by default that of `events`.
    - `split_polarity`: keep OFF and ON apart instead of subtracting OFF from ON.

    Returns `(bins, height, width)`, or `(bins, 2, height, width)` as OFF, ON. Zeros for no events; all weight in the
    first bin when they share one timestamp.

    Raises `ValueError` if `bins < 1`, `EncodingError` for events outside the sensor, `NoPolarity` for a stream
    without.
    """
    grid = VoxelGrid(sensor_size or events.sensor_size, Window.of(events), bins, split_polarity=split_polarity)
    grid.add(events)
    return grid.result()


class VoxelGrid:
    """`voxel_grid` of a window whose events come piece by piece; the window spans the grid."""

    def __init__(
        self, sensor_size: tuple[int, int], window: Window, bins: int = 5, *, split_polarity: bool = False
    ) -> None:
        require_at_least(1, bins=bins)
        if window.duration * bins >= 1 << 63:
            raise ValueError(f"{bins} bins are too many for a window of {window.duration} µs")
        width, height = sensor_size
        channels = 2 if split_polarity else 1
        self._sensor_size = sensor_size
        self._window = window
        self._shape = (bins, 2, height, width) if split_polarity else (bins, height, width)
        self._plane = channels * height * width
        self._polarity = (height * width, 1) if split_polarity else (0, -1)
        # The kernel writes to a bin and the next one, so even a single bin gets a neighbour, of weight zero.
        self._grid = np.zeros(max(bins, 2) * self._plane, np.float32)

    def add(self, events: Events) -> None:
        require_polarity(events)
        width, height = self._sensor_size
        first, last = self._window.span
        done = share.suited(len(events))(
            self._grid, events.t, events.x, events.y, events.p, first, last, self._shape[0], width, height,
            self._plane, *self._polarity,
        )  # fmt: skip
        if done < len(events):
            require_inside(events, self._sensor_size, self._window.span)

    def result(self) -> NDArray[np.float32]:
        bins = self._shape[0]
        return self._grid[: bins * self._plane].reshape(self._shape)


@loop
def share(
    grid: Any, t: Any, x: Any, y: Any, p: Any, first: int, last: int, bins: int, width: int, height: int,
    plane: int, on: int, off: int,
) -> Any:  # fmt: skip
    """Adds events to their two nearest bins; returns how many it took before one that lies outside.

    An event is `(t - first) * intervals` along, and a bin is `duration` wide: integers, so that borders are exact.
    Time mostly advances, so a bin's borders are computed only when an event leaves it.
    """
    intervals = max(bins - 1, 1)
    duration = max(last - first, 1)
    rate = 1.0 / duration if bins > 1 else 0.0
    start = stop = first
    along = 0
    base = np.uint64(0)
    next_bin, channel, row = np.uint64(plane), np.uint64(on), np.uint64(width)
    lowest, rise, one = np.float32(off), np.float32(1 - off), np.float32(1.0)
    for i in range(np.uint64(t.size)):
        if t[i] < start or t[i] >= stop:
            if t[i] < first or t[i] > last:
                return i
            b = min((t[i] - first) * intervals // duration, intervals - 1)
            along = b * duration
            start = first - (-along // intervals)
            stop = first - (-(along + duration) // intervals) if b < intervals - 1 else last + 1
            base = np.uint64(b) * next_bin
        if misplaced(x[i], y[i], p[i], width, height):
            return i
        later = np.float32(((t[i] - first) * intervals - along) * rate)
        sign = lowest + rise * np.float32(p[i])
        voxel = base + np.uint64(p[i]) * channel + np.uint64(y[i]) * row + np.uint64(x[i])
        grid[voxel] += sign * (one - later)
        grid[voxel + next_bin] += sign * later
    return t.size
