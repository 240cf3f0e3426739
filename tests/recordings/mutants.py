"""Damaged variants of a small recording, and the loop that reads them in a process of its own.

Run as `python -m tests.recordings.mutants FORMAT FIRST COUNT`: prints a line of JSON for each broken promise and a last
one with what was done. The process is the test: a crash or a hang inside a library is seen by the parent.
"""

from __future__ import annotations

import json
import resource
import signal
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import numpy as np

from neuroact import NeuroactError, open_recording
from neuroact.recordings import words
from tests.recordings.sample_files import SAMPLES, build, sample_events

SECONDS_PER_MUTANT = 10
SECONDS_TO_COMPILE = 600
SPECIAL = [0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x7FFFFFFFFFFFFFFF]


def mutate(data: bytes, seed: int) -> bytes:
    """A variant of `data` with one to eight damages; the same for the same seed."""
    rng = np.random.default_rng(seed)
    mutant = bytearray(data)
    for _ in range(int(rng.choice([1, 1, 1, 2, 4, 8]))):
        _damage(mutant, rng)
    return bytes(mutant)


def _damage(mutant: bytearray, rng: np.random.Generator) -> None:
    if not mutant:
        return
    # Headers decide the most, so half of the damage goes there.
    reach = len(mutant) if rng.random() < 0.5 else min(len(mutant), 256)
    at = int(rng.integers(reach))
    length = int(rng.choice([1, 2, 4, 8, 64, 512]))
    match rng.integers(7):
        case 0:
            mutant[at] ^= 1 << int(rng.integers(8))
        case 1:
            mutant[at] = int(rng.integers(256))
        case 2:
            width = int(rng.choice([1, 2, 4, 8]))
            value = int(rng.choice(np.array(SPECIAL, np.uint64))) & ((1 << 8 * width) - 1)
            mutant[at : at + width] = value.to_bytes(width, "little" if rng.random() < 0.5 else "big")
        case 3:
            del mutant[at:]
        case 4:
            del mutant[at : at + length]
        case 5:
            mutant[at:at] = rng.bytes(length)
        case 6:
            source = int(rng.integers(len(mutant)))
            mutant[at : at + length] = mutant[source : source + length]


def main() -> None:
    """Reads the mutants FIRST to FIRST + COUNT of FORMAT."""
    name, first, number = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    warnings.simplefilter("ignore")
    sample = build(name, sample_events())
    damaged = 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"mutant{Path(SAMPLES[name].suffix)}"
        read_one(path, sample)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for seed in range(first, first + number):
            # Compiled kernels check no bounds, plain ones do: both must hold.
            words.SMALL_FILE = 0 if seed % 2 else 1 << 16
            try:
                damaged += read_in_time(path, mutate(sample, seed))
            except Exception as error:  # noqa: BLE001  (an untyped exception is what this looks for)
                print(json.dumps({"seed": seed, "error": f"{type(error).__name__}: {error}"}), flush=True)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(json.dumps({"read": number, "damage_found": damaged, "grown_mb": grown >> 10}), flush=True)


def read_in_time(path: Path, data: bytes) -> bool:
    """`read_one` within `SECONDS_PER_MUTANT`, not counting what a format takes to compile that only damage made it."""
    try:
        with limit(SECONDS_PER_MUTANT):
            return read_one(path, data)
    except TimeoutError:
        with limit(SECONDS_TO_COMPILE):
            read_one(path, data)
        with limit(SECONDS_PER_MUTANT):
            return read_one(path, data)


@contextmanager
def limit(seconds: float) -> Iterator[None]:
    """Raises `TimeoutError` in what takes longer."""

    def stop(signum: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"one mutant took longer than {seconds} s")

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def read_one(path: Path, data: bytes) -> bool:
    """Reads one file; True if the damage was noticed. Raises whatever is not a `NeuroactError`, and `ValueError` for
    events that cannot be."""
    path.write_bytes(data)
    try:
        recording = open_recording(path)
        events = recording.read()
    except NeuroactError:
        return True
    width, height = events.sensor_size
    if len(events) and (events.x.max() >= width or events.y.max() >= height or events.p.max() > 1):
        raise ValueError(f"impossible events from a {width}x{height} sensor")
    if recording.report.events != len(events):
        raise ValueError(f"the report counts {recording.report.events} events of {len(events)}")
    return recording.report.damaged


if __name__ == "__main__":
    main()
