"""Rotation, shear, scale and shift at once: the camera is held otherwise."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field, PositiveFloat, model_validator

from neuroact.datasets.augmentations.base import EventAugmentation, Share
from neuroact.datasets.augmentations.moving import around_centre, from_centre
from neuroact.events import Events


def affine(
    events: Events,
    rng: np.random.Generator,
    *,
    rotate: float = 10.0,
    shear: float = 0.1,
    smallest: float = 0.85,
    largest: float = 1.18,
    shift: float = 0.05,
) -> Events:
    """The events sheared, turned, scaled about the sensor's centre and shifted; what leaves the sensor is dropped.

    The same as `shear`, `rotate`, `scale` and `shift` one after the other would leave each event up to two pixels from
    where it belongs, since each rounds, and stripes where it spreads rows that nothing fell between. Here an event is
    anywhere in its pixel, and is rounded once.

    - `rotate`: most degrees either way. `shear`: most pixels a row either way. `shift`: most, as a share of the
      sensor's width and height, either way.
    - `smallest`, `largest`: of the factor, drawn evenly in its logarithm.

    The defaults are ours.
    """
    angle, slant = np.deg2rad(rng.uniform(-rotate, rotate)), rng.uniform(-shear, shear)
    factor = np.exp(rng.uniform(np.log(smallest), np.log(largest)))
    right, down = rng.uniform(-shift, shift, 2) * events.sensor_size
    across, along = rng.uniform(-0.5, 0.5, (2, len(events)))
    x, y = (places + within for places, within in zip(from_centre(events), (across, along), strict=True))
    x += slant * y
    cos, sin = factor * np.cos(angle), factor * np.sin(angle)
    return around_centre(events, cos * x - sin * y + right, sin * x + cos * y + down)


class Affine(EventAugmentation):
    """Settings of `affine`."""

    kind: Literal["affine"] = "affine"
    rotate: Annotated[float, Field(ge=0, le=180)] = 10.0
    shear: Annotated[float, Field(ge=0)] = 0.1
    smallest: PositiveFloat = 0.85
    largest: PositiveFloat = 1.18
    shift: Share = 0.05

    @model_validator(mode="after")
    def _in_order(self) -> Affine:
        if self.smallest > self.largest:
            raise ValueError(f"the smallest factor, {self.smallest}, is above the largest, {self.largest}")
        return self

    def apply(self, events: Events, rng: np.random.Generator) -> Events:
        return affine(
            events, rng, rotate=self.rotate, shear=self.shear, smallest=self.smallest, largest=self.largest,
            shift=self.shift,
        )  # fmt: skip
