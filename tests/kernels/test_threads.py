"""Stretches on every core: each once, side by side, whoever's threads they are; errors come back; forks keep going."""

import os
import subprocess
import sys
from threading import Barrier

import pytest
import torch

from neuroact.kernels import threads
from neuroact.kernels.threads import STRETCH, on_every_core, split

FORKED = """
import os, signal, sys, torch
from neuroact.kernels import lif_scan
torch.set_num_threads(2)
x = torch.randn(8, 1 << 16)
before = lif_scan(x, decay=0.5)[0]
torch.randn(1 << 20).exp()  # torch's own threads are running now
child = os.fork()
if child == 0:
    signal.alarm(60)
    os._exit(0 if (lif_scan(x, decay=0.5)[0].numpy() == before.numpy()).all() else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.fixture(params=["torch's threads", "Python's threads"])
def _both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    if request.param == "Python's threads":
        monkeypatch.setattr(threads, "_team", lambda process: None)


@pytest.mark.parametrize("count", [0, 1, 63, 64, 65, 1000])
@pytest.mark.parametrize("parts", [1, 3, 8])
def test_stretches_cover_everything_once_and_begin_at_lines_of_the_cache(count: int, parts: int) -> None:
    stretches = split(count, parts)
    assert [i for start, stop in stretches for i in range(start, stop)] == list(range(count))
    assert len(stretches) <= parts
    assert all(start % threads.ALIGNMENT == 0 for start, _ in stretches)


@pytest.mark.usefixtures("_both_ways")
def test_every_stretch_runs_once_and_two_run_at_a_time() -> None:
    seen, met = [], Barrier(2)

    def kernel(start: int, stop: int, step: int) -> None:
        met.wait(timeout=60)
        seen.extend(range(start, stop, step))

    on_every_core(kernel, 4 * 64, 4 * STRETCH, 1)
    assert sorted(seen) == list(range(4 * 64))


@pytest.mark.usefixtures("_both_ways")
@pytest.mark.parametrize("broken", [0, 192])
def test_what_goes_wrong_on_a_thread_is_raised(broken: int) -> None:
    def kernel(start: int, stop: int) -> None:
        if start == broken:
            raise ArithmeticError(f"at {start}")

    with pytest.raises(ArithmeticError, match=f"at {broken}"):
        on_every_core(kernel, 4 * 64, 4 * STRETCH)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_process_has_threads_of_its_own() -> None:
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", FORKED], timeout=240, check=False)
    assert done.returncode == 0
