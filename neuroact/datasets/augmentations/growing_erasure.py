"""Erasure that grows along time: an action is seen less and less, or more and more."""

from __future__ import annotations

from typing import Literal

import numpy as np

from neuroact.datasets.augmentations.base import EventAugmentation, Share
from neuroact.events import Events


def erase_growing(events: Events, rng: np.random.Generator, most: float = 0.35) -> Events:
    """The events, each erased with a chance that grows evenly along their span, from 0 to `most` (EventTransAct: 35 %).

    It grows forward or backward in time, each as often as the other. Events that share one timestamp are kept.
    """
    backward = rng.random() < 0.5
    draws = rng.random(len(events))
    first, last = events.span
    passed = (events.t - first) / max(last - first, 1)
    return events[draws >= most * (1 - passed if backward and last > first else passed)]


class EraseGrowing(EventAugmentation):
    """Settings of `erase_growing`."""

    kind: Literal["erase_growing"] = "erase_growing"
    most: Share = 0.35

    def apply(self, events: Events, rng: np.random.Generator) -> Events:
        return erase_growing(events, rng, self.most)
