"""run_lava: what Lava makes of a network and spikes.

Lava is archived: lava-nc 0.10.0 and lava-dl 0.6.0 are its last, and need Python 3.10 and numpy 1. So it is no
dependency but a program beside us, `simulation.py`, which says what it needs in its own head (PEP 723). Spikes go there
and come back in files. A simulation is some ten processes, of which one that fails leaves the others waiting; hence the
group of processes that is ended as a whole.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuroact.errors import ExportError, LavaError, LavaMissing
from neuroact.hardware.netx import read_input

PROGRAM = Path(__file__).with_name("simulation.py")
GRACE = 3.0
"""Seconds in which processes that were asked to end may free the memory that they share."""
LINES_SHOWN = 12
"""Of what a failed simulation printed; the error stands last."""
PROBE = "import sys, importlib.util as i; print(*sys.version_info[:2], all(map(i.find_spec, ['lava', 'h5py'])))"
WAYS = (
    "Lava runs on Python 3.10 alone. Either install uv (pip install uv), which then sets up what Lava needs by itself, "
    f"or name a Python 3.10 in which the packages that {PROGRAM} lists at its head are installed"
)


class LavaOutput(NamedTuple):
    """What the last layer did: `spikes` `(B, T, ...)` uint8, and `potentials` after step T, `(B, ...)` int32."""

    spikes: NDArray[np.uint8]
    potentials: NDArray[np.int32]


def run_lava(
    path: str | Path,
    spikes: NDArray[np.uint8],
    *,
    reset_interval: int | None = None,
    python: str | Path | None = None,
    time_limit: float = 600.0,
) -> NDArray[np.uint8]:
    """Runs a network in Lava's integer simulator of Loihi 2, each recording from rest.

    - `path`: a NetX file.
    - `spikes`: `(B, T, C, H, W)` or `(B, T, N)` uint8 of 0 and 1, B and T at least 1.
    - `reset_interval`: steps between two resets of all states, the first of each layer when the first input reaches
      it; by default what `write_netx` has noted in the file, and none in a file of others.
    - `python`: a Python 3.10 in which Lava is installed. By default uv makes one and keeps it, which takes some 400 MB.
    - `time_limit`: seconds, setting up included.

    Returns `(B, T, ...)` uint8: the output that step t of the input makes at step t, so a layer takes no time.

    Raises `LavaMissing` where neither uv nor such a Python is, `LavaError` with what Lava printed where it fails or
    takes longer, or where `path` is no NetX file, and `ValueError` for spikes that do not fit the file.
    """
    return lava_output(path, spikes, reset_interval=reset_interval, python=python, time_limit=time_limit).spikes


def lava_output(
    path: str | Path,
    spikes: NDArray[np.uint8],
    *,
    reset_interval: int | None = None,
    python: str | Path | None = None,
    time_limit: float = 600.0,
) -> LavaOutput:
    """As `run_lava`, with the potentials that a read-out without spikes is read by."""
    path = Path(path)
    try:
        shape, noted = read_input(path)
    except (ExportError, OSError) as error:
        raise LavaError(f"nothing for Lava to run: {error}") from error
    _check(spikes, shape, reset_interval)
    start = _start(python)
    with tempfile.TemporaryDirectory(prefix="neuroact-lava-") as folder:
        given, result, log = (Path(folder) / name for name in ("in.npz", "out.npz", "log.txt"))
        np.savez_compressed(given, spikes=spikes, reset_interval=np.int64(reset_interval or noted or 0))
        command = [*start, str(PROGRAM), str(path.resolve()), str(given), str(result)]
        code, printed = _run_group(command, time_limit, log)
        if not result.is_file():
            ended = f"took longer than {time_limit:g} s" if code is None else f"ended with code {code}"
            raise LavaError(f"the simulation in Lava {ended}; it printed:\n{printed}")
        with np.load(result, allow_pickle=False) as arrays:
            return LavaOutput(arrays["spikes"], arrays["potentials"])


def _check(spikes: NDArray[np.uint8], shape: tuple[int, ...], reset_interval: int | None) -> None:
    if spikes.dtype != np.uint8 or spikes.ndim < 3 or spikes.shape[2:] != shape:
        wanted = ", ".join(map(str, shape))
        raise ValueError(f"spikes must be (B, T, {wanted}) uint8, not {spikes.shape} of {spikes.dtype}")
    if not spikes.size or spikes.max() > 1:
        raise ValueError("spikes must be 0 or 1, and there must be one recording and step at least")
    if reset_interval is not None and reset_interval < 1:
        raise ValueError(f"reset_interval must be at least 1, not {reset_interval}")


def _start(python: str | Path | None) -> list[str]:
    """What starts the program."""
    if python is not None:
        _check_python(str(python))
        return [str(python)]
    beside = Path(sys.executable).with_name("uv")
    uv = shutil.which("uv") or (str(beside) if beside.is_file() else None)
    if uv is None:
        raise LavaMissing(WAYS)
    return [uv, "run", "--quiet", "--no-project", "--script"]


def _check_python(python: str) -> None:
    try:
        probe = subprocess.run(
            [python, "-c", PROBE], capture_output=True, text=True, timeout=60, env=_environment(), check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise LavaMissing(f"{python} is no Python that runs ({error}). {WAYS}") from error
    major, minor, found = probe.stdout.split()
    if (major, minor) != ("3", "10"):
        raise LavaMissing(f"{python} is Python {major}.{minor}. {WAYS}")
    if found != "True":
        raise LavaMissing(f"{python} has no Lava installed. {WAYS}")


def _run_group(command: list[str], time_limit: float, log: Path) -> tuple[int | None, str]:
    """Runs a command in a group of processes of its own.

    Returns its exit code, None if it took too long, and the end of what the group printed by then.
    """
    # A pipe would stay open for as long as any of the group lives, a file does not.
    with log.open("wb") as printed:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=printed, stderr=subprocess.STDOUT, start_new_session=True,
            env=_environment(),
        )  # fmt: skip
    try:
        with suppress(subprocess.TimeoutExpired):
            process.wait(time_limit)
        return process.returncode, "\n".join(log.read_text("utf-8", "replace").splitlines()[-LINES_SHOWN:])
    finally:
        _end_group(process)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Asks all that is left of a group to end, so that Python's resource tracker frees shared memory; then kills."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        until = time.monotonic() + GRACE
        while time.monotonic() < until:
            process.poll()  # else the leader stays in its group, dead as it is
            os.killpg(process.pid, 0)  # raises once nobody is left
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _environment() -> dict[str, str]:
    """Ours, without what would have another Python look for our packages."""
    ours = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if name not in ours}
