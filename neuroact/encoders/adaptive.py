"""Adaptive frames: short slices where the scene moves, long ones where it rests."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuroact.encoders.base import require_at_least
from neuroact.encoders.counts import Counts
from neuroact.encoders.window import Window
from neuroact.errors import EncodingError
from neuroact.events import Events


def adaptive_frames(
    events: Events,
    threshold: float = 50.0,
    minimum_events: int = 100_000,
    *,
    frames: int | None = None,
    sensor_size: tuple[int, int] | None = None,
) -> NDArray[np.int32]:
    """Count events in slices that are halved for as long as their halves differ (ExACT, Zhou et al. 2024).

    A slice of N events is halved by count if `N > minimum_events` and

        200 Σ |first half - second half| / N > threshold

    where the halves are images of counts per polarity and pixel: 0 for equal halves, 200 for halves without a common
    pixel. The defaults are the paper's for PAF; it gives 40 and 100,000 for SeAct, 30 and 15,000 for DVS128, 0 and
    150,000 for HARDVS. Its code compares images whose polarities are summed and whose lone pixels are erased, at the
    sensor's full size: with the same threshold, slices here are halved more often.

    How many frames come out depends on the events, and models want as many of each sample. ExACT fills a batch up to
    its longest sample with empty frames, which makes a sample depend on its batch. With `frames`, slices are halved in
    the order of how much their halves differ, the most first, until there are so many; what is still missing then, as
    the others may be halved no more, are empty frames at the end. No event is left out.

    - `events`: one window, in file order.
    - `threshold`: how much halves must differ, 0 to 200.
    - `minimum_events`: slices of this many events or fewer are left whole.
    - `frames`: T; None for as many as there are.
    - `sensor_size`: `(width, height)`, by default that of `events`.

    Returns int32 `(T, 2, height, width)` as OFF, ON. Without `frames`, T is 1 for no events.

    Raises `ValueError` if `minimum_events` or `frames` is below 1, `EncodingError` for events outside the sensor,
    `NoPolarity` for a stream without.
    """
    size, window = sensor_size or events.sensor_size, Window.of(events)
    adaptive = AdaptiveFrames(size, window, threshold, minimum_events, frames=frames)
    adaptive.add(events)
    return adaptive.result()


class Halving(NamedTuple):
    """One frame of several becomes two: by how much these differ, and its place among all frames."""

    difference: float
    place: int


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of the window: its events counted, and the frames that it becomes if all that contain it are halved.

    - `halvings`: in which order it became these frames: how much the halves differed, and which of the frames that
      there were then was halved.
    """

    events: int
    image: NDArray[Any]
    frames: list[NDArray[Any]]
    halvings: list[Halving]


class AdaptiveFrames:
    """`adaptive_frames` of a window whose events come piece by piece; it must know how many there are.

    The smallest slices are counted as they come, and each joins its neighbour as soon as both are complete. So only
    frames are held, and one image per level of halving; with `frames`, no more than so many per level.
    """

    def __init__(
        self,
        sensor_size: tuple[int, int],
        window: Window,
        threshold: float = 50.0,
        minimum_events: int = 100_000,
        *,
        frames: int | None = None,
    ) -> None:
        require_at_least(1, minimum_events=minimum_events, frames=1 if frames is None else frames)
        if window.events is None:
            raise ValueError("adaptive frames need a window that knows how many events it holds")
        self._sensor_size = sensor_size
        self._window = window
        self._threshold = threshold
        self._most = frames
        self._complete: list[Slice] = []
        self._leaves = smallest_slices(window.events, minimum_events)
        self._begin()

    def add(self, events: Events) -> None:
        begin = 0
        while begin < len(events):
            if self._size == self._counts.seen:
                raise EncodingError(f"the window promised {self._window.events} events and has more")
            end = min(len(events), begin + self._size - self._counts.seen)
            self._counts.add(events[begin:end])
            begin = end
            if self._size == self._counts.seen:
                self._finish()

    def result(self) -> NDArray[np.int32]:
        if self._size != self._counts.seen:
            raise EncodingError(f"the window promised {self._window.events} events and has fewer")
        frames = self._complete[0].frames if self._complete else [self._counts.result()[0]]
        tensor = np.zeros((self._most or len(frames), *frames[0].shape), np.int32)
        tensor[: len(frames)] = frames
        return tensor

    def _begin(self) -> None:
        """Starts counting the next of the smallest slices, if there is one."""
        following = next(self._leaves, None)
        if following is not None:
            window, borders = self._window, np.array([self._window.start, self._window.stop])
            self._size, self._ends = following
            self._counts = Counts(self._sensor_size, window, borders, np.int32, np.iinfo(np.int32).max)

    def _finish(self) -> None:
        """Completes the slice under way and the larger ones that end with it."""
        image = self._counts.result()[0]
        self._complete.append(Slice(self._size, image, [image], []))
        for _ in range(self._ends):
            second = self._complete.pop()
            first = self._complete.pop()
            self._complete.append(joined(first, second, self._threshold, self._most))
        self._begin()


def smallest_slices(events: int, minimum: int, ends: int = 0) -> Iterator[tuple[int, int]]:
    """Sizes of the slices that are never halved, each with how many larger slices end where it ends."""
    if events <= minimum or events < 2:
        yield events, ends
    else:
        yield from smallest_slices(events // 2, minimum)
        yield from smallest_slices(events - events // 2, minimum, ends + 1)


def joined(first: Slice, second: Slice, threshold: float, most: int | None) -> Slice:
    """The slice of which these are the halves, in at most so many frames."""
    events = first.events + second.events
    image = first.image + second.image
    difference = 200 * int(np.abs(first.image - second.image).sum()) / events
    if difference <= threshold:
        return Slice(events, image, [image], [])
    frames = first.frames + second.frames
    halvings = [Halving(difference, 0), *in_turn(first.halvings, second.halvings)]
    while most is not None and len(frames) > most:
        place = halvings.pop().place
        frames[place : place + 2] = [frames[place] + frames[place + 1]]
    return Slice(events, image, frames, halvings)


def in_turn(first: Sequence[Halving], second: Sequence[Halving]) -> Iterator[Halving]:
    """The halvings of two neighbours as one order: of the two that are next, the one whose halves differ more."""
    ahead, behind = deque(first), deque(second)
    frames = 1  # of the first neighbour, so far
    while ahead or behind:
        if ahead and (not behind or ahead[0].difference >= behind[0].difference):
            frames += 1
            yield ahead.popleft()
        else:
            difference, place = behind.popleft()
            yield Halving(difference, frames + place)
