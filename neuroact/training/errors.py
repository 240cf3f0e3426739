"""What goes wrong with a run.

NeuroactError
└── TrainingError          a run that cannot be begun, continued or read
    ├── CorruptCheckpoint  a checkpoint that is not as it was written
    └── Diverged           a loss that is no number any more
"""

from neuroact.errors import NeuroactError


class TrainingError(NeuroactError):
    """A run that cannot be begun, continued or read."""


class CorruptCheckpoint(TrainingError):
    """A checkpoint that is not as it was written: a file is missing, cut or changed."""


class Diverged(TrainingError):
    """A loss that is no number any more; no later step can bring it back."""
