"""A run's best model is evaluated on a split as it stands, and the command tells and reports that."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import typer
from typer.testing import CliRunner

from neuroact.cli import evaluate as cli
from neuroact.datasets.loading import load_recordings
from neuroact.datasets.sources import collect
from neuroact.errors import DatasetError
from neuroact.models import FAMILIES
from neuroact.training import read_log, train
from neuroact.training.data import load_parts
from neuroact.training.evaluation import evaluate
from neuroact.training.loop import best_model
from neuroact.training.runs import evaluate_run
from tests.training.tiny import register, tiny_config

app = typer.Typer()
app.command()(cli.command)


@pytest.fixture(scope="module")
def run(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        register(lambda name, family: patch.setitem(FAMILIES, name, family))
        return train(tiny_config(root, "data.windows=2", "run.seed=1"), tmp_path_factory.mktemp("runs") / "first").path


def test_all_samples_of_the_split_in_their_order(run: Path, root: Path) -> None:
    model, config, classes = best_model(run)
    examples = load_recordings(collect([f"nmnist:{root}"]), split="test", to=config.data.encoder, windows=2)
    direct = evaluate(model, [(example.data[None], [example.label]) for example in examples])
    findings = evaluate_run(run)
    assert findings.evaluation.names == tuple(examples.names)
    np.testing.assert_allclose(findings.evaluation.logits, direct.logits, rtol=1e-5, atol=1e-6)
    assert findings.classes == classes
    assert findings.cost is not None
    assert [layer.name for layer in findings.cost.layers] == ["first", "head"]
    assert findings.cost.samples == len(examples)
    assert {row["split"] for row in findings.rows} == {"train", "val"}
    assert findings.audited is not None
    for example in findings.examples:
        np.testing.assert_array_equal(example.data, examples[example.index].data)


def test_the_command_tells_the_scores_and_writes_the_report(run: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, [str(run), "-o", str(tmp_path / "report.html")])
    assert result.exit_code == 0, result.output
    assert "split test" in result.stdout
    assert "48 samples" in result.stdout
    assert "<h2>Configuration</h2>" in (tmp_path / "report.html").read_text()


def test_json(run: Path) -> None:
    result = CliRunner().invoke(app, [str(run), "--json", "--by-recording", "--split", "train"])
    record = json.loads(result.stdout)
    assert record["scores"]["samples"] == 24
    assert record["evaluated"].endswith("split train, by recording")
    assert record["latency"]["batch"] == 1


def test_val_is_what_the_run_held_out(run: Path) -> None:
    """The same samples as in training: the loss is the one that was logged."""
    findings = evaluate_run(run, split="val")
    config = best_model(run)[1]
    held = load_parts(config.data, config.run.seed)[1]
    best = min((row for row in read_log(run) if row.split == "val"), key=lambda row: (-row.top1, row.loss))
    assert findings.subtitle.endswith("what was held out of train")
    assert findings.evaluation.names == held.names
    assert len(held) < 48
    logits, labels = (torch.from_numpy(each) for each in (findings.evaluation.logits, findings.evaluation.labels))
    assert torch.nn.functional.cross_entropy(logits, labels).item() == pytest.approx(best.loss, rel=1e-5)
    for example in findings.examples:
        place = int(held.positions[example.index])
        np.testing.assert_array_equal(example.data, held.examples[place].data)


USAGE = {"a report of another kind": ["-o", "report.pdf"], "a style that is not": ["-o", "r.html", "--style", "neon"]}


@pytest.mark.parametrize("arguments", USAGE.values(), ids=USAGE)
def test_wrong_usage(arguments: list[str], run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(app, [str(run), *arguments]).exit_code == 2
    assert not list(tmp_path.iterdir())


def test_a_split_without_samples_and_other_classes(run: Path, root: Path) -> None:
    with pytest.raises(DatasetError, match="'unseen'"):
        evaluate_run(run, split="unseen")
    with pytest.raises(DatasetError, match="other classes"):
        evaluate_run(run, split="all", source=str(root / "Train"))
