"""`neuroact demo`: the whole way once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="OUT", help="Folder that is made anew.")] = Path(
        "demo"
    ),
) -> None:
    """Simulate the synthetic actions, audit, convert and view them, train a small spiking network, and report on it.

    It ends with the network in the integers of Loihi 2, and how many recordings these recognise beside the floats.
    Takes about two minutes on two cores and needs no data. The folder must be new, empty, or an earlier demo's.

    \b
    Example:
      neuroact demo -o demo
    """
    from neuroact.demo import run

    report = run(output, typer.echo)
    typer.echo(f"the report: {report}")
