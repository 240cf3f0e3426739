"""`neuroact simulate`: how well an exported network does on recordings, in the chip's arithmetic."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neuroact.cli import options
from neuroact.cli.exit_codes import ExitCode
from neuroact.cli.info import aligned
from neuroact.cli.wrong_settings import problem

if TYPE_CHECKING:
    from neuroact.hardware.simulating import Simulated


class Engine(StrEnum):
    """What computes the spikes that come out."""

    EMULATOR = "emulator"
    LAVA = "lava"


def command(
    file: Annotated[Path, typer.Argument(metavar="FILE.net", help="What neuroact export wrote, FILE.json beside it.")],
    data: Annotated[
        str, typer.Option(metavar="SRC", help="A data set (NAME:ROOT), a folder of recordings or a store.")
    ],
    split: Annotated[str, typer.Option(metavar="NAME", help="The samples to run.")] = "test",
    engine: Annotated[Engine, typer.Option(help="neuroact's emulator, or Lava's own simulator.")] = Engine.EMULATOR,
    python: Annotated[
        Path | None, typer.Option(metavar="PATH", help="A Python 3.10 that has Lava; without it, uv sets one up.")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(metavar="T", min=1, help="Encode in so many steps instead of the model's number.")
    ] = None,
    samples: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Run so many samples, spread over the split.")
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Run an exported network on recordings: accuracy, spikes, synaptic operations and energy of a sample.

    The data is encoded as the model's was. With --engine lava the output is that of Lava's simulator, and is compared
    spike for spike to the emulator's; where they differ, the exit code is 1. Lava takes seconds to start and some
    milliseconds a step: --samples keeps it short. Energy is an estimate for 45 nm: 0.9 pJ for a synaptic operation,
    without memory.

    \b
    Example:
      neuroact simulate digits.net --data nmnist:N-MNIST
      neuroact simulate digits.net --data nmnist:N-MNIST --engine lava --samples 20
    """
    from neuroact.hardware.simulating import simulate

    try:
        simulated = simulate(file, data, split=split, engine=engine.value, python=python, steps=steps, samples=samples)
        title = f"{file} on {data}, split {split}, {engine.value}"
        record = {"file": str(file), "data": data, "split": split, "engine": engine.value, **simulated.to_json()}
        typer.echo(json.dumps(record, indent=2) if as_json else f"{title}\n{_text(simulated)}")
    except ValueError as error:
        raise typer.BadParameter(problem(error)) from error
    if simulated.unequal:
        raise typer.Exit(ExitCode.ERROR)


def _text(simulated: Simulated) -> str:
    from neuroact.training.report import in_joules

    scores, many = simulated.scores, len(simulated.evaluation)
    top5 = "" if scores.top5 is None else f", top-5 {scores.top5:.2%}"
    lines = [
        f"  top-1 {scores.top1:.2%}{top5}, mean per class {scores.mean_class:.2%}; {many:,} samples of "
        f"{simulated.steps} steps",
        f"  a sample takes {simulated.operations:,.0f} synaptic operations, {in_joules(simulated.energy)}",
    ]
    if simulated.unequal is not None:
        same = (
            "the same for all samples" if not simulated.unequal else f"not the same for {simulated.unequal} of {many}"
        )
        lines.append(f"  Lava's output and the emulator's are {same}")
    table = [["layer", "neurons", "spikes", "for each neuron and step", "synaptic operations"]]
    table += [
        [
            str(layer.layer), f"{layer.neurons:,}", f"{layer.spikes:,.1f}",
            f"{layer.spikes / layer.neurons / simulated.steps:.4f}", f"{layer.operations:,.0f}",
        ]
        for layer in simulated.layers
    ]  # fmt: skip
    return "\n".join([*lines, "", aligned(table, right=frozenset(range(5)))])
