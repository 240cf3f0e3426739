"""Damaged files: 500 mutants a format here, 20,000 in the slow lane, from fixed seeds.

For every one of them: no untyped exception, no signal, no hang, no impossible event, memory within bounds.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.recordings.mutants import mutate
from tests.recordings.sample_files import SAMPLES, build, sample_events

ROOT = Path(__file__).resolve().parents[2]


def read_mutants(name: str, first: int, count: int) -> dict[str, int]:
    command = [sys.executable, "-m", "tests.recordings.mutants", name, str(first), str(count)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120 + count, check=False)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    broken = [line for line in lines if "error" in line]
    assert done.returncode == 0, f"died with {done.returncode} after {broken}\n{done.stderr[-2000:]}"
    assert not broken
    return dict(lines[-1])


@pytest.mark.parametrize("name", SAMPLES)
def test_500_mutants(name: str) -> None:
    result = read_mutants(name, 0, 500)
    assert result["read"] == 500
    assert result["grown_mb"] <= 256 + 4 * len(build(name, sample_events())) / (1 << 20)


@pytest.mark.slow
@pytest.mark.parametrize("name", SAMPLES)
def test_20_000_mutants(name: str) -> None:
    for first in range(0, 20_000, 2_000):
        result = read_mutants(name, first, 2_000)
        assert result["read"] == 2_000
        assert result["grown_mb"] <= 256 + 4 * len(build(name, sample_events())) / (1 << 20)


def test_mutants_are_damaged_and_the_same_every_time() -> None:
    data = bytes(range(256)) * 16
    mutants = [mutate(data, seed) for seed in range(200)]
    assert mutants == [mutate(data, seed) for seed in range(200)]
    assert sum(mutant != data for mutant in mutants) > 190
    assert len(set(mutants)) > 190
