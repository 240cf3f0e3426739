"""CutMix (Yun et al. 2019) in time: a stretch of one sample is replaced by the same stretch of another."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import PositiveFloat

from neuroact.datasets.augmentations.base import Augmentation, Share
from neuroact.events import Events


def cut_mix(events: Events, other: Events, rng: np.random.Generator, alpha: float = 1.0) -> tuple[Events, float]:
    """`events` with a stretch of `other` in it, and the weight of `other`'s label.

    - `other`: of the same sensor. Its clock is set so that both begin together; its speed is not changed, so where it
      is over sooner the stretch stays silent.
    - `alpha`: the stretch's share of the span is drawn from Beta(alpha, alpha), its place evenly; 1 as in the paper.

    The weight is the stretch's share of the span of `events`, in time as the paper's is in area; the label of `events`
    has the rest. If either holds no events, nothing is replaced and the weight is 0.

    Raises `ValueError` if the sensors differ.
    """
    if events.sensor_size != other.sensor_size:
        raise ValueError(f"samples of different sensors cannot be mixed: {events.sensor_size}, {other.sensor_size}")
    share, place = rng.beta(alpha, alpha), rng.random()
    if not len(events) or not len(other):
        return events, 0.0
    (first, last), other_first = events.span, other.span[0]
    duration = last + 1 - first
    length = int(share * duration)
    start = first + int(place * (duration - length + 1))
    guest = other.replace(t=other.t - other_first + first).between(start, start + length)
    before, after = events[events.t < start], events[events.t >= start + length]
    return Events.concatenate([before, guest, after]), length / duration


class CutMix(Augmentation):
    """Settings of `cut_mix`, half of the samples unless told otherwise."""

    kind: Literal["cut_mix"] = "cut_mix"
    probability: Share = 0.5
    alpha: PositiveFloat = 1.0
