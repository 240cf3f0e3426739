"""Voxel grids: time cut into bins, each event shared between its two nearest."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroact.encoders.base import blocks, require_at_least, require_inside, require_polarity
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
        self._sensor_size = sensor_size
        self._window = window
        self._shape = (bins, 2, height, width) if split_polarity else (bins, height, width)
        # The kernel writes to a bin and the next one, so even a single bin gets a neighbour, of weight zero.
        self._grid = np.zeros((max(bins, 2), *self._shape[1:]), np.float32)

    def add(self, events: Events) -> None:
        require_polarity(events)
        kernel = share.suited(len(events))
        for block in blocks(events):
            require_inside(block, self._sensor_size)
            done = kernel(
                self._grid.reshape(-1), block.t, block.x, block.y, block.p, *self._window.span, *self._sensor_size,
                self._shape[0], len(self._shape) == 4,
            )  # fmt: skip
            if done < len(block):
                require_inside(block, self._sensor_size, self._window.span)

    def result(self) -> NDArray[np.float32]:
        return self._grid[: self._shape[0]]


@loop
def share(
    grid: Any, t: Any, x: Any, y: Any, p: Any, first: int, last: int, width: int, height: int, bins: int, split: bool
) -> Any:
    """Adds events to their two nearest bins; returns how many it took before one that is not in the window.

    An event is `(t - first) * intervals` along, and an interval is `duration` long: integers, so borders are exact.
    Time mostly advances, so an interval's borders are computed only when an event leaves it.
    """
    intervals = max(bins - 1, 1)
    duration = max(last - first, 1)
    rate = 1.0 / duration if bins > 1 else 0.0
    start = stop = first
    along = 0
    row, image, base, one = np.uint64(width), np.uint64(width * height), np.uint64(0), np.float32(1.0)
    next_bin = image + image if split else image
    for i in range(np.uint64(t.size)):
        if t[i] < start or t[i] >= stop:
            if t[i] < first or t[i] > last:
                return i
            b = min((t[i] - first) * intervals // duration, intervals - 1)
            along = b * duration
            start = first - (-along // intervals)
            stop = first - (-(along + duration) // intervals) if b < intervals - 1 else last + 1
            base = np.uint64(b) * next_bin
        later = np.float32(((t[i] - first) * intervals - along) * rate)
        voxel = base + np.uint64(y[i]) * row + np.uint64(x[i])
        sign = one
        if split:
            voxel += np.uint64(p[i]) * image
        else:  # a branch on the polarity would be guessed wrong half the time
            sign = np.float32(np.int32(p[i]) * 2 - 1)
        grid[voxel] += sign * (one - later)
        grid[voxel + next_bin] += sign * later
    return t.size
