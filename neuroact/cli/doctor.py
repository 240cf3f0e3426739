"""`neuroact doctor`: what this machine has, and which kernel runs where."""

from __future__ import annotations

import json
from dataclasses import asdict

import typer

from neuroact.cli import options


def command(as_json: options.AsJson = False) -> None:
    """Tell what this machine has, and which implementation of each kernel runs on it.

    \b
    Example:
      neuroact doctor
      NEUROACT_BACKEND=reference neuroact doctor --json
    """
    from neuroact.doctor import doctor

    report = doctor()
    if as_json:
        typer.echo(json.dumps(asdict(report), indent=2))
        return
    typer.echo(f"Python {report.python} on {report.system}")
    for device, description in report.devices.items():
        typer.echo(f"{device}: {description}")
    typer.echo("\nPackages")
    for name, version in report.packages.items():
        typer.echo(f"  {name:<14} {version or 'not installed'}")
    typer.echo("\nWhich kernel runs where")
    for operation, devices in report.runs.items():
        places = ", ".join(f"{device}: {backend}" for device, backend in devices.items())
        typer.echo(f"  {operation:<26} {places}")
    for backend, reason in report.refused.items():
        typer.echo(f"  {backend} cannot run here: {reason}")
