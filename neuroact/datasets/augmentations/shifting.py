"""Shift: the scene is elsewhere on the sensor."""

from __future__ import annotations

from typing import Literal

import numpy as np

from neuroact.datasets.augmentations.base import EventAugmentation, Share
from neuroact.datasets.augmentations.moving import moved
from neuroact.events import Events


def shift(events: Events, rng: np.random.Generator, most: float = 0.1) -> Events:
    """The events moved by whole pixels, up to `most` of the sensor's width and height; what leaves it is dropped.

    The default is ours: SMV-EAR tests its robustness with about as much, ±40 pixels of 346.
    """
    across, down = (round(most * side) for side in events.sensor_size)
    right, below = rng.integers(-across, across + 1), rng.integers(-down, down + 1)
    return moved(events, events.x.astype(np.int64) + right, events.y.astype(np.int64) + below)


class Shift(EventAugmentation):
    """Settings of `shift`."""

    kind: Literal["shift"] = "shift"
    most: Share = 0.1

    def apply(self, events: Events, rng: np.random.Generator) -> Events:
        return shift(events, rng, self.most)
