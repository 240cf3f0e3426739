"""The Triton kernels where there is no GPU: their results by the interpreter, their machine code by the compiler."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("triton", reason="Triton is for Linux alone")

ROOT = Path(__file__).resolve().parents[2]
CASES = 110
"""So many tests must have passed, lest an empty run counts as a good one."""
FEWEST_LAUNCHES = 18
NARROW = ("adaptive torch.bfloat16 numbers, same", "scan_backward")
"""Holds two values of each neuron and step, which leaves a thread four neurons: eight bytes of bfloat16 to store."""


def child(*arguments: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *arguments], capture_output=True, text=True, cwd=ROOT, env=os.environ | environment,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    return done.stdout


@pytest.mark.timeout(1200)
def test_results_in_the_interpreter() -> None:
    printed = child("pytest", "-q", "-p", "no:cacheprovider", "tests/kernels/on_triton.py", TRITON_INTERPRET="1")
    assert int(re.search(r"(\d+) passed", printed)[1]) >= CASES  # type: ignore[index]
    assert "skipped" not in printed


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("capability", ["80", "90", "100"])
def test_machine_code(capability: str) -> None:
    printed = child("tests.kernels.ahead_of_time", capability, TRITON_INTERPRET="0")
    reports: list[dict[str, Any]] = [json.loads(line) for line in printed.splitlines()]
    assert len({report["launch"] for report in reports}) >= FEWEST_LAUNCHES
    for report in reports:
        assert (report["stack"], report["local"], report["spills"]) == (0, 0, 0), report
        if "learned" not in report["launch"] and "selective" not in report["launch"]:
            assert report["wide_loads"] > 0, report
            narrow = (report["launch"], report["kernel"]) == NARROW
            assert report["half_stores" if narrow else "wide_stores"] > 0, report
