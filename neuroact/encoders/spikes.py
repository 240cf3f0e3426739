"""Spike trains: one binary (or small) frame per time step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from neuroact.encoders.base import require_at_least
from neuroact.encoders.counts import Counts, even_borders
from neuroact.encoders.window import Window
from neuroact.events import Events


def spike_train(
    events: Events,
    steps: int | None = None,
    *,
    step_us: int | None = None,
    max_spikes: int = 1,
    delays: Sequence[int] = (),
    sensor_size: tuple[int, int] | None = None,
) -> NDArray[np.uint8]:
    """Spikes per time step, polarity and pixel: events counted up to `max_spikes`.

    - `events`: one window, from its earliest to its latest event.
    - `steps`: number of equally long steps T; 16 if `step_us` is not given either.
    - `step_us`: length of a step in µs instead; the window's end cuts the last one short.
    - `max_spikes`: most spikes of a cell in one step, 1 to 255.
    - `delays`: each adds two channels, the spikes of so many steps before. From them, neurons whose synapses are all
      equally fast learn which way something moves.
    - `sensor_size`: `(width, height)`, by default that of `events`.

    Returns uint8 `(T, 2 + 2 * len(delays), height, width)` as OFF, ON, then OFF, ON of each delay.

    Raises `ValueError` if both `steps` and `step_us` are given or a number is out of range, `EncodingError` for events
    outside the sensor, `NoPolarity` for a stream without.
    """
    train = SpikeTrain(
        sensor_size or events.sensor_size,
        Window.of(events),
        steps,
        step_us=step_us,
        max_spikes=max_spikes,
        delays=delays,
    )
    train.add(events)
    return train.result()


def step_count(window: Window, steps: int | None, step_us: int | None) -> int:
    """Number of steps T. Raises `ValueError` as `spike_train` does."""
    if step_us is None:
        steps = 16 if steps is None else steps
        require_at_least(1, steps=steps)
        return steps
    if steps is not None:
        raise ValueError("give either steps or step_us, not both")
    require_at_least(1, step_us=step_us)
    return -(-window.duration // step_us)


def step_borders(window: Window, steps: int | None, step_us: int | None) -> NDArray[np.int64]:
    """`(T + 1,)` borders of the steps in µs, the last of them the window's end."""
    count = step_count(window, steps, step_us)
    if step_us is None:
        return even_borders(window.start, window.stop, count)
    return np.append(window.start + step_us * np.arange(count, dtype=np.int64), window.stop)


class SpikeTrain(Counts):
    """`spike_train` of a window whose events come piece by piece."""

    def __init__(
        self,
        sensor_size: tuple[int, int],
        window: Window,
        steps: int | None = None,
        *,
        step_us: int | None = None,
        max_spikes: int = 1,
        delays: Sequence[int] = (),
    ) -> None:
        if not 1 <= max_spikes <= 255:
            raise ValueError(f"max_spikes must be 1 to 255, not {max_spikes}")
        if delays:
            require_at_least(1, delays=min(delays))
        self._delays = (0, *delays)
        super().__init__(sensor_size, window, step_borders(window, steps, step_us), np.uint8, max_spikes)

    def result(self) -> NDArray[np.uint8]:
        spikes: NDArray[np.uint8] = super().result()
        if len(self._delays) == 1:
            return spikes
        steps, _, *frame = spikes.shape
        delayed = np.zeros((steps, len(self._delays), 2, *frame), np.uint8)
        for copy, delay in enumerate(self._delays):
            delayed[delay:, copy] = spikes[: max(steps - delay, 0)]
        return delayed.reshape(steps, -1, *frame)
