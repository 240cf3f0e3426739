"""`neuroact datasets make`: what it is told, and what it says."""

import json
from functools import partial
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from neuroact.cli import datasets_make
from neuroact.datasets.simulation import synthetic


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    small = partial(synthetic.make_synthetic, duration=50_000, sensor_size=(16, 12))
    monkeypatch.setattr(synthetic, "make_synthetic", small)


def make(*arguments: str) -> Result:
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(datasets_make.command)
    return CliRunner().invoke(app, arguments)


def test_it_makes_a_set_and_says_what_is_in_it(tmp_path: Path) -> None:
    result = make("synthetic", "-o", str(tmp_path / "set"), "--recordings", "20", "-j", "1", "--format", "evt3")
    assert result.exit_code == 0, result.output
    assert "20 recordings (14 train, 2 val, 4 test)" in result.output
    assert len(list((tmp_path / "set").glob("action_*/*.raw"))) == 20


def test_json_has_the_same_figures(tmp_path: Path) -> None:
    result = make("synthetic", "-o", str(tmp_path / "set"), "--recordings", "20", "-j", "1", "--json", "--seed", "5")
    fields = json.loads(result.stdout)
    assert fields["recordings"] == {"train": 14, "val": 2, "test": 4}
    assert fields["bytes"] == sum(path.stat().st_size for path in (tmp_path / "set").glob("action_*/*"))
    assert fields["events"] > 0


@pytest.mark.parametrize("wrong", [("real",), ("synthetic", "--format", "dat"), ("synthetic", "--recordings", "19")])
def test_what_it_does_not_know_is_wrong_usage(wrong: tuple[str, ...], tmp_path: Path) -> None:
    assert make(*wrong, "-o", str(tmp_path / "set"), "-j", "1").exit_code == 2
    assert not (tmp_path / "set").exists()


def test_its_default_is_the_size_of_the_set() -> None:
    from inspect import signature

    assert signature(datasets_make.command).parameters["recordings"].default == synthetic.RECORDINGS
