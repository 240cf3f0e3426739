"""A recording to voxel grids in an HDF5 file, beside evutils + tonic; and what a ten times larger one does to memory.

`python -m benchmarks.converting [--runs N] [--sizes MB MB]`. The recording is EVT3 of 1280x720 pixels and gives 29
windows of 50 ms, written without compression: 535 MB. `--sizes` sets the two recordings whose peak memory is compared,
100 and 1,000 MB unless given; 1000 and 10000 is what the claim says, and takes 20 GB of disk and some minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import RESULTS, Row, contest, python, report
from benchmarks.tiles import REAL
from neuroact import Events, open_recording, write_recording

FILES = RESULTS / "files"
SENSOR = (1280, 720)
WINDOW = 50_000
WINDOWS = 29
BINS = 5
FACTOR = 4.0
MEMORY_MB = 256
GROWTH = 1.1


def scene() -> Events:
    """A few milliseconds of the real EVT3 recording, or of noise at the same rate."""
    path = REAL / "evt3_1280x720.raw"
    if path.is_file():
        return open_recording(path).read()
    rng = np.random.default_rng(0)
    count = 220_000
    x, y, p = (rng.integers(0, side, count) for side in (*SENSOR, 2))
    return Events(np.sort(rng.integers(0, 8_800, count)), x, y, p, SENSOR)  # type: ignore[arg-type]


def repeated(events: Events, duration: int) -> Iterator[Events]:
    """The scene again and again, its clock running on, for `duration` µs from 0."""
    first, last = events.span
    for start in range(0, duration, last + 1 - first):
        yield events.replace(t=events.t - first + start).between(0, duration)


def recording(duration: int) -> Path:
    """An EVT3 file of that duration in µs, kept for the next time."""
    FILES.mkdir(parents=True, exist_ok=True)
    path = FILES / f"converting-{duration}.raw"
    if not path.is_file():
        write_recording(repeated(scene(), duration), path, "evt3", SENSOR)
    return path


def neuroact(source: str, out: str) -> None:
    """Ours."""
    from neuroact.datasets import convert
    from neuroact.encoders.configs import VoxelConfig

    convert(source, out, to=VoxelConfig(bins=BINS), window=WINDOW, compression="none")


def neuroact_events(source: str, out: str) -> None:
    """Ours, keeping the events as they are."""
    from neuroact.datasets import convert

    convert(source, out)


def evutils_tonic(source: str, out: str) -> None:
    """evutils reads the recording, tonic makes a voxel grid of each window, h5py writes it."""
    from evutils.io import EventReader

    with EventReader(source) as reader:
        events = reader.read_all()
    edges = np.searchsorted(events["t"], np.arange(events["t"][0], events["t"][-1] + WINDOW, WINDOW))
    _write(out, (events[begin:end] for begin, end in pairwise([*edges, len(events)]) if end > begin))


def evutils_tonic_streaming(source: str, out: str) -> None:
    """The same, but evutils cuts the windows as it reads."""
    from evutils.io import EventReader

    with EventReader(source, delta_t=WINDOW, max_events=100_000_000) as reader:
        _write(out, reader)


def _write(out: str, windows: Iterable[Any]) -> None:
    import h5py
    from tonic.functional import to_voxel_grid_numpy

    width, height = SENSOR
    shape = (BINS, height, width)
    with h5py.File(out, "w") as file:
        samples = file.create_dataset("samples", (0, *shape), "f4", maxshape=(None, *shape), chunks=(1, *shape))
        for number, window in enumerate(windows):
            events = np.empty(len(window), [("x", "i2"), ("y", "i2"), ("t", "i8"), ("p", "i2")])
            for name in "xytp":
                events[name] = window[name]
            samples.resize(number + 1, axis=0)
            samples[number] = to_voxel_grid_numpy(events, (width, height, 2), BINS)[:, 0]


CONTESTANTS = {
    "neuroact": neuroact,
    "neuroact events": neuroact_events,
    "evutils + tonic": evutils_tonic,
    "evutils + tonic, streaming": evutils_tonic_streaming,
}


def compete(name: str, source: str) -> None:
    """Converts a short recording to load what is loaded at the first use, then times the other one."""
    out = FILES / f"converted-{os.getpid()}.h5"
    for path in (str(recording(2 * WINDOW)), source):
        out.unlink(missing_ok=True)
        begin = time.perf_counter()
        CONTESTANTS[name](path, str(out))
        seconds = time.perf_counter() - begin
    _check(out, name, source)
    out.unlink()
    print(json.dumps({"seconds": seconds}))


def _check(out: Path, name: str, source: str) -> None:
    """Fails if the output is not what the contest is about."""
    import h5py

    with h5py.File(out) as file:
        if "events" not in name and source.endswith(f"-{WINDOWS * WINDOW}.raw"):
            assert file["samples"].shape == (WINDOWS, BINS, *SENSOR[::-1]), file["samples"].shape  # noqa: S101


def against_peers(runs: int) -> Row:
    """The conversion beside its peers."""
    source = str(recording(WINDOWS * WINDOW))
    figures = contest(
        {name: python(Path(__file__), name, source) for name in CONTESTANTS if "events" not in name}, runs
    )
    ours = figures["neuroact"]
    theirs = [figure.seconds for name, figure in figures.items() if name != "neuroact" and not figure.failed]
    ratio = min(theirs, default=0.0) / ours.seconds if ours.seconds else 0.0
    return Row(
        f"EVT3 file → {WINDOWS} voxel windows {BINS}x{SENSOR[1]}x{SENSOR[0]} → HDF5",
        f"≥ {FACTOR:g} × evutils + tonic, ≤ {MEMORY_MB} MB",
        f"{ratio:.1f} × the faster way, {ours.peak_mb:.0f} MB",
        ratio >= FACTOR and 0 < ours.peak_mb <= MEMORY_MB,
        figures,
    )


def against_itself(kind: str, sizes: tuple[int, int]) -> Row:
    """Peak memory for a recording and a larger one, in MB of file."""
    per_us = recording(WINDOWS * WINDOW).stat().st_size / (WINDOWS * WINDOW)
    sources = {f"{size} MB": str(recording(round(size * 1e6 / per_us))) for size in sizes}
    figures = contest({size: python(Path(__file__), kind, source) for size, source in sources.items()}, runs=1)
    small, large = (figures[size].peak_mb for size in sources)
    growth = large / small if small else 0.0
    return Row(
        f"{sizes[1]} MB against {sizes[0]} MB of EVT3 to {kind.removeprefix('neuroact ')}: peak memory",
        "within 10 %",
        f"{100 * (growth - 1):+.1f} %",
        0 < growth <= GROWTH,
        figures,
    )


def main() -> None:
    """Prints and writes the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--sizes", type=int, nargs=2, default=(100, 1000))
    asked = parser.parse_args()
    sizes = (asked.sizes[0], asked.sizes[1])
    report("converting", [against_peers(asked.runs), against_itself("neuroact events", sizes)])


if __name__ == "__main__":
    compete(sys.argv[1], sys.argv[2]) if len(sys.argv) > 2 and sys.argv[1] in CONTESTANTS else main()
