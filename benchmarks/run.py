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
    "startup": "The command line",
}
HEAD = """# Benchmarks

`make bench` measures all of this again and rewrites the page. Every contestant runs in a process of its own, the
contestants take turns, and figures are medians. Absolute figures drift with the machine: read the ratios, which are
taken within one run. Peak memory is the whole process's, the interpreter and its libraries included.

## What falls short, and why

- **EVT3, EVT2 and DAT to columns** are level with evutils and ahead of all other readers, but not by the factor that we
  set ourselves against an older evutils. Both are bound by one core. Tried: no branch between rows and columns (kept),
  a table of bit positions and a fixed number of rounds for vectors (kept), vector instructions over runs of plain
  words in EVT2 and DAT (kept), memory that is used again (kept), blocks and chunks of 8 k to 512 k (128 k events
  kept). Not tried yet: to decode the two halves of a block side by side.
- **EVT2, full arrays**: three quarters of the time is the system's, which maps fresh memory at its first touch. Tried:
  arrays sized beforehand instead of grown (kept), huge pages off (steadier, no faster), resizing in place.
- **AEDAT 4**: dv-processing expands LZ4 in C++, we by a Python call per packet. Tried: packets read in place (kept),
  many packets per kernel call (kept). Not tried yet: to expand packets side by side.
- **Voxel grids** add two numbers per event at random places; copying streams. Tried: vector instructions for the
  weights (kept), interleaved bins, look-up tables, 32-bit indices.
- **File to voxel windows**: the target is met against evutils + tonic as they are usually combined, and missed against
  the streaming combination that we wrote for them.
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
    (ROOT / "docs" / "benchmarks.md").write_text("\n".join([HEAD, *sections]), encoding="utf-8")


if __name__ == "__main__":
    main()
