"""Window: the stretch of time that one tensor covers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from neuroact.events import Events

LONGEST = 1 << 53
"""Longest window in µs (285 years): up to here a time within it is exact in float64."""


@dataclass(frozen=True, slots=True)
class Window:
    """Events with `start <= t < stop`, in µs.

    - `events`: how many there are, where it is known; encodings by count need it.

    Raises `ValueError` if the window is empty, longer than 285 years, or holds fewer than 0 events.
    """

    start: int
    stop: int
    events: int | None = None

    def __post_init__(self) -> None:
        if not 0 < self.stop - self.start <= LONGEST:
            raise ValueError(f"a window must last 1 to 2^53 µs, not {self.start}..{self.stop}")
        if self.events is not None and self.events < 0:
            raise ValueError(f"a window cannot hold {self.events} events")

    @classmethod
    def of(cls, events: Events) -> Self:
        """From the earliest to the latest of `events`, inclusive; 1 µs for none."""
        first, last = events.span
        return cls(first, last + 1, len(events))

    @property
    def span(self) -> tuple[int, int]:
        """The first and the last timestamp in it."""
        return self.start, self.stop - 1

    @property
    def duration(self) -> int:
        """Its length in µs."""
        return self.stop - self.start
