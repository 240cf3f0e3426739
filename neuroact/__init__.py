"""neuroact: raw event-camera recordings in; voxel grids, point clouds and spike trains out."""

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
    StoreError,
    TruncatedRecording,
    UnknownFormat,
)
from neuroact.events import Events
from neuroact.recordings import Recording, open_recording, write_recording

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
    "StoreError",
    "TruncatedRecording",
    "UnknownFormat",
    "open_recording",
    "write_recording",
]
