"""Runs every benchmark and writes docs/benchmarks.md from what they measured; `make bench` calls it."""

from __future__ import annotations

import json
import subprocess
import sys

from benchmarks.measure import RESULTS, ROOT, Figure, Row, markdown

SCRIPTS = {
    "reading": "Recordings to columns",
    "encoding": "Encoders",
    "converting": "A recording to a converted store",
    "simulating": "The simulated set",
    "loading": "Samples for training",
    "feeding": "Loading beside learning",
    "training_step": "A training step on a CPU",
    "startup": "The command line",
    "kernels": "Kernels on a CPU",
    "emulator": "Networks for Loihi",
}
GPU = "kernels_gpu", "Kernels on a GPU"
NO_GPU = """## Kernels on a GPU

Not measured: no GPU was at hand. `python -m benchmarks.kernels_gpu` measures them on one.
"""
HEAD = """# Benchmarks

`make bench` measures all of this again and rewrites the page. Every contestant runs in a process of its own, the
contestants take turns, and figures are medians. Absolute figures drift with the machine: read the ratios, which are
taken within one run. Peak memory is the whole process's, the interpreter and its libraries included.

## What falls short, and why

- **EVT3 and DAT to columns** use every core: blocks are decoded side by side, each from a guess at the state before it
  that is checked afterwards. Two cores make 1.3 to 1.7 of one, since copying out of the system's file cache and writing
  columns share one memory. On a quiet machine DAT lies on the edge (1.30, 1.38 and 1.45 × in three runs) and EVT3 short
  of it (2.30 ×); EVT2 reached 3.61 ×, and in three earlier runs 2.96 to 3.52 ×. Tried for EVT3: no
  branch between rows and columns (kept), words written as they are and turned into columns by vector instructions
  (kept), the four words of a camera's vectors at once (kept), events packed into one integer each (as many
  instructions for unpacking as it spares), no branch for changes of time either (dearer than the branch), two words
  a round, a table of bit positions. Tried for EVT2 and DAT: vector instructions over runs of plain words (kept);
  for DAT also words of 64 bits, and groups of 128 to 2,048 events instead of 32. Tried for all: memory that is used
  again (kept), blocks of 32 k to 512 k events (256 k kept), as many blocks as cores instead of one more, reads of
  120 to 470 kB that stay in the second-level cache. Left alone: mapping files into memory, which spares a copy, but
  ends the process when a file is cut while it is read.
- **`event_frames`** is as quick as numpy's `bincount` over indices that are computed beside it, and no quicker.
- **`lif_scan`** beside snnTorch: ten times as fast would be 1.2 to 1.4 × copying on this machine, whose memory copies
  16 to 18 GB/s with both cores. Tried: memory of dropped results again (kept: clearing fresh pages took half of all
  time), states at the borders of 16 steps instead of all steps at once (kept), one pass instead of one for each part of
  a step (kept), large pages (kept), blocks of 256 to 8,192 neurons (4,096 kept), prefetching the next step's row (no
  gain), four times as many stretches as threads instead of as many (kept), torch's own team of threads (kept: others
  had to share their cores with it). Beside spikingjelly at T=128 it lies on the edge: 5.2, 5.6, 5.8 and 6.3 × in four
  runs.
- **`spike_matmul`** at 1 % takes 1.8 ms when nothing else runs in between, 9 × dense. After a dense product it takes
  twice that, for spikes and weights are no longer in the near caches. Tried: packing the weights into blocks of
  columns, memory used again (kept), torch's own team of threads (kept), counting spikes in a sample of rows (kept),
  looking for spikes 8 and 16 values at a time (slower from 5 % on).
- **`lif_scan` on a GPU** was measured for the first time, on one H200. Its kernels move memory nearly as fast as a copy
  does forward (36 of 35 µs in float32), but a call also filled a tensor for each number it was given, which took 7 µs
  of the GPU's time, and 350 µs of the host's where there was nothing else to do. Numbers are now told to the kernels;
  that is not timed yet. Backward the kernel itself reaches 2.4 of 3.8 TB/s: its loads of dL/ds wait for the stores
  before them. Beside spikingjelly's kernels it is 1.4 and 0.8 times as fast in float32, 8 to 11 times in bfloat16.
- **N-MNIST recordings to batches** beside tonic: five times as fast would be 0.11 ms a recording. A `DataLoader` that
  is handed the same array each time takes half of that, opening and reading a file 0.02 ms of a core, and tonic itself
  needs no more than 0.6 ms of one. Tried: machine code for small files too (kept), room for as many events as the file
  may hold (kept: a third of the time), no generator where nothing is random (kept). What is left is spread over
  opening, checking and reporting, none of it above a tenth.
- **Raw AEDAT 4 to samples** keeps no distance ahead of `spiking_cnn` and `spikmamba` on frames of 40 x 30: a recording
  of 3 s is some 3 MB, which one core takes 15 to 20 ms to unpack, check, scale and encode, and a step takes 9 and 16 ms
  of a core for it. A quarter of the time is LZ4's own library at work (on a busy machine, 5 of 20 ms), and so what
  `spiking_cnn` would have for all of it. The rest is spread: 45 packets' headers read in Python a sixth, scaling and
  counting a tenth each, bytes to columns a tenth, opening and reading the file an eighth, checks that events lie in
  the sensor a twentieth. Left alone: headers in machine code, which would help both without being enough for either.
  The recipes for such sets keep decoded events in memory, with `data.cache_bytes`, so that only the first epoch waits.
"""


def section(name: str, title: str) -> str:
    """The rows that a script left behind, as Markdown."""
    content = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    rows = [
        Row(**(row | {"figures": {key: Figure(**figure) for key, figure in row["figures"].items()}}))
        for row in content["rows"]
    ]
    return f"## {title}\n\n{markdown(rows)}\n\nMeasured by `benchmarks/{name}.py` on {content['machine']}.\n"


def main() -> None:
    """Runs the scripts named on the command line, or all, and rewrites the page from all results there are."""
    for name in sys.argv[1:] or SCRIPTS:
        subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], cwd=ROOT, check=True)
    sections = [section(name, title) for name, title in SCRIPTS.items() if (RESULTS / f"{name}.json").exists()]
    sections.append(section(*GPU) if (RESULTS / f"{GPU[0]}.json").exists() else NO_GPU)
    (ROOT / "docs" / "benchmarks.md").write_text("\n".join([HEAD, *sections]), encoding="utf-8")


if __name__ == "__main__":
    main()
