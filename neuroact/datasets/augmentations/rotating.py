"""Rotation: the camera is tilted."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from neuroact.datasets.augmentations.base import EventAugmentation
from neuroact.datasets.augmentations.moving import around_centre, from_centre
from neuroact.events import Events


def rotate(events: Events, rng: np.random.Generator, most: float = 15.0) -> Events:
    """The events turned about the sensor's centre, by up to `most` degrees either way; what leaves it is dropped.

    The default is ours.
    """
    angle = np.deg2rad(rng.uniform(-most, most))
    x, y = from_centre(events)
    return around_centre(events, np.cos(angle) * x - np.sin(angle) * y, np.sin(angle) * x + np.cos(angle) * y)


class Rotate(EventAugmentation):
    """Settings of `rotate`."""

    kind: Literal["rotate"] = "rotate"
    most: Annotated[float, Field(ge=0, le=180)] = 15.0

    def apply(self, events: Events, rng: np.random.Generator) -> Events:
        return rotate(events, rng, self.most)
