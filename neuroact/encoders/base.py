"""What every encoder and every filter is to those that use one, and the guard that all of them share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from numpy.typing import NDArray

from neuroact.errors import EncodingError, NoPolarity
from neuroact.events import Events

BLOCK = 1 << 16
"""Events that are handled at a time, so that what one step leaves in the processor's cache the next finds there."""


class Accumulator(Protocol):
    """An encoding under way: one window, whose events come piece by piece in file order.

    The result does not depend on how they are cut into pieces. After an error it means nothing.
    """

    def add(self, events: Events) -> None:
        """Takes the next events of the window.

        Raises `EncodingError` if one lies outside the window or the sensor, `NoPolarity` if ON and OFF are needed
        and the stream has none.
        """

    def result(self) -> NDArray[Any]:
        """The tensor of the events so far. It may share the accumulator's memory: add nothing after taking it."""


class Filter(Protocol):
    """Events in, fewer or moved events out; what it must remember it keeps from one call to the next.

    The output does not depend on how the stream is cut into calls.
    """

    @property
    def sensor_size(self) -> tuple[int, int]:
        """`(width, height)` after the filter."""

    def __call__(self, events: Events) -> Events:
        """The next events of the stream, filtered; the columns given are never changed."""


def blocks(events: Events) -> Iterator[Events]:
    """The events in pieces of `BLOCK`, as views."""
    for begin in range(0, len(events), BLOCK):
        yield events[begin : begin + BLOCK]


def require_inside(events: Events, sensor_size: tuple[int, int], span: tuple[int, int] | None = None) -> None:
    """Raises `EncodingError` for events outside the sensor or outside `span`, first and last time in µs.

    Kernels write where coordinates point, so all events pass here before; it takes a tenth of a kernel's time.
    """
    if not len(events):
        return
    width, height = sensor_size
    if int(events.x.max()) >= width or int(events.y.max()) >= height:
        where = f"({events.x.max()}, {events.y.max()})"
        raise EncodingError(f"events reach {where}, outside the sensor of {width}x{height} pixels: give its true size")
    if int(events.p.max()) > 1:
        raise EncodingError(f"polarities must be 0 or 1, not {events.p.max()}")
    earliest, latest = events.span
    if span is not None and (earliest < span[0] or latest > span[1]):
        raise EncodingError(f"events at {earliest}..{latest} µs lie outside the window {span[0]}..{span[1]} µs")


def require_polarity(events: Events) -> None:
    """Raises `NoPolarity` for a colour or generic stream."""
    if not events.has_polarity:
        raise NoPolarity("this stream carries no polarity, so there is no ON and OFF to encode")


def require_at_least(minimum: int, **values: int) -> None:
    """Raises `ValueError` that names the first of `values` below `minimum`."""
    for name, value in values.items():
        if value < minimum:
            raise ValueError(f"{name} must be at least {minimum}, not {value}")
