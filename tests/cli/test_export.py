"""`neuroact export` as its users see it."""

import json
from pathlib import Path

import pytest
import torch
import typer
from click.testing import Result
from typer.testing import CliRunner

from neuroact.cli import export
from neuroact.hardware.manifest import read_manifest
from neuroact.hardware.netx import read_netx
from tests.hardware.runs import write_run


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of models by their names."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("runs")
    for name in ("spiking_cnn", "spikmamba", "vtn"):
        write_run(folder / name, name)
    write_run(folder / "spikepoint", "spikepoint", residual=False)
    return folder


def run(*arguments: object) -> Result:
    app = typer.Typer(rich_markup_mode=None)
    app.command()(export.command)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_a_file_is_written_and_what_is_lost_is_said(runs: Path, tmp_path: Path) -> None:
    done = run(runs / "spiking_cnn", "--to", "loihi", "-o", tmp_path / "a.net")
    assert done.exit_code == 0, done.output
    assert read_manifest(tmp_path / "a.net").shape == read_netx(tmp_path / "a.net").shape == (2, 16, 16)
    lines = done.stdout.splitlines()
    assert lines[0].startswith(f"{tmp_path / 'a.net'}, and {tmp_path / 'a.json'}: ")
    assert "  input 2 x 16 x 16: a spike where" in done.stdout
    assert "  output 12: 4 neurons spike for each class" in lines
    assert [line.split()[1] for line in lines if "layers." in line] == [f"layers.{place}" for place in range(4)]
    assert "weights off by" in done.stdout
    assert "cores" not in done.stdout


def test_an_estimate_says_that_it_is_one_and_needs_no_file(runs: Path, tmp_path: Path) -> None:
    done = run(runs / "spiking_cnn", "--resources")
    assert done.exit_code == 0, done.output
    assert "cores of Loihi 2: about 4; chips: 1. An estimate" in done.stdout
    record = json.loads(run(runs / "spikepoint", "--resources", "--json").stdout)
    assert (record["file"], record["resources"]["chips"]) == (None, 1)
    assert (record["reset_interval"], record["output"]["reads"]) == (8, "potentials")
    assert len(record["losses"]) == 9


def test_what_does_not_fit_is_listed_line_by_line(runs: Path, tmp_path: Path) -> None:
    done = run(runs / "spikmamba", "-o", tmp_path / "a.net")
    assert done.exit_code == 1
    lines = done.stderr.splitlines()
    assert len(lines) == 5
    assert lines[2].startswith("error: blocks.0.mix.mamba (SpikeMamba): its state space changes with its input")
    assert "instead: with split, the host does it" in lines[2]
    assert not list(tmp_path.iterdir())
    assert run(runs / "vtn", "-o", tmp_path / "a.net", "--split").exit_code == 1


def test_split_lists_what_is_left_out(runs: Path, tmp_path: Path) -> None:
    done = run(runs / "spikmamba", "-o", tmp_path / "a.net", "--split")
    assert done.exit_code == 0, done.output
    left = done.stdout.split("not in the file:\n")[1].splitlines()
    assert [line.split()[0] for line in left][-1] == "head"
    assert read_netx(tmp_path / "a.net").shapes() == [(16, 4, 4)]


USAGE = {
    "no name": ([], "name the file with -o"),
    "another ending": (["-o", "a.h5"], "ends in .net"),
    "another target": (["-o", "a.net", "--to", "speck"], "there is loihi"),
    "no share": (["-o", "a.net", "--clip", "2"], "clip must be within"),
}


@pytest.mark.parametrize(("arguments", "problem"), USAGE.values(), ids=USAGE)
def test_wrong_usage_is_one_line(arguments: list[str], problem: str, runs: Path) -> None:
    done = run(runs / "spiking_cnn", *arguments)
    assert done.exit_code == 2
    assert problem in " ".join(done.stderr.split())


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    done = run(tmp_path, "-o", tmp_path / "a.net")
    assert done.exit_code == 1
    assert "neither the folder of a run nor of one of its checkpoints" in done.stderr
