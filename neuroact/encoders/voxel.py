"""Voxel grids: time cut into bins, each event shared between its two nearest."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroact.encoders.base import require_at_least, require_inside, require_polarity
from neuroact.encoders.window import Window
from neuroact.events import Events
from neuroact.jit import loop, part

RUN = 1024
"""Events whose places and weights are computed before they are added; they stay in the first-level cache."""


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
        done = share.suited(len(events))(
            self._grid.reshape(-1), events.t, events.x, events.y, events.p, *self._window.span, *self._sensor_size,
            self._shape[0], len(self._shape) == 4,
        )  # fmt: skip
        if done < len(events):
            require_inside(events, self._sensor_size, self._window.span)

    def result(self) -> NDArray[np.float32]:
        return self._grid[: self._shape[0]]


@loop
def share(
    grid: Any, t: Any, x: Any, y: Any, p: Any, first: int, last: int, width: int, height: int, bins: int, split: bool
) -> Any:
    """Adds events to their two nearest bins; stops at one outside and returns how many came before its run.

    Events are taken in runs within one interval between bins, whose borders are integers and so exact: a run's
    arithmetic is done by vector instructions, and only its additions one by one.
    """
    intervals = max(bins - 1, 1)
    duration = max(last - first, 1)
    slope = intervals / duration if bins > 1 else 0.0
    offset = 0.0
    start = stop = first
    image = np.uint64(width * height)
    next_bin = image + image if split else image
    base = np.uint64(0)
    voxel, earlier, later = np.empty(RUN, np.uint64), np.empty(RUN, np.float32), np.empty(RUN, np.float32)
    begin = 0
    while begin < t.size:
        if t[begin] < start or t[begin] >= stop:
            if t[begin] < first or t[begin] > last:
                return begin
            b = min((t[begin] - first) * intervals // duration, intervals - 1)
            start = first - (-b * duration // intervals)
            stop = first - (-(b + 1) * duration // intervals) if b < intervals - 1 else last + 1
            offset = ((start - first) * intervals - b * duration) / duration if bins > 1 else 0.0
            base = np.uint64(b) * next_bin
        end = begin + 1
        while end < min(begin + RUN, t.size) and start <= t[end] < stop:
            end += 1
        if not place(voxel, x[begin:end], y[begin:end], p[begin:end], width, height, image if split else np.uint64(0)):
            return begin
        weigh(earlier, later, t[begin:end], p[begin:end], start, slope, offset, split)
        for i in range(np.uint64(end - begin)):
            grid[base + voxel[i]] += earlier[i]
            grid[base + voxel[i] + next_bin] += later[i]
        begin = end
    return begin


@part
def place(voxel: Any, x: Any, y: Any, p: Any, width: int, height: int, on: Any) -> Any:
    """Where in a bin events fall, ON events `on` further; returns whether all of them are on the sensor."""
    columns, rows, outside = np.uint64(width), np.uint64(height), np.uint64(0)
    for i in range(x.size):
        column, row, polarity = np.uint64(x[i]), np.uint64(y[i]), np.uint64(p[i])
        outside |= np.uint64(column >= columns) | np.uint64(row >= rows) | (polarity >> np.uint64(1))
        voxel[i] = row * columns + column + polarity * on
    return outside == 0


@part
def weigh(earlier: Any, later: Any, t: Any, p: Any, start: int, slope: float, offset: float, split: bool) -> None:
    """The shares of the earlier and the later bin: they rise and fall along the interval that begins at `start`."""
    for i in range(t.size):
        later[i] = np.float32((t[i] - start) * slope + offset)
    for i in range(t.size):
        sign = np.float32(1.0) if split else np.float32(2.0) * np.float32(p[i]) - np.float32(1.0)
        later[i] *= sign
        earlier[i] = sign - later[i]
