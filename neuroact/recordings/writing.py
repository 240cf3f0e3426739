"""write_recording: from events to a file of a camera's format."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import cast

from neuroact.atomic import whole_file
from neuroact.events import Events

Writer = Callable[[Path, Iterable[Events], tuple[int, int]], None]

WRITERS: dict[str, str] = {
    "evt2": "evt2:write_evt2",
    "evt3": "evt3:write_evt3",
    "dat": "dat:write_dat",
    "aedat4": "aedat4_writer:write_aedat4",
    "es": "event_stream:write_es",
    "hdf5": "neuroact_hdf5:write_neuroact_hdf5",
    "csv": "text:write_csv",
}
"""Name of the format -> module and function that writes chunks of events to a path."""

FORMAT_OF_SUFFIX = {
    ".raw": "evt3",
    ".dat": "dat",
    ".aedat4": "aedat4",
    ".es": "es",
    ".h5": "hdf5",
    ".hdf5": "hdf5",
    ".csv": "csv",
    ".txt": "csv",
}


def write_recording(
    events: Events | Iterable[Events],
    path: str | os.PathLike[str],
    format: str | None = None,
    sensor_size: tuple[int, int] | None = None,
) -> None:
    """Writes events to a file that appears under its name once it is whole.

    - `events`: the events, or chunks of them such as `Recording.chunks()` gives, in memory that does not grow with
      their number.
    - `format`: a name from `neuroact.recordings.WRITERS`; by default the extension decides (`.raw` is EVT3).
    - `sensor_size`: `(width, height)`; by default that of the first chunk.

    Raises `EncodingError` for an event that the format cannot hold, and `ValueError` for an unknown format or if there
    is neither a chunk nor a sensor size.
    """
    path = Path(path)
    name = FORMAT_OF_SUFFIX.get(path.suffix.lower()) if format is None else format
    if name not in WRITERS:
        known = f"format= takes {', '.join(WRITERS)}; extensions {', '.join(FORMAT_OF_SUFFIX)}"
        raise ValueError(f"no format is known for {path.name if format is None else repr(format)}: {known}")
    chunks = iter([events] if isinstance(events, Events) else events)
    if sensor_size is None:
        first = next(chunks, None)
        if first is None:
            raise ValueError("there are no chunks to take the sensor's size from: give sensor_size")
        sensor_size, chunks = first.sensor_size, chain([first], chunks)
    with whole_file(path) as temporary:
        _writer_of(name)(temporary, chunks, sensor_size)


def _writer_of(format: str) -> Writer:
    module, function = WRITERS[format].split(":")
    return cast(Writer, getattr(import_module(f"neuroact.recordings.{module}"), function))
