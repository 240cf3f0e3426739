"""Time surfaces: how long ago each pixel last fired, fading exponentially."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroact.encoders.base import blocks, require_inside, require_polarity
from neuroact.encoders.window import Window
from neuroact.events import Events
from neuroact.jit import loop

NEVER = np.iinfo(np.int64).min


def time_surface(
    events: Events,
    tau_us: float = 50_000,
    *,
    at: int | None = None,
    sensor_size: tuple[int, int] | None = None,
) -> NDArray[np.float32]:
    """The age of each pixel's latest event as `exp(-(at - t) / tau)` (HOTS, Lagorce et al. 2017, eq. 3).

    - `events`: one window.
    - `tau_us`: time constant in µs, more than 0.
    - `at`: the moment to look back from, in µs; later events do not count. By default the latest event's time.
    - `sensor_size`: `(width, height)`, by default that of `events`.

    Returns `(2, height, width)` as OFF, ON: 1 for an event at that moment, 0 where there was none.

    Raises `ValueError` if `tau_us` is not positive, `EncodingError` for events outside the sensor, `NoPolarity` for a
    stream without.
    """
    surface = TimeSurface(sensor_size or events.sensor_size, Window.of(events), tau_us, at=at)
    surface.add(events)
    return surface.result()


class TimeSurface:
    """`time_surface` of a window whose events come piece by piece, by default seen from its last microsecond."""

    def __init__(
        self, sensor_size: tuple[int, int], window: Window, tau_us: float = 50_000, *, at: int | None = None
    ) -> None:
        if not tau_us > 0:
            raise ValueError(f"tau_us must be more than 0, not {tau_us}")
        width, height = sensor_size
        self._sensor_size = sensor_size
        self._window = window
        self._tau_us = tau_us
        self._at = window.span[1] if at is None else at
        self._latest = np.full((2, height, width), NEVER, np.int64)

    def add(self, events: Events) -> None:
        require_polarity(events)
        kernel = keep_latest.suited(len(events))
        for block in blocks(events):
            require_inside(block, self._sensor_size, self._window.span)
            kernel(self._latest.reshape(-1), block.t, block.x, block.y, block.p, self._at, *self._sensor_size)

    def result(self) -> NDArray[np.float32]:
        fired = self._latest > NEVER
        surface = np.zeros(fired.shape, np.float32)
        surface[fired] = np.exp((self._latest[fired] - self._at) / self._tau_us)
        return surface


@loop
def keep_latest(latest: Any, t: Any, x: Any, y: Any, p: Any, at: int, width: int, height: int) -> None:
    """Notes each cell's latest time up to `at`."""
    row, image = np.uint64(width), np.uint64(width * height)
    for i in range(np.uint64(t.size)):
        cell = np.uint64(p[i]) * image + np.uint64(y[i]) * row + np.uint64(x[i])
        if latest[cell] < t[i] <= at:
            latest[cell] = t[i]
