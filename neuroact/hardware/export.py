"""From a model, or a run that trained one, to a NetX file and its manifest."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from neuroact.errors import ExportError
from neuroact.hardware.manifest import Manifest, write_manifest
from neuroact.hardware.netx import write_netx
from neuroact.hardware.quantise import Quantised, quantise
from neuroact.training import checkpoints
from neuroact.training.configs import TrainConfig
from neuroact.training.loop import CONFIG, best_model, model_of


def export_netx(
    model: nn.Module,
    path: Path,
    *,
    shape: tuple[int, ...] | None = None,
    steps: int | None = None,
    split: bool = False,
    clip: float = 0.0,
    classes: tuple[str, ...] = (),
    settings: TrainConfig | None = None,
) -> Quantised:
    """Write the integer network of `model` to `path`, a name in .net, and its manifest beside it, in .json.

    - `shape`, `steps`, `split`, `clip`: as in `quantise`.
    - `classes`: their names. `settings`: of the run that trained the model. Both go into the manifest.

    Returns the network with what was lost. Raises `UnsupportedLayer` with every layer that does not fit, `ExportError`
    for a network that Lava would not compute, `ValueError` for another name, `OSError` if a file cannot be written.
    Warns with `ExportWarning` of what hardware may not run alike.
    """
    if path.suffix != ".net":
        raise ValueError(f"{path.name}: the name of a NetX file ends in .net")
    quantised = quantise(model, shape=shape, steps=steps, split=split, clip=clip)
    write_netx(quantised.network, path)
    model_settings: Mapping[str, Any] = {} if settings is None else settings.model.model_dump(mode="json")
    # Where the samples were is of one machine.
    data = {} if settings is None else settings.data.model_dump(mode="json", exclude={"source"})
    write_manifest(Manifest.of(quantised, path, classes=classes, model=model_settings, data=data), path)
    return quantised


def trained_model(path: Path) -> tuple[nn.Module, TrainConfig, tuple[str, ...]]:
    """A model that a run trained, in evaluation on the CPU, with the run's settings and classes.

    - `path`: the folder of a run, for the model of its best epoch, or that of one of its checkpoints.

    Raises `ExportError` if it is neither, `TrainingError` for a run without a finished epoch, `CorruptCheckpoint` for
    a damaged one.
    """
    if (path / CONFIG).is_file():
        return best_model(path)
    run = path.resolve().parent.parent
    if not (path / checkpoints.PROGRESS).is_file() or not (run / CONFIG).is_file():
        raise ExportError(f"{path}: neither the folder of a run nor of one of its checkpoints")
    return model_of(run, checkpoints.read(path))
