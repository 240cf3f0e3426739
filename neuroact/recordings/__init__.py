"""Raw recordings in: one module per on-disk format; `open_recording` picks it by content."""

from neuroact.recordings.formats import READERS
from neuroact.recordings.limits import Limits
from neuroact.recordings.opening import open_recording
from neuroact.recordings.reader import RecordingInfo
from neuroact.recordings.recording import DamageWarning, Recording
from neuroact.recordings.report import Report, Tally
from neuroact.recordings.writing import WRITERS, write_recording

__all__ = [
    "READERS",
    "WRITERS",
    "DamageWarning",
    "Limits",
    "Recording",
    "RecordingInfo",
    "Report",
    "Tally",
    "open_recording",
    "write_recording",
]
