"""A dropped polarity: only what becomes brighter is seen, or only what becomes darker."""

from __future__ import annotations

from typing import Literal

import numpy as np

from neuroact.datasets.augmentations.base import EventAugmentation, Share
from neuroact.encoders.filters import polarity
from neuroact.events import Events


def drop_polarity(events: Events, rng: np.random.Generator) -> Events:
    """The events of one polarity, ON as often as OFF (EventTransAct). Raises `NoPolarity` for a stream without."""
    return polarity(events, "on" if rng.random() < 0.5 else "off")


class DropPolarity(EventAugmentation):
    """Settings of `drop_polarity`. Half of the samples, unless told otherwise: the encoder is to see both."""

    kind: Literal["drop_polarity"] = "drop_polarity"
    probability: Share = 0.5

    def apply(self, events: Events, rng: np.random.Generator) -> Events:
        return drop_polarity(events, rng)
