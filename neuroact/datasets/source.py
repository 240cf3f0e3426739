"""Source: one recording to convert, and what is known of it from where it stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Source:
    """One recording to convert.

    - `path`: where it is. `size`: in bytes.
    - `name`: what a store calls it: its path below the folder that holds all sources, with `/`.
    - `class_name`, `label`: what it shows, by name and by index into the classes; None where that is not known.
    - `split`: `train`, `test`, ... or None.
    - `sensor_size`, `format`: where its data set knows them better than the file.
    """

    path: Path
    size: int
    name: str = ""
    class_name: str | None = None
    label: int | None = None
    split: str | None = None
    sensor_size: tuple[int, int] | None = None
    format: str | None = None


@dataclass(slots=True)
class Listing:
    """The recordings that one argument of `convert` stands for.

    - `root`: the folder that names are relative to.
    - `classes`: all classes in the order of their labels, where a data set fixes it.
    - `ignored`: files that are not recordings, and why. `notes`: what the user should know.
    """

    sources: list[Source]
    root: Path
    classes: tuple[str, ...] = ()
    ignored: list[tuple[Path, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
