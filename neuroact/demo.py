"""The whole way once, on simulated actions that the demo makes itself.

Record, audit, convert, view, learn, export for Loihi, simulate the chip's integers, report.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from neuroact.cores import granted
from neuroact.datasets import Converted, Sample, Store, convert, open_store
from neuroact.datasets.audit import Audit, audit
from neuroact.datasets.simulation.actions import ACTIONS
from neuroact.datasets.simulation.casting import shot
from neuroact.datasets.simulation.synthetic import DURATION, SENSOR_SIZE, make_synthetic
from neuroact.errors import StoreError
from neuroact.hardware.export import export_netx, trained_model
from neuroact.hardware.simulating import Simulated, simulate
from neuroact.recordings import DamageWarning, open_recording
from neuroact.recordings.summary import Summary, summarise
from neuroact.training import Trained, configure, recipe, train
from neuroact.training.metrics import Scores, written
from neuroact.training.report import Findings, in_joules
from neuroact.training.report import write_report as write_training_report
from neuroact.training.runs import evaluate_run
from neuroact.viewing import STYLES, View, quantities, report, view
from neuroact.viewing.point_cloud import figures
from neuroact.viewing.voxels import voxel_strip

RECORDINGS = 2 * len(ACTIONS)
WINDOW = 250_000
POINTS = 30_000
SET = "synthetic"
SHOTS = tuple(f"{SET}/{shot(0, number).stem}.aedat4" for number in range(len(ACTIONS)))
"""A recording of each action, as a store names them."""
SHOWN = SHOTS[7]
"""Somebody walks to the right, in front of a white wall."""
CUT = "cut.aedat4"
"""A copy of `SHOWN` that ends in the middle of a packet, as after a crash of the recording program."""
MODEL = "spiking_cnn"
EPOCHS = 100
BATCH = 6
"""Of some twenty recordings to learn from, so that an epoch has more than one step."""
MEANS = "With so few recordings that says no more than that the way works."
MARKER = "neuroact-demo"
"""A file that says a folder is the demo's own, to be made anew."""
PACKAGES = ("neuroact", "numpy", "numba", "h5py", "matplotlib", "plotly", "torch")

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Results:
    """What the demo made, and how many seconds each step took."""

    summaries: dict[str, Summary]
    audited: Audit
    converted: Converted
    store: Store
    seen: View
    sheet: Path
    trained: Trained
    findings: Findings
    scores: Scores
    on_chip: Simulated
    seconds: dict[str, float]


def run(folder: Path, tell: Tell) -> Path:
    """Runs the demo into `folder`, which it makes anew, and returns the path of its report.

    - `tell`: gets a line of text for everything that is done.

    Raises `StoreError` if `folder` holds something that is not an earlier demo.
    """
    _clear(folder)
    seconds: dict[str, float] = {}

    @contextmanager
    def step(name: str) -> Iterator[None]:
        begin = time.perf_counter()
        yield
        seconds[name] = time.perf_counter() - begin

    voxels, sheet = folder / "voxels", folder / "view.png"
    with step("simulate and write"):
        _simulate(folder, tell)
    with step("read and sum up"):
        summaries = {name: summarise(open_recording(folder / name)) for name in (*SHOTS, CUT)}
    tell(f"converting them to voxel grids of {quantities.duration(WINDOW)}: {voxels}")
    with step("convert"):
        converted = convert([f"synthetic:{folder / SET}", str(folder / CUT)], voxels, to="voxel", window=WINDOW)
    store = open_store(voxels)
    tell(f"  {len(store)} samples from {len(converted.records)} recordings")
    audited = audit(store)
    tell(f"  {'its splits share nobody and nothing' if audited.clean else audited.leaks[0]}")
    recording = open_recording(folder / SHOWN)
    with step("view as PNG and HTML"):
        seen = view(recording, sheet)
        view(recording, folder / "view.html")
    tell(f"viewed {SHOWN}: {sheet} and {folder / 'view.html'}")
    with step("train"):
        trained = _train(folder, tell)
    with step("evaluate"):
        findings = evaluate_run(trained.path)
        scores = write_training_report(trained.path / "report.html", findings)
    tell(f"  {_verdict(scores)}: {trained.path / 'report.html'}. {MEANS}")
    with step("export and simulate"):
        on_chip = _on_chip(folder, tell)
    results = Results(summaries, audited, converted, store, seen, sheet, trained, findings, scores, on_chip, seconds)
    path = folder / "report.html"
    _report(path, results)
    store.close()
    return path


def _clear(folder: Path) -> None:
    marker = folder / MARKER
    if folder.is_dir() and any(folder.iterdir()):
        if not marker.is_file():
            raise StoreError(f"{folder}: holds files that no demo made; name another folder with -o")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    marker.write_text("`neuroact demo` made this folder and makes it anew.\n")


def _simulate(folder: Path, tell: Tell) -> None:
    where = folder / SET
    tell(f"simulating {RECORDINGS} recordings of {len(ACTIONS)} actions: {where}")
    made = make_synthetic(where, RECORDINGS, jobs=granted(), duration=DURATION, sensor_size=SENSOR_SIZE)
    tell(f"  {quantities.scaled(made.events, '')} events, {quantities.size(made.bytes)}")
    whole = (folder / SHOWN).read_bytes()
    (folder / CUT).write_bytes(whole[: len(whole) * 3 // 5 | 1])
    tell(f"cut a copy in the middle, to see what becomes of it: {folder / CUT}")


def _train(folder: Path, tell: Tell) -> Trained:
    config = configure(
        [
            recipe(MODEL, SET),
            {
                "data": {"source": f"{SET}:{folder / SET}", "batch": BATCH},
                "schedule": {"epochs": EPOCHS},
                "run": {"device": "cpu"},
            },
        ]
    )
    where = folder / "run"
    tell(f"training {MODEL} for up to {EPOCHS} epochs on the training split: {where}")
    return train(config, where)


def _on_chip(folder: Path, tell: Tell) -> Simulated:
    path = folder / "network.net"
    model, settings, classes = trained_model(folder / "run")
    export_netx(model, path, classes=classes, settings=settings)
    tell(f"exported for Loihi through Lava: {path}")
    found = simulate(path, f"{SET}:{folder / SET}")
    tell(f"  in the chip's integers, which are emulated here, {_right(found.scores)} are recognised")
    return found


def _verdict(scores: Scores) -> str:
    return f"{_right(scores)} recordings of people that it has not seen are recognised"


def _right(scores: Scores) -> str:
    return f"{int(scores.confusion.diagonal().sum())} of {scores.samples}"


def _report(path: Path, results: Results) -> None:
    style = STYLES["dark"]
    store, summaries, seen = results.store, results.summaries, results.seen
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DamageWarning)
        cloud, _, shown = figures(seen, style=style, points=POINTS)
    events = sum(record.events_read for record in results.converted.records)
    sample = _sample_of(store, SHOWN)
    grid = cast(NDArray[np.float32], sample.data)
    shape = " × ".join(str(side) for side in grid.shape)
    start = quantities.duration(sample.start - seen.first_t)
    pieces = [
        report.paragraph(
            "From raw event-camera recordings to tensors and a spiking network that learns from them, on recordings "
            "that a simulated camera made.",
            lead=True,
        ),
        report.key_figures(
            [
                (str(len(store.records)), f"recordings of {len(ACTIONS)} actions"),
                (quantities.scaled(events, ""), "events"),
                (str(len(store)), f"voxel grids of {shape}"),
                (quantities.size(sum(p.stat().st_size for p in store.path.glob("*.h5"))), "of store"),
                (f"{sum(results.seconds.values()):.1f} s", "from nothing to here"),
            ]
        ),
        report.heading("A recording at a glance"),
        report.picture(results.sheet.read_bytes(), f"neuroact view {SHOWN} -o view.png"),
        report.heading("Its events in space and time"),
        report.paragraph(f"Turn it with the mouse. {shown:,} of {seen.events:,} events are drawn."),
        report.plot("cloud", 560),
        report.heading("What a network sees"),
        report.picture(
            voxel_strip(grid, style=style),
            f"One sample of the store: the {quantities.duration(WINDOW)} from {start} on in {grid.shape[0]} bins; "
            "each event is shared between its two nearest bins, ON counts 1 and OFF -1.",
        ),
        report.heading("Recordings"),
        report.paragraph("Nothing is lost without a word: the copy that was cut says where, and gives all before it."),
        _table_of_recordings(summaries),
        report.heading("Splits"),
        _audited(results.audited),
        report.heading("Conversion"),
        _table_of_records(results.converted),
        report.heading("A network that learned from them"),
        *_learned(results),
        report.heading("Time"),
        report.bars([(name, taken, f"{taken:.2f} s") for name, taken in results.seconds.items()]),
        report.heading("Do it yourself"),
        report.code(_commands(path.parent)),
        report.heading("Made with"),
        report.table(["", ""], [*([name, version(name)] for name in PACKAGES), *_machine()]),
    ]
    report.write_report(path, "neuroact demo", pieces, style=style, figures={"cloud": cloud})


def _table_of_recordings(summaries: dict[str, Summary]) -> str:
    rows = [
        [
            name, summary.info.format, quantities.size(summary.bytes), quantities.count(summary.events),
            quantities.duration(summary.duration), quantities.rate(summary.mean_rate or 0),
            f"{summary.on_share or 0:.0%}", _damage(summary),
        ]
        for name, summary in summaries.items()
    ]  # fmt: skip
    damages = {_damage(summary) for summary in summaries.values()} - {"none"}
    head = ["recording", "format", "size", "events", "duration", "rate", "ON", "damage"]
    return report.table(head, rows, right=range(2, 7), alarm=damages)


def _audited(audited: Audit) -> str:
    rows = [
        [name, str(split.recordings), str(split.classes), str(split.subjects)] for name, split in audited.splits.items()
    ]
    found = "; ".join(map(str, audited.leaks)) or "The splits share no subject, no recording and no equal file."
    head = ["split", "recordings", "classes", "subjects"]
    return report.paragraph(found) + report.table(head, rows, right=range(1, 4))


def _learned(results: Results) -> list[str]:
    trained, cost, on_chip = results.trained, results.findings.cost, results.on_chip
    rows = [[name, text] for name, text in written([results.scores]).items()]
    rows += [["epochs", str(trained.epochs)], ["steps", str(trained.steps)]]
    if cost:
        energy = in_joules(cost.energy_accumulates + cost.energy_multiply_accumulates)
        rows += [["parameters", quantities.count(cost.parameters)], ["a sample, estimated for 45 nm", energy]]
    rows += [["top-1 in the chip's integers", f"{on_chip.scores.top1:.2%}"]]
    rows += [["synaptic operations of a sample on the chip", quantities.count(round(on_chip.operations))]]
    return [
        report.paragraph(
            f"{MODEL} was trained on people of the training split, and its best epoch chosen on others. "
            f"{_verdict(results.scores)}. {MEANS} Curves, mistakes and operations are in run/report.html. "
            "network.net is the same network in the integers of Loihi 2; no chip has run it, an emulator has."
        ),
        report.table(["", ""], rows, right=(1,)),
    ]


def _sample_of(store: Store, source: str) -> Sample:
    """The sample in the middle of a recording."""
    before = 0
    for record in store.records:
        if record.source == source:
            return store[before + record.samples // 2]
        before += record.samples
    raise StoreError(f"{store.path}: no sample of {source}")


def _damage(summary: Summary) -> str:
    return summary.report.summary() if summary.report.damaged else "none"


def _table_of_records(converted: Converted) -> str:
    rows = [
        [
            record.source, record.state, str(record.samples), quantities.count(record.events_read),
            quantities.count(record.events_dropped), record.reason or "",
        ]
        for record in converted.records
    ]  # fmt: skip
    head = ["recording", "state", "samples", "events kept", "dropped", ""]
    return report.table(head, rows, right=range(2, 5), alarm={"partial", "failed", "quarantined"})


def _commands(folder: Path) -> str:
    return f"""neuroact info {folder / SHOWN}
neuroact view {folder / SHOWN} -o sheet.png
neuroact datasets audit synthetic:{folder / SET}
neuroact convert synthetic:{folder / SET} -o voxels --to voxel --window {WINDOW // 1000}ms
neuroact train --data synthetic:{folder / SET} --model {MODEL} --set data.batch={BATCH} -o run
neuroact eval run -o training.html
neuroact export run --to loihi -o network.net --resources
neuroact simulate network.net --data synthetic:{folder / SET}"""


def _machine() -> list[list[str]]:
    return [
        ["Python", sys.version.split()[0]],
        ["machine", f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors"],
    ]
