"""Runs: what they leave, that they learn, and that one that was interrupted computes what the others do."""

import os
import signal
from pathlib import Path

import pytest
import torch

from neuroact.models import create
from neuroact.training import (
    CheckpointWarning,
    CorruptCheckpoint,
    Diverged,
    Row,
    TrainConfig,
    Trained,
    TrainingError,
    best_model,
    read_log,
    train,
)
from neuroact.training.checkpoints import checkpoints, newest, path_of, step_of
from neuroact.training.watching import Silent
from tests.training.tiny import same_bits, tiny_config, without_clock

EPOCH = 4
"""Steps of an epoch of `tiny_config`: 24 samples, a quarter held out, batches of 4."""


class StopAt(Silent):
    """Has the process sent SIGTERM after so many steps."""

    def __init__(self, step: int) -> None:
        self.at = step

    def step(self, done: int) -> None:
        if done == self.at:
            os.kill(os.getpid(), signal.SIGTERM)


@pytest.fixture(scope="module")
def uninterrupted(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of `tiny_config`, made when it is first needed."""
    return tmp_path_factory.mktemp("runs") / "whole"


@pytest.fixture
def whole(root: Path, uninterrupted: Path) -> Path:
    if not uninterrupted.exists():
        assert train(tiny_config(root), uninterrupted).outcome == "finished"
    return uninterrupted


def test_x(whole: Path) -> None:
    print(whole, [p.name for p in checkpoints(whole)], (whole/"log.csv").read_text(), (whole/"config.toml").read_text())
