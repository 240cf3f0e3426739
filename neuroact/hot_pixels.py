"""Which pixels are defects, told from how often each one fires. `info` counts them, the filter removes them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def hot_pixel_mask(counts: NDArray[np.integer]) -> NDArray[np.bool_]:
    """The pixels that fire far more often than what surrounds them, as a defect does and a moving edge does not.

    - `counts`: `(height, width)`, events per pixel.

    Returns `(height, width)`: True where a pixel has more than 10 + 5 m events, m being the mean of its neighbours
    (eight, fewer at the border). The 10 keeps the chance hits of short recordings out.
    """
    height, width = counts.shape
    around = np.zeros((height + 2, width + 2), np.float32)
    around[1:-1, 1:-1] = counts
    inside = np.zeros((height + 2, width + 2), np.float32)
    inside[1:-1, 1:-1] = 1
    neighbours = _sum_of_three_by_three(inside) - 1
    mean = (_sum_of_three_by_three(around) - counts) / np.maximum(neighbours, 1)
    return np.asarray(counts > 10 + 5 * mean)


def _sum_of_three_by_three(padded: NDArray[np.float32]) -> NDArray[np.float32]:
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    return np.asarray(rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:])
