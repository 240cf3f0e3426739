"""Whether one worker keeps a training process busy: samples/s of training's loader beside those of its step.

`python -m benchmarks.feeding [--runs N] [--recordings N] [--quick]`. N-MNIST comes from the shared folder beside the
checkout, or is noise of the same size; the AEDAT 4 recordings are the synthetic set, 3 s of a 320x240 sensor each, made
once and kept. Each family's small preset learns from what its encoder makes of both. The loader's worker has one core
and the process that takes its batches another; the step has one core, and is handed the same batch each time.

`--quick` shows in some minutes that everything works: one family, fewer and shorter recordings, one run, and nothing
written.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.loading import nmnist, resident_mb
from benchmarks.measure import RESULTS, Row, contest, growth_row, markdown, python, report

FILES = RESULTS / "files" / "feeding"
BATCH = 16
AHEAD = 2.0
EPOCHS = 3
GROWTH = 1.05
PER = 1_000
"""Samples that figures are for, so that all of them can be compared."""
ENCODERS: dict[str, dict[str, Any]] = {
    "spiking_cnn": {"kind": "spikes", "steps": 16},
    "spikmamba": {"kind": "frames", "frames": 8},
    "spikepoint": {"kind": "points", "points": 1024},
    "vtn": {"kind": "frames", "frames": 8},
}
"""By family."""
SIZES: dict[str, dict[str, tuple[int, int] | None]] = {
    "N-MNIST": dict.fromkeys(ENCODERS),
    "AEDAT 4": {"spiking_cnn": (40, 30), "spikmamba": (40, 30), "spikepoint": None, "vtn": (64, 48)},
}
"""What a sensor's width and height are scaled down to, by data set and family."""
CORES = sorted(os.sched_getaffinity(0))
SENSORS = {"N-MNIST": (34, 34), "AEDAT 4": (320, 240)}


def folder(data: str, recordings: int, duration: int) -> str:
    """The data set's name and root, as `neuroact train` takes them."""
    if data == "N-MNIST":
        return f"nmnist:{Path(nmnist(recordings)[0]).parents[2]}"
    from neuroact.datasets.simulation.synthetic import make_synthetic

    root = FILES / f"synthetic-{recordings}-{duration}"
    if not root.is_dir():
        root.parent.mkdir(parents=True, exist_ok=True)
        make_synthetic(root, recordings, duration=duration, jobs=os.cpu_count() or 1)
    return f"synthetic:{root}"


def samples(data: str, family: str, source: str, recordings: int) -> Any:
    """The samples of all splits, encoded for the family, as training has them."""
    from neuroact.training.configs import ALL, DataConfig
    from neuroact.training.data import load_split

    config = DataConfig.model_validate({"source": source, "encoder": ENCODERS[family], "size": SIZES[data][family]})
    part = load_split(config, ALL, seed=0)
    return replace(part, positions=part.positions[:recordings])


def on_core(place: int) -> None:
    """Keeps this process, and those that it starts from now on, on one of its cores, counted round."""
    os.sched_setaffinity(0, {CORES[place % len(CORES)]})


def feed(part: Any, epochs: int) -> None:
    """Times epochs of training's loader with one worker, after one that loads what the first use does."""
    from neuroact.training.data import Batches
    from neuroact.training.loader import Loader

    batches = Batches(part.positions, batch=BATCH, shuffle=True)
    loaded: Any = Loader(part, batches, workers=1, keep_workers=True)
    on_core(1)
    first = iter(loaded)  # starts the worker
    on_core(0)
    for _ in first:
        pass
    begin = time.perf_counter()
    for epoch in range(1, 1 + epochs):
        batches.begin(epoch)
        for _ in loaded:
            pass
    seconds = (time.perf_counter() - begin) / (epochs * batches.steps * BATCH) * PER
    (worker,) = loaded._loaded._iterator._workers
    print(json.dumps({"seconds": seconds, "peak_mb": resident_mb(worker.pid)}))


def step(part: Any, data: str, family: str, steps: int) -> None:
    """Times steps of a family's small preset on one core, after two: forward, backward and the optimiser's."""
    import torch

    from neuroact.models import create
    from neuroact.training.data import Batches
    from neuroact.training.inputs import as_input
    from neuroact.training.loader import Loader
    from neuroact.training.means import cross_entropy
    from neuroact.training.optimisers import optimiser

    on_core(0)
    torch.set_num_threads(1)
    inputs, labels = next(iter(Loader(part, Batches(part.positions, batch=BATCH), workers=0, keep_workers=False)))
    taken = as_input(inputs, part.kind)
    width, height = SIZES[data][family] or SENSORS[data]
    sized = {} if family in ("spikepoint", "vtn") else {"size": (height, width)}
    channels = {} if family == "spikepoint" else {"channels": 2}
    model = create(family, classes=len(part.examples.classes), preset="small", **sized, **channels)
    learning = optimiser(model, "adamw", learning_rate=1e-3, weight_decay=0.01)
    begin = 0.0
    for made in range(2 + steps):
        begin = time.perf_counter() if made == 2 else begin
        cross_entropy(model(taken), labels).backward()  # type: ignore[no-untyped-call]
        learning.step()
        learning.zero_grad()
    print(json.dumps({"seconds": (time.perf_counter() - begin) / (steps * BATCH) * PER}))


def contestant(role: str, data: str, family: str, source: str, recordings: int, repeated: int) -> list[str]:
    """The command of one contestant: `feed` for so many epochs, or `step` so many times."""
    return python(Path(__file__), role, data, family, source, str(recordings), str(repeated))


def ahead(data: str, family: str, source: str, recordings: int, runs: int) -> Row:
    """One worker beside the step that it feeds."""
    figures = contest(
        {
            "loading": contestant("feed", data, family, source, recordings, 1),
            "learning": contestant("step", data, family, source, recordings, 5),
        },
        runs,
    )
    loading, learning = (PER / figure.seconds if figure.seconds else 0.0 for figure in figures.values())
    ratio = loading / learning if learning else 0.0
    return Row(
        f"{PER:,} samples of raw {data} for `{family}`, `small`: one worker's loading beside learning on one core",
        f"≥ {AHEAD:g} × as fast",
        f"{ratio:.1f} ×: {loading:,.0f} samples/s for {learning:,.0f}",
        ratio >= AHEAD,
        figures,
    )


def steady(data: str, source: str, recordings: int, runs: int) -> Row:
    """What the worker holds after one epoch more and after three."""
    many = {f"{epochs} more": epochs for epochs in (1, EPOCHS)}
    figures = contest(
        {name: contestant("feed", data, "spikmamba", source, recordings, epochs) for name, epochs in many.items()}, runs
    )
    return growth_row(f"{EPOCHS} epochs of raw {data} against one: memory of the worker", figures, GROWTH)


def main() -> None:
    """Prints the rows, and writes them unless it was quick."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--recordings", type=int, default=64, help="of the synthetic set; ten times as many of N-MNIST")
    parser.add_argument("--quick", action="store_true")
    asked = parser.parse_args()
    runs, recordings, duration = (1, 20, 500_000) if asked.quick else (asked.runs, asked.recordings, 3_000_000)
    counts = {"N-MNIST": 10 * recordings, "AEDAT 4": recordings}
    sources = {data: folder(data, count, duration) for data, count in counts.items()}
    families = ("spiking_cnn",) if asked.quick else tuple(ENCODERS)
    rows = [ahead(data, family, sources[data], count, runs) for data, count in counts.items() for family in families]
    rows += [steady(data, sources[data], count, runs) for data, count in counts.items()]
    if asked.quick:
        print(markdown(rows))
    else:
        report("feeding", rows)


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1] in ("feed", "step"):
        role, data, family, source, recordings, repeated = sys.argv[1:]
        part = samples(data, family, source, int(recordings))
        if role == "feed":
            feed(part, int(repeated))
        else:
            step(part, data, family, int(repeated))
    else:
        main()
