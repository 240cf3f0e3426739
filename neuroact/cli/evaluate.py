"""`neuroact eval`: how good the best model of a run is, over several seeds if there are, and what it costs."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neuroact.cli import options

if TYPE_CHECKING:
    from neuroact.training.metrics import Scores
    from neuroact.training.report import Findings


def command(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN...", help="The folder of a run; several, where they differ in their seeds only."),
    ],
    split: Annotated[
        str, typer.Option(metavar="NAME", help="The samples to evaluate on; val are those that chose the epoch.")
    ] = "test",
    data: Annotated[
        str | None, typer.Option(metavar="SRC", help="The data, if it is not where the run found it.")
    ] = None,
    by_recording: Annotated[
        bool, typer.Option("--by-recording", help="Count a recording once, by the mean of its windows.")
    ] = False,
    workers: Annotated[int, typer.Option(metavar="N", min=0, help="Processes that load samples.")] = 0,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="OUT", help="Also write a report: a name in .html.")
    ] = None,
    style: Annotated[str, typer.Option(metavar="NAME", help="Of the report: dark or light.")] = "dark",
    as_json: options.AsJson = False,
) -> None:
    """Evaluate the best model of a run: accuracy, calibration, operations, energy, latency.

    Runs of one configuration and several seeds also get their mean and sample standard deviation; operations, energy
    and latency are then those of the first. Each sample counts once. Energies are estimates for 45 nm, from the spikes
    of the evaluated samples: 0.9 pJ for an accumulate, 4.6 pJ for a multiply-accumulate.

    \b
    Example:
      neuroact eval runs/gesture -o report.html
      neuroact eval runs/gesture-0 runs/gesture-1 runs/gesture-2 --json
    """
    from neuroact.training.memory import keep_freed_memory
    from neuroact.training.metrics import score
    from neuroact.training.report import write_report
    from neuroact.training.runs import evaluate_runs

    if output is not None and output.suffix.lower() != ".html":
        raise typer.BadParameter(f"{output.name}: the name of a report ends in .html")
    keep_freed_memory()
    try:
        findings = evaluate_runs(runs, split=split, source=data, by_recording=by_recording, workers=workers)
        if output is not None:
            scores = write_report(output, findings, style=style)
        else:
            scores = score(findings.evaluation.logits, findings.evaluation.labels)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    typer.echo(json.dumps(_record(findings, scores), indent=2) if as_json else _summary(findings, scores))
    if output is not None:
        typer.echo(f"the report: {output}", err=as_json)


def _record(findings: Findings, scores: Scores) -> dict[str, object]:
    from neuroact.training.metrics import over_seeds, per_attribute

    evaluation, cost, latency = findings.evaluation, findings.cost, findings.latency
    attributes = per_attribute(evaluation.logits, evaluation.labels, findings.attributes)
    spreads = over_seeds([seed.scores for seed in findings.seeds])
    return {
        "run": findings.title,
        "evaluated": findings.subtitle,
        "notes": list(findings.notes),
        "classes": list(findings.classes),
        "scores": scores.to_json(),
        "seeds": [seed.to_json() for seed in findings.seeds],
        "over_seeds": {name: asdict(found) for name, found in spreads.items()},
        "attributes": {
            name: {value: asdict(accuracy) for value, accuracy in values.items()} for name, values in attributes.items()
        },
        "cost": cost and cost.to_json(),
        "latency": latency and latency.to_json(),
    }


def _summary(findings: Findings, scores: Scores) -> str:
    from neuroact.training.report import in_joules

    lines = [
        f"{findings.title}: {findings.subtitle}, {scores.samples:,} samples",
        *(f"  {note}" for note in findings.notes),
        *_measures(findings),
    ]
    if cost := findings.cost:
        parts = [
            (cost.accumulates, "accumulates for spikes", cost.energy_accumulates),
            (cost.multiply_accumulates, "multiply-accumulates for values", cost.energy_multiply_accumulates),
        ]
        lines.append(f"  {cost.parameters:,} parameters; a sample takes")
        lines += [f"    {many:,.0f} {what}, {in_joules(joules)}" for many, what, joules in parts]
        if cost.silent:
            lines.append(
                f"    no neuron fired in {len(cost.silent)} of {len(cost.firing)} layers, first {cost.silent[0]}"
            )
    if latency := findings.latency:
        lines.append(f"  {1e3 * latency.seconds:.2f} ms for one sample on {latency.device}")
    return "\n".join(lines)


def _measures(findings: Findings) -> list[str]:
    """A line for each run, and one for their mean where there are several."""
    from neuroact.training.metrics import written

    def line(*runs: Scores) -> str:
        return ", ".join(f"{name} {text}" for name, text in written(runs).items())

    seeds = findings.seeds
    if len(seeds) == 1:
        return [f"  {line(seeds[0].scores)}"]
    each = [
        f"  {seed.run}, seed {seed.seed}, epoch {seed.epoch} of {seed.epochs}: {line(seed.scores)}" for seed in seeds
    ]
    mean = line(*(seed.scores for seed in seeds))
    return [*each, f"  mean ± sample standard deviation of {len(seeds)} seeds: {mean}"]
