"""Filters against noise: they remember what each pixel did, from one call to the next."""

from __future__ import annotations

from typing import Any

import numpy as np

from neuroact.encoders.base import require_at_least, require_inside
from neuroact.events import Events
from neuroact.hot_pixels import hot_pixel_mask
from neuroact.jit import Loop, loop

NEVER = np.iinfo(np.int64).min


def refractory(events: Events, period_us: int = 1000) -> Events:
    """Drop what a pixel sends less than `period_us` after its last kept event, whatever the polarity.

    Where time runs backwards, a pixel starts anew. Raises `ValueError` if `period_us < 1`, `EncodingError` for events
    outside the sensor.
    """
    return Refractory(events.sensor_size, period_us)(events)


def background_activity(events: Events, window_us: int = 5000) -> Events:
    """Drop events that none of the eight neighbours supports with an event at most `window_us` earlier.

    The filter of Delbruck (2008): a lone event is noise, an edge lights up pixels side by side. Dropped events support
    later ones too; a pixel does not support itself. Raises `ValueError` if `window_us < 1`, `EncodingError` for events
    outside the sensor.
    """
    return BackgroundActivity(events.sensor_size, window_us)(events)


def hot_pixels(events: Events) -> Events:
    """Drop all events of the pixels that fire far more often than those around them: see `hot_pixel_mask`.

    Raises `EncodingError` for events outside the sensor.
    """
    survey = PixelSurvey(events.sensor_size)
    survey.add(events)
    return HotPixels(survey)(events)


class Remembering:
    """A filter whose kernel marks the events to keep, and which keeps one time per pixel, within a margin."""

    def __init__(self, sensor_size: tuple[int, int], kernel: Loop[..., None], duration: int, margin: int) -> None:
        width, height = sensor_size
        self.sensor_size = sensor_size
        self._kernel = kernel
        self._duration = duration
        self._times = np.full((height + 2 * margin) * (width + 2 * margin), NEVER, np.int64)

    def __call__(self, events: Events) -> Events:
        require_inside(events, self.sensor_size)
        kept = np.empty(len(events), np.bool_)
        run = self._kernel.suited(len(events))
        run(kept, self._times, events.t, events.x, events.y, self._duration, self.sensor_size[0])
        return events[kept]


class Refractory(Remembering):
    """`refractory` of a stream."""

    def __init__(self, sensor_size: tuple[int, int], period_us: int = 1000) -> None:
        require_at_least(1, period_us=period_us)
        super().__init__(sensor_size, mark_rested, period_us, margin=0)


class BackgroundActivity(Remembering):
    """`background_activity` of a stream."""

    def __init__(self, sensor_size: tuple[int, int], window_us: int = 5000) -> None:
        require_at_least(1, window_us=window_us)
        super().__init__(sensor_size, mark_supported, window_us, margin=1)


class PixelSurvey:
    """The first pass over a stream that `HotPixels` needs: how often each pixel fires.

    Whether a pixel is hot shows only in the whole recording, so a stream is read twice: once for the survey, once to
    filter it.
    """

    def __init__(self, sensor_size: tuple[int, int]) -> None:
        width, height = sensor_size
        self.sensor_size = sensor_size
        self.counts = np.zeros((height, width), np.int64)

    def add(self, events: Events) -> None:
        """Takes the next events of the stream. Raises `EncodingError` for events outside the sensor."""
        require_inside(events, self.sensor_size)
        pixel = events.y.astype(np.intp) * self.sensor_size[0] + events.x
        self.counts += np.bincount(pixel, minlength=self.counts.size).reshape(self.counts.shape)


class HotPixels:
    """`hot_pixels` of a stream that a survey has seen to its end."""

    def __init__(self, survey: PixelSurvey) -> None:
        self.sensor_size = survey.sensor_size
        self._sound = ~hot_pixel_mask(survey.counts)

    def __call__(self, events: Events) -> Events:
        require_inside(events, self.sensor_size)
        return events[self._sound[events.y, events.x]]


@loop
def mark_rested(kept: Any, times: Any, t: Any, x: Any, y: Any, period: int, width: int) -> None:
    """Keeps events a `period` or more after the pixel's last kept one; returns how many before a misplaced one."""
    row = np.uint64(width)
    for i in range(np.uint64(t.size)):
        pixel = np.uint64(y[i]) * row + np.uint64(x[i])
        kept[i] = not t[i] - period < times[pixel] <= t[i]
        if kept[i]:
            times[pixel] = t[i]


@loop
def mark_supported(kept: Any, times: Any, t: Any, x: Any, y: Any, window: int, width: int) -> None:
    """Keeps events with a neighbour in time and space.

    `times` has a margin of one pixel that never fires, so that every pixel has eight neighbours.
    """
    row = np.uint64(width + 2)
    for i in range(np.uint64(t.size)):
        corner = np.uint64(y[i]) * row + np.uint64(x[i])
        supported = False
        for down in range(np.uint64(3)):
            for right in range(np.uint64(3)):
                seen = times[corner + np.uint64(down) * row + np.uint64(right)]
                near = t[i] - window <= seen <= t[i]
                supported |= near and not (down == 1 and right == 1)
        kept[i] = supported
        times[corner + row + np.uint64(1)] = t[i]
