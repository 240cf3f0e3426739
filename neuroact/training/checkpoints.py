"""Checkpoints: folders that are whole or absent, and that nobody can change unnoticed.

    RUN/checkpoints/step-00000120/
        model.safetensors         the weights that are learned
        average.safetensors       their moving average, where one is kept
        contrast.safetensors      the projection of the event-contrastive loss, where there is one
        optimiser.safetensors     the optimiser's states, named NUMBER.NAME by the parameter's number
        progress.json             everything else
        SHA256SUMS                digests of the others, as `sha256sum --check` reads them

A checkpoint is written under another name, synced and renamed. Nothing in it is code: no pickle is written or read. A
safetensors file carries no checksum, so without the digests a flipped bit would go on as a slightly wrong weight.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import warnings
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor
from torch.optim import Optimizer

from neuroact.atomic import sync
from neuroact.errors import CorruptCheckpoint, TrainingError

FOLDER = "checkpoints"
PROGRESS, SUMS = "progress.json", "SHA256SUMS"
NAME = re.compile(r"step-(\d{8,})")
SUM = re.compile(r"([0-9a-f]{64})  (\S+)")
KEPT = 2
"""So many of the newest are kept, so that one is there if the last is damaged."""

Tensors = dict[str, Tensor]


class CheckpointWarning(UserWarning):
    """A checkpoint is damaged; the one before it is used."""


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """What a run goes on from.

    - `step`: steps that were made. `tensors`: by file, without its suffix, and name; on the CPU.
    - `progress`: plain values.
    """

    step: int
    tensors: Mapping[str, Tensors]
    progress: Mapping[str, Any]


def checkpoints(run: Path) -> list[Path]:
    """Those of a run, the newest first, whether sound or not."""
    folder = run / FOLDER
    found = [path for path in folder.iterdir() if NAME.fullmatch(path.name)] if folder.is_dir() else []
    return sorted(found, key=step_of, reverse=True)


def step_of(path: Path) -> int:
    """The step that a checkpoint's name tells. Raises `ValueError` for another name."""
    match = NAME.fullmatch(path.name)
    if match is None:
        raise ValueError(f"{path} is not named as a checkpoint")
    return int(match[1])


def path_of(run: Path, step: int) -> Path:
    """Where the checkpoint after so many steps is."""
    return run / FOLDER / f"step-{step:08d}"


def write(run: Path, checkpoint: Checkpoint, *, keep: Collection[int] = ()) -> Path:
    """Writes a checkpoint, and removes all but it, the one before it and those of the steps in `keep`.

    Checkpoints of later steps are removed too: they belong to what was damaged, or to another run of these steps.
    """
    path = path_of(run, checkpoint.step)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    for left in path.parent.glob(".step-*"):
        shutil.rmtree(left)
    contents = {f"{name}.safetensors": save(_plain(tensors)) for name, tensors in checkpoint.tensors.items()}
    contents[PROGRESS] = json.dumps({"step": checkpoint.step, **checkpoint.progress}, indent=2).encode()
    contents[SUMS] = "".join(
        f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in contents.items()
    ).encode()
    temporary.mkdir()
    for name, data in contents.items():
        (temporary / name).write_bytes(data)
        sync(temporary / name)
    sync(temporary)
    if path.is_dir():  # a folder cannot be renamed over another one
        _remove(path)
    temporary.rename(path)
    sync(path.parent)
    older = [other for other in checkpoints(run) if step_of(other) <= checkpoint.step]
    for other in checkpoints(run):
        if other not in older[:KEPT] and step_of(other) not in keep:
            _remove(other)
    return path


def read(path: Path) -> Checkpoint:
    """A checkpoint whose every byte is as it was written. Raises `CorruptCheckpoint`."""
    try:
        lines = (path / SUMS).read_text("ascii").splitlines()
        contents = {}
        for match in map(SUM.fullmatch, lines):
            if match is None:
                raise CorruptCheckpoint(f"{path / SUMS}: not a list of digests")
            digest, name = match.groups()
            contents[name] = (path / Path(name).name).read_bytes()
            if hashlib.sha256(contents[name]).hexdigest() != digest:
                raise CorruptCheckpoint(f"{path / name}: its content is not what its digest says")
        progress = json.loads(contents.pop(PROGRESS))
        tensors = {name.removesuffix(".safetensors"): load(data) for name, data in contents.items()}
        return Checkpoint(progress["step"], tensors, progress)
    except (OSError, KeyError, TypeError, ValueError, SafetensorError) as error:
        raise CorruptCheckpoint(f"{path}: not a whole checkpoint: {error}") from error


def newest(run: Path) -> Checkpoint | None:
    """The newest sound checkpoint, with a `CheckpointWarning` for each damaged one; None if there is none at all.

    Raises `CorruptCheckpoint` if all are damaged.
    """
    problem = None
    for path in checkpoints(run):
        try:
            return read(path)
        except CorruptCheckpoint as error:
            problem = error
            warnings.warn(f"{error}; the one before it is used", CheckpointWarning, stacklevel=2)
    if problem:
        raise CorruptCheckpoint(f"{run}: no checkpoint is sound; the oldest: {problem}")
    return None


def best(run: Path) -> Checkpoint:
    """The checkpoint of the best epoch on the validation samples, as the newest one tells it.

    Raises `TrainingError` if no epoch was finished, `CorruptCheckpoint` if it is damaged.
    """
    last = newest(run)
    if last is None or last.progress["best"] is None:
        raise TrainingError(f"{run}: no epoch is finished, so no model is the best")
    return read(path_of(run, last.progress["best"]["step"]))


def optimiser_tensors(optimiser: Optimizer) -> Tensors:
    """The states of an optimiser by `NUMBER.NAME`; its settings are the run's."""
    states = optimiser.state_dict()["state"].items()
    return {f"{number}.{name}": value for number, state in states for name, value in state.items() if value is not None}


def restore_optimiser(optimiser: Optimizer, tensors: Tensors) -> None:
    """Takes over what `optimiser_tensors` returned of an optimiser of the same parameters."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        number, _, name = key.partition(".")
        state.setdefault(int(number), {})[name] = value
    optimiser.load_state_dict(optimiser.state_dict() | {"state": state})


def _plain(tensors: Mapping[str, Tensor]) -> Tensors:
    """Tensors that share no memory, as safetensors wants them; tied weights are stored once for each name."""
    return {name: value.detach().to("cpu", copy=True).contiguous() for name, value in tensors.items()}


def _remove(path: Path) -> None:
    """Removes a checkpoint such that no part of it is ever seen under its name."""
    doomed = path.with_name(f".{path.name}.gone")
    path.rename(doomed)
    shutil.rmtree(doomed)
