"""Memory that is freed and asked for again stays with the process."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from neuroact.training import memory

FAULTS = """
import resource, torch
from neuroact.training.memory import keep_freed_memory

keep_freed_memory()
for turn in range(40):
    if turn == 20:  # by now it has found room
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(16 * 2**20)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_a_step_gets_the_memory_of_the_step_before() -> None:
    """64 MiB are 16,384 pages, each of which the system counts when it is touched for the first time."""
    ran = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True)
    assert int(ran.stdout) < 16_384


def test_a_c_library_without_it_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda _: object())
    memory.keep_freed_memory()
