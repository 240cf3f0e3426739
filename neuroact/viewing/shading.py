"""From counts of events to coloured pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neuroact.viewing.style import Style, rgb

GAMMA = 0.6
"""Below 1: a single event is seen beside pixels that fire many times."""


def shade(
    on: NDArray[np.number], off: NDArray[np.number], full: float, style: Style, *, polarity: bool = True
) -> NDArray[np.uint8]:
    """Counts of ON and OFF events, `(height, width)` each, as `(height, width, 3)` uint8.

    - `full`: count from which on a pixel has the full colour of its polarity.
    - `polarity`: whether ON and OFF have colours of their own.

    A pixel that fires both ways has a mixture of both colours.
    """
    total = np.asarray(on, np.float32) + off
    cover = np.minimum(total / np.float32(full), 1) ** np.float32(GAMMA)
    share = np.divide(on, total, out=np.zeros_like(total), where=total > 0)
    ground = np.array(rgb(style.panel), np.float32)
    on_colour = np.array(rgb(style.on if polarity else style.single), np.float32)
    off_colour = np.array(rgb(style.off), np.float32)
    ink = off_colour + share[..., None] * (on_colour - off_colour)
    return np.asarray(ground + cover[..., None] * (ink - ground) + 0.5).astype(np.uint8)


def pool(counts: NDArray[np.uint32], factor: int) -> NDArray[np.uint32]:
    """Sums squares of `factor` pixels, so that shrinking a picture loses no event; edges are filled with zeros."""
    if factor == 1:
        return counts
    height, width = counts.shape
    padded = np.pad(counts, ((0, -height % factor), (0, -width % factor)))
    return np.add.reduceat(
        np.add.reduceat(padded, np.arange(0, padded.shape[0], factor), axis=0, dtype=np.uint32),
        np.arange(0, padded.shape[1], factor),
        axis=1,
        dtype=np.uint32,
    )


def full_count(counts: NDArray[np.number]) -> float:
    """The count to take as full colour: that of the busiest fiftieth of the pixels that fired, at least 1."""
    fired = counts[counts > 0]
    return float(max(1.0, np.quantile(fired, 0.98))) if fired.size else 1.0
