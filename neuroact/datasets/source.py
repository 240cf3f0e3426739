"""Source: one recording to convert, and what is known of it from where it stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Source:
    """One recording to convert.

    - `path`: where it is. `size`: of the file, in bytes.
    - `name`: what a store calls it: its path below the folder that holds all sources, with `/`, and `#part`.
    - `class_name`, `label`: what it shows, by name and by index into the classes; None where that is not known.
    - `split`: `train`, `test`, ... or None.
    - `sensor_size`, `format`: where its data set knows them better than the file.
    - `span`: the part of the recording that is meant, `start <= t < stop` in µs of the camera's clock; None for all
      of it. `part`: its number among the parts of the recording, from 1.
    - `subject`: who is seen. `recorded`: when, in the camera's local time. None where that is not known.
    - `attributes`: what else the data set says of it, by name.
    """

    path: Path
    size: int
    name: str = ""
    class_name: str | None = None
    label: int | None = None
    split: str | None = None
    sensor_size: tuple[int, int] | None = None
    format: str | None = None
    span: tuple[int, int] | None = None
    subject: str | None = None
    recorded: datetime | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    part: int | None = None


@dataclass(slots=True)
class Listing:
    """The recordings that one argument of `convert` stands for.

    - `root`: the folder that names are relative to.
    - `classes`: all classes in the order of their labels, where a data set fixes it.
    - `ignored`: files that are not recordings, and why. `notes`: what the user should know.
    - `missing`: files that the data set has and this copy of it has not.
    - `listed`: where a data set has lists of its splits, what they say, a source for every line: also for recordings
      that are not there (of size 0) and, again, for those in several lists. It is what an audit of the split looks at.
    """

    sources: list[Source]
    root: Path
    classes: tuple[str, ...] = ()
    ignored: list[tuple[Path, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    missing: list[Path] = field(default_factory=list)
    listed: list[Source] = field(default_factory=list)


def total_bytes(sources: Iterable[Source]) -> int:
    """Of the files that `sources` stand in, each counted once however many of its parts are meant."""
    return sum({source.path: source.size for source in sources}.values())
