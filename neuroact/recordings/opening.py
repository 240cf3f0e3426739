"""open_recording: from a path to a Recording."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

from neuroact.errors import RecordingNotFound
from neuroact.recordings.columns import BATCH, Columns
from neuroact.recordings.detection import detect_format
from neuroact.recordings.formats import reader_of
from neuroact.recordings.limits import DEFAULT_LIMITS, Limits
from neuroact.recordings.reader import Reader, Source, check_sensor_size
from neuroact.recordings.recording import Recording
from neuroact.recordings.report import Report


def open_recording(
    path: str | os.PathLike[str],
    *,
    format: str | None = None,
    strict: bool = False,
    sensor_size: tuple[int, int] | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Recording:
    """Opens a raw event-camera recording of any known format for reading.

    - `path`: the file.
    - `format`: a name from `neuroact.recordings.READERS`; by default the content decides.
    - `strict`: raise on damage instead of keeping what is sound.
    - `sensor_size`: `(width, height)`, overriding what the file says. Without it, and without a size in the header
      or a known camera, the file is read once to find the range of its coordinates.
    - `limits`: sizes beyond which a header is refused.

    Raises `RecordingNotFound`, `UnknownFormat`, `CorruptRecording` if the header is broken, `LimitExceeded`.
    """
    path = Path(path)
    if not path.is_file():
        raise RecordingNotFound(path, "it is a folder, not a recording" if path.is_dir() else "no such file")
    return open_source(Source(path, limits, sensor_size), format, strict=strict)


def open_source(source: Source, format: str | None = None, *, strict: bool = False) -> Recording:
    """The same for a path that exists, with every setting of `source`."""
    if source.sensor_size is not None:
        check_sensor_size(source, source.sensor_size)
    reader = reader_of(format or detect_format(source))(source)
    if source.sensor_size is not None:
        reader.settle_sensor_size(source.sensor_size, "argument")
    elif reader.info.sensor_size is None:
        reader.settle_sensor_size(_range_of(reader), "data")
    return Recording(reader, strict=strict)


def _range_of(reader: Reader) -> tuple[int, int]:
    """The smallest `(width, height)` that holds every event; `(1, 1)` for no events."""
    width = height = 1
    columns = Columns(BATCH + reader.margin)
    with closing(reader.decoder(Report())) as decoder:
        more = True
        while more:
            columns.size = 0
            more = decoder.fill(columns)
            if columns.size:
                width = max(width, int(columns.x[: columns.size].max()) + 1)
                height = max(height, int(columns.y[: columns.size].max()) + 1)
    return width, height
