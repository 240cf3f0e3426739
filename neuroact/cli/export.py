"""`neuroact export`: a trained network as a file for a neuromorphic chip."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neuroact.cli import options
from neuroact.cli.exit_codes import ExitCode
from neuroact.cli.info import aligned
from neuroact.errors import ExportError

if TYPE_CHECKING:
    from torch import nn

    from neuroact.hardware.quantise import Quantised
    from neuroact.hardware.resources import Resources
    from neuroact.training.configs import TrainConfig


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run, or of one of its checkpoints.")],
    to: Annotated[str, typer.Option(metavar="NAME", help="What for: loihi or nir.")] = "loihi",
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="FILE.net, with FILE.json beside it, or FILE.nir."),
    ] = None,
    split: Annotated[bool, typer.Option("--split", help="Write the part that fits, and leave the rest out.")] = False,
    clip: Annotated[
        float, typer.Option(metavar="SHARE", help="Of the largest weights, may be clipped for a finer scale.")
    ] = 0.0,
    resources: Annotated[bool, typer.Option("--resources", help="Estimate the cores that it takes.")] = False,
    as_json: options.AsJson = False,
) -> None:
    """Write a trained network in the integers of a chip, and say what is lost by that.

    loihi: a NetX file for Lava, which runs on Intel's Loihi 2 through a package that Intel gives to its research
    partners. No chip has run a network of ours: neuroact simulate computes what one would. FILE.json says what goes in
    and how to read what comes out. Layers that have no form on the chip are listed with the reason, and with what to
    have in their place.

    nir: the same network in the Neuromorphic Intermediate Representation, with which other simulators and chips compute
    in floating point, without the chip's rounding.

    \b
    Example:
      neuroact export runs/digits --to loihi -o digits.net
      neuroact export runs/gesture --to loihi -o embedding.net --split
      neuroact export runs/digits --to loihi --resources
      neuroact export runs/digits --to nir -o digits.nir
    """
    from neuroact.hardware.export import trained_model

    if to not in TARGETS:
        raise typer.BadParameter(f"--to {to}: there is {', '.join(TARGETS)}")
    if output is None and not resources:
        raise typer.BadParameter("name the file with -o, or ask for --resources alone")
    try:
        model, settings, classes = trained_model(run)
        record, text = TARGETS[to](Wanted(model, settings, classes, output, split, clip, resources))
    except ExportError as error:
        for line in str(error).splitlines():
            typer.echo(f"error: {line}", err=True)
        raise typer.Exit(ExitCode.ERROR) from error
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    typer.echo(json.dumps({"run": str(run), "to": to, **record}, indent=2) if as_json else text)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for, whatever the target."""

    model: nn.Module
    settings: TrainConfig
    classes: tuple[str, ...]
    output: Path | None
    split: bool
    clip: float
    resources: bool


def _loihi(wanted: Wanted) -> tuple[dict[str, object], str]:
    """Writes the file, if one is wanted; returns what to print, as a record and as text."""
    from neuroact.hardware.export import export_netx
    from neuroact.hardware.quantise import quantise
    from neuroact.hardware.resources import resources

    how: dict[str, Any] = {"split": wanted.split, "clip": wanted.clip}
    if wanted.output is None:
        quantised = quantise(wanted.model, **how)
    else:
        quantised = export_netx(
            wanted.model, wanted.output, classes=wanted.classes, settings=wanted.settings, **how
        )  # fmt: skip
    record = _record(quantised, wanted.output)
    lines = _lines(quantised, wanted.output)
    if wanted.resources:
        estimate = resources(quantised.network)
        record["resources"] = estimate.to_json()
        lines += ["", *_estimate(estimate)]
    return record, "\n".join(lines)


def _nir(wanted: Wanted) -> tuple[dict[str, object], str]:
    """As `_loihi`, for a graph, which carries its constants in itself."""
    from neuroact.hardware.nir import export_nir
    from neuroact.hardware.quantise import quantise

    if wanted.resources or wanted.output is None:
        raise ValueError("resources are those of loihi; for nir, name a file with -o")
    if wanted.output.suffix != ".nir":
        raise ValueError(f"{wanted.output.name}: the name of a NIR graph ends in .nir")
    quantised = quantise(wanted.model, split=wanted.split, clip=wanted.clip)
    export_nir(quantised.network, wanted.output)
    return _record(quantised, wanted.output), "\n".join([str(wanted.output), *_lines(quantised, None)])


TARGETS: dict[str, Callable[[Wanted], tuple[dict[str, object], str]]] = {"loihi": _loihi, "nir": _nir}
"""By the name that --to gives: what writes the file, and returns what to print as a record and as text."""


def _record(quantised: Quantised, output: Path | None) -> dict[str, object]:
    network = quantised.network
    return {
        "file": None if output is None else str(output),
        "input": {"shape": network.shape, "takes": quantised.takes},
        "output": {"shape": network.shapes()[-1], "reads": quantised.reads, "voters": quantised.voters},
        "steps": quantised.steps,
        "latency": network.latency,
        "reset_interval": network.reset_interval,
        "losses": [asdict(loss) for loss in quantised.losses],
        "host": [refusal._asdict() for refusal in quantised.host],
    }


def _lines(quantised: Quantised, output: Path | None) -> list[str]:
    network, lines = quantised.network, []
    if output is not None:
        lines.append(f"{output}, and {output.with_suffix('.json')}: what goes in, and how to read what comes out")
    lines.append(f"  input {_shape(network.shape)}: {quantised.takes}")
    read = f"{quantised.voters} neurons spike for each class" if quantised.voters > 1 else quantised.reads
    lines.append(f"  output {_shape(network.shapes()[-1])}: {read}")
    lines.append(f"  steps from the input to the output: {network.latency}")
    if network.reset_interval is not None:
        lines.append(f"  steps to a reset, which are those of an input: {network.reset_interval}")
    table = [["layer", "of the model", "scale", "weights off by", "clipped", "threshold off by"]]
    table += [
        [
            str(loss.layer), loss.name, f"{loss.scale:.1f}", f"{loss.weight_error:.2%}", f"{loss.clipped:.2%}",
            f"{loss.threshold_error:+.2%}",
        ]
        for loss in quantised.losses
    ]  # fmt: skip
    lines += ["", aligned(table, right=frozenset((0, 2, 3, 4, 5)))]
    if quantised.host:
        lines += ["", "not in the file:", *(f"  {refusal}" for refusal in quantised.host)]
    return lines


def _estimate(estimate: Resources) -> list[str]:
    table = [["layer", "kind", "neurons", "cores", "inputs of a core", "synaptic memory"]]
    table += [
        [
            str(layer.layer), layer.kind, f"{layer.neurons:,}", "-" if layer.cores is None else str(layer.cores),
            f"{layer.axons:,}", f"{layer.words * 8 / 1000:,.0f} kB",
        ]
        for layer in estimate.layers
    ]  # fmt: skip
    lines = [aligned(table, right=frozenset((0, 2, 3, 4, 5)))]
    lines += [f"layer {layer.layer} does not fit: {layer.problem}" for layer in estimate.layers if layer.problem]
    if estimate.cores is not None:
        lines.append(
            f"cores of Loihi 2: about {estimate.cores}; chips: {estimate.chips}. An estimate: a layer may take a third "
            "more or less, or one core"
        )
    return lines


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
