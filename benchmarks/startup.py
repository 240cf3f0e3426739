"""How long the command line takes to answer, as whole processes: `--help`, and `info` on a 20 kB recording."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.measure import Row, contest, python, report
from neuroact import Events, write_recording

LIMIT = 0.5
"""Seconds."""


def answer(arguments: list[str]) -> None:
    """A contestant: one command line, start-up included."""
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-m", "neuroact", *arguments], check=True, capture_output=True)
    print(json.dumps({"seconds": time.perf_counter() - begin}))


def main() -> None:
    """Prints and writes the rows."""
    rng = np.random.default_rng(0)
    count = 5000
    t, x, y, p = np.cumsum(rng.integers(0, 40, count)), *(rng.integers(0, side, count) for side in (640, 480, 2))
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "small.raw"
        write_recording(Events(t, x, y, p, (640, 480)), path, format="evt2")
        size = path.stat().st_size // 1000
        for name, arguments in (("--help", ["--help"]), (f"info, {size} kB", ["info", str(path)])):
            figures = contest({"neuroact": python(Path(__file__), *arguments)}, runs=15)
            seconds = figures["neuroact"].seconds
            rows.append(Row(f"`neuroact {name}`, warm", f"< {LIMIT} s", f"{seconds:.2f} s", seconds < LIMIT, figures))
    report("startup", rows)


if __name__ == "__main__":
    answer(sys.argv[1:]) if len(sys.argv) > 1 else main()
