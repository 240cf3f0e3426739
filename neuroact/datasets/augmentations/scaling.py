"""Scale: the scene is nearer or farther."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import PositiveFloat, model_validator

from neuroact.datasets.augmentations.base import EventAugmentation
from neuroact.datasets.augmentations.moving import around_centre, from_centre
from neuroact.events import Events


def scale(events: Events, rng: np.random.Generator, smallest: float = 0.8, largest: float = 1.25) -> Events:
    """The events spread from the sensor's centre, or drawn to it, by one factor; what leaves the sensor is dropped.

    - `smallest`, `largest`: of the factor, drawn evenly in its logarithm. The defaults are ours.
    """
    factor = np.exp(rng.uniform(np.log(smallest), np.log(largest)))
    x, y = from_centre(events)
    return around_centre(events, factor * x, factor * y)


class Scale(EventAugmentation):
    """Settings of `scale`."""

    kind: Literal["scale"] = "scale"
    smallest: PositiveFloat = 0.8
    largest: PositiveFloat = 1.25

    @model_validator(mode="after")
    def _in_order(self) -> Scale:
        if self.smallest > self.largest:
            raise ValueError(f"the smallest factor, {self.smallest}, is above the largest, {self.largest}")
        return self

    def apply(self, events: Events, rng: np.random.Generator) -> Events:
        return scale(events, rng, self.smallest, self.largest)
