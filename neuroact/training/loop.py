"""Training, top to bottom: one process, or one for each rank of `torchrun`.

What a step does is a function of the weights, the seed, the step and the rank: the order of samples, their
augmentations, the learning rate and every random number are drawn anew from these. So a run that goes on in the middle
of an epoch needs the weights, the optimiser's states and the number of the step, and computes the same bits as one that
was never interrupted.

accelerate places tensors, averages gradients over ranks, scales float16 losses and casts; its `save_state` is not used,
because it pickles.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import broadcast, set_seed
from torch import Tensor, nn

from neuroact.atomic import whole_file
from neuroact.errors import DatasetError, TrainingError
from neuroact.models import create, family
from neuroact.training import checkpoints
from neuroact.training.checkpoints import Checkpoint
from neuroact.training.config_files import configure, read_toml, to_toml
from neuroact.training.configs import TrainConfig, differences
from neuroact.training.data import Batches, load_parts, loader
from neuroact.training.inputs import as_input, check_kind
from neuroact.training.log import Log, Row
from neuroact.training.means import Found, Sums, cross_entropy
from neuroact.training.mixup import mixup, weights_of
from neuroact.training.optimisers import Average, learning_rate, optimiser
from neuroact.training.stopping import sigterm
from neuroact.training.watching import Silent, Watcher

CONFIG = "config.toml"
PRECISIONS = {"fp32": "no", "bf16": "bf16", "fp16": "fp16"}
MIXING = 3
"""Sets the generator of mixup apart from those of orders, samples and hold-outs, which have the same seed."""

Outcome = Literal["finished", "early", "stopped"]


@dataclass(frozen=True, slots=True)
class Best:
    """The best epoch so far: the highest accuracy on the validation samples and, among equals, the lowest loss."""

    epoch: int
    step: int
    top1: float
    loss: float

    def beaten_by(self, other: Best) -> bool:
        """Whether the other is better, not merely as good."""
        return (other.top1, -other.loss) > (self.top1, -self.loss)


@dataclass(frozen=True, slots=True)
class Trained:
    """What came of a run.

    - `path`: its folder. `epochs`: how many are finished. `steps`: how many were made.
    - `best`: None before an epoch is finished.
    - `outcome`: `finished`; `early`, it got no better; `stopped`, by SIGTERM, and can go on.
    """

    path: Path
    epochs: int
    steps: int
    best: Best | None
    outcome: Outcome

    def to_json(self) -> dict[str, object]:
        """Plain values for `json.dumps`."""
        return asdict(self) | {"path": str(self.path)}


def train(config: TrainConfig, out: Path, *, resume: bool = False, watcher: Watcher | None = None) -> Trained:
    """Trains a model into the folder `out`: `config.toml`, `log.jsonl`, `log.csv` and `checkpoints/`.

    - `resume`: go on with the run that is in `out`, from its newest sound checkpoint. Settings may differ from its own
      where they do not change what is learned.
    - `watcher`: sees how far it is.

    On SIGTERM it finishes the step under way, writes a checkpoint and returns.

    Raises `ValueError` for settings that contradict each other, the data, the machine or the run that goes on;
    `TrainingError` if `out` holds a run and `resume` is not asked for, or none and it is; `CorruptCheckpoint` if no
    checkpoint is sound; `Diverged` if the loss is no number any more; and what is wrong with the data.
    """
    with sigterm() as asked, _deterministic(config.run.deterministic):
        return Run(config, out, resume, watcher or Silent(), asked).go()


def best_model(run: Path) -> tuple[nn.Module, TrainConfig, tuple[str, ...]]:
    """The model of the best epoch of a run, ready to be evaluated on the CPU, its settings and its classes.

    Raises `TrainingError` if no epoch was finished, `CorruptCheckpoint` if its checkpoint is damaged.
    """
    config = configure([read_toml(run / CONFIG)])
    checkpoint = checkpoints.best(run)
    classes = tuple(checkpoint.progress["classes"])
    model = _create(config, len(classes))
    model.load_state_dict(checkpoint.tensors.get("average", checkpoint.tensors["model"]))
    return model.eval(), config, classes


class Run:
    """One run, from where its folder says that it is. The parts of `go` stand in the order in which they are used."""

    def __init__(self, config: TrainConfig, out: Path, resume: bool, watcher: Watcher, asked: threading.Event) -> None:
        self.config, self.out, self.asked = config, out, asked
        self.accelerator = _accelerator(config)
        self.first = bool(self.accelerator.is_main_process)
        self.device: torch.device = self.accelerator.device
        self.watcher = watcher if self.first else Silent()
        if self.first:
            _check_folder(config, out, resume=resume)
        self._load_data()
        self._build()
        self.step = self.epoch = self.stale = 0
        self.best: Best | None = None
        self.best_saved: Best | None = None
        self.sums = Sums(self.device)
        rows = self._restore()
        self.log = self._open_folder(rows) if self.first else None
        self.began = self.logged = time.monotonic()

    def go(self) -> Trained:
        """Epoch by epoch: learn, validate, keep."""
        schedule, every = self.config.schedule, self.config.run
        self.watcher.begin(self.steps, self.step)
        while self.epoch < schedule.epochs and not self._no_better():
            end = (self.epoch + 1) * self.batches.steps
            self.batches.begin(self.epoch, self.step - self.epoch * self.batches.steps)
            micro = iter(self.loader)
            while self.step < end:
                self._learn(micro)
                self.watcher.step(self.step)
                if self.step % every.log_every == 0 or self.step == end:
                    self._log("train", self._fetch())
                if self._asked_to_stop():
                    self._save()
                    return self._result("stopped")
                if every.checkpoint_every and self.step % every.checkpoint_every == 0 and self.step < end:
                    self._save()
            self._validate()
            self._save()
        return self._result("early" if self.epoch < schedule.epochs else "finished")

    def _load_data(self) -> None:
        data, run, ranks = self.config.data, self.config.run, int(self.accelerator.num_processes)
        training, validation = load_parts(data, run.seed)
        self.classes = training.examples.classes
        if validation.examples.classes != self.classes:
            raise DatasetError("the samples to validate on have other classes than those to learn from")
        self.kind, rank = training.kind, int(self.accelerator.process_index)
        check_kind(family(self.config.model.name).takes, self.kind)
        if self.config.loss.mixup and self.kind == "points":
            raise ValueError("loss.mixup blends frames; points halfway between two clouds mean nothing: data.cut_mix")
        self.batches = Batches(
            training.positions, batch=data.batch, rank=rank, ranks=ranks, parts=self.config.optimiser.accumulate,
            shuffle=True, seed=run.seed,
        )  # fmt: skip
        self.held = Batches(validation.positions, batch=data.batch, rank=rank, ranks=ranks)
        pinned = self.device.type == "cuda"
        self.loader = loader(training, self.batches, workers=data.workers, keep_workers=True, pinned=pinned)
        self.held_loader = loader(validation, self.held, workers=data.workers, keep_workers=False, pinned=pinned)
        self.steps = self.config.schedule.epochs * self.batches.steps

    def _build(self) -> None:
        settings = self.config.optimiser
        set_seed(self.config.run.seed)  # the same first weights on every rank
        self.plain = _create(self.config, len(self.classes)).to(self.device)
        self.average = Average(self.plain, settings.average) if settings.average else None
        self.model: nn.Module = self.accelerator.prepare(self.plain)
        self.optimiser: Any = self.accelerator.prepare(
            optimiser(
                self.plain, settings.name, learning_rate=settings.learning_rate, weight_decay=settings.weight_decay,
                momentum=settings.momentum, betas=settings.betas,
            )
        )  # fmt: skip

    def _open_folder(self, rows: int) -> Log:
        """Nothing is written before everything that a run needs is there."""
        self.out.mkdir(parents=True, exist_ok=True)
        with whole_file(self.out / CONFIG) as path:
            path.write_text(to_toml(self.config), "utf-8")
        return Log(self.out, rows)

    def _learn(self, micro: Any) -> None:
        """One step of the optimiser, on the parts of one batch."""
        settings, parts = self.config.optimiser, self.config.optimiser.accumulate
        self._draw_anew()
        for part in range(parts):
            data, target = self._on_device(*next(micro))
            data, target = self._mixed(data, target, part)
            last = part == parts - 1
            with nullcontext() if last else self.accelerator.no_sync(self.model):
                with self.accelerator.autocast():
                    logits = self.model(data)  # (B, L)
                loss = cross_entropy(logits, target, self.config.loss.label_smoothing)  # ()
                self.accelerator.backward(loss / parts)
            self.sums.add(loss, logits, target)
        if settings.clip:
            self.accelerator.clip_grad_norm_(self.model.parameters(), settings.clip)
        for group in self.optimiser.param_groups:
            group["lr"] = self._learning_rate(self.step)
        self.optimiser.step()
        self.optimiser.zero_grad()
        if self.average:
            self.average.update(self.plain, self.step)
        self.step += 1

    def _draw_anew(self) -> None:
        """Everything random inside a step, dropout above all, depends on its number and not on what went before."""
        place = (self.config.run.seed, self.step, int(self.accelerator.process_index))
        set_seed(int(np.random.SeedSequence(place).generate_state(1)[0]))

    def _on_device(self, data: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        moved = as_input(data.to(self.device, non_blocking=True), self.kind)
        return moved, target.to(self.device, non_blocking=True)

    def _mixed(self, data: Tensor, target: Tensor, part: int) -> tuple[Tensor, Tensor]:
        """The batch after mixup, if it is its turn."""
        settings = self.config.loss
        if settings.mixup is None:
            return data, target
        rank = int(self.accelerator.process_index)
        rng = np.random.default_rng((self.config.run.seed, self.step, part, rank, MIXING))
        if rng.random() >= settings.mixup_probability:
            return data, target
        return mixup(data, weights_of(target, len(self.classes)), rng, settings.mixup)

    def _learning_rate(self, step: int) -> float:
        schedule = self.config.schedule
        return learning_rate(
            step, steps=self.steps, warm_up=round(schedule.warm_up * self.batches.steps),
            highest=self.config.optimiser.learning_rate, final=schedule.final,
        )  # fmt: skip

    def _fetch(self) -> Found:
        """The sums since the last time, of all ranks, which begin at zero again."""
        values = self.accelerator.reduce(self.sums.values, "sum").tolist()
        self.sums = Sums(self.device)
        return Found(*values)

    def _log(self, split: Literal["train", "val"], found: Found) -> tuple[float, float]:
        """Logs what was found and returns the mean loss and the accuracy."""
        loss, top1 = found.means(f"{self.out}, step {self.step}, {split}")
        now = time.monotonic()
        rate = found.samples / max(now - self.logged, 1e-9)
        row = Row(
            self.epoch + 1, self.step, split, int(found.samples), loss, top1, self._learning_rate(self.step - 1),
            rate, now - self.began,
        )  # fmt: skip
        self.logged = now
        if self.log:
            self.log.add(row)
        self.watcher.row(row)
        return loss, top1

    def _asked_to_stop(self) -> bool:
        """Whether any rank was: all must leave the loop after the same step."""
        if self.accelerator.num_processes == 1:
            return self.asked.is_set()
        asked = torch.tensor(float(self.asked.is_set()), device=self.device)
        return bool(self.accelerator.reduce(asked, "sum").item())

    @torch.no_grad()
    def _validate(self) -> None:
        """Ends an epoch: what is validated is the average of the weights, where one is kept."""
        model = self.average.module if self.average else self.plain
        model.eval()
        for buffer in model.buffers():
            broadcast(buffer)  # the statistics of norms differ from rank to rank; those of the first are kept
        self.sums = Sums(self.device)
        for batch in self.held_loader:
            data, target = self._on_device(*batch)
            with self.accelerator.autocast():
                logits = model(data)  # (B, L)
            self.sums.add(cross_entropy(logits, target), logits, target)
        self.plain.train()
        loss, top1 = self._log("val", self._fetch())
        self.epoch += 1
        found = Best(self.epoch, self.step, top1, loss)
        better = self.best is None or self.best.beaten_by(found)
        self.best, self.stale = (found, 0) if better else (self.best, self.stale + 1)

    def _no_better(self) -> bool:
        patience = self.config.schedule.patience
        return patience is not None and self.stale >= patience

    def _save(self) -> None:
        """Writes a checkpoint; every rank takes part, the first one writes."""
        sums = self.accelerator.reduce(self.sums.values.clone(), "sum").tolist()
        if self.first and self.log:
            scaler = self.accelerator.scaler
            progress = {
                "epoch": self.epoch, "stale": self.stale, "best": self.best and asdict(self.best), "sums": sums,
                "rows": self.log.rows, "scaler": scaler.state_dict() if scaler else None, "classes": self.classes,
                "steps_per_epoch": self.batches.steps,
            }  # fmt: skip
            tensors = {
                "model": self.plain.state_dict(),
                "optimiser": checkpoints.optimiser_tensors(self.optimiser),
                **({"average": self.average.module.state_dict()} if self.average else {}),
            }
            # The best as the checkpoint before this one knows it stays too: if this one is damaged, that one is used.
            known = {best.step for best in (self.best, self.best_saved) if best}
            checkpoints.write(self.out, Checkpoint(self.step, tensors, progress), keep=known)
            self.best_saved = self.best
        self.accelerator.wait_for_everyone()

    def _restore(self) -> int:
        """Takes over the newest sound checkpoint, if there is one; returns how many rows of the log it knows."""
        checkpoint = checkpoints.newest(self.out)
        if checkpoint is None:
            return 0
        progress, tensors = checkpoint.progress, checkpoint.tensors
        if progress["steps_per_epoch"] != self.batches.steps or progress["classes"] != list(self.classes):
            raise ValueError(f"{self.out} was begun with other data: {self.config.data.source} has other samples")
        self.plain.load_state_dict(tensors["model"])
        checkpoints.restore_optimiser(self.optimiser, tensors["optimiser"])
        if self.average:
            self.average.module.load_state_dict(tensors["average"])
        if self.accelerator.scaler and progress["scaler"]:
            self.accelerator.scaler.load_state_dict(progress["scaler"])
        self.step, self.epoch, self.stale = checkpoint.step, progress["epoch"], progress["stale"]
        self.best = self.best_saved = Best(**progress["best"]) if progress["best"] else None
        if self.first:
            self.sums.values += torch.tensor(progress["sums"], dtype=torch.float64, device=self.device)
        self.watcher.say(f"going on after step {self.step} of {self.steps}")
        return int(progress["rows"])

    def _result(self, outcome: Outcome) -> Trained:
        return Trained(self.out, self.epoch, self.step, self.best, outcome)


def _create(config: TrainConfig, classes: int) -> nn.Module:
    model = config.model
    try:
        return create(model.name, classes=classes, preset=model.preset, **model.arguments)
    except TypeError as error:
        raise ValueError(f"model.arguments: {error}") from error


def _accelerator(config: TrainConfig) -> Accelerator:
    # accelerate keeps the first precision and device of a process for all later accelerators, and has no public way to
    # have others: a second run in the same process needs its own.
    AcceleratorState._reset_state(reset_partial_state=True)
    accelerator = Accelerator(mixed_precision=PRECISIONS[config.run.precision], cpu=config.run.device == "cpu")
    if config.run.precision == "fp16" and accelerator.device.type == "cpu":
        raise ValueError("run.precision=fp16 needs a GPU; bf16 runs on a CPU too")  # accelerate would take float32
    return accelerator


@contextmanager
def _deterministic(wanted: bool) -> Iterator[None]:
    """Inside, torch refuses operations whose result is not the same to the bit every time."""
    before = torch.are_deterministic_algorithms_enabled()
    if wanted:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # else cuBLAS may sum in another order
        torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)


def _check_folder(config: TrainConfig, out: Path, *, resume: bool) -> None:
    """Raises unless the folder is free for a new run, or holds this one."""
    if not resume and (out / CONFIG).exists():
        raise TrainingError(f"{out}: holds a run; go on with it (--resume) or name another folder")
    if resume and not (out / CONFIG).exists():
        raise TrainingError(f"{out}: holds no run to go on with")
    if resume and (changed := differences(configure([read_toml(out / CONFIG)]), config)):
        raise ValueError(f"{out} was begun with another {', '.join(changed)}")
