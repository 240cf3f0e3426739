"""The formats by name. Modules are imported only when a recording needs them, which keeps `info` quick."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import cast

from neuroact.recordings.reader import Reader, Source

READERS: dict[str, str] = {
    "raw": "prophesee_raw:open_raw",
    "evt2": "prophesee_raw:open_evt2",
    "evt2.1": "prophesee_raw:open_evt21",
    "evt3": "prophesee_raw:open_evt3",
    "evt4": "prophesee_raw:open_evt4",
    "dat": "dat:open_dat",
    "hdf5": "hdf5:open_hdf5",
    "aedat1": "aedat2:open_aedat1",
    "aedat2": "aedat2:open_aedat2",
    "aedat3": "aedat3:open_aedat3",
    "aedat4": "aedat4:open_aedat4",
    "es": "event_stream:open_es",
    "nmnist": "nmnist:open_nmnist",
    "ros1": "ros1:open_ros1",
    "ros2": "ros2:open_ros2",
    "mcap": "mcap:open_mcap",
    "npy": "numpy_files:open_npy",
    "npz": "numpy_files:open_npz",
    "text": "text:open_text",
    "text_zip": "text:open_text_zip",
}
"""Name of the format -> module and function that opens a `Source` as a `Reader`."""


def reader_of(format: str) -> Callable[[Source], Reader]:
    """The function that opens recordings of `format`. Raises `ValueError` for a name that does not exist."""
    if format not in READERS:
        raise ValueError(f"there is no format {format!r}; there are {', '.join(READERS)}")
    module, function = READERS[format].split(":")
    return cast(Callable[[Source], Reader], getattr(import_module(f"neuroact.recordings.{module}"), function))
