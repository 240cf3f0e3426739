"""Voxel grids: time cut into bins, each event shared between its two nearest.

What an event costs is the addition of its shares to two bins, far apart in memory. But in the interval between two bins
shares grow evenly, so both follow from how many events a pixel has and from the sum of their times. These two sums are
packed into one integer and need one addition; `settle` turns them into shares when the interval is over. That takes a
pass over the image, so the first few events of an interval are shared one by one unless the interval before had many,
and so are those from before the latest interval, where time runs back. Which way an event goes depends on the events
before it, not on the pieces they came in.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroact.cores import cores
from neuroact.encoders.base import BLOCK, require_at_least, require_inside, require_polarity
from neuroact.encoders.window import Window
from neuroact.events import Events
from neuroact.jit import loop, part

RUN = 1024
"""Events whose places and values are computed before they are added; they stay in the first-level cache."""
TIME_BITS = 20
"""Of a time within an interval: sums are exact where it lasts up to a second, and to a millionth of it beyond."""
SUM_BITS = 42
"""Of a packed sum, the lower ones that hold the sum of times; the others count events."""
WORTH_SHARING = 8
"""How many times `few` events a window must have for a second thread."""
FULL = (1 << 21) - 1
"""Events that a packed sum holds: `FULL << TIME_BITS` still fits below `SUM_BITS`, `FULL << SUM_BITS` 64, signed."""


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
    size = sensor_size or events.sensor_size
    window = _ends(events)
    shared = _on_two_cores(events, size, window, bins, split_polarity)
    if shared is not None:
        return shared
    grid = VoxelGrid(size, window, bins, split_polarity=split_polarity)
    if not grid.take(events):
        grid = VoxelGrid(size, Window.of(events), bins, split_polarity=split_polarity)
        grid.add(events)
    return grid.result()


def _ends(events: Events) -> Window:
    """The window of the first and the last events. It is nearly always that of all, and takes no pass over them."""
    if len(events) <= 2 * BLOCK:
        return Window.of(events)
    t = np.concatenate([events.t[:BLOCK], events.t[-BLOCK:]])
    return Window(int(t.min()), int(t.max()) + 1)


def _on_two_cores(
    events: Events, size: tuple[int, int], window: Window, bins: int, split_polarity: bool
) -> NDArray[np.float32] | None:
    """The grid, its earlier intervals summed up by another thread than its later ones, bit for bit as by one.

    They have one bin in common. It is the same where the second thread adds to it but once: where the interval before
    had many events. None if it had not, if time runs back across the middle, or if there is too little to do.
    """
    middle = (bins - 1) // 2
    if middle < 1 or cores() < 2 or len(events) < WORTH_SHARING * few_for(size[0] * size[1]):
        return None
    grids = [VoxelGrid(size, window, bins, split_polarity=split_polarity) for _ in range(2)]
    border = grids[0].start_of(middle)
    cut = int(np.searchsorted(events.t, border))
    with ThreadPoolExecutor(1) as pool:
        later = pool.submit(grids[1].take_after, events[cut:], middle)
        whole = grids[0].take(events[:cut], before=border) and grids[0].has_many(middle - 1)
        whole &= later.result()
        if not whole:
            return None
        closing = pool.submit(grids[1].result)
        grid = grids[0].result()
        grid[middle] += closing.result()[middle]
        grid[middle + 1 :] = closing.result()[middle + 1 :]
    return grid


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
        self.few = few_for(width * height)
        self._sums = np.empty(0, np.int64)
        self._latest = np.zeros(2, np.int64)

    def add(self, events: Events) -> None:
        if not self.take(events):
            require_inside(events, self._sensor_size, self._window.span)

    def take(self, events: Events, *, since: int | None = None, before: int | None = None) -> bool:
        """Adds events if all of them lie in the window and on the sensor; if not, the grid means nothing any more.

        - `since`, `before`: narrower bounds of their times.
        """
        require_polarity(events)
        first, last = self._window.span
        low, high = first if since is None else since, last if before is None else before - 1
        done = self._share(events, low, high)
        if done < len(events) and self._latest[1] == self.few and not self._sums.size:
            self._sums = np.zeros(self._grid[0].size, np.int64)
            done += self._share(events[done:], low, high)
        return done == len(events)

    def take_after(self, events: Events, interval: int) -> bool:
        """`take` events from an interval on, into a new grid, as if many of the one before were in it."""
        self._latest[:] = interval, self.few
        self._sums = np.zeros(self._grid[0].size, np.int64)
        return self.take(events, since=self.start_of(interval))

    def has_many(self, interval: int) -> bool:
        """Whether that is the latest interval, and more than `few` of its events were taken."""
        return bool(self._latest[0] == interval and self._latest[1] > self.few)

    def start_of(self, interval: int) -> int:
        """The first µs of an interval between two bins."""
        first, last = self._window.span
        return first - (-interval * max(last - first, 1) // max(self._shape[0] - 1, 1))

    def result(self) -> NDArray[np.float32]:
        if self._sums.size:
            self._share(Events.empty(self._sensor_size), *self._window.span, closing=True)
            self._sums = np.empty(0, np.int64)
        return self._grid[: self._shape[0]]

    def _share(self, events: Events, low: int, high: int, *, closing: bool = False) -> int:
        done: int = share.suited(len(events) + self._sums.size)(  # a pass over the image is work, too
            self._grid.reshape(-1), self._sums, self._latest, events.t, events.x, events.y, events.p,
            *self._window.span, low, high, *self._sensor_size, self._shape[0], len(self._shape) == 4, self.few,
            closing,
        )  # fmt: skip
        return done


def few_for(pixels: int) -> int:
    """How many events are shared one by one after a quiet interval: about what a pass over the image costs."""
    return max(1 << 16, pixels // 2)


@loop
def share(
    grid: Any, sums: Any, latest: Any, t: Any, x: Any, y: Any, p: Any, first: int, last: int, low: int, high: int,
    width: int, height: int, bins: int, split: bool, few: int, closing: bool,
) -> Any:  # fmt: skip
    """Adds events to their two nearest bins and returns how many; stops at a run with one off the sensor or not from
    `low` to `high`, or for want of sums.

    Events are taken in runs within one interval between bins, whose borders are integers and so exact: a run's
    arithmetic is done by vector instructions, and only its additions one by one. `latest` holds the latest interval
    so far and how many events it had, those beyond `few` in `sums`; `closing` empties them into the grid. The interval
    that follows one with more than `few` counts as if it had had `few` before its first.
    """
    intervals, duration = max(bins - 1, 1), max(last - first, 1)
    slope = intervals / duration if bins > 1 else 0.0
    shift = 0
    while duration // intervals >> shift >= 1 << TIME_BITS:
        shift += 1
    b, start, stop = 0, first, first
    image = np.uint64(width * height)
    cells, on = (image + image, image) if split else (image, np.uint64(0))
    voxel, value = np.empty(RUN, np.uint64), np.empty(RUN, np.int64)
    earlier, later = np.empty(RUN, np.float32), np.empty(RUN, np.float32)
    begin = 0
    while begin < t.size:
        if t[begin] < start or t[begin] >= stop:
            if t[begin] < low or t[begin] > high:
                return begin
            b = min((t[begin] - first) * intervals // duration, intervals - 1)
            start = first - (-b * duration // intervals)
            stop = first - (-(b + 1) * duration // intervals) if b < intervals - 1 else last + 1
            if b > latest[0]:
                many = latest[1] > few
                if many:
                    settle(grid, sums, latest[0], duration, intervals, slope, shift)
                latest[0], latest[1] = b, few if many else 0
        if b == latest[0] and latest[1] == few and sums.size == 0:
            return begin
        room = few - latest[1] if latest[1] < few else few + FULL - latest[1]
        end = begin + together(t[begin : begin + min(room, RUN)], start, stop)
        if not place(voxel, x[begin:end], y[begin:end], p[begin:end], width, height, on):
            return begin
        if b == latest[0] and latest[1] >= few:
            pack(value, t[begin:end], p[begin:end], start, shift, split)
            for i in range(np.uint64(end - begin)):
                sums[voxel[i]] += value[i]
        else:
            weigh(earlier, later, t[begin:end], p[begin:end], start, slope, -b * duration % intervals / duration, split)
            base = np.uint64(b) * cells
            for i in range(np.uint64(end - begin)):
                grid[base + voxel[i]] += earlier[i]
                grid[base + voxel[i] + cells] += later[i]
        if b == latest[0]:
            latest[1] += end - begin
            if latest[1] == few + FULL:
                settle(grid, sums, b, duration, intervals, slope, shift)
                latest[1] = few
        begin = end
    if closing and latest[1] > few:
        settle(grid, sums, latest[0], duration, intervals, slope, shift)
        latest[1] = few
    return begin


@part
def together(t: Any, start: int, stop: int) -> Any:
    """How many events from the first on lie within an interval; looks at so many at once as vectors hold."""
    count, block = np.uint64(0), np.uint64(32)
    while count + block <= t.size:
        outside = np.uint64(0)
        for i in range(count, count + block):
            outside |= np.uint64(t[i] < start) | np.uint64(t[i] >= stop)
        if outside:
            break
        count += block
    while count < t.size and start <= t[count] < stop:
        count += np.uint64(1)
    return np.int64(count)


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


@part
def pack(value: Any, t: Any, p: Any, start: int, shift: int, split: bool) -> None:
    """What each event adds to the sums: ±1 event and ± its time in the interval, in units of `1 << shift` µs."""
    for i in range(t.size):
        time = np.int64(np.uint64(t[i] - start) >> np.uint64(shift))
        minus = np.int64(0) if split else np.int64(p[i]) - np.int64(1)
        value[i] = (time + (1 << SUM_BITS) ^ minus) - minus


@part
def settle(grid: Any, sums: Any, b: int, duration: int, intervals: int, slope: float, shift: int) -> None:
    """Adds to bins `b` and `b + 1` the shares of the events that were summed up, and empties the sums.

    later = slope Σ±(t - start) + offset Σ±1,   earlier = Σ±1 - later
    """
    offset = -b * duration % intervals / duration
    scale = slope * (1 << shift)
    cells = np.uint64(sums.size)
    base = np.uint64(b) * cells
    for i in range(cells):
        times = sums[i] << (64 - SUM_BITS) >> (64 - SUM_BITS)
        events = sums[i] - times >> SUM_BITS
        later = times * scale + events * offset
        grid[base + i] += np.float32(events - later)
        grid[base + i + cells] += np.float32(later)
        sums[i] = 0
