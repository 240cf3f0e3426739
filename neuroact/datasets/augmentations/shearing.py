"""Shear: handwriting that slants, a body that leans."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from neuroact.datasets.augmentations.base import EventAugmentation
from neuroact.datasets.augmentations.moving import around_centre, from_centre
from neuroact.events import Events


def shear(events: Events, rng: np.random.Generator, most: float = 0.15) -> Events:
    """Rows moved sideways in proportion to their distance from the middle one (Li et al. 2022); what leaves is dropped.

    - `most`: pixels a row, either way. The default is ours.
    """
    slant = rng.uniform(-most, most)
    x, y = from_centre(events)
    return around_centre(events, x + slant * y, y)


class Shear(EventAugmentation):
    """Settings of `shear`."""

    kind: Literal["shear"] = "shear"
    most: Annotated[float, Field(ge=0)] = 0.15

    def apply(self, events: Events, rng: np.random.Generator) -> Events:
        return shear(events, rng, self.most)
