"""Recordings to columns, beside every reader that installs: `python -m benchmarks.reading [FORMAT...]`.

`--events N` sets the size (50 million), `--runs N` how often each contestant runs (5).
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import Figure, Row, contest, python, report
from benchmarks.tiles import NAMES, tile

CONTESTANTS = Path(__file__).with_name("contestants.py")
MEMORY_MB = 200
WARM_UP = 1_000_000
"""Events of the recording that loads and compiles what the first use does."""


@dataclass(frozen=True)
class Claim:
    """`ours` must be `factor` times as fast as the fastest of `rivals`; the `others` run for comparison."""

    title: str
    format: str
    factor: float
    rivals: tuple[str, ...]
    others: tuple[str, ...] = ()
    ours: str = "neuroact"
    share: float = 1.0
    """Of the events asked for: less where a rival holds several copies of all."""

    @property
    def streams(self) -> bool:
        """Whether memory must stay flat."""
        return self.ours == "neuroact"

    @property
    def target(self) -> str:
        """What must be reached, in words."""
        fastest = self.rivals[0] if len(self.rivals) == 1 else f"the fastest of {', '.join(self.rivals)}"
        return f"≥ {self.factor} × {fastest}" + (f", ≤ {MEMORY_MB} MB" if self.streams else "")


CLAIMS = (
    Claim("EVT3, streaming", "evt3", 2.5, ("evutils", "evutils blocks"), ("evt3", "faery")),
    Claim("EVT2, streaming", "evt2", 3.5, ("faery",), ("evutils", "evutils blocks")),
    Claim("EVT2, full arrays", "evt2", 1.0, ("evutils read_all",), ours="neuroact read"),
    Claim("DAT, streaming", "dat", 1.4, ("evutils", "evutils blocks"), ("faery",)),
    Claim("AEDAT 4, streaming", "aedat4", 1.0, ("faery", "aedat", "evutils", "dv-processing")),
    Claim("AEDAT 2, streaming", "aedat2", 1.5, ("evutils", "evutils blocks")),
    Claim("ES, streaming", "es", 1.5, ("event_stream", "faery")),
    Claim("N-MNIST .bin, streaming", "nmnist", 1.5, ("tonic",), share=0.2),
)


def measure(claim: Claim, events: int, runs: int) -> Row:
    """Runs a claim's contestants on a recording of about `events` events."""
    recording = tile(claim.format, round(events * claim.share))
    arguments = [str(recording.path), str(tile(claim.format, WARM_UP).path), str(recording.events)]
    names = (claim.ours, *claim.rivals, *claim.others)
    figures = contest({name: python(CONTESTANTS, name, *arguments) for name in names}, runs)
    title = f"{claim.title}, {recording.events / 1e6:.1f} M events"
    ours, rivals = figures[claim.ours], {name: figures[name] for name in claim.rivals if not figures[name].failed}
    if ours.failed or not rivals:
        return Row(title, claim.target, ours.failed or "no rival ran", False, figures)
    reached, met = judge(claim, ours, rivals)
    return Row(title, claim.target, f"{reached}; {recording.events / ours.seconds / 1e6:.0f} Mev/s", met, figures)


def judge(claim: Claim, ours: Figure, rivals: dict[str, Figure]) -> tuple[str, bool]:
    """What was reached, in words, and whether that is enough."""
    fastest = min(rivals, key=lambda name: rivals[name].seconds)
    ratio = rivals[fastest].seconds / ours.seconds
    fits = not claim.streams or ours.peak_mb <= MEMORY_MB
    return f"{ratio:.2f} × {fastest}, {ours.peak_mb:.0f} MB", ratio >= claim.factor and fits


def main() -> None:
    """Prints and writes the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("formats", nargs="*", choices=[[], *NAMES], metavar="FORMAT")
    parser.add_argument("--events", type=int, default=50_000_000)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    rows = []
    for claim in CLAIMS:
        if not options.formats or claim.format in options.formats:
            try:
                rows.append(measure(claim, options.events, options.runs))
            except FileNotFoundError as error:
                rows.append(Row(claim.title, claim.target, str(error), False))
    report("reading", rows)


if __name__ == "__main__":
    main()
