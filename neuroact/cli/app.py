"""The commands together, and what they share: how errors, warnings and interruptions look.

Help is plain text on purpose: rich's panels would cost a third of the time that `neuroact --help` takes.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence
from typing import Annotated, TextIO

import typer

import neuroact
from neuroact.cli import bench, convert, datasets, demo, doctor, evaluate, export, info, simulate, train, view
from neuroact.cli.exit_codes import ExitCode
from neuroact.errors import NeuroactError

app = typer.Typer(
    name="neuroact",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("convert")(convert.command)
app.command("info")(info.command)
app.command("view")(view.command)
app.command("train")(train.command)
app.command("eval")(evaluate.command)
app.command("export")(export.command)
app.command("simulate")(simulate.command)
app.command("demo")(demo.command)
app.command("doctor")(doctor.command)
app.command("bench")(bench.command)
app.add_typer(datasets.app)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"neuroact {neuroact.__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Raw event-camera recordings in; voxel grids, point clouds and spike trains out.

    \b
    Example:
      neuroact info recording.raw
    \b
    Exit codes: 0 done, 1 error, 2 wrong usage, 3 done in part (what was damaged is listed).
    """


def main() -> None:
    """The entry point of the `neuroact` script."""
    sys.exit(run())


def run(arguments: Sequence[str] | None = None) -> int:
    """Runs the command that `arguments` (by default the process's own) name, and returns its exit code.

    Whatever goes wrong with the input becomes one line on standard error, not a traceback.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = _print_warning
        try:
            code = _exit_code(arguments)
            sys.stdout.flush()
        except BrokenPipeError:
            # Whoever read our output has enough. What is still buffered must go nowhere when Python shuts down.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return ExitCode.ERROR
    return code


def _exit_code(arguments: Sequence[str] | None) -> int:
    try:
        app(arguments, prog_name="neuroact")
    except SystemExit as end:  # how typer always ends; usage errors are printed by then
        if end.code == ExitCode.INTERRUPTED:
            typer.echo("interrupted", err=True)
        return end.code if isinstance(end.code, int) else ExitCode.DONE
    except BrokenPipeError:
        raise
    except (NeuroactError, OSError) as error:
        typer.echo("error: " + " ".join(str(error).split()), err=True)
        return ExitCode.ERROR
    return ExitCode.DONE


def _print_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    typer.echo(f"warning: {message}", err=True)
