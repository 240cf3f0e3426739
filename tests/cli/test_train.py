"""`neuroact train` as its users see it."""

import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
import torch
import typer
from click.testing import Result
from typer.testing import CliRunner

from neuroact.cli import train
from neuroact.models import FAMILIES
from neuroact.training import read_log
from neuroact.training.loop import best_model
from neuroact.training.means import Sums
from tests.training import tiny

TINY = ["--model", "tiny", "--set", "data.encoder={kind='spikes', steps=3}", "--set", "data.hold_out=0.25"]
SHORT = ["--set", "data.batch=4", "--set", "schedule.epochs=2", "--set", "run.device=cpu"]
OUT = ["-o", "never-made"]
USAGE = {
    "no data": ([*OUT, "--model", "tiny"], "data.source: Field required"),
    "no model": ([*OUT, "--data", "x"], "model.name: Field required"),
    "a setting that there is not": (
        [*OUT, "--data", "x", "--model", "tiny", "--set", "run.sed=1"],
        "run.sed: Extra inputs",
    ),
    "settings that contradict each other": (
        [*OUT, "--data", "x", "--model", "tiny", "--set", "schedule.epochs=1", "--set", "schedule.warm_up=1"],
        "schedule: a warm-up of 1.0 epochs is not over within 1",
    ),
    "sections that contradict each other": (
        [*OUT, "--data", "x", "--model", "vtn", "--set", "loss.contrast=1.0"],
        "Invalid value: loss.contrast compares two views",
    ),
    "no setting at all": ([*OUT, "--data", "x", "--model", "tiny", "--set", "run"], "is not section.setting=value"),
    "a recipe for another model": (
        [*OUT, "--data", "x", "--model", "vtn", "--preset", "nmnist-spikmamba"],
        "--preset nmnist-spikmamba is for --model spikmamba, not vtn",
    ),
    "no such recipe": ([*OUT, "--data", "x", "--preset", "mnist-spikmamba"], "spikmamba has no recipe for 'mnist'"),
    "a recipe and a file": ([*OUT, "-c", "x.toml", "--preset", "nmnist-spikmamba"], "give one of them"),
    "no folder": (["--data", "x", "--model", "tiny"], "name the folder of the run with -o"),
    "no folder to go on in": (["--resume"], "--resume needs the folder of the run"),
}


@pytest.fixture(autouse=True)
def _tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    tiny.register(lambda name, family: monkeypatch.setitem(FAMILIES, name, family))


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A data set's name and where it is."""
    return f"nmnist:{tiny.digits(tmp_path_factory.mktemp('digits'))}"


def run(*arguments: object) -> Result:
    app = typer.Typer(rich_markup_mode=None)
    app.command()(train.command)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_a_run_says_how_it_went(digits: str, tmp_path: Path) -> None:
    done = run("--data", digits, *TINY, *SHORT, "--preset", "wide", "-o", tmp_path / "run")
    assert done.exit_code == 0, done.output
    validations = [row for row in read_log(tmp_path / "run") if row.split == "val"]
    chosen = max(validations, key=lambda row: (row.top1, -row.loss))
    assert f"finished 2 epochs; epoch {chosen.epoch} is kept: top-1 {chosen.top1:.1%}" in done.stdout
    assert done.stderr.startswith("8 steps\n")
    assert "epoch 1, step 4, val: loss" in done.stderr
    again = run("-o", tmp_path / "run", "--resume", "--json")
    assert json.loads(again.stdout)["outcome"] == "finished"
    assert "going on after step 8 of 8" in again.stderr


def test_the_configuration_is_printed_as_a_file_to_start_from(digits: str, tmp_path: Path) -> None:
    printed = run("--data", digits, "--model", "spikmamba", "--set", "schedule.epochs=7", "--print-config")
    assert printed.exit_code == 0, printed.output
    settings = tomllib.loads(printed.stdout)
    assert (settings["schedule"]["epochs"], settings["data"]["source"]) == (7, digits)
    assert (settings["model"]["preset"], settings["data"]["batch"]) == ("small", 64), "the recipe is not used"
    (tmp_path / "c.toml").write_text(printed.stdout)
    again = run("-c", tmp_path / "c.toml", "--print-config")
    assert again.stdout == printed.stdout
    other = run(
        "-c",
        tmp_path / "c.toml",
        "--set",
        "schedule.patience=3",
        "--set",
        "schedule.choose=best",
        "--preset",
        "tiny",
        "--print-config",
    )
    changed = tomllib.loads(other.stdout)
    assert (changed["schedule"]["patience"], changed["model"]["preset"]) == (3, "tiny")


def test_a_file_stands_in_the_place_of_the_recipe(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text('[data]\nsource = "nmnist:x"\n[model]\nname = "spikmamba"\n')
    settings = tomllib.loads(run("-c", tmp_path / "c.toml", "--print-config").stdout)
    assert "preset" not in settings["model"]


def test_a_recipe_is_named_where_the_data_does_not_say_which(digits: str) -> None:
    of_store = run("--data", "store", "--preset", "nmnist-spikmamba", "--set", "schedule.epochs=7", "--print-config")
    automatic = run("--data", digits, "--model", "spikmamba", "--set", "schedule.epochs=7", "--print-config")
    assert of_store.exit_code == 0, of_store.output
    settings = tomllib.loads(of_store.stdout)
    assert (settings["data"].pop("source"), settings["schedule"]["epochs"]) == ("store", 7)
    expected = tomllib.loads(automatic.stdout)
    del expected["data"]["source"]
    assert settings == expected


def test_training_in_integers_is_one_word(digits: str, tmp_path: Path) -> None:
    named = ["--data", digits, "--model", "spiking_cnn", "--quantise", "--set", "model.arguments.hidden=8", *SHORT]
    settings = tomllib.loads(run(*named, "--print-config").stdout)
    assert settings["model"]["arguments"] == {
        "channels": 2, "size": [28, 28], "pooling": True, "hidden": 8, "quantised": True,
    }  # fmt: skip
    assert run(*named, "-o", tmp_path / "run").exit_code == 0
    assert [layer.quantised for layer in best_model(tmp_path / "run")[0].layers] == [True] * 4  # type: ignore[union-attr]


def test_a_run_goes_on_by_the_name_of_its_recipe(digits: str, tmp_path: Path) -> None:
    named = ["--data", digits, "--preset", "nmnist-spiking_cnn", *SHORT, "-o", tmp_path / "run"]
    assert run(*named).exit_code == 0
    again = run(*named, "--resume")
    assert again.exit_code == 0, again.output
    other = run("--preset", "nmnist-spikmamba", *SHORT, "-o", tmp_path / "run", "--resume")
    assert "was begun with another" in " ".join(other.stderr.split())


def test_no_preset_of_a_model_is_taken_for_a_recipe() -> None:
    assert not [preset for family in FAMILIES.values() for preset in family.presets if "-" in preset]


@pytest.mark.parametrize(("arguments", "problem"), USAGE.values(), ids=USAGE)
def test_wrong_usage_is_one_line(arguments: list[str], problem: str) -> None:
    done = run(*arguments)
    assert done.exit_code == 2
    assert problem in " ".join(done.stderr.split())


def test_settings_that_the_data_contradicts_are_wrong_usage(digits: str, tmp_path: Path) -> None:
    done = run("--data", digits, *TINY, "--set", "data.batch=99", "-o", tmp_path / "run")
    assert done.exit_code == 2
    assert "18 samples do not fill a batch of 99" in " ".join(done.stderr.split())
    assert not (tmp_path / "run").exists()


def test_a_mistake_inside_training_is_no_wrong_usage(
    digits: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mistaken(*arguments: object) -> None:
        raise ValueError("operands could not be broadcast together")

    monkeypatch.setattr(Sums, "add", mistaken)
    done = run("--data", digits, *TINY, *SHORT, "-o", tmp_path / "run")
    assert done.exit_code == 1
    assert type(done.exception) is ValueError


@pytest.mark.slow
def test_sigterm_ends_the_process_with_0_and_a_checkpoint(digits: str, tmp_path: Path) -> None:
    """Of a whole process, whose workers get the signal too."""
    script = (
        "import sys, typer; from tests.training import tiny; from neuroact.cli import train; tiny.register();"
        "app = typer.Typer(); app.command()(train.command); app(sys.argv[1:])"
    )
    endless = ["--set", "schedule.epochs=100000", "--set", "data.workers=1", "-o", str(tmp_path / "run")]
    process = subprocess.Popen(
        [sys.executable, "-c", script, "--data", digits, *TINY, *SHORT, *endless],
        stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    log = tmp_path / "run" / "log.jsonl"
    while process.poll() is None and not (log.is_file() and log.stat().st_size):
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGTERM)
    printed = process.communicate(timeout=120)[0]
    assert process.returncode == 0
    assert "as asked; neuroact train -o" in printed
    assert list((tmp_path / "run" / "checkpoints").iterdir())
