"""Two ranks of `torchrun`: they see the batches of one, and stop and go on together."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from neuroact.training import Row, read_log, train
from neuroact.training.checkpoints import newest
from tests.training.test_loop import STEPS, assert_same, loss_of_the_best
from tests.training.tiny import tiny_config

SCRIPT = Path(__file__).with_name("ranks.py")


def torchrun(*arguments: object) -> None:
    """Runs `ranks.py` on two ranks. `--standalone` takes a free port."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(SCRIPT)]
    folder = SCRIPT.parents[2]
    done = subprocess.run(
        [*command, *map(str, arguments)], cwd=folder, env={"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]


def losses(rows: list[Row]) -> list[float]:
    return [row.loss for row in rows]


@pytest.mark.slow
def test_two_ranks_learn_what_one_learns(root: Path, tmp_path: Path) -> None:
    torchrun(root, tmp_path / "two", "plain")
    config = tiny_config(root, "model.name=plain", "optimiser.name=sgd", "loss.mixup_probability=0")
    train(config, tmp_path / "one")
    one, two = newest(tmp_path / "one"), newest(tmp_path / "two")
    assert one is not None
    assert two is not None
    assert one.step == two.step == STEPS
    for name, value in one.tensors["model"].items():
        torch.testing.assert_close(two.tensors["model"][name], value, rtol=1e-4, atol=1e-6)
    rows = [read_log(tmp_path / which) for which in ("one", "two")]
    assert losses(rows[0]) == pytest.approx(losses(rows[1]), rel=1e-4)
    assert [row.samples for row in rows[0]] == [row.samples for row in rows[1]]


@pytest.mark.slow
def test_ranks_stop_and_go_on_together(root: Path, tmp_path: Path) -> None:
    torchrun(root, tmp_path / "whole", "tiny")
    validated = min(row.loss for row in read_log(tmp_path / "whole") if row.split == "val")
    assert loss_of_the_best(tmp_path / "whole") == pytest.approx(validated, rel=1e-5)
    torchrun(root, tmp_path / "cut", "tiny", 3)
    stopped = newest(tmp_path / "cut")
    assert stopped is not None
    assert stopped.step == 3
    torchrun(root, tmp_path / "cut", "tiny")
    assert_same(tmp_path / "cut", tmp_path / "whole")
