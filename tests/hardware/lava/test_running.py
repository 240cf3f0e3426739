"""How Lava is run, with programs in its place: none is needed here but the one that this is about."""

from __future__ import annotations

import os
import re
import stat
import sys
import time
import tomllib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from neuroact.errors import LavaError, LavaMissing
from neuroact.hardware.lava import lava_output, run_lava
from neuroact.hardware.lava.running import PROGRAM
from neuroact.hardware.lava.simulation import alone, chunks
from neuroact.hardware.network import Network
from neuroact.hardware.netx import write_netx
from tests.hardware.networks import dense, whole

SPIKES = np.ones((2, 3, 10), np.uint8)
PROBED = 'if [ "$1" = -c ]; then echo 3 10 True; exit; fi\n'
WRITES = """import sys, numpy as np
with np.load(sys.argv[2]) as given:
    spikes = np.full_like(given["spikes"][..., :6], given["reset_interval"])
np.savez(sys.argv[3], spikes=spikes, potentials=np.ones((2, 6)))
"""


@pytest.fixture
def net(tmp_path: Path) -> Path:
    write_netx(dense(), tmp_path / "dense.net")
    return tmp_path / "dense.net"


def program(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_what_the_program_writes_comes_back(net: Path, tmp_path: Path) -> None:
    (tmp_path / "writes.py").write_text(WRITES)
    python = program(tmp_path / "python", f'{PROBED}exec {sys.executable} {tmp_path}/writes.py "$2" "$3" "$4"\n')
    found = lava_output(net, SPIKES, python=python, reset_interval=7)
    np.testing.assert_array_equal(found.spikes, np.full((2, 3, 6), 7))
    np.testing.assert_array_equal(found.potentials, np.ones((2, 6)))


def test_the_reset_interval_is_what_the_file_says(tmp_path: Path) -> None:
    write_netx(Network((10,), dense().layers, reset_interval=16), tmp_path / "reset.net")
    (tmp_path / "writes.py").write_text(WRITES)
    python = program(tmp_path / "python", f'{PROBED}exec {sys.executable} {tmp_path}/writes.py "$2" "$3" "$4"\n')
    assert (run_lava(tmp_path / "reset.net", SPIKES, python=python) == 16).all()


def test_what_a_failing_program_printed_is_told(net: Path, tmp_path: Path) -> None:
    python = program(tmp_path / "python", f"{PROBED}echo first; echo of a child >&2; exit 3\n")
    with pytest.raises(LavaError, match=r"ended with code 3; it printed:\nfirst\nof a child"):
        run_lava(net, SPIKES, python=python)


@pytest.mark.parametrize("ends", ["sleep 600", "exit 1"], ids=["too long", "failed"])
def test_nothing_of_a_group_outlives_it(ends: str, net: Path, tmp_path: Path) -> None:
    """Neither a child, nor one that ignores what it is asked."""
    python = program(
        tmp_path / "python",
        f"{PROBED}sleep 600 & echo $! > {tmp_path}/child\n"
        f"(trap '' TERM; while :; do sleep 0.1; done) & echo $! > {tmp_path}/stubborn\n{ends}\n",
    )
    with pytest.raises(LavaError, match="longer than 1 s" if "sleep" in ends else "code 1"):
        run_lava(net, SPIKES, python=python, time_limit=1.0)
    children = [int((tmp_path / name).read_text()) for name in ("child", "stubborn")]
    until = time.monotonic() + 5
    while any(map(alive, children)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(map(alive, children))


def test_our_packages_are_not_another_pythons(net: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "ours")
    python = program(tmp_path / "python", f"{PROBED}echo path: $PYTHONPATH.; exit 1\n")
    with pytest.raises(LavaError, match=r"path: \."):
        run_lava(net, SPIKES, python=python)


def test_without_uv_and_a_python_both_ways_are_told(net: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python3"))
    with pytest.raises(LavaMissing, match=r"install uv .* or name a Python 3\.10"):
        run_lava(net, SPIKES)
    program(tmp_path / "uv", "echo uv: $*; exit 1\n")
    with pytest.raises(LavaError, match=re.escape(f"uv: run --quiet --no-project --script {PROGRAM}")):
        run_lava(net, SPIKES)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("echo 3 11 True", r"is Python 3\.11\. Lava runs on Python 3\.10 alone"),
        ("echo 3 10 False", "has no Lava installed"),
        ("exit 1", "is no Python that runs"),
    ],
    ids=["another version", "no Lava", "no Python"],
)
def test_a_python_that_will_not_do_is_told_apart(answer: str, message: str, net: Path, tmp_path: Path) -> None:
    with pytest.raises(LavaMissing, match=message):
        run_lava(net, SPIKES, python=program(tmp_path / "python", f"{answer}\n"))
    with pytest.raises(LavaMissing, match="is no Python that runs"):
        run_lava(net, SPIKES, python=tmp_path / "none")


@pytest.mark.parametrize(
    ("spikes", "interval", "message"),
    [
        (SPIKES.astype(np.float32), None, "uint8"),
        (SPIKES[:, :, :9], None, r"\(B, T, 10\)"),
        (SPIKES * 2, None, "0 or 1"),
        (SPIKES[:0], None, "at least"),
        (SPIKES, 0, "reset_interval"),
    ],
    ids=["floats", "another shape", "graded", "no recording", "no interval"],
)
def test_spikes_that_do_not_fit_are_refused(
    spikes: NDArray[np.uint8], interval: int | None, message: str, net: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        run_lava(net, spikes, reset_interval=interval, python=os.devnull)


def test_a_file_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "text.net").write_text("text")
    for name, message in (("text.net", "no NetX file"), ("none.net", "No such file")):
        with pytest.raises(LavaError, match=message):
            run_lava(tmp_path / name, SPIKES)


def test_recordings_are_apart_where_something_would_pass_between_them(tmp_path: Path) -> None:
    cases = [
        (dense(), 0, False),
        (dense(delay=whole(6, 10) % 5), 8, True),
        (dense(recurrent=whole(6, 6)), 8, True),
        (dense(bias=np.arange(6)), 0, True),
        (dense(bias=np.arange(6)), 8, False),
    ]
    for network, interval, expected in cases:
        write_netx(network, tmp_path / "network.net")
        assert alone(str(tmp_path / "network.net"), interval) is expected
    assert [len(chunk) for chunk in chunks(SPIKES, True)] == [1, 1]
    assert [len(chunk) for chunk in chunks(SPIKES, False)] == [2]


def test_the_program_pins_all_that_it_needs() -> None:
    block = re.search(r"(?m)^# /// script\n(.*?)^# ///$", PROGRAM.read_text(), re.DOTALL)
    assert block is not None
    needs = tomllib.loads(re.sub(r"(?m)^# ?", "", block[1]))
    assert needs["requires-python"] == ">=3.10,<3.11"
    assert all("==" in package for package in needs["dependencies"])
    assert {"lava-nc==0.10.0", "lava-dl==0.6.0"} <= set(needs["dependencies"])
