"""`neuroact eval`: how good a run's best model is, and what it costs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neuroact.cli import options

if TYPE_CHECKING:
    from neuroact.training.metrics import Scores
    from neuroact.training.report import Findings


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")],
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

    Each sample counts once. Energies are estimates for 45 nm, from the spikes of the evaluated samples: 0.9 pJ for an
    accumulate, 4.6 pJ for a multiply-accumulate.

    \b
    Example:
      neuroact eval runs/gesture -o report.html
      neuroact eval runs/gesture --split val --json
    """
    from neuroact.training.metrics import score
    from neuroact.training.report import write_report
    from neuroact.training.runs import evaluate_run

    if output is not None and output.suffix.lower() != ".html":
        raise typer.BadParameter(f"{output.name}: the name of a report ends in .html")
    try:
        findings = evaluate_run(run, split=split, source=data, by_recording=by_recording, workers=workers)
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
    cost, latency = findings.cost, findings.latency
    return {
        "run": findings.title,
        "evaluated": findings.subtitle,
        "classes": list(findings.classes),
        "scores": scores.to_json(),
        "cost": cost and cost.to_json(),
        "latency": latency and latency.to_json(),
    }


def _summary(findings: Findings, scores: Scores) -> str:
    from neuroact.training.report import in_joules

    top5 = "" if scores.top5 is None else f", top-5 {scores.top5:.2%}"
    lines = [
        f"{findings.title}: {findings.subtitle}",
        f"  top-1 {scores.top1:.2%}{top5}, mean per class {scores.mean_class:.2%}, calibration error "
        f"{scores.calibration_error:.3f}; {scores.samples:,} samples",
    ]
    if cost := findings.cost:
        parts = [
            (cost.accumulates, "accumulates for spikes", cost.energy_accumulates),
            (cost.multiply_accumulates, "multiply-accumulates for values", cost.energy_multiply_accumulates),
        ]
        lines.append(f"  {cost.parameters:,} parameters; a sample takes")
        lines += [f"    {many:,.0f} {what}, {in_joules(joules)}" for many, what, joules in parts]
    if latency := findings.latency:
        lines.append(f"  {1e3 * latency.seconds:.2f} ms for one sample on {latency.device}")
    return "\n".join(lines)
