"""How long it takes to simulate a recording of the synthetic set, for each of its actions."""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path

from benchmarks.measure import Row, contest, python, report
from neuroact.datasets.simulation.actions import ACTIONS
from neuroact.datasets.simulation.casting import shot
from neuroact.datasets.simulation.simulated import record
from neuroact.datasets.simulation.synthetic import DURATION, SENSOR_SIZE

LIMIT = 2.0
"""Seconds."""


def simulate(number: int) -> None:
    """A contestant: the recording of that number, on one core."""
    width, height = SENSOR_SIZE
    plan = shot(0, number, duration=DURATION / 1e6, aspect=width / height)
    record(plan.stage, 10_000, sensor_size=SENSOR_SIZE, seed=plan.seed)
    begin = time.perf_counter()
    record(plan.stage, DURATION, sensor_size=SENSOR_SIZE, seed=plan.seed)
    print(json.dumps({"seconds": time.perf_counter() - begin}))


def main() -> None:
    """Prints and writes the row."""
    figures = contest({action.name: python(Path(__file__), str(number)) for number, action in enumerate(ACTIONS)}, 3)
    seconds = [figure.seconds for figure in figures.values()]
    typical = statistics.median(seconds)
    reached = f"{typical:.2f} s, {max(seconds):.2f} s the slowest"
    met = typical <= LIMIT and not any(figure.failed for figure in figures.values())
    claim = f"simulating {DURATION / 1e6:g} s of each action at {SENSOR_SIZE[0]}x{SENSOR_SIZE[1]}, one core"
    report("simulating", [Row(claim, f"≤ {LIMIT:g} s", reached, met, figures)])


if __name__ == "__main__":
    simulate(int(sys.argv[1])) if len(sys.argv) > 1 else main()
