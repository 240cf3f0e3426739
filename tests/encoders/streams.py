"""Streams of events for the tests: seeded ones, and ones that hypothesis makes up and cuts into pieces."""

from collections.abc import Iterator

import numpy as np
from hypothesis import strategies as st

from neuroact import Events

SIZE = (7, 5)


def events_of(*rows: tuple[int, int, int, int], sensor_size: tuple[int, int] = SIZE) -> Events:
    """Events from `(t, x, y, p)` each."""
    t, x, y, p = np.array(rows, np.int64).reshape(-1, 4).T
    return Events(t, x, y, p, sensor_size)  # type: ignore[arg-type]


def disordered(count: int, sensor_size: tuple[int, int] = (33, 21), seed: int = 0) -> Events:
    """Events whose time often runs back."""
    rng = np.random.default_rng(seed)
    width, height = sensor_size
    t = 5_000 + np.cumsum(rng.integers(-20, 60, count))
    x, y, p = (rng.integers(0, end, count) for end in (width, height, 2))
    return Events(t, x, y, p, sensor_size)


@st.composite
def cut_streams(draw: st.DrawFn) -> tuple[Events, list[Events]]:
    """A short stream on a small sensor, and the same stream in pieces, some of them empty."""
    row = st.tuples(st.integers(-50, 200), st.integers(0, SIZE[0] - 1), st.integers(0, SIZE[1] - 1), st.integers(0, 1))
    events = events_of(*draw(st.lists(row, max_size=40)))
    if draw(st.booleans()):
        events = events[np.argsort(events.t, kind="stable")]
    cuts = sorted(draw(st.lists(st.integers(0, len(events)), max_size=6)))
    return events, list(pieces(events, cuts))


def pieces(events: Events, cuts: list[int]) -> Iterator[Events]:
    """The events cut at the indices given."""
    for begin, end in zip([0, *cuts], [*cuts, len(events)], strict=True):
        yield events[begin:end]


def frozen(events: Events) -> Events:
    """The same events in columns that cannot be written to: whoever tries to change the caller's arrays fails."""
    for name in "txyp":
        getattr(events, name).flags.writeable = False
    return events
