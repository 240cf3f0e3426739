"""The kernels beside other libraries, in one process: `python -m benchmarks.kernels [--rounds N]`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import neuroact.bench
from benchmarks.measure import Figure, Row, report


def publish(name: str, rows: Sequence[neuroact.bench.Row]) -> None:
    """Prints and writes rows. Peak memory is left out: all contestants share a process."""
    figures = [{peer: Figure(seconds) for peer, seconds in row.seconds.items()} for row in rows]
    report(name, [Row(r.claim, r.target, r.reached, r.met, found) for r, found in zip(rows, figures, strict=True)])


def rounds() -> int:
    """How often each contestant runs, from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    return int(parser.parse_args().rounds)


if __name__ == "__main__":
    publish("kernels", neuroact.bench.bench_kernels(rounds()))
