"""`neuroact train`: a model from recordings or a store."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neuroact.cli import options
from neuroact.cli.wrong_settings import problem

if TYPE_CHECKING:
    from rich.progress import Progress

    from neuroact.training import Row, TrainConfig, Trained, Watcher

LINE_EVERY = 10.0
"""Seconds between two lines where there is no terminal."""


def command(
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="RUN", help="A new folder; with --resume, that of the run.")
    ] = None,
    data: Annotated[
        str | None, typer.Option(metavar="SRC", help="A data set (NAME:ROOT), a folder of recordings or a store.")
    ] = None,
    model: Annotated[str | None, typer.Option(metavar="NAME", help="Such as spikmamba, spikepoint or vtn.")] = None,
    preset: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The model's size, such as small; or a recipe, DATASET-MODEL, by its name."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option("-c", "--config", metavar="FILE", help="Settings in TOML instead of the recipe.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="A.B=VALUE", help="Such as schedule.epochs=30; may be repeated."),
    ] = None,
    quantise: Annotated[
        bool, typer.Option("--quantise", help="Train spiking_cnn in the integers that Loihi will compute with.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in RUN.")] = False,
    print_config: Annotated[
        bool, typer.Option("--print-config", help="Print all settings as a file for -c, and train nothing.")
    ] = False,
    as_json: options.AsJson = False,
) -> None:
    """Train a model, choosing the best epoch on samples held out for that, never on the test split.

    Settings come from the recipe for the model on the data set, if neuroact has one, or from -c; then from the other
    options. A store does not say which data set it was: --preset dailydvs200-spikmamba names the recipe. RUN gets
    config.toml, log.csv, log.jsonl and checkpoints. On SIGTERM a checkpoint is written and the exit code is 0; --resume
    goes on with it and gives, bit for bit, what one run would have given. Many GPUs: start it with torchrun.

    \b
    Example:
      neuroact train --data dvs128_gesture:DVSGesture --model spikmamba -o runs/gesture
      neuroact train --data store --preset dailydvs200-spikmamba -o runs/daily
      neuroact train -o runs/gesture --resume
      torchrun --nproc-per-node 4 -m neuroact train --data store --model vtn -c vtn.toml -o runs/vtn
    """
    from neuroact.training import WrongSettings, to_toml, train
    from neuroact.training.memory import keep_freed_memory

    given = _given(data, model, preset, [*(settings or []), *(["model.arguments.quantised=true"] if quantise else [])])
    try:
        wanted = _resumed(output, config, given) if resume else _configured(config, given)
    except ValueError as error:
        raise typer.BadParameter(problem(error)) from error
    if print_config:
        typer.echo(to_toml(wanted), nl=False)
        return
    if output is None:
        raise typer.BadParameter("name the folder of the run with -o")
    keep_freed_memory()
    try:
        with _watcher() as told:
            trained = train(wanted, output, resume=resume, watcher=told)
    except WrongSettings as error:
        raise typer.BadParameter(str(error)) from error
    if _first_rank():
        typer.echo(json.dumps(trained.to_json(), indent=2) if as_json else _summary(trained))


def _given(data: str | None, model: str | None, preset: str | None, settings: list[str]) -> list[dict[str, Any]]:
    """The options as settings, the later ones to go over the earlier ones."""
    from neuroact.training import override

    named = {"data": {"source": data}, "model": {"name": model, "preset": preset}}
    layer = {
        section: {name: value for name, value in fields.items() if value is not None}
        for section, fields in named.items()
    }
    try:
        return [layer, *map(override, settings)]
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def _configured(config: Path | None, given: list[dict[str, Any]]) -> TrainConfig:
    """The settings of a new run."""
    from neuroact.training import configure, recipe, recipes

    if named := _named(config, given):
        return configure([*named, *given])
    model = given[0]["model"].get("name", "")
    data_set = given[0]["data"].get("source", "").partition(":")[0].partition("@")[0]
    if data_set not in recipes().get(model, []):
        return configure(given)
    return configure([recipe(model, data_set), *given])


def _resumed(output: Path | None, config: Path | None, given: list[dict[str, Any]]) -> TrainConfig:
    """The settings of the run in a folder, with those that are given over them."""
    from neuroact.training import configure, read_toml

    if output is None:
        raise ValueError("--resume needs the folder of the run: -o")
    return configure([read_toml(output / "config.toml"), *_named(config, given), *given])


def _named(config: Path | None, given: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The settings that -c names, or --preset where that is a recipe: models' own presets have no hyphen."""
    from neuroact.training import read_toml, recipe

    model = given[0]["model"]
    data_set, hyphen, family = model.get("preset", "").rpartition("-")
    if not hyphen:
        return [] if config is None else [read_toml(config)]
    if config is not None:
        raise ValueError(f"--preset {model['preset']} is a recipe, in whose place -c stands: give one of them")
    if model.get("name", family) != family:
        raise ValueError(f"--preset {model['preset']} is for --model {family}, not {model['name']}")
    named = recipe(family, data_set)
    del model["preset"]
    return [named]


def _summary(trained: Trained) -> str:
    """How it ended, and the best epoch."""
    ends = {
        "finished": f"finished {trained.epochs} epochs",
        "early": f"stopped after {trained.epochs} epochs, which got no better",
        "stopped": f"stopped after step {trained.steps} as asked; neuroact train -o {trained.path} --resume goes on",
    }
    best = trained.best
    found = f"; epoch {best.epoch} is kept: top-1 {best.top1:.1%}, loss {best.loss:.4f} on val" if best else ""
    return f"{trained.path}: {ends[trained.outcome]}{found}"


def _first_rank() -> bool:
    return os.environ.get("RANK", "0") == "0"


@contextmanager
def _watcher() -> Iterator[Watcher]:
    """The watcher that suits standard error."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    if not sys.stderr.isatty():
        yield Lines()
        return
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[found]}"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield Bar(progress)


def _found(row: Row) -> str:
    """A row in words."""
    return (
        f"epoch {row.epoch}, step {row.step}, {row.split}: loss {row.loss:.4f}, top-1 {row.top1:.1%}, "
        f"{row.samples_per_second:.0f} samples/s"
    )


class Lines:
    """A line for every validation, and every ten seconds one of what was learned."""

    def __init__(self) -> None:
        self._next = time.monotonic() + LINE_EVERY

    def begin(self, steps: int, done: int) -> None:
        """Says how long it is."""
        self.say(f"{steps} steps" + (f", {done} of them made before" if done else ""))

    def step(self, done: int) -> None:
        """Nothing: rows tell."""

    def row(self, row: Row) -> None:
        """Prints it if it is time."""
        if row.split == "val" or time.monotonic() >= self._next:
            self._next = time.monotonic() + LINE_EVERY
            self.say(_found(row))

    def say(self, text: str) -> None:
        """Prints a line."""
        typer.echo(text, err=True)


class Bar:
    """A bar that moves with every step, with the latest row beside it and validations above it."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=None, found="")

    def begin(self, steps: int, done: int) -> None:
        """Shows the bar."""
        self._progress.update(self._task, total=steps, completed=done)

    def step(self, done: int) -> None:
        """Moves the bar."""
        self._progress.update(self._task, completed=done)

    def row(self, row: Row) -> None:
        """Shows what was learned."""
        if row.split == "val":
            self.say(_found(row))
        else:
            self._progress.update(self._task, found=_found(row))

    def say(self, text: str) -> None:
        """Prints a line above the bar."""
        self._progress.console.print(text, markup=False, highlight=False)
