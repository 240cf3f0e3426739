"""EventDrop (Gu et al. 2021): nothing, a stretch of time, a part of the sensor or a random share is missing."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from neuroact.datasets.augmentations.base import EventAugmentation, Share
from neuroact.events import Events

Way = Literal["identity", "time", "area", "random"]
WAYS: tuple[Way, ...] = ("identity", "time", "area", "random")


def event_drop(
    events: Events,
    rng: np.random.Generator,
    *,
    ways: tuple[Way, ...] = WAYS,
    most_time: float = 0.9,
    most_area: float = 0.25,
    most_random: float = 0.9,
) -> Events:
    """The events without what one of `ways`, each as likely, takes away.

    - `time`: a stretch that begins anywhere in the span and lasts 10 % to `most_time` of it, or to its end.
    - `area`: a rectangle about a random pixel, its sides 5 % to `most_area` of the sensor's; parts may lie outside.
      (The authors' released code drops all events in its columns or its rows instead; the paper's is the rectangle.)
    - `random`: 10 % to `most_random` of the events.

    Nothing is taken away if nothing would be left, as the authors do.
    """
    way = ways[rng.integers(len(ways))]
    if way == "time":
        kept = _outside_stretch(events, rng, most_time)
    elif way == "area":
        kept = _outside_area(events, rng, most_area)
    elif way == "random":
        kept = np.ones(len(events), np.bool_)
        erased = int(rng.uniform(min(0.1, most_random), most_random) * len(events))
        kept[rng.choice(len(events), erased, replace=False)] = False
    else:
        return events
    return events[kept] if kept.any() else events


def _outside_stretch(
    events: Events, rng: np.random.Generator, most: float
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    first, last = events.span
    start, share = rng.random(), rng.uniform(min(0.1, most), most)
    passed = (events.t - first) / max(last - first, 1)
    return (passed < start) | (passed >= start + share)


def _outside_area(events: Events, rng: np.random.Generator, most: float) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    share = rng.uniform(min(0.05, most), most)
    inside = np.ones(len(events), np.bool_)
    for column, side in ((events.x, events.sensor_size[0]), (events.y, events.sensor_size[1])):
        middle = rng.integers(side)
        inside &= np.abs(column.astype(np.int64) - middle) <= share * side / 2
    return ~inside


class EventDrop(EventAugmentation):
    """Settings of `event_drop`."""

    kind: Literal["event_drop"] = "event_drop"
    ways: Annotated[tuple[Way, ...], Field(min_length=1)] = WAYS
    most_time: Share = 0.9
    most_area: Share = 0.25
    most_random: Share = 0.9

    def apply(self, events: Events, rng: np.random.Generator) -> Events:
        return event_drop(
            events,
            rng,
            ways=self.ways,
            most_time=self.most_time,
            most_area=self.most_area,
            most_random=self.most_random,
        )
