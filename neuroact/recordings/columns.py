"""Columns: where decoders write."""

from __future__ import annotations

import sys

import numpy as np
from numpy.typing import NDArray

from neuroact.events import Events

BATCH = 1 << 18
"""Events that are decoded at a time where the caller does not care: 3.4 MB of columns."""


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
        self.write(self.size, t, x, y, p)
        self.size += t.size

    def write(
        self,
        start: int,
        t: NDArray[np.integer],
        x: NDArray[np.integer],
        y: NDArray[np.integer],
        p: NDArray[np.integer] | NDArray[np.bool_],
    ) -> None:
        """Copies events to where `start` says, whatever `size` is."""
        stop = start + t.size
        self.t[start:stop] = t
        self.x[start:stop] = x
        self.y[start:stop] = y
        self.p[start:stop] = p

    def grow(self, capacity: int) -> None:
        """Moves to arrays of a larger `capacity`."""
        for name in "txyp":
            old = getattr(self, name)
            new = np.empty(capacity, old.dtype)
            new[: self.size] = old[: self.size]
            setattr(self, name, new)

    def trim(self) -> None:
        """Gives back what is not filled. No views of the arrays may exist."""
        for column in (self.t, self.x, self.y, self.p):
            column.resize(self.size, refcheck=False)

    def events(self, sensor_size: tuple[int, int], has_polarity: bool, *, count: int | None = None) -> Events:
        """The first `count` events (all by default), as views."""
        stop = self.size if count is None else count
        return Events(self.t[:stop], self.x[:stop], self.y[:stop], self.p[:stop], sensor_size, has_polarity)

    def take(self, other: Columns, start: int) -> int:
        """Copies events of `other` from `start` on to the end, as many as fit; returns how many."""
        stop = min(other.size, start + self.room)
        self.append(other.t[start:stop], other.x[start:stop], other.y[start:stop], other.p[start:stop])
        return stop - start

    def swap(self, other: Columns) -> None:
        """Changes places with `other`: what one held is then in the other, and nothing is copied."""
        for name in ("size", *"txyp"):
            mine, theirs = getattr(self, name), getattr(other, name)
            setattr(self, name, theirs)
            setattr(other, name, mine)

    @property
    def references(self) -> int:
        """How many times the array is referred to that is most in use; a view counts as a use of its array."""
        return max(sys.getrefcount(column) for column in (self.t, self.x, self.y, self.p))


class Spares:
    """Columns that are lent again once nobody holds a view of them.

    Fresh memory must be mapped page by page, which costs as much as decoding into it. Whoever loops over chunks lets
    go of one as it asks for the next, so two or three sets of columns serve a whole recording.
    """

    UNUSED = Columns(0).references
    MOST = 3

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._lent: list[Columns] = []

    def take(self, besides: Columns | None = None) -> Columns:
        """Empty columns, used before or new, but not those that the caller still reads (`besides`)."""
        for columns in self._lent:
            if columns is not besides and columns.references == self.UNUSED:
                columns.size = 0
                return columns
        columns = Columns(self._capacity)
        if len(self._lent) < self.MOST:
            self._lent.append(columns)
        return columns
