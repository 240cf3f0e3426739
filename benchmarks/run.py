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
    "loading": "Samples for training",
    "startup": "The command line",
    "kernels": "Kernels on a CPU",
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

- **EVT3, EVT2 and DAT to columns** use every core: blocks are decoded side by side, each from a guess at the state
  before it that is checked afterwards. Two cores make 1.3 to 1.7 of one, since copying out of the system's file
  cache and writing columns share one memory. EVT2 and DAT reach their factors in some runs on a quiet machine and
  miss them in others (2.96 to 3.52 × in three runs, 1.30 and 1.45 × in two), and miss them where other work has
  part of the second core (2.83 × and 0.74 ×), as it had when EVT3's new loop was measured: on one core that decodes
  1.7 times as many words a second as the old one, which reached 1.94 × on a quiet machine. Tried for EVT3: no
  branch between rows and columns (kept), words written as they are and turned into columns by vector instructions
  (kept), the four words of a camera's vectors at once (kept), events packed into one integer each (as many
  instructions for unpacking as it spares), no branch for changes of time either (dearer than the branch), two words
  a round, a table of bit positions. Tried for EVT2 and DAT: vector instructions over runs of plain words (kept);
  for DAT also words of 64 bits, and groups of 128 to 2,048 events instead of 32. Tried for all: memory that is used
  again (kept), blocks of 32 k to 512 k events (256 k kept), as many blocks as cores instead of one more, reads of
  120 to 470 kB that stay in the second-level cache. Left alone: mapping files into memory, which spares a copy, but
  ends the process when a file is cut while it is read.
- **EVT2, full arrays**: most of the time is the system's, which maps fresh memory at its first touch; figures
  follow what it has at hand (0.69 to 1.17 × in four runs). Tried: arrays sized beforehand instead of grown (kept),
  another thread that copies chunks into them (kept), huge pages off (steadier, no faster), resizing in place.
- **AEDAT 4** lies on the edge: 0.88 to 1.13 × in five runs. More than half of the time is LZ4's. Packets are
  expanded side by side by the C library inside python-lz4, called without Python's lock; the caller copies events
  meanwhile. Tried: packets read in place (kept), `lz4.frame` in threads (it holds the lock), cramjam (so does it),
  `lz4.block` in threads (lets go of the lock, but a sixth slower than whole frames in place, copies twice, and
  checks no checksums), an LZ4 decoder of our own compiled by numba (0.6 of the library's speed), events copied
  where they were expanded instead of gathered first (kept), vector instructions over groups of plain events (kept),
  stretches of 256 KiB to 2 MiB (1 MiB kept).
- **Voxel grids** add a number per event at a random place; copying streams. The row is from before intervals were
  summed up from their first event; side by side on a busy machine, that took 0.45 × copying from 0.35 ×. Tried: both
  shares of an event in one packed integer (kept), vector instructions for places and weights (kept), summing an
  interval up from its first event where the one before had many (kept: 1.3 times as fast), fewer events one by one in
  the others, summing in a kernel of its own, interleaved bins, look-up tables, 32-bit indices. Two threads, each with
  sums of its own, give the same bits, since sums are whole numbers; but with halves of an interval as with pieces that
  whoever is free takes, they were 1.2 to 1.5 times as slow as one on a busy machine.
- **File to voxel windows**: the target is met against evutils + tonic as they are usually combined, and missed against
  the streaming combination that we wrote for them. The row is from before stores were brought to the disk while they
  are written; side by side on a busy machine, that took 3.3 × from 2.4 ×. What is left: one core decodes and encodes,
  the other copies 535 MB into the system's file cache, each for about as long. Tried: `fsync` in a thread of its own
  (kept), `posix_fadvise` and `sync_file_range` after each sample (half the gain, and unsteady), writing past the file
  cache (a third slower or more), writes of 0.5 or 1 MB instead of whole samples, fewer events shared one by one (no
  faster, and 20 MB more), several cores for decoding (no gain, since writing and checksums have the second one
  already, and 15 MB more). Left alone: room for the file beforehand, which spares a fifth of a write's time, but HDF5
  does not say how much.
- **Kernels**: the machine gave two threads little more than one while these were measured: dense products took 20
  ms, and 11 on another day. What `lif_scan` waits for is new memory: at T=16, N=1 M its loops take 10 ms forward on
  two cores where copying takes 7, but the whole call 23, since the system has to clear the pages that results go
  to. Tried: large pages (kept: two to three times as fast as small ones), one pass instead of a pass for each part of
  a step (kept), blocks of 512 to 4,096 neurons (4,096 kept). Keeping potentials instead of computing them once more
  was not tried. Left: to use the
  memory of results again once they are dropped, as torch does on GPUs. Packed spikes spare memory but no work, and
  their loop is bound by that. Tried: eight steps gathered as integers before bytes are written (kept), bytes
  combined in place. An earlier, busier run gave 0.54 × instead of 0.93 × for `cuba_lif_scan` at T=128. A prototype of
  `spike_matmul`'s loops reached 10 × and 4.6 × dense at 1 % and 5 % in processor time of one core; the operation has
  not. Tried: packing the weights into blocks of columns.
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
