"""A run's best model is evaluated on a split as it stands, and the command tells and reports that."""

import json
import statistics
from dataclasses import replace
from functools import partial
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
from neuroact.training.cost import Firing
from neuroact.training.data import load_parts
from neuroact.training.evaluation import evaluate
from neuroact.training.loop import best_model
from neuroact.training.metrics import score, written
from neuroact.training.outcome import Best
from neuroact.training.runs import check_seeds, evaluate_run, evaluate_runs
from tests.datasets.builders import converted
from tests.datasets.dailydvs200_copy import lists, write_copy
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


def test_the_command_tells_of_neurons_that_never_fire(run: Path) -> None:
    findings = evaluate_run(run)
    assert findings.cost is not None
    firing = (Firing("first", 8, 3, 0.1), Firing("second", 8, 3, 0.0), Firing("third", 8, 3, 0.0))
    told = cli._summary(replace(findings, cost=replace(findings.cost, firing=firing)), findings.seeds[0].scores)
    assert "no neuron fired in 2 of 3 layers, first second\n" in told


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


@pytest.fixture(scope="module")
def seeds(run: Path, root: Path) -> list[Path]:
    """Three runs: `run`, one whose first epoch stays the best, and one that is kept and loaded otherwise."""
    config = partial(tiny_config, root, "data.windows=2")
    with pytest.MonkeyPatch.context() as patch:
        register(lambda name, family: patch.setitem(FAMILIES, name, family))
        third = train(config("run.seed=2", "data.workers=1", "run.checkpoint_every=1"), run.with_name("third")).path
        patch.setattr(Best, "beaten_by", lambda best, other: False)
        return [run, train(config("run.seed=0"), run.with_name("second")).path, third]


def test_each_seed_is_scored_as_if_alone(seeds: list[Path]) -> None:
    together, alone = evaluate_runs(seeds), [evaluate_run(run) for run in seeds]
    np.testing.assert_array_equal(together.evaluation.logits, alone[0].evaluation.logits)
    assert (together.title, together.cost, together.configuration) == ("first", alone[0].cost, alone[0].configuration)
    assert [(seed.run, seed.seed, seed.epochs) for seed in together.seeds] == [
        ("first", 1, 2), ("second", 0, 2), ("third", 2, 2),
    ]  # fmt: skip
    assert together.seeds[1].epoch == 1
    validations = [row for row in read_log(seeds[0]) if row.split == "val"]
    chosen = max(validations, key=lambda row: (row.top1, -row.loss))
    assert together.best == Best(chosen.epoch, chosen.step, chosen.top1, chosen.loss)
    assert together.seeds[0].epoch == chosen.epoch
    expected = [score(each.evaluation.logits, each.evaluation.labels) for each in alone]
    assert len({scores.calibration_error for scores in expected}) == 3, "the seeds must differ, or nothing is tested"
    assert [seed.scores.to_json() for seed in together.seeds] == [scores.to_json() for scores in expected]


def test_seeds_by_recording(seeds: list[Path]) -> None:
    assert {seed.scores.samples for seed in evaluate_runs(seeds[:2], by_recording=True).seeds} == {24}


def test_the_mean_over_seeds_as_json(seeds: list[Path]) -> None:
    record = json.loads(CliRunner().invoke(app, [*map(str, seeds), "--json"]).stdout)
    found = [seed["scores"]["calibration_error"] for seed in record["seeds"]]
    spread = record["over_seeds"]["calibration_error"]
    assert spread == pytest.approx({"runs": 3, "mean": statistics.mean(found), "std": statistics.stdev(found)})
    assert record["over_seeds"].keys() == {"top1", "top5", "mean_class", "calibration_error"}
    assert record["scores"] == record["seeds"][0]["scores"]


def test_the_mean_over_seeds_as_text_and_on_one_page(seeds: list[Path], tmp_path: Path) -> None:
    result = CliRunner().invoke(app, [*map(str, seeds), "-o", str(tmp_path / "report.html")])
    assert result.exit_code == 0, result.output
    measures = written([seed.scores for seed in evaluate_runs(seeds).seeds])
    error = measures["calibration error"]
    assert "±" in error
    assert f"  mean ± sample standard deviation of 3 seeds: top-1 {measures['top-1']}, top-5" in result.stdout
    assert f"calibration error {error}\n" in result.stdout
    for (name, seed), found in zip(
        (("first", 1), ("second", 0), ("third", 2)), evaluate_runs(seeds).seeds, strict=True
    ):
        assert f"  {name}, seed {seed}, epoch {found.epoch} of 2: top-1 " in result.stdout
    page = (tmp_path / "report.html").read_text()
    assert "All that follows is of the first, first." in page
    assert f"<b>{error}</b>calibration error" in page


def test_runs_that_have_no_common_mean(seeds: list[Path], root: Path) -> None:
    config, other = (tiny_config(root, f"run.seed={seed}") for seed in (0, 1))
    changed = tiny_config(root, "run.seed=1", "optimiser.learning_rate=0.5", "data.batch=8", "data.workers=2")
    runs = [Path("a"), Path("b"), Path("c")]
    check_seeds(runs[:2], [config, other])
    with pytest.raises(ValueError, match=r"a and c differ in more than .*: data\.batch, optimiser\.learning_rate$"):
        check_seeds(runs, [config, other, changed])
    with pytest.raises(ValueError, match="b and c have the same seed, 1"):
        check_seeds(runs, [config, other, other])
    with pytest.raises(ValueError, match="no run"):
        evaluate_runs([])
    with pytest.raises(ValueError, match="one run may have learned what another held out: evaluate val of one run"):
        evaluate_runs(seeds[:2], split="val")
    twice = CliRunner().invoke(app, [str(seeds[0]), str(seeds[0])])
    assert twice.exit_code == 2
    assert "have the same seed, 1" in " ".join(twice.stderr.split())


@pytest.fixture(scope="module")
def actions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """DailyDVS-200's first two classes with what its authors say of each recording; one has no entry."""
    root = tmp_path_factory.mktemp("dailydvs200")
    names = write_copy(root, lists(classes=2, takes=2))
    entries = [
        {"FilePath": f"raw/{Path(name).name}", "Day/Night": "night" if number % 3 else "day", "Perspective": ""}
        for number, name in enumerate(names[:-1])
    ]
    (root / "all_data.json").write_text(json.dumps(entries))
    return root


def test_accuracy_by_attribute_is_the_same_from_a_store(actions: Path, tmp_path: Path) -> None:
    settings = ["data.batch=2", "schedule.epochs=1", f"data.source='dailydvs200:{actions}'"]
    run = train(tiny_config(actions, *settings), tmp_path / "run").path
    store = tmp_path / "store"
    converted(f"dailydvs200:{actions}", store)
    from_recordings, from_store = evaluate_run(run), evaluate_run(run, source=str(store))
    night = from_recordings.attributes["Day/Night"]
    assert (len(night), set(night)) == (8, {"day", "night", ""})
    assert from_recordings.attributes.keys() == {"Day/Night", "Move", "Scene"}
    assert from_store.attributes == from_recordings.attributes
    np.testing.assert_array_equal(from_store.evaluation.logits, from_recordings.evaluation.logits)
    told = [
        json.loads(CliRunner().invoke(app, [str(run), "--json", *arguments]).stdout)["attributes"]
        for arguments in ([], ["--data", str(store)])
    ]
    assert told[0] == told[1]
    samples = {value: found["samples"] for value, found in told[0]["Day/Night"].items()}
    assert samples == {"day": night.count("day"), "night": night.count("night")}


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
