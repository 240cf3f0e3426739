"""Large recordings, made by repeating small ones: the real ones where they are at hand, else some of our own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.measure import RESULTS, ROOT
from neuroact import Events, open_recording, write_recording
from neuroact.recordings.detection import detect_format
from neuroact.recordings.formats import reader_of
from neuroact.recordings.reader import Source
from neuroact.recordings.words import WordReader

FILES = RESULTS / "files"
REAL = ROOT.parent / "shared" / "recordings"
NAMES = {
    "evt2": ("evt2_640x480.raw", ".raw"),
    "evt3": ("evt3_1280x720.raw", ".raw"),
    "dat": ("", ".dat"),  # the real one is of the old kind of events, which faery refuses
    "aedat2": ("davis240c_imu_240x180.aedat", ".aedat"),
    "aedat4": ("dvxplorer_320x240.aedat4", ".aedat4"),
    "es": ("dvs_320x240.es", ".es"),
    "nmnist": ("nmnist_34x34.bin", ".bin"),
}
"""Format -> real recording, extension."""


class Tile(NamedTuple):
    """A recording that repeats a small one, and how many events it has."""

    path: Path
    events: int


def tile(format: str, events: int) -> Tile:
    """About `events` events in `format`; the files are kept for the next time.

    Raises `FileNotFoundError` for a format that we do not write where there is no real recording.
    """
    FILES.mkdir(parents=True, exist_ok=True)
    small = REAL / NAMES[format][0]
    if not small.is_file():
        small = FILES / f"small-{format}{NAMES[format][1]}"
        _write_own(small, format)
    recording = open_recording(small)
    count = sum(len(chunk) for chunk in recording.chunks())
    times = max(round(events / count), 1)
    large = FILES / f"{format}-{times}{NAMES[format][1]}"
    if not large.is_file():
        reader = reader_of(detect_format(Source(small)))(Source(small))
        if isinstance(reader, WordReader):
            _repeat_bytes(small, large, reader.payload, times)
        else:
            write_recording(_repeat(recording.read(), times), large)
    return Tile(large, count * times)


def _write_own(path: Path, format: str) -> None:
    if format not in ("evt2", "evt3", "dat", "aedat4", "es"):
        raise FileNotFoundError(f"there is no recording of {format} at hand")
    rng = np.random.default_rng(0)
    count = 500_000
    x, y, p = (rng.integers(0, side, count) for side in (640, 480, 2))
    write_recording(Events(np.cumsum(rng.integers(0, 3, count)), x, y, p, (640, 480)), path, format)  # type: ignore[arg-type]


def _repeat_bytes(small: Path, large: Path, payload: int, times: int) -> None:
    """The header once and what follows it again and again; time runs backwards where they meet, which is allowed."""
    data = small.read_bytes()
    with large.open("wb") as file:
        file.write(data[:payload])
        for _ in range(times):
            file.write(data[payload:])


def _repeat(events: Events, times: int) -> Iterator[Events]:
    span = int(events.t.max()) - int(events.t.min()) + 1
    for number in range(times):
        yield events.replace(t=events.t + number * span)
