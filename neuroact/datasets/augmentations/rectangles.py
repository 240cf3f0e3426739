"""Erased rectangles: something stands in front of the scene."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import PositiveInt, model_validator

from neuroact.datasets.augmentations.base import EventAugmentation, Share
from neuroact.events import Events


def erase_rectangles(
    events: Events, rng: np.random.Generator, count: int = 2, smallest: float = 1 / 6, largest: float = 1 / 5
) -> Events:
    """The events outside `count` rectangles, which stand still (EventTransAct: two, of sides H/6 to H/5).

    - `smallest`, `largest`: of a side, as shares of the sensor's height H. Each side is drawn by itself, at least one
      pixel, and a rectangle lies on the sensor as a whole.
    """
    width, height = events.sensor_size
    kept = np.ones(len(events), np.bool_)
    for _ in range(count):
        sides = np.maximum(rng.uniform(smallest * height, largest * height, 2).astype(np.int64), 1)
        across, down = min(int(sides[0]), width), min(int(sides[1]), height)
        left, top = rng.integers(0, width - across + 1), rng.integers(0, height - down + 1)
        x, y = events.x, events.y
        kept &= (x < left) | (x >= left + across) | (y < top) | (y >= top + down)
    return events[kept]


class EraseRectangles(EventAugmentation):
    """Settings of `erase_rectangles`."""

    kind: Literal["erase_rectangles"] = "erase_rectangles"
    count: PositiveInt = 2
    smallest: Share = 1 / 6
    largest: Share = 1 / 5

    @model_validator(mode="after")
    def _in_order(self) -> EraseRectangles:
        if self.smallest > self.largest:
            raise ValueError(f"the smallest side, {self.smallest}, is above the largest, {self.largest}")
        return self

    def apply(self, events: Events, rng: np.random.Generator) -> Events:
        return erase_rectangles(events, rng, self.count, self.smallest, self.largest)
