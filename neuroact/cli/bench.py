"""`neuroact bench`: how fast the kernels are on this machine."""

from __future__ import annotations

import json
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer

from neuroact.cli import options


class Subject(StrEnum):
    """What can be measured."""

    KERNELS = "kernels"


def command(
    subject: Annotated[Subject, typer.Argument(metavar="WHAT", help="What to measure: kernels.")],
    as_json: options.AsJson = False,
    rounds: Annotated[int, typer.Option(min=1, help="How often each contestant runs.")] = 9,
) -> None:
    """Measure the kernels beside other libraries, where these are installed, and the speed of memory.

    Contestants take turns in one process, and figures are medians. Takes a minute or two; compiling the kernels for
    the first time another.

    \b
    Example:
      neuroact bench kernels
      neuroact bench kernels --json --rounds 25
    """
    import torch

    from neuroact.bench import bench_gpu, bench_kernels

    rows = bench_kernels(rounds)
    if torch.cuda.is_available():
        rows += bench_gpu(rounds)
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in rows], indent=2))
        return
    for row in rows:
        typer.echo(f"{row.claim}\n  must reach {row.target}; reached {row.reached}: {'met' if row.met else 'SHORT'}")
        if row.seconds:
            figures = ", ".join(f"{name} {seconds * 1e3:.2f} ms" for name, seconds in row.seconds.items())
            typer.echo(f"  {figures}")
