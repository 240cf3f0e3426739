"""What is learned, and what a step does to it.

accelerate places tensors, averages gradients over ranks, scales float16 losses and casts; its `save_state` is not used,
because it pickles.

B samples of a batch    L classes
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import broadcast, set_seed
from torch import Tensor, nn

from neuroact.models import create
from neuroact.models.contrast import Contrasted
from neuroact.training import checkpoints
from neuroact.training.checkpoints import Tensors
from neuroact.training.configs import ModelConfig, TrainConfig
from neuroact.training.inputs import as_input
from neuroact.training.machine import with_norms_of_all
from neuroact.training.means import Sums, cross_entropy
from neuroact.training.mixup import mixup, weights_of
from neuroact.training.optimisers import Average, optimiser

MIXING = 3
"""Sets the generator of mixup apart from those of orders, samples and hold-outs, which have the same seed."""

Batch = tuple[Tensor, Tensor]
"""Samples as an encoder makes them, `(B, ...)`, and their labels `(B,)` or weights of classes `(B, L)`."""


def create_model(model: ModelConfig, classes: int) -> nn.Module:
    """The model that settings describe, with random weights. Raises `ValueError` if there is none."""
    try:
        return create(model.name, classes=classes, preset=model.preset, **model.arguments)
    except TypeError as error:
        raise ValueError(f"model.arguments: {error}") from error


class Learner:
    """The weights, the optimiser's states and the moving average of the weights, on one rank.

    - `classes`: how many. `kind`: of the samples.

    Raises `ValueError` for a model that there is not, or that has nothing to contrast.
    """

    def __init__(self, config: TrainConfig, accelerator: Accelerator, *, classes: int, kind: str) -> None:
        settings = config.optimiser
        self.config, self.accelerator, self.classes, self.kind = config, accelerator, classes, kind
        self.device: torch.device = accelerator.device
        set_seed(config.run.seed)  # the same first weights on every rank
        self.plain = create_model(config.model, classes).to(self.device)
        self.plain = with_norms_of_all(self.plain, self.device, int(accelerator.num_processes))
        self.contrasted = None if config.loss.contrast is None else Contrasted(self.plain).to(self.device)
        self.average = Average(self.plain, settings.average) if settings.average else None
        self.learned = self.contrasted or self.plain
        self.model: nn.Module = accelerator.prepare(self.learned)
        self.optimiser: Any = accelerator.prepare(
            optimiser(
                self.learned, settings.name, learning_rate=settings.learning_rate, weight_decay=settings.weight_decay,
                momentum=settings.momentum, betas=settings.betas,
            )
        )  # fmt: skip

    @torch.no_grad()
    def try_on(self, views: Tensor) -> None:
        """Runs the model over the views of one sample, `(views, ...)`. Raises `ValueError` if they do not fit it."""
        self.learned.eval()
        self.learned(as_input(views.to(self.device), self.kind))
        self.learned.train()

    def step(self, micro: Iterator[Batch], number: int, rate: float, sums: Sums) -> None:
        """One step of the optimiser.

        - `micro`: whose next batches are the parts of one.
        - `number`: of the step, the first being 0. `rate`: the learning rate.
        - `sums`: gets the losses and hits.
        """
        settings, parts = self.config.optimiser, self.config.optimiser.accumulate
        self._draw_anew(number)
        for part in range(parts):
            data, target = self._on_device(*next(micro))
            data, target = self._mixed(data, target.chunk(self.config.loss.views)[0], number, part)
            last = part == parts - 1
            with nullcontext() if last else self.accelerator.no_sync(self.model):
                logits, loss = self._loss(data, target)  # (B, L), ()
                self.accelerator.backward(loss / parts)
            sums.add(loss, logits, target)
        if settings.clip:
            self.accelerator.clip_grad_norm_(self.model.parameters(), settings.clip)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.step()
        self.optimiser.zero_grad()
        if self.average:
            self.average.update(self.plain, number)

    @torch.no_grad()
    def validate(self, batches: Iterable[Batch], sums: Sums) -> None:
        """Adds the losses and hits of this rank's batches; of the average of the weights, where one is kept."""
        model = self.average.module if self.average else self.plain
        model.eval()
        for buffer in model.buffers():
            broadcast(buffer)  # on CPUs the statistics of norms differ from rank to rank; those of the first are kept
        for batch in batches:
            data, target = self._on_device(*batch)
            with self.accelerator.autocast():
                logits = model(data)  # (B, L)
            sums.add(cross_entropy(logits, target), logits, target)
        self.plain.train()

    def tensors(self) -> dict[str, Tensors]:
        """What a checkpoint keeps."""
        return {
            "model": self.plain.state_dict(),
            "optimiser": checkpoints.optimiser_tensors(self.optimiser),
            **({"average": self.average.module.state_dict()} if self.average else {}),
            **({"contrast": self.contrasted.contrast.state_dict()} if self.contrasted else {}),
        }

    def restore(self, tensors: Mapping[str, Tensors]) -> None:
        """Takes over what `tensors` returned of a learner of the same settings."""
        self.plain.load_state_dict(tensors["model"])
        checkpoints.restore_optimiser(self.optimiser, tensors["optimiser"])
        if self.average:
            self.average.module.load_state_dict(tensors["average"])
        if self.contrasted:
            self.contrasted.contrast.load_state_dict(tensors["contrast"])

    def _draw_anew(self, number: int) -> None:
        """Everything random inside a step, dropout above all, depends on its number and not on what went before."""
        place = (self.config.run.seed, number, int(self.accelerator.process_index))
        set_seed(int(np.random.SeedSequence(place).generate_state(1)[0]))

    def _on_device(self, data: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        moved = as_input(data.to(self.device, non_blocking=True), self.kind)
        return moved, target.to(self.device, non_blocking=True)

    def _mixed(self, data: Tensor, target: Tensor, number: int, part: int) -> tuple[Tensor, Tensor]:
        """The batch after mixup, if it is its turn."""
        settings = self.config.loss
        if settings.mixup is None:
            return data, target
        rank = int(self.accelerator.process_index)
        rng = np.random.default_rng((self.config.run.seed, number, part, rank, MIXING))
        if rng.random() >= settings.mixup_probability:
            return data, target
        return mixup(data, weights_of(target, self.classes), rng, settings.mixup)

    def _loss(self, data: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Logits `(B, L)` and the loss of a batch; with two views, those of the first and of both."""
        settings = self.config.loss
        with self.accelerator.autocast():
            found = self.model(data)
        if settings.contrast is None:
            return found, cross_entropy(found, target, settings.label_smoothing)
        logits, contrast = found
        classified = cross_entropy(logits, target, settings.label_smoothing)
        return logits, classified + settings.contrast * contrast
