"""A run of the tiny models as `torchrun` starts it on each rank: `ranks.py CONFIG RUN [STOP]`."""

import sys
from pathlib import Path

import torch

from neuroact.training import configure, read_toml, train
from tests.training.tiny import StopAt, register


def main(config: str, run: str, stop: str = "0") -> None:
    """Trains in this process; goes on if there is a run."""
    torch.set_num_threads(1)
    register()
    resume = (Path(run) / "config.toml").exists()
    train(configure([read_toml(Path(config))]), Path(run), resume=resume, watcher=StopAt(int(stop)))


if __name__ == "__main__":
    main(*sys.argv[1:])
