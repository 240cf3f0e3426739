"""The learning rate of each step, what decays, and the moving average."""

import math

import pytest
import torch
from torch import nn

from neuroact.kernels.nn import Mamba
from neuroact.models import create
from neuroact.training.optimisers import Average, Kind, learning_rate, optimiser

UNDECAYED: dict[str, tuple[nn.Module, set[str]]] = {
    "Mamba": (Mamba(8), {"A_log"}),
    "SpikMamba in both directions": (
        create("spikmamba", classes=3, preset="tiny"),
        {f"blocks.0.mix.mamba.scans.{direction}.A_log" for direction in ("forwards", "backwards")},
    ),
}
RATES = {
    "the first step of a warm-up is not lost": (0, 5, 0.2),
    "a line up": (2, 5, 0.6),
    "its end": (4, 5, 1.0),
    "the cosine begins at the top": (5, 5, 1.0),
    "half way": (12, 5, 0.55),
    "the last step": (19, 5, 0.1),
    "without a warm-up": (0, 0, 1.0),
    "half of that": (9.5, 0, 0.55),
}


@pytest.mark.parametrize(("step", "warm_up", "rate"), RATES.values(), ids=RATES)
def test_the_rate_rises_in_a_line_and_falls_in_a_cosine(step: int, warm_up: int, rate: float) -> None:
    assert learning_rate(step, steps=20, warm_up=warm_up, highest=1.0, final=0.1) == pytest.approx(rate)


def test_one_step_is_a_schedule_too() -> None:
    assert learning_rate(0, steps=1, warm_up=0, highest=1.0, final=0.0) == 1.0


@pytest.mark.parametrize("kind", ["adamw", "adam", "sgd"])
def test_vectors_do_not_decay(kind: Kind) -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    model[1].weight.requires_grad_(False)
    made = optimiser(model, kind, learning_rate=0.5, weight_decay=0.1)
    decays = {id(p): group["weight_decay"] for group in made.param_groups for p in group["params"]}
    assert decays == {id(model[0].weight): 0.1, id(model[0].bias): 0.0, id(model[1].bias): 0.0}
    assert type(made).__name__.lower() == kind
    assert {group["lr"] for group in made.param_groups} == {0.5}


@pytest.mark.parametrize(("model", "kept"), UNDECAYED.values(), ids=UNDECAYED)
def test_the_constants_of_a_state_space_do_not_decay(model: nn.Module, kept: set[str]) -> None:
    made = optimiser(model, "adamw", learning_rate=0.5, weight_decay=0.1)
    decays = {id(p): group["weight_decay"] for group in made.param_groups for p in group["params"]}
    matrices = {name: decays[id(value)] for name, value in model.named_parameters() if value.ndim > 1}
    assert len(decays) == len(list(model.parameters()))
    assert {name for name, decay in matrices.items() if decay == 0.0} == kept
    assert set(matrices.values()) == {0.0, 0.1}


def test_the_average_follows_its_formula() -> None:
    model = nn.BatchNorm1d(1)
    average = Average(model, 0.5)
    expected = 1.0
    for step in range(12):
        with torch.no_grad():
            model.weight.fill_(step)
            model.running_mean.fill_(step)  # type: ignore[union-attr,operator]
        average.update(model, step)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * step
        assert average.module.weight.item() == pytest.approx(expected)
        assert average.module.running_mean.item() == step
    assert not math.isclose(expected, 11)
    assert not average.module.training
    assert not any(parameter.requires_grad for parameter in average.module.parameters())
    assert model.weight.requires_grad
