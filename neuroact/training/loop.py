"""Training, top to bottom: one process, or one for each rank of `torchrun`.

What a step does is a function of the weights, the seed, the step and the rank: the order of samples, their
augmentations, the learning rate and every random number are drawn anew from these. So a run that goes on in the middle
of an epoch needs the weights, the optimiser's states and the number of the step, and computes the same bits as one that
was never interrupted.
"""

from __future__ import annotations

import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import nn

from neuroact.atomic import whole_file
from neuroact.errors import DatasetError, TrainingError
from neuroact.models import family
from neuroact.training import checkpoints
from neuroact.training.checkpoints import Checkpoint
from neuroact.training.config_files import configure, read_toml, to_toml
from neuroact.training.configs import TrainConfig, WrongSettings, differences
from neuroact.training.data import Batches, Part, load_parts
from neuroact.training.inputs import check_kind
from neuroact.training.learner import Learner, create_model
from neuroact.training.loader import Loader
from neuroact.training.log import Log, Row
from neuroact.training.machine import accelerator, deterministic
from neuroact.training.means import Found, Sums
from neuroact.training.optimisers import learning_rate
from neuroact.training.outcome import Best, Outcome, Trained
from neuroact.training.stopping import sigterm
from neuroact.training.tensorboard import EventFiles
from neuroact.training.watching import Silent, Watcher

CONFIG = "config.toml"


def train(config: TrainConfig, out: Path, *, resume: bool = False, watcher: Watcher | None = None) -> Trained:
    """Trains a model into the folder `out`: `config.toml`, `log.jsonl`, `log.csv` and `checkpoints/`.

    - `resume`: go on with the run that is in `out`, from its newest sound checkpoint. Settings may differ from its own
      where they do not change what is learned.
    - `watcher`: sees how far it is.

    On SIGTERM it finishes the step under way, writes a checkpoint and returns.

    Raises `WrongSettings`, a `ValueError`, before the first step, for settings that do not go with each other, the
    data, the machine or the run that goes on; `TrainingError` if `out` holds a run and `resume` is not asked for, or
    none and it is; `CorruptCheckpoint` if no checkpoint is sound; `Diverged` if the loss is no number any more;
    `MissingExtra` for TensorBoard's files without its package; and what is wrong with the data.
    """
    with sigterm() as asked, deterministic(config.run.deterministic):
        try:
            run = Run(config, out, resume, watcher or Silent(), asked)
        except ValueError as error:  # one from within a step would be a mistake in the code
            raise WrongSettings(str(error)) from error
        return run.go()


def best_model(run: Path) -> tuple[nn.Module, TrainConfig, tuple[str, ...]]:
    """The model that a run keeps, of its best epoch or its last, ready for the CPU; its settings and its classes.

    Raises `TrainingError` if no epoch was finished, `CorruptCheckpoint` if its checkpoint is damaged.
    """
    return model_of(run, checkpoints.best(run))


def model_of(run: Path, checkpoint: Checkpoint) -> tuple[nn.Module, TrainConfig, tuple[str, ...]]:
    """As `best_model`, of any checkpoint of a run: the average of the weights where one is kept."""
    config = configure([read_toml(run / CONFIG)])
    classes = tuple(checkpoint.progress["classes"])
    model = create_model(config.model, len(classes))
    model.load_state_dict(checkpoint.tensors.get("average", checkpoint.tensors["model"]))
    return model.eval(), config, classes


class Run:
    """One run, from where its folder says that it is. The parts of `go` stand in the order in which they are used."""

    def __init__(self, config: TrainConfig, out: Path, resume: bool, watcher: Watcher, asked: threading.Event) -> None:
        self.config, self.out, self.asked = config, out, asked
        self.accelerator = accelerator(config.run)
        self.first = bool(self.accelerator.is_main_process)
        self.device: torch.device = self.accelerator.device
        self.watcher = watcher if self.first else Silent()
        if self.first:
            _check_folder(config, out, resume=resume)
        self.events = EventFiles(out) if self.first and config.run.tensorboard else None
        training = self._load_data()
        self.learner = Learner(config, self.accelerator, classes=len(self.classes), kind=training.kind)
        self._try_on(training)
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
                self.learner.step(micro, self.step, self._learning_rate(self.step), self.sums)
                self.step += 1
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

    def _load_data(self) -> Part:
        """Loads what is learned from, which it returns, and what is validated on, and puts both into batches."""
        data, run, ranks = self.config.data, self.config.run, int(self.accelerator.num_processes)
        training, validation = load_parts(data, run.seed)
        for note in training.notes:
            self.watcher.say(note)
        self.classes = training.examples.classes
        if validation.examples.classes != self.classes:
            raise DatasetError("the samples to validate on have other classes than those to learn from")
        rank = int(self.accelerator.process_index)
        check_kind(family(self.config.model.name).takes, training.kind)
        if self.config.loss.mixup and training.kind == "points":
            raise ValueError("loss.mixup blends frames; points halfway between two clouds mean nothing: data.cut_mix")
        self.batches = Batches(
            training.positions, batch=data.batch, rank=rank, ranks=ranks, parts=self.config.optimiser.accumulate,
            views=self.config.loss.views, shuffle=True, seed=run.seed,
        )  # fmt: skip
        held = Batches(validation.positions, batch=data.batch, rank=rank, ranks=ranks)
        pinned = self.device.type == "cuda"
        self.loader = Loader(training, self.batches, workers=data.workers, keep_workers=True, pinned=pinned)
        keeps = data.cache_bytes > 0  # in each worker, and with it is lost
        self.held_loader = Loader(validation, held, workers=data.workers, keep_workers=keeps, pinned=pinned)
        self.steps = self.config.schedule.epochs * self.batches.steps
        return training

    def _try_on(self, training: Part) -> None:
        """Raises what the model has against the samples before anything is written, and not in the first step."""
        place = int(training.positions[0])
        views = [training.examples[0, place, view].data for view in range(self.config.loss.views)]
        self.learner.try_on(torch.from_numpy(np.stack(views)))

    def _open_folder(self, rows: int) -> Log:
        """Nothing is written before everything that a run needs is there."""
        self.out.mkdir(parents=True, exist_ok=True)
        with whole_file(self.out / CONFIG) as path:
            path.write_text(to_toml(self.config), "utf-8")
        if self.events:
            self.events.begin(self.step)
        return Log(self.out, rows)

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
        if self.events:
            self.events.add(row)
        self.watcher.row(row)
        return loss, top1

    def _asked_to_stop(self) -> bool:
        """Whether any rank was: all must leave the loop after the same step."""
        if self.accelerator.num_processes == 1:
            return self.asked.is_set()
        asked = torch.tensor(float(self.asked.is_set()), device=self.device)
        return bool(self.accelerator.reduce(asked, "sum").item())

    def _validate(self) -> None:
        """Ends an epoch."""
        self.sums = Sums(self.device)
        self.learner.validate(self.held_loader, self.sums)
        loss, top1 = self._log("val", self._fetch())
        self.epoch += 1
        found = Best(self.epoch, self.step, top1, loss)
        better = self.config.schedule.choose == "last" or self.best is None or self.best.beaten_by(found)
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
            # The best as the checkpoint before this one knows it stays too: if this one is damaged, that one is used.
            known = {best.step for best in (self.best, self.best_saved) if best}
            checkpoints.write(self.out, Checkpoint(self.step, self.learner.tensors(), progress), keep=known)
            self.best_saved = self.best
        self.accelerator.wait_for_everyone()

    def _restore(self) -> int:
        """Takes over the newest sound checkpoint, if there is one; returns how many rows of the log it knows."""
        checkpoint = checkpoints.newest(self.out)
        if checkpoint is None:
            return 0
        progress = checkpoint.progress
        if progress["steps_per_epoch"] != self.batches.steps or progress["classes"] != list(self.classes):
            raise ValueError(f"{self.out} was begun with other data: {self.config.data.source} has other samples")
        self.learner.restore(checkpoint.tensors)
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


def _check_folder(config: TrainConfig, out: Path, *, resume: bool) -> None:
    """Raises unless the folder is free for a new run, or holds this one."""
    if not resume and (out / CONFIG).exists():
        raise TrainingError(f"{out}: holds a run; go on with it (--resume) or name another folder")
    if resume and not (out / CONFIG).exists():
        raise TrainingError(f"{out}: holds no run to go on with")
    if resume and (changed := differences(configure([read_toml(out / CONFIG)]), config)):
        raise ValueError(f"{out} was begun with another {', '.join(changed)}")
