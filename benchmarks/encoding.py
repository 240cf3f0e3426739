"""Encoders beside tonic and plain numpy: `python -m benchmarks.encoding`.

`--events N` sets the size of the window (8 million), `--runs N` how often each contestant runs (5). Each run encodes
the window `REPEATS` times and counts the median, for one encoding is short. tonic is given its favourite layout, a
structured array with whole-number polarities, and that array is made before the clock starts.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import Row, contest, python, report
from neuroact import Events
from neuroact.encoders import event_frames, point_cloud, spike_train, time_surface, voxel_grid

WIDTH, HEIGHT = 640, 480
REPEATS = 5
TONIC = np.dtype([("x", "<i2"), ("y", "<i2"), ("t", "<i8"), ("p", "i1")])
Work = Callable[[], object]


def scene(count: int) -> Events:
    """Straight edges that drift over the sensor, jitter of a pixel or two, and a tenth of noise; one event a µs."""
    rng = np.random.default_rng(0)
    t = np.arange(count)
    edge = rng.integers(0, 12, count)
    angle, speed, left, top = (
        rng.uniform(low, high, 12)[edge] for low, high in ((0, 3), (-99, 99), (0, 640), (0, 480))
    )
    along, jitter, phase = rng.uniform(-120, 120, count), rng.normal(0, 1.5, count), t / count
    x = left + speed * phase + along * np.cos(angle) + jitter
    y = top + speed * phase + along * np.sin(angle) + jitter
    noise = rng.random(count) < 0.1
    x = np.where(noise, rng.uniform(0, WIDTH, count), x) % WIDTH
    y = np.where(noise, rng.uniform(0, HEIGHT, count), y) % HEIGHT
    columns = x.astype(np.uint16) % WIDTH, y.astype(np.uint16) % HEIGHT, (jitter > 0).astype(np.uint8)
    return Events(t, *columns, (WIDTH, HEIGHT))


def columns_copied(events: Events) -> Work:
    return lambda: [column.copy() for column in (events.t, events.x, events.y, events.p)]


def voxels_by_numpy(events: Events) -> Work:
    def encode() -> NDArray[np.float64]:
        tau = 4 * (events.t - events.t[0]) / (events.t[-1] - events.t[0])
        low = np.minimum(tau.astype(np.int64), 3)
        sign = events.p * 2.0 - 1
        voxel = (low * HEIGHT + events.y) * WIDTH + events.x
        size = 5 * HEIGHT * WIDTH
        grid = np.bincount(voxel, sign * (1 - tau + low), size)
        return grid + np.bincount(voxel + HEIGHT * WIDTH, sign * (tau - low), size)

    return encode


def counts_by_numpy(events: Events, bins: int) -> Work:
    def encode() -> NDArray[np.int64]:
        frame = (events.t - events.t[0]) * bins // (events.t[-1] - events.t[0] + 1)
        cell = ((frame * 2 + events.p) * HEIGHT + events.y) * WIDTH + events.x
        return np.bincount(cell, minlength=bins * 2 * HEIGHT * WIDTH)

    return encode


def surface_by_numpy(events: Events) -> Work:
    def encode() -> NDArray[np.float32]:
        latest = np.full((2, HEIGHT, WIDTH), -np.inf)
        latest[events.p, events.y, events.x] = events.t  # the last of several writes stays
        return np.exp((latest - events.t[-1]) / 50_000).astype(np.float32)

    return encode


def points_by_numpy(events: Events) -> Work:
    def encode() -> NDArray[np.float64]:
        chosen = np.sort(np.random.default_rng(0).choice(len(events), 1024, replace=False))
        return np.stack([events.x[chosen] / 639, events.y[chosen] / 479, events.t[chosen] / events.t[-1]], 1)

    return encode


def tonic_transform(name: str, **options: object) -> Callable[[Events], Work]:
    def prepare(events: Events) -> Work:
        from tonic import transforms

        transform = getattr(transforms, name)(sensor_size=(WIDTH, HEIGHT, 2), **options)
        array = events.to_structured().astype(TONIC)
        return lambda: transform(array)

    return prepare


@dataclass(frozen=True)
class Claim:
    """`neuroact` must be `factors` times as fast as the contestants named there; the others are for comparison."""

    title: str
    contestants: dict[str, Callable[[Events], Work]]
    factors: dict[str, float]


CLAIMS = {
    "voxel": Claim(
        "`voxel_grid`, 5 x 480 x 640",
        {
            "neuroact": lambda events: lambda: voxel_grid(events, 5),
            "tonic": tonic_transform("ToVoxelGrid", n_time_bins=5),
            "numpy bincount": voxels_by_numpy,
            "copying the columns": columns_copied,
        },
        {"tonic": 12, "copying the columns": 0.5},
    ),
    "frames": Claim(
        "`event_frames`, 8 x 2 x 480 x 640",
        {
            "neuroact": lambda events: lambda: event_frames(events, 8),
            "tonic": tonic_transform("ToFrame", n_time_bins=8),
            "numpy bincount": lambda events: counts_by_numpy(events, 8),
        },
        {"tonic": 1, "numpy bincount": 1},
    ),
    "spikes": Claim(
        "`spike_train`, 16 x 2 x 480 x 640",
        {
            "neuroact": lambda events: lambda: spike_train(events, 16),
            "tonic": tonic_transform("ToFrame", n_time_bins=16),
            "numpy bincount": lambda events: counts_by_numpy(events, 16),
        },
        {"tonic": 1, "numpy bincount": 1},
    ),
    "surface": Claim(
        "`time_surface`, 2 x 480 x 640",
        {"neuroact": lambda events: lambda: time_surface(events), "numpy": surface_by_numpy},
        {"numpy": 1},
    ),
    "points": Claim(
        "`point_cloud`, 1024 points; numpy holds all events, we need not",
        {"neuroact": lambda events: lambda: point_cloud(events), "numpy": points_by_numpy},
        {},
    ),
}


def run(claim: str, name: str, count: int) -> None:
    """A contestant: what it takes to encode the window once everything is loaded and compiled."""
    work = CLAIMS[claim].contestants[name](scene(count))
    work()
    seconds = []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begin)
    print(json.dumps({"seconds": statistics.median(seconds)}))


def measure(key: str, events: int, runs: int) -> Row:
    """Runs a claim's contestants and compares them."""
    claim = CLAIMS[key]
    figures = contest({name: python(Path(__file__), key, name, str(events)) for name in claim.contestants}, runs)
    ours = figures["neuroact"].seconds
    ratios = {name: figure.seconds / ours for name, figure in figures.items() if name != "neuroact"}
    target = ", ".join(f"≥ {factor} × {name}" for name, factor in claim.factors.items()) or "none"
    reached = ", ".join(f"{ratio:.2f} × {name}" for name, ratio in ratios.items())
    met = all(ratios[name] >= factor for name, factor in claim.factors.items())
    title = f"{claim.title}, {events / 1e6:.1f} M events"
    return Row(title, target, f"{reached}; {events / ours / 1e6:.0f} Mev/s", met, figures)


def main() -> None:
    """Prints and writes the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=8_000_000)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    report("encoding", [measure(key, options.events, options.runs) for key in CLAIMS])


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2], int(sys.argv[3])) if len(sys.argv) == 4 else main()
