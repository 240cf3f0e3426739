"""Random non-uniform re-timing: parts of an action are done faster or slower, and unevenly so.

SMV-EAR's temporal warping cuts a clip into 4 random intervals and re-times each by one of five curves. It names the
curves and not their strength; `STRONGEST` is ours.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import PositiveInt

from neuroact.datasets.augmentations.base import EventAugmentation
from neuroact.events import Events

CURVES = ("identity", "linear", "power", "exp", "cos")
STRONGEST = 2.0
"""Of a linear interval's change of length and of a power, which lie between this and its inverse; and of exponents."""


def retime(events: Events, rng: np.random.Generator, intervals: int = 4) -> Events:
    """The events at other times of the same span, their order kept (SMV-EAR: four intervals).

    - `intervals`: the span is cut at random into so many. With s running from 0 to 1 along an interval, it becomes s
      (`identity`; `linear`, whose interval becomes up to twice as long or short beside the others), s^k (`power`, k
      from 1/2 to 2), (e^ks - 1) / (e^k - 1) (`exp`, k from -2 to 2) or (1 - cos πs) / 2 (`cos`).

    The first and the last time stay, so no event leaves the span; an event that is not after another one before is not
    after it afterwards.
    """
    first, last = events.span
    if first == last:
        return events
    old = np.concatenate(([0.0], np.sort(rng.random(intervals - 1)), [1.0]))
    curves = [CURVES[index] for index in rng.integers(0, len(CURVES), intervals)]
    strengths = STRONGEST ** rng.uniform(-1, 1, intervals)
    lengths = np.diff(old) * np.where([curve == "linear" for curve in curves], strengths, 1.0)
    new = np.concatenate(([0.0], np.cumsum(lengths) / lengths.sum()))
    new[-1] = 1.0
    passed = (events.t - first) / (last - first)
    place = np.clip(np.searchsorted(old, passed, side="right") - 1, 0, intervals - 1)
    warped = np.empty_like(passed)
    for index, (curve, strength) in enumerate(zip(curves, strengths, strict=True)):
        here = place == index
        s = (passed[here] - old[index]) / max(old[index + 1] - old[index], np.finfo(np.float64).tiny)
        along = new[index] + _curve(curve, s, strength) * (new[index + 1] - new[index])
        warped[here] = np.clip(along, new[index], new[index + 1])
    return events.replace(t=_in_order(events.t, first + np.rint(warped * (last - first)).astype(np.int64)))


def _curve(curve: str, s: NDArray[np.float64], strength: float) -> NDArray[np.float64]:
    """From 0 to 1 along s, never falling. `strength` lies between `1 / STRONGEST` and `STRONGEST`."""
    if curve == "power":
        return s**strength
    if curve == "exp":
        k = STRONGEST * np.log(strength) / np.log(STRONGEST)
        return s if abs(k) < 1e-6 else np.expm1(k * s) / np.expm1(k)
    if curve == "cos":
        return (1 - np.cos(np.pi * s)) / 2
    return s


def _in_order(before: NDArray[np.int64], after: NDArray[np.int64]) -> NDArray[np.int64]:
    """Times that ran forward still do: a curve may fall by a rounding error where two times are next to each other."""
    return np.maximum.accumulate(after) if (before[1:] >= before[:-1]).all() else after


class Retime(EventAugmentation):
    """Settings of `retime`."""

    kind: Literal["retime"] = "retime"
    intervals: PositiveInt = 4

    def apply(self, events: Events, rng: np.random.Generator) -> Events:
        return retime(events, rng, self.intervals)
