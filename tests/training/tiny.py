"""A model that learns in a second and has what a checkpoint must carry: statistics, dropout, spikes; and its runs."""

import dataclasses
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from neuroact.models import FAMILIES, Family
from neuroact.models.layers.neurons import lif
from neuroact.training import Row, TrainConfig, configure, override
from neuroact.training.watching import Silent
from tests.datasets.builders import write_nmnist

NAME = "tiny"


class StopAt(Silent):
    """Has SIGTERM sent to this process, and to no other, after so many steps."""

    def __init__(self, step: int) -> None:
        self.at = step

    def step(self, done: int) -> None:
        if done == self.at:
            os.kill(os.getpid(), signal.SIGTERM)


class Tiny(nn.Module):
    """Two layers of neurons on frames scaled down."""

    def __init__(self, classes: int, hidden: int = 8, dropout: float = 0.3) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(6)
        self.first = nn.Linear(2 * 36, hidden)
        self.norm = nn.BatchNorm1d(hidden)
        self.spikes = lif()
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(hidden, classes)

    def forward(self, x: Tensor) -> Tensor:
        batch, steps = x.shape[:2]
        x = self.pool(x.flatten(0, 1)).flatten(1)  # (BT, 72)
        x = self.norm(self.first(x)).view(batch, steps, -1).transpose(0, 1)  # (T, B, hidden)
        return self.head(self.dropout(self.spikes(x.float()).mean(0)))


class Plain(nn.Module):
    """A linear model, each sample by itself and without anything random."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(6)
        self.head = nn.Linear(2 * 36, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.pool(x.mean(1)).flatten(1))


class Normed(nn.Module):
    """A linear model of normalised sums, whose logits change with every change of the statistics."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(6)
        self.norm = nn.BatchNorm1d(2 * 36)
        self.head = nn.Linear(2 * 36, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.norm(self.pool(x.mean(1)).flatten(1)))


class Cloud(nn.Module):
    """A linear model of points."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.head = nn.Linear(3, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(x).mean(1)


def register(families: Callable[[str, Family], Any] = FAMILIES.__setitem__) -> None:
    """Enters the models under their names."""
    families(NAME, Family(NAME, Tiny, "frames", {"wide": {"hidden": 16}}))
    families("plain", Family("plain", Plain, "frames", {}))
    families("normed", Family("normed", Normed, "frames", {}))
    families("cloud", Family("cloud", Cloud, "points", {}))


def digits(root: Path, each: int = 8) -> Path:
    """A folder laid out as N-MNIST with noise in it: 3 digits, `each` recordings of a digit and split."""
    write_nmnist(root, each, events=60)
    return root


def tiny_config(root: Path, *settings: str) -> TrainConfig:
    """A run of two epochs with everything that a step can have, on what `digits` made."""
    base: dict[str, Any] = {
        "data": {
            "source": f"nmnist:{root}", "encoder": {"kind": "spikes", "steps": 3}, "hold_out": 0.25, "batch": 4,
            "augment": [{"kind": "shift"}],
        },
        "model": {"name": NAME},
        "loss": {"label_smoothing": 0.1, "mixup": 0.5},
        "optimiser": {"clip": 1.0, "accumulate": 2, "average": 0.9, "learning_rate": 0.01},
        "schedule": {"epochs": 2, "warm_up": 0.5},
        "run": {"log_every": 2, "device": "cpu"},
    }  # fmt: skip
    return configure([base, *map(override, settings)])


def without_clock(rows: list[Row]) -> list[Row]:
    """Rows without what differs from run to run: how long it took."""
    return [dataclasses.replace(row, samples_per_second=0.0, seconds=0.0) for row in rows]


def same_bits(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    """Whether all tensors have the same names and are equal to the last bit."""
    return one.keys() == other.keys() and all(torch.equal(value, other[name]) for name, value in one.items())
