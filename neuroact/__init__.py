"""neuroact: raw event-camera recordings in; voxel grids, point clouds and spike trains out."""

import importlib
import typing

from neuroact.errors import (
    CorruptRecording,
    DatasetError,
    EncodingError,
    LimitExceeded,
    MissingExtra,
    NeuroactError,
    NoPolarity,
    RecordingError,
    RecordingNotFound,
    SplitLeak,
    StoreError,
    TruncatedRecording,
    UnknownFormat,
)
from neuroact.events import Events
from neuroact.recordings import Recording, open_recording, write_recording

if typing.TYPE_CHECKING:
    from neuroact.datasets import convert, open_store

__version__ = "0.1.0"

__all__ = [
    "CorruptRecording",
    "DatasetError",
    "EncodingError",
    "Events",
    "LimitExceeded",
    "MissingExtra",
    "NeuroactError",
    "NoPolarity",
    "Recording",
    "RecordingError",
    "RecordingNotFound",
    "SplitLeak",
    "StoreError",
    "TruncatedRecording",
    "UnknownFormat",
    "convert",
    "open_recording",
    "open_store",
    "write_recording",
]

_LAZY = {"convert": "neuroact.datasets", "open_store": "neuroact.datasets"}
"""Public names whose modules load more than reading a recording needs, and so are imported at first use."""


def __getattr__(name: str) -> typing.Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_LAZY[name]), name)
