"""Two ranks of `torchrun`: they see the batches of one, validate one model, and stop and go on together."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from neuroact.training import Row, TrainConfig, read_log, to_toml, train
from neuroact.training.checkpoints import newest
from tests.training.test_learner import contrasted
from tests.training.test_loop import EPOCH, STEPS, assert_same, loss_of_the_best
from tests.training.tiny import tiny_config

SCRIPT = Path(__file__).with_name("ranks.py")


def torchrun(config: TrainConfig, run: Path, stop: int = 0) -> None:
    """Runs `ranks.py` on two ranks. `--standalone` takes a free port."""
    settings = run.with_suffix(".toml")
    settings.write_text(to_toml(config), "utf-8")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(SCRIPT)]
    folder = SCRIPT.parents[2]
    done = subprocess.run(
        [*command, str(settings), str(run), str(stop)], cwd=folder, capture_output=True, text=True, timeout=240,
        check=False, env={"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]


def losses(rows: list[Row]) -> list[float]:
    return [row.loss for row in rows]


def of_model(root: Path, name: str, *settings: str) -> TrainConfig:
    return tiny_config(root, f"model.name={name}", "optimiser.name=sgd", "loss.mixup_probability=0", *settings)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["plain", "contrasted"])
def test_two_ranks_learn_what_one_learns(root: Path, tmp_path: Path, kind: str) -> None:
    config = of_model(root, kind) if kind == "plain" else contrasted(root, {"optimiser": {"name": "sgd"}})
    torchrun(config, tmp_path / "two")
    train(config, tmp_path / "one")
    one, two = newest(tmp_path / "one"), newest(tmp_path / "two")
    assert one is not None
    assert two is not None
    assert one.step == two.step == STEPS
    assert one.tensors.keys() == two.tensors.keys()
    for file, tensors in one.tensors.items():
        for name, value in tensors.items():
            torch.testing.assert_close(two.tensors[file][name], value, rtol=1e-4, atol=1e-6)
    rows = [read_log(tmp_path / which) for which in ("one", "two")]
    assert losses(rows[0]) == pytest.approx(losses(rows[1]), rel=1e-4)
    assert [row.samples for row in rows[0]] == [row.samples for row in rows[1]]


@pytest.mark.slow
def test_ranks_stop_and_go_on_together(root: Path, tmp_path: Path) -> None:
    config = of_model(root, "tiny")
    torchrun(config, tmp_path / "whole")
    torchrun(config, tmp_path / "cut", stop=3)
    stopped = newest(tmp_path / "cut")
    assert stopped is not None
    assert stopped.step == 3
    torchrun(config, tmp_path / "cut")
    assert_same(tmp_path / "cut", tmp_path / "whole")


@pytest.mark.slow
def test_ranks_validate_the_model_that_is_kept(root: Path, tmp_path: Path) -> None:
    """After the last step of an epoch, each has the statistics of the samples that it saw itself."""
    torchrun(of_model(root, "normed", "schedule.epochs=1", "optimiser.accumulate=1"), tmp_path / "run")
    validated = [row for row in read_log(tmp_path / "run") if row.split == "val"]
    assert [(row.step, row.samples) for row in validated] == [(EPOCH, 6)]
    assert loss_of_the_best(tmp_path / "run") == pytest.approx(validated[0].loss, rel=1e-6)
