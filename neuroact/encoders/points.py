"""Point clouds: a fixed number of events as points in the unit cube."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neuroact.encoders.base import blocks, require_at_least, require_inside, require_polarity
from neuroact.encoders.window import Window
from neuroact.events import Events

POINT = np.dtype([("key", "u8"), ("place", "u8"), ("t", "i8"), ("x", "u2"), ("y", "u2"), ("p", "u1")])
"""An event that may be chosen: its key decides, its place in the window keeps file order among equal times."""
WORD = (1 << 64) - 1


def point_cloud(
    events: Events,
    points: int = 1024,
    *,
    polarity: bool = False,
    seed: int = 0,
    sensor_size: tuple[int, int] | None = None,
) -> NDArray[np.float32]:
    """A random subset of the events as points in [0, 1]^3, in time order (as SpikePoint takes them).

    - `events`: one window; its earliest and latest event span the time axis.
    - `points`: number of points N, at least 1.
    - `polarity`: append it as a fourth coordinate, 0 or 1.
    - `seed`: another seed, another subset; the same on every machine.
    - `sensor_size`: `(width, height)`, by default that of `events`.

    Returns `(N, 3)` as `x / (width - 1)`, `y / (height - 1)`, `(t - first) / (last - first)`, or `(N, 4)`. An axis
    without extent is 0. If there are fewer events than points, every event is there and some, drawn with replacement,
    more than once; for no events, zeros.

    Raises `ValueError` if `points < 1`, `EncodingError` for events outside the sensor, `NoPolarity` if `polarity` is
    asked of a stream without.
    """
    cloud = PointCloud(sensor_size or events.sensor_size, Window.of(events), points, polarity=polarity, seed=seed)
    cloud.add(events)
    return cloud.result()


class PointCloud:
    """`point_cloud` of a window whose events come piece by piece and are not held.

    Every event has a key hashed from the seed and its place; the events with the smallest keys are the subset. So it
    is uniform, and the same however the events were cut.
    """

    def __init__(
        self,
        sensor_size: tuple[int, int],
        window: Window,
        points: int = 1024,
        *,
        polarity: bool = False,
        seed: int = 0,
    ) -> None:
        require_at_least(1, points=points)
        self._sensor_size = sensor_size
        self._window = window
        self._points = points
        self._polarity = polarity
        self._seed = seed
        self._seen = 0
        self._chosen = np.empty(0, POINT)
        self._bound = np.uint64(WORD)
        """The largest key that may still be among the smallest."""

    def add(self, events: Events) -> None:
        if self._polarity:
            require_polarity(events)
        for block in blocks(events):
            require_inside(block, self._sensor_size, self._window.span)
            places = np.arange(self._seen, self._seen + len(block), dtype=np.uint64)
            keys = hashed(self._seed, places)
            kept = np.flatnonzero(keys <= self._bound)
            chosen = np.empty(kept.size, POINT)
            for name, column in (("key", keys), ("place", places), *((name, getattr(block, name)) for name in "txyp")):
                chosen[name] = column[kept]
            self._seen += len(block)
            self._chosen = np.concatenate((self._chosen, chosen))
            self._shrink(2 * self._points)

    def result(self) -> NDArray[np.float32]:
        self._shrink(self._points)
        cloud = np.zeros((self._points, 4 if self._polarity else 3), np.float32)
        if not self._seen:
            return cloud
        chosen = self._chosen[np.argsort(self._chosen["place"])]
        missing = np.arange(self._seen, max(self._seen, self._points), dtype=np.uint64)
        again = hashed(self._seed, missing) % np.uint64(chosen.size)
        chosen = np.sort(np.concatenate((chosen, chosen[again])), order=("t", "place"))
        first, last = self._window.span
        width, height = self._sensor_size
        cloud[:, 0] = chosen["x"] / max(width - 1, 1)
        cloud[:, 1] = chosen["y"] / max(height - 1, 1)
        cloud[:, 2] = (chosen["t"] - first) / max(last - first, 1)
        if self._polarity:
            cloud[:, 3] = chosen["p"]
        return cloud

    def _shrink(self, most: int) -> None:
        """Forgets all but the events with the smallest keys, if there are more than `most`."""
        if self._chosen.size > most:
            smallest = np.argpartition(self._chosen["key"], self._points - 1)[: self._points]
            self._chosen = self._chosen[smallest]
            self._bound = self._chosen["key"].max()


def hashed(seed: int, places: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64 (Steele et al. 2014) at `places` of the sequence that `seed` begins; no two places give one key."""
    z = (places + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed * 0xD1342543DE82EF95 & WORD)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
