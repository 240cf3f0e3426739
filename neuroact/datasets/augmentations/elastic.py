"""Elastic deformation: no hand writes a figure twice alike."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PositiveInt

from neuroact.datasets.augmentations.base import EventAugmentation
from neuroact.datasets.augmentations.moving import moved
from neuroact.events import Events


def elastic(events: Events, rng: np.random.Generator, spread: float = 0.03, cells: int = 4) -> Events:
    """Each event moved by a smooth random field, the same at all times (Simard et al. 2003); what leaves is dropped.

    The paper draws a displacement of every pixel and smooths them. Here the corners of `cells` x `cells` cells have one
    each, and what lies between them is interpolated, which costs the same on sensors of any size.

    - `spread`: standard deviation of a corner's displacement, as a share of the sensor's width and height.

    The defaults are ours.
    """
    width, height = events.sensor_size
    corners = rng.normal(0, spread, (cells + 1, cells + 1, 2)) * (width, height)  # row, column, (x, y)
    column, right = _in_cells(events.x, width, cells)
    row, down = _in_cells(events.y, height, cells)
    above = corners[row, column] * (1 - right) + corners[row, column + 1] * right
    below = corners[row + 1, column] * (1 - right) + corners[row + 1, column + 1] * right
    dx, dy = (above * (1 - down) + below * down).T
    return moved(events, events.x + dx, events.y + dy)


def _in_cells(pixels: NDArray[np.uint16], extent: int, cells: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The cell that each pixel of a row or column is in, `(N,)`, and how far from its beginning, `(N, 1)` in [0, 1]."""
    places = pixels.astype(np.float64) * (cells / max(extent - 1, 1))
    cell = np.minimum(places.astype(np.intp), cells - 1)
    return cell, (places - cell)[:, None]


class Elastic(EventAugmentation):
    """Settings of `elastic`."""

    kind: Literal["elastic"] = "elastic"
    spread: Annotated[float, Field(ge=0)] = 0.03
    cells: PositiveInt = 4

    def apply(self, events: Events, rng: np.random.Generator) -> Events:
        return elastic(events, rng, self.spread, self.cells)
