"""How weights change: the optimiser, the learning rate of each step, and the moving average of the weights."""

from __future__ import annotations

import copy
import math
from typing import Literal

import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer

Kind = Literal["adamw", "adam", "sgd"]


def optimiser(
    model: nn.Module,
    kind: Kind,
    *,
    learning_rate: float,
    weight_decay: float,
    momentum: float = 0.9,
    betas: tuple[float, float] = (0.9, 0.999),
) -> Optimizer:
    """An optimiser of all parameters that want a gradient.

    Vectors do not decay: biases and the scales of norms have no reason to be small, and a neuron's decay or threshold
    would be drawn to 0, where it does not work. Nor do parameters that a module names in `undecayed`, as Mamba does.
    """
    named = {
        module.get_parameter(name) for module in model.modules() for name in getattr(module, "undecayed", frozenset())
    }
    wanted = [parameter for parameter in model.parameters() if parameter.requires_grad]
    decaying = [parameter for parameter in wanted if parameter.ndim > 1 and parameter not in named]
    others = [parameter for parameter in wanted if parameter.ndim <= 1 or parameter in named]
    groups = [{"params": decaying, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]
    if kind == "sgd":
        return SGD(groups, lr=learning_rate, momentum=momentum)
    adaptive = AdamW if kind == "adamw" else Adam
    return adaptive(groups, lr=learning_rate, betas=betas)


def learning_rate(step: int, *, steps: int, warm_up: int, highest: float, final: float) -> float:
    """Of a step, the first being 0: in a line to `highest` at the end of the warm-up, then half a cosine to `final`.

    It depends on the step alone, so a run that goes on needs nothing but its step.

    - `steps`: of the whole run. `warm_up`: how many of them rise.
    """
    if step < warm_up:
        return highest * (step + 1) / warm_up
    done = (step - warm_up) / max(1, steps - 1 - warm_up)
    return final + (highest - final) * (1 + math.cos(math.pi * min(1.0, done))) / 2


class Average:
    """Exponential moving average of a model's parameters, as a model of its own in `module`.

        average = d average + (1 - d) weight,    d = min(decay, (1 + step) / (10 + step))

    The smaller d of the first steps forgets the random weights that the model begins with. Statistics of norms are
    copied: they are averages already.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.module = copy.deepcopy(model).requires_grad_(False).eval()
        self.decay = decay

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Takes in the weights after a step, the first being 0."""
        share = 1 - min(self.decay, (1 + step) / (10 + step))
        for mean, value in zip(self.module.parameters(), model.parameters(), strict=True):
            mean.lerp_(value, share)
        for kept, buffer in zip(self.module.buffers(), model.buffers(), strict=True):
            kept.copy_(buffer)
