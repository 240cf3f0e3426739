"""Interrupted conversions: nothing is done twice, and what is left is the same, byte for byte."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from neuroact import StoreError
from neuroact.datasets import convert, open_store
from neuroact.datasets.conversion.folder_store import convert_folder
from neuroact.datasets.conversion.journal import Journal
from neuroact.datasets.conversion.planning import Group
from neuroact.datasets.conversion.watching import Silent
from neuroact.datasets.sources import collect
from neuroact.datasets.store.manifest import Record
from neuroact.datasets.store.request import Compression, ConvertRequest
from tests.datasets.builders import contents, converted, in_process, write_nmnist, write_recordings

ROOT = Path(__file__).parents[3]


class Interrupted(Exception):
    """Stands for whatever ends a run."""


class Counting:
    """Converts groups in this process, counts recordings, and can stop short."""

    def __init__(self, stop_after: int = 1 << 30) -> None:
        self.recordings: list[str] = []
        self.stop_after = stop_after

    def __call__(self, groups: Sequence[Group]) -> Iterator[tuple[Group, list[Record]]]:
        for number, (group, records) in enumerate(in_process(groups)):
            self.recordings += [source.name for source in group.sources]
            yield group, records
            if number + 1 == self.stop_after:
                raise Interrupted


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Twelve recordings that make six groups."""
    monkeypatch.setattr("neuroact.datasets.conversion.planning.SHARD_SAMPLES", 2)
    write_nmnist(tmp_path / "in", 2)
    return tmp_path / "in"


def run(source: Path, out: Path, engine: Counting, *, resume: bool = False) -> int:
    """Converts; returns how many recordings were finished before."""
    return convert_folder(collect([source]), out, ConvertRequest(), engine, Silent(), resume=resume)[1]


def test_an_interrupted_conversion_goes_on_and_does_nothing_twice(tmp_path: Path, source: Path) -> None:
    converted(source, tmp_path / "whole")
    first, second = Counting(stop_after=4), Counting()
    with pytest.raises(Interrupted):
        run(source, tmp_path / "out", first)
    with pytest.raises(StoreError, match="interrupted; run the same command again"):
        open_store(tmp_path / "out")
    assert run(source, tmp_path / "out", second, resume=True) == 8
    assert (len(first.recordings), len(second.recordings)) == (8, 4)
    assert not set(first.recordings) & set(second.recordings)
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_a_finished_store_is_left_alone(tmp_path: Path, source: Path) -> None:
    converted(source, tmp_path / "out")
    before = contents(tmp_path / "out")
    again = Counting()
    assert run(source, tmp_path / "out", again) == 12
    assert again.recordings == []
    assert contents(tmp_path / "out") == before


def _tear(out: Path) -> None:
    journal = out / "journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-20])


def _leave(name: str) -> Callable[[Path], None]:
    def leave(out: Path) -> None:
        (out / name).write_bytes(b"half")

    return leave


LEFT_BY_KILLS: dict[str, Callable[[Path], None]] = {
    "a line of the journal that is torn": _tear,
    "a shard that is not in the journal": _leave("shard-00005-007.h5"),
    "a temporary shard": _leave(".shard-00005-000.h5.0123.part"),
    "a temporary description": _leave(".store.json.0123.part"),
}


@pytest.mark.parametrize("left", LEFT_BY_KILLS)
def test_what_a_kill_leaves_is_cleared_away(tmp_path: Path, source: Path, left: str) -> None:
    converted(source, tmp_path / "whole")
    with pytest.raises(Interrupted):
        run(source, tmp_path / "out", Counting(stop_after=3))
    LEFT_BY_KILLS[left](tmp_path / "out")
    with pytest.raises(Interrupted):
        run(source, tmp_path / "out", Counting(stop_after=1))
    run(source, tmp_path / "out", Counting())
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_a_journal_that_outlives_the_manifest_is_removed(tmp_path: Path, source: Path) -> None:
    converted(source, tmp_path / "out")
    before = contents(tmp_path / "out")
    (tmp_path / "out" / "journal.jsonl").write_text("")
    run(source, tmp_path / "out", Counting())
    assert contents(tmp_path / "out") == before


def test_a_damaged_journal_is_a_store_error(tmp_path: Path, source: Path) -> None:
    with pytest.raises(Interrupted):
        run(source, tmp_path / "out", Counting(stop_after=2))
    journal = tmp_path / "out" / "journal.jsonl"
    journal.write_text("nonsense\n" + journal.read_text())
    with pytest.raises(StoreError, match=r"journal\.jsonl, line 1: damaged"):
        run(source, tmp_path / "out", Counting())


def test_two_conversions_do_not_share_a_folder(tmp_path: Path, source: Path) -> None:
    with pytest.raises(Interrupted):
        run(source, tmp_path / "out", Counting(stop_after=1))
    with Journal(tmp_path / "out" / "journal.jsonl"), pytest.raises(StoreError, match="another conversion is writing"):
        run(source, tmp_path / "out", Counting())


def test_the_order_in_which_groups_end_changes_nothing(tmp_path: Path, source: Path) -> None:
    converted(source, tmp_path / "whole", to="voxel")
    convert_folder(
        collect([source]),
        tmp_path / "out",
        ConvertRequest.of({"to": "voxel"}),
        lambda groups: in_process(groups[::-1]),
        Silent(),
        resume=False,
    )
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


MANY_WINDOWS = ("--steps", "4", "--windows", "128")
"""So that few recordings take long enough to be killed at."""


def command(source: Path, out: Path, jobs: int, options: Sequence[str] = MANY_WINDOWS) -> list[str]:
    command = [sys.executable, "-m", "neuroact", "convert", str(source), "-o", str(out), "--to", "spikes"]
    return [*command, *options, "-j", str(jobs)]


def kill_and_resume(source: Path, folder: Path, kills: int, seed: int, options: Sequence[str] = MANY_WINDOWS) -> None:
    """Kills the whole process group at random moments and compares with a run that nobody disturbed."""
    begin = time.monotonic()
    subprocess.run(command(source, folder / "whole", 2, options), check=True, capture_output=True)
    whole, longest = contents(folder / "whole"), time.monotonic() - begin
    rng = random.Random(seed)
    out, finished = folder / "out", 0
    for kill in range(kills):
        process = subprocess.Popen(
            command(source, out, 1 + kill % 2, options),
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            assert process.wait(rng.uniform(0.2, 1.0) * longest) == 0
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        else:
            assert contents(out) == whole
            out, finished = folder / f"out {kill}", finished + 1
    assert finished < kills
    subprocess.run(command(source, out, 2, options), check=True, capture_output=True)
    assert contents(out) == whole


def test_ten_kills_leave_no_trace(tmp_path: Path) -> None:
    write_nmnist(tmp_path / "in", 6)
    kill_and_resume(tmp_path / "in", tmp_path, kills=10, seed=1)


@pytest.mark.slow
def test_fifty_kills_leave_no_trace(tmp_path: Path) -> None:
    write_nmnist(tmp_path / "in", 40)
    kill_and_resume(tmp_path / "in", tmp_path, kills=50, seed=2)


@pytest.mark.slow
def test_fifty_kills_of_real_recordings_leave_no_trace(tmp_path: Path, shared: Path) -> None:
    source = shared / "datasets" / "nmnist_small"
    kill_and_resume(source, tmp_path, kills=50, seed=3, options=("--steps", "16"))


def test_ctrl_c_leaves_nothing_half_written(tmp_path: Path) -> None:
    write_nmnist(tmp_path / "in", 15)
    process = subprocess.Popen(
        command(tmp_path / "in", tmp_path / "out", 2),
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    while not list(tmp_path.glob("out/*shard-*")) and process.poll() is None:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.decode().strip().endswith("interrupted")
    assert b"Traceback" not in errors
    left = {path.name for path in (tmp_path / "out").iterdir()}
    assert not any(name.startswith(".") for name in left)
    journaled = [json.loads(line) for line in (tmp_path / "out" / "journal.jsonl").read_text().splitlines()]
    assert len(journaled) < 90 / 4


FULL = """
import resource, sys
from neuroact.cli.app import run
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), int(sys.argv[1])))
sys.exit(run(sys.argv[2:]))
"""


@pytest.mark.parametrize(("name", "compression"), [("0.raw", "none"), (".", "zstd")])
def test_a_full_disk_is_a_clear_error_and_can_be_resumed_from(
    tmp_path: Path, name: str, compression: Compression
) -> None:
    """A limit on the size of files stands for the disk: the system refuses writes in the same way."""
    pytest.importorskip("resource")
    write_recordings(tmp_path / "in", [f"{number}.raw" for number in range(3)], events=5000)
    source, out = tmp_path / "in" / name, tmp_path / "out"
    options = ["convert", source, "-o", out, "--to", "voxel", "--windows", "40", "--compression", compression]
    full = subprocess.run(
        [sys.executable, "-c", FULL, "20000", *options], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert full.returncode == 1
    assert "cannot be written: File too large; nothing half-written was left" in full.stderr
    assert "Traceback" not in full.stderr
    assert set(contents(tmp_path)) - {"in/0.raw", "in/1.raw", "in/2.raw"} <= {
        "out/store.json",
        "out/journal.jsonl",
    }
    for place in (out, tmp_path / "whole"):
        make = convert if source.is_file() else converted
        make(source, place, to="voxel", windows=40, compression=compression)
    if source.is_file():
        assert out.read_bytes() == (tmp_path / "whole").read_bytes()
    else:
        assert contents(out) == contents(tmp_path / "whole")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_a_clear_error(tmp_path: Path, source: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out").chmod(0o500)
    with pytest.raises(StoreError, match="cannot be written: Permission denied"):
        converted(source, tmp_path / "out")
    assert contents(tmp_path / "out") == {}


def test_a_file_system_that_takes_no_files_is_a_clear_error(source: Path) -> None:
    if not Path("/proc/self").exists():
        pytest.skip("needs /proc, where nobody may make a folder")
    with pytest.raises(StoreError, match="/proc/store: cannot be written"):
        converted(source, Path("/proc/store"))
