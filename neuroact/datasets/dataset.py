"""Dataset: what is known of a published data set, and how to find the recordings in a copy of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from neuroact.datasets.source import Listing


@dataclass(frozen=True, slots=True)
class Dataset:
    """One published data set.

    - `name`: as in `NAME:ROOT`. `title`: as its authors write it.
    - `classes`: how many it has. `recordings`: how many files.
    - `sensor_size`: `(width, height)`; None if it differs from recording to recording.
    - `licence`: None where none is stated. `place`: where to get it.
    - `files`: which files go where below ROOT, a line each.
    - `schemes`: the ways to split it that `listing` knows, the default first.
    - `listing`: the recordings in the copy at a path, split by a scheme. Raises `DatasetError` if there are none.
    - `divided`: whether a scheme takes a part of the recordings only. What its lists name is then all that it has.
    """

    name: str
    title: str
    classes: int
    recordings: int
    sensor_size: tuple[int, int] | None
    licence: str | None
    place: str
    files: str
    schemes: tuple[str, ...]
    listing: Callable[[Path, str], Listing]
    divided: bool = False
