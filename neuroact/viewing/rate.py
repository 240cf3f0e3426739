"""The rate of events over time, collected in the course of a pass."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neuroact.events import Events
from neuroact.viewing.survey import View


class RateOverTime:
    """Counts the events of a view in `bins` equal stretches of its time."""

    def __init__(self, view: View, bins: int) -> None:
        self._view = view
        self._counts = np.zeros((2, bins), np.int64)

    def add(self, chunk: Events) -> None:
        """Counts events of the view."""
        bins = self._counts.shape[1]
        since = (chunk.t - self._view.first_t).astype(np.float64)
        stretch = (since * (bins / self._view.duration)).astype(np.intp)
        self._counts += np.bincount(stretch + bins * chunk.p.astype(np.intp), minlength=2 * bins).reshape(2, -1)

    @property
    def per_second(self) -> NDArray[np.float64]:
        """`(2, bins)`: OFF and ON events per second."""
        return np.asarray(self._counts * (1e6 * self._counts.shape[1] / self._view.duration))


def readable_top(rates: NDArray[np.float64]) -> tuple[float, bool]:
    """Where a plot of `rates` should end, and whether that cuts peaks off.

    A camera that is switched on fires with every pixel at once: a scale that holds that shows nothing else.
    """
    peak = float(rates.max())
    usual = float(np.quantile(rates, 0.98))
    cut = peak > 4 * usual > 0
    return (2 * usual if cut else peak), cut
