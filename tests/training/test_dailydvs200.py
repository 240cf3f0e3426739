"""The recipes of every family on copies of DailyDVS-200 that lack recordings: trained and evaluated as users do."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from neuroact import write_recording
from neuroact.cli import evaluate, train
from neuroact.datasets.simulation.casting import shot
from neuroact.datasets.simulation.simulated import stream
from neuroact.training import best_model, read_log, recipe
from tests.datasets.dailydvs200_copy import lists, write_lists

SENSOR_SIZE = (320, 240)
DURATION = 40_000
CLASSES = 3
SHORT = [
    "schedule.epochs=1", "schedule.warm_up=0", "data.batch=4", "data.workers=0", "run.device=cpu", "model.preset=tiny",
]  # fmt: skip
SHRUNK = {
    "spikmamba": ["data.size=[32, 24]", "model.arguments.size=[24, 32]"],
    "spikepoint": ["data.encoder.points=64", "model.arguments={widths = [32, 64]}"],
    "spiking_cnn": ["data.size=[32, 24]", "model.arguments={size = [24, 32], widths = [4, 8], hidden = 32}"],
    "vtn": ["data.size=[32, 32]", "model.arguments.size=32"],
}
"""What a recipe is shrunk by for two cores, beside `SHORT`."""


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Path]:
    """Short simulated recordings, one of each of the first actions, from a sensor of the set's size."""
    folder = tmp_path_factory.mktemp("films")
    for number in range(CLASSES):
        plan = shot(0, number, duration=DURATION / 1e6)
        write_recording(
            stream(plan.stage, DURATION, sensor_size=SENSOR_SIZE, seed=plan.seed), folder / f"{number}.aedat4",
            "aedat4", SENSOR_SIZE,
        )  # fmt: skip
    return sorted(folder.iterdir())


def put(root: Path, films: Sequence[Path], lines: Sequence[str]) -> None:
    """The recordings that lines of the lists name."""
    for line in lines:
        path, label = line.split()
        (root / path).parent.mkdir(exist_ok=True)
        shutil.copyfile(films[int(label) % len(films)], root / path)


@pytest.fixture(scope="module")
def partial(films: Sequence[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of which a third of the training recordings were not downloaded."""
    root = tmp_path_factory.mktemp("partial")
    lines = lists(classes=CLASSES)
    write_lists(root, lines)
    put(root, films, [*lines["train"][:12], *lines["val"], *lines["test"]])
    return root


def sampled(folder: Path, seed: int) -> tuple[Mapping[str, list[str]], Mapping[str, list[str]]]:
    """The authors' lists, and a few lines of each that `strict` keeps in it."""
    every = {split: (folder / f"{split}.txt").read_text().splitlines() for split in ("train", "val", "test")}
    random = np.random.default_rng(seed)
    mine = {split: [line for line in lines if "P4M" not in line or split == "test"] for split, lines in every.items()}
    counts = {"train": 6, "val": 2, "test": 3}
    return every, {split: random.choice(lines, counts[split], replace=False).tolist() for split, lines in mine.items()}


def call(command: object, *arguments: object) -> Result:
    app = typer.Typer(rich_markup_mode=None)
    app.command()(command)  # type: ignore[type-var]
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result


def settings(family: str) -> list[str]:
    return [word for setting in [*SHORT, *SHRUNK[family]] for word in ("--set", setting)]


@pytest.mark.parametrize("family", SHRUNK)
def test_a_recipe_runs_on_a_partial_download(family: str, partial: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    source = f"dailydvs200:{partial}"
    trained = call(train.command, "--data", source, "--model", family, *settings(family), "-o", run)
    assert f"{partial} lacks 6 of the files of DailyDVS-200" in trained.stderr
    assert "finished 1 epochs" in trained.stdout
    assert [(row.split, row.samples) for row in read_log(run)][-2:] == [("train", 12), ("val", 9)]
    _, config, classes = best_model(run)
    assert len(classes) == 200
    assert config.optimiser.learning_rate == recipe(family, "dailydvs200")["optimiser"]["learning_rate"]
    record = json.loads(call(evaluate.command, run, "--json").stdout)
    assert record["evaluated"] == f"{family} on {source}, split test"
    assert record["scores"]["samples"] == 18
    assert sum("left out of val" in note or "lacks 6 of the files" in note for note in record["notes"]) == 2


def test_names_of_the_authors_lists(films: Sequence[Path], shared: Path, tmp_path: Path) -> None:
    folder = shared / "datasets" / "dailydvs200"
    if not (folder / "train.txt").is_file():
        pytest.skip("the lists of DailyDVS-200 are not in the shared folder")
    every, few = sampled(folder, 0)
    root, run = tmp_path / "root", tmp_path / "run"
    write_lists(root, every)
    shutil.copyfile(folder / "action_description.csv", root / "action_description.csv")
    for lines in few.values():
        put(root, films, lines)
    trained = call(
        train.command, "--data", f"dailydvs200:{root}", "--preset", "dailydvs200-spiking_cnn", *settings("spiking_cnn"),
        "--set", "data.batch=3", "-o", run,
    )  # fmt: skip
    assert f"lacks {22_046 - 11} of the files" in trained.stderr
    assert [(row.split, row.samples) for row in read_log(run)][-2:] == [("train", 6), ("val", 2)]
    _, _, classes = best_model(run)
    record = json.loads(call(evaluate.command, run, "--json").stdout)
    assert record["scores"]["samples"] == 3
    assert record["classes"] == list(classes)
    assert len(classes) == 200
