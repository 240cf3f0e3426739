"""Raw recordings to batches for training, beside tonic; and what three epochs do to a worker's memory.

`python -m benchmarks.loading [--runs N] [--recordings N] [--large N]`. N-MNIST comes from the shared folder beside the
checkout, or is noise of the same size. The DVXplorer recordings are noise of 0.3 M events: what decoding and encoding
cost depends on how many events there are, and on compression, which noise makes harder.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import RESULTS, ROOT, Figure, Row, contest, growth_row, python, report

FILES = RESULTS / "files" / "loading"
REAL = ROOT.parent / "shared" / "datasets" / "nmnist_small"
SMALL, LARGE = (34, 34), (320, 240)
LARGE_EVENTS = 300_000
SMALL_EVENTS = 4_200
"""Of the mean N-MNIST recording."""
STEPS = 16
BATCH = 64
WORKERS = 2
SMALL_RATE, LARGE_RATE = 1_500, 60
FACTOR = 5.0
EPOCHS = 3
GROWTH = 1.05
OURS, TONIC, VOXELS = KINDS = ("N-MNIST", "N-MNIST by tonic", "voxels")


def nmnist(recordings: int) -> list[str]:
    """The first recordings of N-MNIST, all digits in turn."""
    found = sorted(REAL.glob("*/*/*.bin"), key=lambda path: (path.name, path.parts)) if REAL.is_dir() else []
    return [str(path) for path in (found or _noise(recordings))[:recordings]]


def _noise(recordings: int) -> list[Path]:
    """Files as N-MNIST's, of noise."""
    paths = [FILES / "nmnist" / "Train" / str(index % 10) / f"{index:05d}.bin" for index in range(recordings)]
    for index, path in enumerate(paths):
        path.parent.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(index)
        t = np.sort(rng.integers(0, 300_000, SMALL_EVENTS))
        last = rng.integers(0, 2, SMALL_EVENTS) << 23 | t
        x, y = (rng.integers(0, 34, SMALL_EVENTS) for _ in range(2))
        columns = np.stack([x, y, last >> 16, last >> 8 & 0xFF, last & 0xFF], axis=1)
        path.write_bytes(columns.astype(np.uint8).tobytes())
    return paths


def aedat4(recordings: int) -> list[str]:
    """DVXplorer Lite recordings of noise, 3 s each, kept for the next time."""
    from neuroact import Events, write_recording

    paths = [FILES / "aedat4" / f"{index:03d}.aedat4" for index in range(recordings)]
    for index, path in enumerate(path for path in paths if not path.is_file()):
        path.parent.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(index)
        t = np.sort(rng.integers(0, 3_000_000, LARGE_EVENTS))
        x, y, p = (rng.integers(0, side, LARGE_EVENTS) for side in (*LARGE, 2))
        write_recording(Events(t, x, y, p, LARGE), path, "aedat4")  # type: ignore[arg-type]
    return [str(path) for path in paths]


def examples(kind: str, paths: list[str]) -> Any:
    """Ours: spike trains of N-MNIST, or voxel grids of the large recordings scaled down."""
    from neuroact.datasets.loading import load_recordings
    from neuroact.datasets.sources import collect
    from neuroact.encoders.configs import SpikesConfig, VoxelConfig

    if "N-MNIST" in kind:
        return load_recordings(collect(paths), to=SpikesConfig(steps=STEPS), format="nmnist", sensor_size=SMALL)
    return load_recordings(collect(paths), to=VoxelConfig(bins=STEPS, split_polarity=True), size=(128, 128))


class TonicSet:
    """tonic's reader and its transform to the same tensors, behind the same two methods."""

    def __init__(self, paths: list[str]) -> None:
        from tonic.transforms import ToFrame

        self.paths = paths
        self.transform = ToFrame((*SMALL, 2), n_time_bins=STEPS)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        from tonic.io import events_struct, read_mnist_file

        events = read_mnist_file(self.paths[index], events_struct)
        return np.minimum(self.transform(events), 1).astype(np.uint8), -1


def resident_mb(process: int) -> float:
    """Memory that a process holds, in MB."""
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def compete(kind: str, paths: list[str], epochs: int) -> None:
    """Times epochs of all recordings in batches, after one that loads what the first use does.

    The memory is that of the worker that holds most in the end.
    """
    from torch.utils.data import DataLoader

    data = TonicSet(paths) if kind == TONIC else examples(kind, paths)
    loader: Any = DataLoader(data, BATCH, num_workers=WORKERS, persistent_workers=True, multiprocessing_context="fork")
    shape = (STEPS, 2, *reversed(SMALL)) if "N-MNIST" in kind else (STEPS, 2, 128, 128)
    for _ in loader:
        pass
    begin = time.perf_counter()
    for _ in range(epochs):
        for batch, _ in loader:
            if batch.shape[1:] != shape:
                sys.exit(f"batches of {tuple(batch.shape)}")
    seconds = time.perf_counter() - begin
    held = max(resident_mb(worker.pid) for worker in loader._iterator._workers)
    print(json.dumps({"seconds": seconds, "peak_mb": held}))


def contestant(kind: str, paths: list[str], epochs: int = 1) -> list[str]:
    """The command of one contestant; its paths are too many for a command line."""
    FILES.mkdir(parents=True, exist_ok=True)
    listing = FILES / f"{len(paths)}-{Path(paths[0]).suffix[1:]}.json"
    listing.write_text(json.dumps(paths), encoding="utf-8")
    return python(Path(__file__), kind, str(listing), str(epochs))


def small(paths: list[str], runs: int) -> Row:
    """N-MNIST to spike trains, beside tonic."""
    figures = contest({kind: contestant(kind, paths) for kind in (OURS, TONIC)}, runs)
    rate = _rate(figures[OURS], len(paths))
    ratio = figures[TONIC].seconds / figures[OURS].seconds if rate else 0.0
    return Row(
        f"{len(paths)} raw N-MNIST recordings → spike trains ({STEPS}, 2, 34, 34) in batches of {BATCH}",
        f"≥ {SMALL_RATE:,} recordings/s, ≥ {FACTOR:g} × tonic",
        f"{rate:,.0f} recordings/s, {ratio:.1f} × tonic",
        rate >= SMALL_RATE and ratio >= FACTOR,
        figures,
    )


def large(paths: list[str], runs: int) -> Row:
    """AEDAT 4 to voxel grids."""
    figures = contest({VOXELS: contestant(VOXELS, paths)}, runs)
    rate = _rate(figures[VOXELS], len(paths))
    return Row(
        f"{len(paths)} raw 320x240 AEDAT 4 files of {LARGE_EVENTS / 1e6:g} M events → voxels ({STEPS}, 2, 128, 128)",
        f"≥ {LARGE_RATE} recordings/s",
        f"{rate:.0f} recordings/s",
        rate >= LARGE_RATE,
        figures,
    )


def steady(paths: list[str], runs: int) -> Row:
    """What the largest worker holds after one epoch more and after three."""
    figures = contest({f"{epochs} more": contestant(OURS, paths, epochs) for epochs in (1, EPOCHS)}, runs)
    return growth_row(f"{EPOCHS} epochs of N-MNIST against one: memory of the largest worker", figures, GROWTH)


def _rate(figure: Figure, recordings: int) -> float:
    return 0.0 if figure.failed else recordings / figure.seconds


def main() -> None:
    """Prints and writes the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--recordings", type=int, default=1_100)
    parser.add_argument("--large", type=int, default=256)
    asked = parser.parse_args()
    digits = nmnist(asked.recordings)
    report("loading", [small(digits, asked.runs), large(aedat4(asked.large), asked.runs), steady(digits, asked.runs)])


if __name__ == "__main__":
    if len(sys.argv) > 3 and sys.argv[1] in KINDS:
        compete(sys.argv[1], json.loads(Path(sys.argv[2]).read_text(encoding="utf-8")), int(sys.argv[3]))
    else:
        main()
