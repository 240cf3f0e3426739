"""`neuroact datasets make`: data sets that need no download."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neuroact.cli import options

if TYPE_CHECKING:
    from neuroact.datasets.conversion.group import Progress
    from neuroact.datasets.simulation.synthetic import Made

MAKERS = ("synthetic",)


def command(
    name: Annotated[str, typer.Argument(metavar="NAME", help=f"What to make: {', '.join(MAKERS)}.")],
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="DIR", help="A folder that is new or empty; it appears when whole."),
    ],
    recordings: Annotated[
        int, typer.Option(metavar="N", min=20, help="How many; one of every subject at least.")
    ] = 480,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="The same seed gives the same bytes.")] = 0,
    format: Annotated[str, typer.Option(metavar="NAME", help="aedat4 or evt3.")] = "aedat4",
    jobs: Annotated[
        int | None, typer.Option("-j", "--jobs", metavar="N", min=1, help="Worker processes; one per processor.")
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Make recordings of a figure that does twelve actions, seen by a simulated camera, split by subject.

    Laid out and named as DailyDVS-200. Each lasts 3 s and takes about as long to simulate on one core.

    \b
    Example:
      neuroact datasets make synthetic -o synthetic --recordings 480
      neuroact convert synthetic:synthetic -o store --to voxel --windows 1
    """
    from neuroact.cores import granted
    from neuroact.datasets.simulation.synthetic import SUFFIXES, make_synthetic

    if name not in MAKERS:
        raise typer.BadParameter(f"there is no way to make {name!r}; there is {', '.join(MAKERS)}")
    if format not in SUFFIXES:
        raise typer.BadParameter(f"--format takes {', '.join(SUFFIXES)}, not {format!r}")
    with _watching(recordings) as watch:
        made = make_synthetic(output, recordings, seed=seed, format=format, jobs=jobs or granted(), watch=watch)
    typer.echo(json.dumps(_fields(made), indent=2) if as_json else _summary(made))


@contextmanager
def _watching(recordings: int) -> Iterator[Callable[[Progress], None]]:
    """A bar on a terminal, and a line now and then elsewhere, as conversions have."""
    from neuroact.cli.progress import Lines, progress_bar

    if not sys.stderr.isatty():
        yield Lines(recordings).update
        return
    with progress_bar("simulating", recordings) as bar:
        yield bar.update


def _fields(made: Made) -> dict[str, object]:
    return {
        "path": str(made.path),
        "recordings": made.recordings,
        "events": made.events,
        "bytes": made.bytes,
    }


def _summary(made: Made) -> str:
    from neuroact.viewing import quantities

    splits = ", ".join(f"{count} {split}" for split, count in made.recordings.items())
    return (
        f"{made.path} ({quantities.size(made.bytes)}): {quantities.count(sum(made.recordings.values()))} recordings "
        f"({splits}), {quantities.count(made.events)} events"
    )
