"""Event frames: events counted in slices of equal time or of equally many events."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from neuroact.encoders.base import require_at_least
from neuroact.encoders.counts import Counts, even_borders
from neuroact.encoders.window import Window
from neuroact.events import Events


def event_frames(
    events: Events,
    frames: int = 8,
    *,
    by: Literal["time", "count"] = "time",
    mode: Literal["count", "binary"] = "count",
    sensor_size: tuple[int, int] | None = None,
) -> NDArray[Any]:
    """Count events per pixel and polarity in slices of the window.

    - `events`: one window, from its earliest to its latest event.
    - `frames`: number of slices T, at least 1.
    - `by`: slices equally long in `time`, or of equal `count`: event i of N, in file order, is in slice `i T // N`.
    - `mode`: `count` events, or `binary`: whether there was any.
    - `sensor_size`: `(width, height)`, by default that of `events`.

    Returns `(T, 2, height, width)` as OFF, ON: int32 counts or uint8 zeros and ones.

    Raises `ValueError` for another `by` or `mode` or `frames < 1`, `EncodingError` for events outside the sensor,
    `NoPolarity` for a stream without.
    """
    counts = EventFrames(sensor_size or events.sensor_size, Window.of(events), frames, by=by, mode=mode)
    counts.add(events)
    return counts.result()


class EventFrames(Counts):
    """`event_frames` of a window whose events come piece by piece; `by="count"` needs `window.events`."""

    def __init__(
        self,
        sensor_size: tuple[int, int],
        window: Window,
        frames: int = 8,
        *,
        by: Literal["time", "count"] = "time",
        mode: Literal["count", "binary"] = "count",
    ) -> None:
        require_at_least(1, frames=frames)
        if by not in ("time", "count"):
            raise ValueError(f"frames are cut by 'time' or 'count', not {by!r}")
        if mode not in ("count", "binary"):
            raise ValueError(f"the mode is 'count' or 'binary', not {mode!r}")
        by_place = by == "count"
        if by_place and window.events is None:
            raise ValueError("frames by count need a window that knows how many events it holds")
        start, stop = (0, window.events or 0) if by_place else (window.start, window.stop)
        dtype, highest = (np.int32, np.iinfo(np.int32).max) if mode == "count" else (np.uint8, 1)
        borders = even_borders(start, stop, frames)
        super().__init__(sensor_size, window, borders, dtype, highest, by_place=by_place)
