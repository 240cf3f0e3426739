"""Mirroring, and what a mirrored action is called."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import AfterValidator

from neuroact.datasets.augmentations.base import EventAugmentation, Share, Swaps, each_once, swapped
from neuroact.encoders.filters import flip
from neuroact.events import Events

GESTURES_MIRRORED: Swaps = ((1, 2), (3, 6), (4, 5))
"""DVS128 Gesture, labels from 0: right and left hand wave; right arm clockwise and left arm counter-clockwise;
right arm counter-clockwise and left arm clockwise."""


class Mirror(EventAugmentation):
    """Events mirrored as by `flip`, half of the samples unless told otherwise.

    - `axes`: `x` mirrors left and right, `y` top and bottom.
    - `swaps`: pairs of labels that change places when a sample is mirrored, such as a wave of the left and of the
      right hand. Without them, mirroring mislabels such classes.
    """

    kind: Literal["mirror"] = "mirror"
    probability: Share = 0.5
    axes: Literal["x", "y", "xy"] = "x"
    swaps: Annotated[Swaps, AfterValidator(each_once)] = ()

    def relabel(self, label: int) -> int:
        return swapped(label, self.swaps)

    def apply(self, events: Events, rng: np.random.Generator) -> Events:
        return flip(events, self.axes)
