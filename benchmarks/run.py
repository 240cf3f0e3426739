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
