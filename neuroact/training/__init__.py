"""Training: a configuration and data in, checkpoints and a log out."""

from neuroact.errors import CorruptCheckpoint, Diverged, TrainingError
from neuroact.training.checkpoints import CheckpointWarning
from neuroact.training.config_files import configure, override, read_toml, recipe, recipes, to_toml
from neuroact.training.configs import TrainConfig, WrongSettings
from neuroact.training.log import Row, read_log
from neuroact.training.loop import best_model, train
from neuroact.training.outcome import Best, Trained
from neuroact.training.watching import Watcher

__all__ = [
    "Best",
    "CheckpointWarning",
    "CorruptCheckpoint",
    "Diverged",
    "Row",
    "TrainConfig",
    "Trained",
    "TrainingError",
    "Watcher",
    "WrongSettings",
    "best_model",
    "configure",
    "override",
    "read_log",
    "read_toml",
    "recipe",
    "recipes",
    "to_toml",
    "train",
]
