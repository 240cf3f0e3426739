"""Columns: where decoders write."""

import numpy as np
from numpy.typing import NDArray

from neuroact.events import Events


class Columns:
    """Four arrays with room for `capacity` events, of which the first `size` are filled.

    Decoders write at the end and raise `size`. Memory that is never written is never touched, so a capacity
    beyond need costs address space alone.
    """

    def __init__(self, capacity: int) -> None:
        self.size = 0
        self.t: NDArray[np.int64] = np.empty(capacity, np.int64)
        self.x: NDArray[np.uint16] = np.empty(capacity, np.uint16)
        self.y: NDArray[np.uint16] = np.empty(capacity, np.uint16)
        self.p: NDArray[np.uint8] = np.empty(capacity, np.uint8)

    @property
    def capacity(self) -> int:
        """Events that fit."""
        return self.t.size

    @property
    def room(self) -> int:
        """Events that still fit."""
        return self.t.size - self.size

    def append(
        self,
        t: NDArray[np.integer],
        x: NDArray[np.integer],
        y: NDArray[np.integer],
        p: NDArray[np.integer] | NDArray[np.bool_],
    ) -> None:
        """Copies events to the end; they must fit."""
        start, stop = self.size, self.size + t.size
        self.t[start:stop] = t
        self.x[start:stop] = x
        self.y[start:stop] = y
        self.p[start:stop] = p
        self.size = stop

    def grow(self, capacity: int) -> None:
        """Makes room for `capacity` events in all, in place where the system can remap pages."""
        for column in (self.t, self.x, self.y, self.p):
            column.resize(capacity, refcheck=False)

    def events(self, sensor_size: tuple[int, int], has_polarity: bool, *, count: int | None = None) -> Events:
        """The first `count` events (all by default), as views."""
        stop = self.size if count is None else count
        return Events(self.t[:stop], self.x[:stop], self.y[:stop], self.p[:stop], sensor_size, has_polarity)

    def tail(self, start: int, capacity: int) -> "Columns":
        """New columns of `capacity` that begin with a copy of the events from `start` on."""
        columns = Columns(max(capacity, self.size - start))
        stop = self.size
        columns.append(self.t[start:stop], self.x[start:stop], self.y[start:stop], self.p[start:stop])
        return columns
