"""Events: four columns and the size of the sensor that they come from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

STRUCTURED = np.dtype([("x", "<i2"), ("y", "<i2"), ("t", "<i8"), ("p", "?")])
"""One event as tonic lays it out."""


@dataclass(frozen=True, eq=False, slots=True)
class Events:
    """DVS events in file order.

    - `t`: `(N,)` int64, microseconds, as the camera wrote them.
    - `x`, `y`: `(N,)` uint16, pixels; (0, 0) is the top-left one.
    - `p`: `(N,)` uint8, 1 = ON (brighter), 0 = OFF.
    - `sensor_size`: `(width, height)` in pixels.
    - `has_polarity`: False for colour and generic streams, whose `p` is all zero and means nothing.

    Raises `ValueError` if the columns differ in length or are not one-dimensional.
    """

    t: NDArray[np.int64]
    x: NDArray[np.uint16]
    y: NDArray[np.uint16]
    p: NDArray[np.uint8]
    sensor_size: tuple[int, int]
    has_polarity: bool = True

    def __post_init__(self) -> None:
        for name, dtype in (("t", np.int64), ("x", np.uint16), ("y", np.uint16), ("p", np.uint8)):
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype=dtype))
        if not (self.t.ndim == self.x.ndim == self.y.ndim == self.p.ndim == 1):
            raise ValueError("the columns t, x, y, p must be one-dimensional")
        if not (self.t.size == self.x.size == self.y.size == self.p.size):
            sizes = f"{self.t.size}, {self.x.size}, {self.y.size}, {self.p.size}"
            raise ValueError(f"the columns t, x, y, p must be equally long, not {sizes}")

    @classmethod
    def empty(cls, sensor_size: tuple[int, int], *, has_polarity: bool = True) -> Self:
        """No events, from a sensor of `sensor_size`."""
        none = np.empty(0)
        return cls(none.astype(np.int64), none, none, none, sensor_size, has_polarity)  # type: ignore[arg-type]

    @classmethod
    def from_structured(cls, array: NDArray[Any], sensor_size: tuple[int, int]) -> Self:
        """Columns from a structured array with fields `t`, `x`, `y`, `p` in any order, as tonic and expelliarmus use.

        Polarities of -1 become 0. Raises `ValueError` if a field is missing.
        """
        missing = [name for name in "txyp" if name not in (array.dtype.names or ())]
        if missing:
            raise ValueError(f"the array lacks the fields {', '.join(missing)}; it has {array.dtype.names}")
        return cls(array["t"], array["x"], array["y"], array["p"] > 0, sensor_size)  # type: ignore[arg-type]

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """The events of `parts`, one after the other; they must come from one sensor."""
        if not parts:
            raise ValueError("nothing to concatenate: at least one Events is needed")
        if len({part.sensor_size for part in parts}) > 1:
            raise ValueError("events of different sensor sizes cannot be concatenated")
        t, x, y, p = (np.concatenate([getattr(part, name) for part in parts]) for name in "txyp")
        return cls(t, x, y, p, parts[0].sensor_size, all(part.has_polarity for part in parts))

    def __len__(self) -> int:
        return self.t.size

    def __getitem__(self, index: slice | NDArray[np.bool_] | NDArray[np.intp]) -> Self:
        """The events at a slice, a boolean mask or an array of indices. Slices are views."""
        if isinstance(index, int | np.integer):
            raise TypeError("an event has no class of its own: index with a slice, a mask or an array of indices")
        return self.replace(t=self.t[index], x=self.x[index], y=self.y[index], p=self.p[index])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Events):
            return NotImplemented
        return self.sensor_size == other.sensor_size and all(
            np.array_equal(getattr(self, name), getattr(other, name)) for name in "txyp"
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        width, height = self.sensor_size
        when = "" if len(self) == 0 else f", t {self.t[0]}..{self.t[-1]} µs"
        return f"Events({len(self)} events, {width}x{height}{when})"

    @property
    def span(self) -> tuple[int, int]:
        """Earliest and latest timestamp in µs; `(0, 0)` for no events."""
        return (int(self.t.min()), int(self.t.max())) if len(self) else (0, 0)

    @property
    def nbytes(self) -> int:
        """Bytes of the columns."""
        return sum(int(getattr(self, name).nbytes) for name in "txyp")

    def replace(self, **columns: ArrayLike) -> Self:
        """A copy with the columns given exchanged; the others are shared."""
        fields: dict[str, Any] = {name: getattr(self, name) for name in self.__slots__}
        return type(self)(**(fields | columns))

    def between(self, start: int, stop: int) -> Self:
        """The events with `start <= t < stop`, in µs and in file order, whether or not time runs backwards."""
        return self[(self.t >= start) & (self.t < stop)]

    def to_structured(self) -> NDArray[np.void]:
        """A structured array in tonic's layout: `x`, `y` int16, `t` int64 in µs, `p` bool."""
        array = np.empty(len(self), STRUCTURED)
        for name in "xytp":
            array[name] = getattr(self, name)
        return array

    def checksum(self) -> str:
        """SHA-256 in hex over `t`, `x`, `y`, `p`, each as little-endian int64, one column after the other."""
        return checksum([getattr(self, name)] for name in "txyp")


def checksum(columns: Iterable[Iterable[NDArray[Any]]]) -> str:
    """SHA-256 in hex over columns given piece by piece, each piece as little-endian int64."""
    digest = hashlib.sha256()
    for column in columns:
        for piece in column:
            digest.update(np.ascontiguousarray(piece, dtype="<i8").data)
    return digest.hexdigest()
