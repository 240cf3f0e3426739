"""How every benchmark measures: contestants in processes of their own, in turn, medians; JSON and Markdown out.

A contestant is a command that does its work once and prints a line of JSON with the `seconds` it took, measured inside
so that imports and start-up do not count. These machines are noisy, so what counts are the ratios within one run.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "build" / "benchmarks"


@dataclass
class Figure:
    """Medians over the runs of one contestant; `failed` says why there are none. 0 MB: memory was not measured."""

    seconds: float = 0.0
    peak_mb: float = 0.0
    failed: str = ""

    def __str__(self) -> str:
        memory = f", {self.peak_mb:.0f} MB" if self.peak_mb else ""
        return f"{self.seconds:.3g} s{memory}"


@dataclass
class Row:
    """One claim: what was measured, what each contestant reached, what was to be reached and whether it was."""

    claim: str
    target: str
    reached: str
    met: bool
    figures: dict[str, Figure] = field(default_factory=dict)


def contest(commands: Mapping[str, Sequence[str]], runs: int = 5) -> dict[str, Figure]:
    """Runs the contestants in turn, once to warm up and then `runs` times."""
    samples: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    failed: dict[str, str] = {}
    for run in range(runs + 1):
        for name, command in commands.items():
            if name in failed:
                continue
            try:
                sample = _once(command)
            except RuntimeError as error:
                failed[name] = str(error)
                continue
            if run:
                samples[name].append(sample)
    return {
        name: Figure(failed=failed[name])
        if name in failed
        else Figure(*(statistics.median(column) for column in zip(*samples[name], strict=True)))
        for name in commands
    }


def _once(command: Sequence[str]) -> tuple[float, float]:
    """Seconds as the command prints them, and its peak memory in MB, as printed or as the system counted it.

    The system's count starts at what this process holds when it forks, so contestants that matter print their own.
    """
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    output, errors = process.stdout.read(), process.stderr.read()  # type: ignore[union-attr]
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError((errors.strip().splitlines() or [f"exit {process.returncode}"])[-1])
    printed = json.loads(output.splitlines()[-1])
    return float(printed["seconds"]), float(printed.get("peak_mb", usage.ru_maxrss / 1024))


def growth_row(claim: str, figures: dict[str, Figure], most: float) -> Row:
    """How much more memory the second of two contestants takes, at most `most` times as much."""
    first, last = (figure.peak_mb for figure in figures.values())
    growth = last / first if first else 0.0
    reached = f"{100 * (growth - 1):+.1f} %"
    return Row(claim, f"grows by ≤ {100 * (most - 1):.0f} %", reached, 0 < growth <= most, figures)


def machine() -> str:
    """Processor, cores and Python, for the foot of a table."""
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, {date.today():%Y-%m-%d}"  # noqa: DTZ011


def report(name: str, rows: Sequence[Row]) -> None:
    """Prints the rows as Markdown and writes them to `build/benchmarks/NAME.json`."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    content = {"machine": machine(), "rows": [asdict(row) for row in rows]}
    (RESULTS / f"{name}.json").write_text(json.dumps(content, indent=1), encoding="utf-8")
    print(markdown(rows))


def markdown(rows: Sequence[Row]) -> str:
    """A table: claim, target, what was reached, and the contestants' medians."""
    lines = ["| what | must reach | reached | | medians |", "|---|---|---|---|---|"]
    for row in rows:
        figures = "; ".join(
            f"{name}: {figure.failed}" if figure.failed else f"{name} {figure}" for name, figure in row.figures.items()
        )
        lines.append(
            f"| {row.claim} | {row.target} | {row.reached} | {'met' if row.met else '**short**'} | {figures} |"
        )
    return "\n".join(lines)


def python(script: Path, *arguments: str) -> list[str]:
    """The command that runs a benchmark script as a contestant."""
    return [sys.executable, str(script), *arguments]
