"""Counting events per bin, polarity and pixel: what frames and spike trains are made of."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroact.encoders.base import blocks, require_inside, require_polarity
from neuroact.encoders.window import Window
from neuroact.errors import EncodingError
from neuroact.events import Events
from neuroact.jit import loop


class Counts:
    """Events counted into `(bins, 2, height, width)`, bin by time or by place in the window, each count capped.

    - `borders`: `(bins + 1,)` int64; an event in bin `b` has `borders[b] <= key < borders[b + 1]`, where the key is its
      time in µs, or how many events came before it if `by_place`.
    - `highest`: where counting stops.
    """

    def __init__(
        self,
        sensor_size: tuple[int, int],
        window: Window,
        borders: NDArray[np.int64],
        dtype: type[np.int32] | type[np.uint8],
        highest: int,
        *,
        by_place: bool = False,
    ) -> None:
        width, height = sensor_size
        self.seen = 0
        self._sensor_size = sensor_size
        self._window = window
        self._borders = borders
        self._highest = highest
        self._by_place = by_place
        self._counts: NDArray[Any] = np.zeros((borders.size - 1, 2, height, width), dtype)

    def add(self, events: Events) -> None:
        require_polarity(events)
        kernel = count.suited(len(events))
        for block in blocks(events):
            require_inside(block, self._sensor_size, self._window.span if self._by_place else None)
            key = np.arange(self.seen, self.seen + len(block)) if self._by_place else block.t
            done = kernel(
                self._counts.reshape(-1),
                key,
                block.x,
                block.y,
                block.p,
                self._borders,
                *self._sensor_size,
                self._highest,
            )
            self.seen += int(done)
            if done < len(block):
                require_inside(block, self._sensor_size, self._window.span)
                raise EncodingError(f"the window promised {self._borders[-1]} events and has more")

    def result(self) -> NDArray[Any]:
        if self._by_place and self.seen != self._borders[-1]:
            raise EncodingError(f"the window promised {self._borders[-1]} events and has {self.seen}")
        return self._counts


def even_borders(start: int, stop: int, bins: int) -> NDArray[np.int64]:
    """`(bins + 1,)`: the integers from `start` up to `stop` cut so that k is in bin `(k - start) bins // length`."""
    length = stop - start
    return np.array([start - (-b * length // bins) for b in range(bins + 1)], np.int64)


@loop
def count(
    counts: Any, key: Any, x: Any, y: Any, p: Any, borders: Any, width: int, height: int, highest: int
) -> Any:  # fmt: skip
    """Adds one where each event falls, unless `highest` is reached; returns how many it took before one in no bin.

    Keys mostly ascend, so the bin is searched for only when an event leaves it.
    """
    first, last = borders[0], borders[-1]
    start = stop = first
    base = np.uint64(0)
    row, plane = np.uint64(width), np.uint64(width * height)
    for i in range(np.uint64(key.size)):
        if key[i] < start or key[i] >= stop:
            if key[i] < first or key[i] >= last:
                return i
            b = np.searchsorted(borders, key[i], side="right") - 1
            start, stop = borders[b], borders[b + 1]
            base = np.uint64(2 * b) * plane
        cell = base + np.uint64(p[i]) * plane + np.uint64(y[i]) * row + np.uint64(x[i])
        counts[cell] += counts[cell] < highest
    return key.size
