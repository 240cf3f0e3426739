"""Options that several commands share, and how their values are read."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from neuroact.recordings.formats import READERS
from neuroact.recordings.limits import DEFAULT_LIMITS, Limits

SIZE = re.compile(r"(\d{1,9})x(\d{1,9})")
DURATION = re.compile(r"(\d{1,12}(?:\.\d+)?) ?(us|µs|μs|ms|s|min)")
# There are two signs for micro that look alike: U+00B5 and the Greek letter.
MICROSECONDS = {"us": 1, "µs": 1, "μs": 1, "ms": 1_000, "s": 1_000_000, "min": 60_000_000}


def size(text: str) -> tuple[int, int]:
    """`(width, height)` from `WIDTHxHEIGHT`. Raises `typer.BadParameter`."""
    match = SIZE.fullmatch(text.strip().lower())
    if match is None or "0" in match.groups():
        raise typer.BadParameter(f"{text!r} is not WIDTHxHEIGHT, such as 640x480")
    return int(match[1]), int(match[2])


def optional_size(text: str | None) -> tuple[int, int] | None:
    """`size`, where the option may be absent."""
    return None if text is None else size(text)


def duration(text: str) -> int:
    """µs from a number with a unit: `200us`, `50ms`, `1.5s` or `2min`. Raises `typer.BadParameter`."""
    match = DURATION.fullmatch(text.strip().lower())
    if match is None:
        raise typer.BadParameter(f"{text!r} is not a time with a unit, such as 200us, 50ms, 1.5s or 2min")
    return round(float(match[1]) * MICROSECONDS[match[2]])


def optional_duration(text: str | None) -> int | None:
    """`duration`, where the option may be absent."""
    return None if text is None else duration(text)


def limits(factor: int) -> Limits:
    """The limits that `--raise-limits` asks for."""
    return DEFAULT_LIMITS.scaled(factor)


def _known_format(name: str | None) -> str | None:
    if name is not None and name not in READERS:
        raise typer.BadParameter(f"there is no format {name!r}; there are {', '.join(READERS)}")
    return name


Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="NAME",
        callback=_known_format,
        help="Read as this format instead of the one that the content shows.",
    ),
]
SensorSize = Annotated[
    str | None,
    typer.Option("--sensor-size", metavar="WxH", help="Size of the sensor in pixels, overriding what the file says."),
]
Strict = Annotated[bool, typer.Option("--strict", help="Take damage for an error instead of keeping what is sound.")]
RaiseLimits = Annotated[
    int,
    typer.Option(
        "--raise-limits", metavar="N", min=1, help="Accept declared sizes N times as large; for trusted files only."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
