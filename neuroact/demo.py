"""The whole way once, on recordings that the demo simulates itself: record, convert, view, report."""

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

from neuroact.datasets import Converted, Sample, Store, convert, open_store
from neuroact.datasets.simulation.scenes import RotatingBar, Scene, WalkingFigure, WavingFigure
from neuroact.datasets.simulation.simulated import stream
from neuroact.errors import StoreError
from neuroact.recordings import DamageWarning, open_recording, write_recording
from neuroact.recordings.summary import Summary, summarise
from neuroact.viewing import STYLES, View, quantities, report, view
from neuroact.viewing.point_cloud import figures
from neuroact.viewing.voxels import voxel_strip

DURATION = 2_000_000
WINDOW = 50_000
POINTS = 30_000
SENSOR_SIZE = (320, 240)
SHOTS: dict[str, Scene] = {
    "walk/walk_0.raw": WalkingFigure(phase=0.18),
    "walk/walk_1.aedat4": WalkingFigure(phase=0.7, speed=-0.35, steps_per_s=1.5, height=0.7),
    "wave/wave_0.raw": WavingFigure(),
    "wave/wave_1.aedat4": WavingFigure(x=-0.2, waves_per_s=2.2, height=0.75, phase=0.3),
    "turn/turn_0.raw": RotatingBar(),
    "turn/turn_1.aedat4": RotatingBar(turns_per_s=-0.6, length=0.6, phase=0.4),
}
"""What is simulated, by the name of its file; the folder is the class."""
SHOWN = "walk/walk_0.raw"
CUT = "walk/walk_cut.raw"
"""A copy of `SHOWN` that ends in the middle of a word, as after a crash of the recording program."""
MARKER = "neuroact-demo"
"""A file that says a folder is the demo's own, to be made anew."""
PACKAGES = ("neuroact", "numpy", "numba", "h5py", "matplotlib", "plotly")

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Results:
    """What the demo made, and how many seconds each step took."""

    summaries: dict[str, Summary]
    converted: Converted
    store: Store
    seen: View
    sheet: Path
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

    recordings, voxels, sheet = folder / "recordings", folder / "voxels", folder / "view.png"
    with step("simulate and write"):
        _simulate(recordings, tell)
    with step("read and sum up"):
        summaries = {name: summarise(open_recording(recordings / name)) for name in sorted((*SHOTS, CUT))}
    tell(f"converting them to voxel grids of {quantities.duration(WINDOW)}: {voxels}")
    with step("convert"):
        converted = convert(recordings, voxels, to="voxel", window=WINDOW)
    store = open_store(voxels)
    tell(f"  {len(store)} samples from {len(converted.records)} recordings")
    recording = open_recording(recordings / SHOWN)
    with step("view as PNG and HTML"):
        seen = view(recording, sheet)
        view(recording, folder / "view.html")
    tell(f"viewed {SHOWN}: {sheet} and {folder / 'view.html'}")
    results = Results(summaries, converted, store, seen, sheet, seconds)
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
    for seed, (name, scene) in enumerate(SHOTS.items()):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_recording(stream(scene, DURATION, sensor_size=SENSOR_SIZE, seed=seed), path)
        tell(f"simulated {path}: {quantities.duration(DURATION)}, {quantities.size(path.stat().st_size)}")
    whole = (folder / SHOWN).read_bytes()
    (folder / CUT).write_bytes(whole[: len(whole) * 3 // 5 | 1])
    tell(f"cut a copy in the middle, to see what becomes of it: {folder / CUT}")


def _report(path: Path, results: Results) -> None:
    style = STYLES["dark"]
    store, summaries, seen = results.store, results.summaries, results.seen
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DamageWarning)
        cloud, _, shown = figures(seen, style=style, points=POINTS)
    events = sum(summary.events for summary in summaries.values())
    sample = _sample_of(store, SHOWN)
    grid = cast(NDArray[np.float32], sample.data)
    shape = " × ".join(str(side) for side in grid.shape)
    start = quantities.duration(sample.start - seen.first_t)
    pieces = [
        report.paragraph(
            "From raw event-camera recordings to tensors, on recordings that a simulated camera made.", lead=True
        ),
        report.key_figures(
            [
                (str(len(summaries)), "recordings, two formats"),
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
        report.heading("Conversion"),
        _table_of_records(results.converted),
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
    return f"""neuroact info {folder}/recordings/*/*
neuroact view {folder}/recordings/{SHOWN} -o sheet.png
neuroact convert {folder}/recordings -o voxels --to voxel --window {WINDOW // 1000}ms"""


def _machine() -> list[list[str]]:
    return [
        ["Python", sys.version.split()[0]],
        ["machine", f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors"],
    ]
