"""Folders of runs without the training: their configuration and one checkpoint."""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from neuroact.models import create
from neuroact.training import checkpoints, configure
from neuroact.training.checkpoints import Checkpoint
from neuroact.training.config_files import to_toml

CLASSES = ("left", "right", "still")
ENCODER = {"kind": "spikes", "steps": 4}


def write_run(folder: Path, name: str, *, average: bool = False, **arguments: Any) -> nn.Module:
    """The run of a model that learned nothing; with `average`, its weights are not those to take."""
    settings = configure([{
        "data": {"source": "nmnist:ROOT", "encoder": ENCODER},
        "model": {"name": name, "preset": "tiny", "arguments": arguments},
    }])  # fmt: skip
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text(to_toml(settings))
    torch.manual_seed(0)
    model = create(name, classes=len(CLASSES), preset="tiny", **arguments).eval()
    tensors = {"model": model.state_dict()}
    if average:
        others = {key: torch.zeros_like(value) for key, value in tensors["model"].items()}
        tensors = {"model": others, "average": tensors["model"]}
    progress = {"classes": CLASSES, "best": {"epoch": 1, "step": 5, "top1": 0.5, "loss": 1.0}}
    checkpoints.write(folder, Checkpoint(5, tensors, progress))
    return model
