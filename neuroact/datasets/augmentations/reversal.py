"""Reversed time, and what an action played backward is called."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import AfterValidator

from neuroact.datasets.augmentations.base import EventAugmentation, Share, Swaps, each_once, swapped
from neuroact.events import Events

GESTURES_REVERSED: Swaps = ((3, 4), (5, 6))
"""DVS128 Gesture, labels from 0: an arm's circle clockwise and counter-clockwise."""


def reverse_time(events: Events) -> Events:
    """The events as if the scene were played backward: the last comes first, and ON and OFF change places.

    An event says that a pixel became brighter by a threshold. Backward in time the same pixel becomes darker by it
    there, so a camera would have seen the other polarity. Times stay within the span of the events.
    """
    first, last = events.span
    t = events.t - first
    p = 1 - events.p if events.has_polarity else events.p
    return events.replace(t=last - t, p=p)[::-1]


class ReverseTime(EventAugmentation):
    """Settings of `reverse_time`, half of the samples unless told otherwise.

    - `swaps`: pairs of labels that change places, such as sitting down and standing up.
    - `never`: labels of actions that are nothing backward, or nothing that has a label.
    """

    kind: Literal["reverse_time"] = "reverse_time"
    probability: Share = 0.5
    swaps: Annotated[Swaps, AfterValidator(each_once)] = ()
    never: frozenset[int] = frozenset()

    def suits(self, label: int) -> bool:
        return label not in self.never

    def relabel(self, label: int) -> int:
        return swapped(label, self.swaps)

    def apply(self, events: Events, rng: np.random.Generator) -> Events:
        return reverse_time(events)
