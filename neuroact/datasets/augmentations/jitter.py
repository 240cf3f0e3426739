"""Jittered time: events are stamped a little late or early, as a busy sensor does."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import PositiveFloat

from neuroact.datasets.augmentations.base import EventAugmentation
from neuroact.events import Events


def jitter_time(events: Events, rng: np.random.Generator, sigma_us: float = 1000.0) -> Events:
    """The events, each at a time off by a normal error, put back in time order.

    - `sigma_us`: standard deviation of the error, µs; the default is ours. Times stay within the span of the events.
    """
    first, last = events.span
    t = np.clip(events.t + np.rint(rng.normal(0, sigma_us, len(events))).astype(np.int64), first, last)
    return events.replace(t=t)[np.argsort(t, kind="stable")]


class JitterTime(EventAugmentation):
    """Settings of `jitter_time`."""

    kind: Literal["jitter_time"] = "jitter_time"
    sigma_us: PositiveFloat = 1000.0

    def apply(self, events: Events, rng: np.random.Generator) -> Events:
        return jitter_time(events, rng, self.sigma_us)
