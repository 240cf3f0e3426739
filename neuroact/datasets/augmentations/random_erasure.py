"""Random erasure: some events are missing, as from a sensor that is less sensitive."""

from __future__ import annotations

from typing import Literal

import numpy as np

from neuroact.datasets.augmentations.base import EventAugmentation, Share
from neuroact.events import Events


def erase_random(events: Events, rng: np.random.Generator, most: float = 0.15) -> Events:
    """The events without a share of 0 to `most`, chosen evenly (EventTransAct, Blegiers et al. 2023: 0 to 15 %)."""
    erased = int(rng.uniform(0, most) * len(events))
    kept = np.ones(len(events), np.bool_)
    kept[rng.choice(len(events), erased, replace=False)] = False
    return events[kept]


class EraseRandom(EventAugmentation):
    """Settings of `erase_random`."""

    kind: Literal["erase_random"] = "erase_random"
    most: Share = 0.15

    def apply(self, events: Events, rng: np.random.Generator) -> Events:
        return erase_random(events, rng, self.most)
