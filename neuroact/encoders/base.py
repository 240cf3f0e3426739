"""What every encoder and every filter is to those that use one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from numpy.typing import NDArray

from neuroact.encoders.window import Window
from neuroact.errors import EncodingError, NoPolarity
from neuroact.events import Events

BLOCK = 1 << 16
"""Events that are checked and encoded at a time: their 0.8 MB stay in the processor's cache between the two."""


class Accumulator(Protocol):
    """An encoding under way: one window, whose events come piece by piece in file order.

    The result does not depend on how they are cut into pieces.
    """

    def add(self, events: Events) -> None:
        """Takes the next events of the window. Raises `EncodingError` if one lies outside the window or the sensor."""

    def result(self) -> NDArray[Any]:
        """The tensor of the events so far. Owned by the accumulator: add nothing after taking it."""


class Filter(Protocol):
    """Events in, fewer or moved events out; what it must remember it keeps from one call to the next.

    The output does not depend on how the stream is cut into calls.
    """

    @property
    def sensor_size(self) -> tuple[int, int]:
        """`(width, height)` after the filter."""

    def __call__(self, events: Events) -> Events:
        """The next events of the stream, filtered; the columns given are never changed."""


def checked_blocks(events: Events, sensor_size: tuple[int, int], window: Window) -> Iterator[Events]:
    """The events in pieces of `BLOCK`, each proven to lie inside the sensor and the window.

    Kernels write where coordinates point, so none may run on events that have not passed here.
    """
    width, height = sensor_size
    first, last = window.span
    for begin in range(0, len(events), BLOCK):
        block = events[begin : begin + BLOCK]
        if int(block.x.max()) >= width or int(block.y.max()) >= height:
            raise EncodingError(f"events lie outside the sensor of {width}x{height} pixels: give its true size")
        earliest, latest = block.span
        if earliest < first or latest > last:
            raise EncodingError(f"events at {earliest}..{latest} µs lie outside the window {first}..{last} µs")
        yield block


def require_polarity(events: Events) -> None:
    """Raises `NoPolarity` for a colour or generic stream."""
    if not events.has_polarity:
        raise NoPolarity("this stream carries no polarity, so there is no ON and OFF to encode")


def at_least(minimum: int, **values: int) -> None:
    """Raises `ValueError` that names the first of `values` below `minimum`."""
    for name, value in values.items():
        if value < minimum:
            raise ValueError(f"{name} must be at least {minimum}, not {value}")
