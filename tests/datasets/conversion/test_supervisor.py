"""Workers that die, raise, or never begin."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from neuroact import StoreError
from neuroact.datasets import open_store
from neuroact.datasets.conversion.folder_store import convert_folder
from neuroact.datasets.conversion.group import Progress
from neuroact.datasets.conversion.supervisor import supervise
from neuroact.datasets.conversion.watching import Silent
from neuroact.datasets.sources import collect
from neuroact.datasets.store.request import ConvertRequest
from tests.datasets import workers
from tests.datasets.builders import write_recordings
from tests.datasets.workers import Chore


def ignore(progress: Progress) -> None:
    """Watches and says nothing."""


def begun(folder: Path, item: int) -> list[str]:
    """The processes that began an item, each time they did."""
    return (folder / f"item {item}").read_text().split()


def test_every_task_is_done_once_by_no_more_workers_than_asked(tmp_path: Path) -> None:
    before = set(multiprocessing.active_children())
    chores = [Chore(tmp_path, (index, 100 + index)) for index in range(6)]
    messages: list[Progress] = []
    results = list(supervise(chores, workers.go_through, jobs=2, watch=messages.append))
    assert sorted(result for _, result in results) == [chore.items for chore in chores]
    assert all(result == chore.items for chore, result in results)
    assert sorted(message.recording for message in messages) == sorted(sum((chore.items for chore in chores), ()))
    assert len({process for item in range(6) for process in begun(tmp_path, item)}) <= 2
    assert set(multiprocessing.active_children()) <= before


def test_an_item_that_always_kills_is_tried_twice_and_left_out(tmp_path: Path) -> None:
    chores = [Chore(tmp_path, (1, 2)), Chore(tmp_path, (12, 13, 14)), Chore(tmp_path, (3,))]
    results = list(supervise(chores, workers.die_at_13, jobs=2, watch=ignore))
    assert sorted(result for _, result in results) == [(1, 2), (3,), (12, 14)]
    [left_out] = [chore.left_out for chore, _ in results if chore.left_out]
    assert left_out == {13: "killed the process that converted it, twice (SIGSEGV)"}
    assert len(begun(tmp_path, 13)) == len(set(begun(tmp_path, 13))) == 2


def test_an_item_that_kills_once_is_done_alone(tmp_path: Path) -> None:
    chores = [Chore(tmp_path, (13,)), *(Chore(tmp_path, (index,)) for index in range(20, 40))]
    results = list(supervise(chores, workers.die_at_13_once, jobs=2, watch=ignore))
    assert sorted(result for _, result in results) == sorted(chore.items for chore in chores)
    assert not any(chore.left_out for chore, _ in results)
    assert (tmp_path / "was alone").exists()


def test_an_error_ends_everything_and_is_raised(tmp_path: Path) -> None:
    before = set(multiprocessing.active_children())
    chores = [Chore(tmp_path, (1,)), Chore(tmp_path, (13,))]
    begin = time.monotonic()
    with pytest.raises(ValueError, match="item 13"):
        list(supervise(chores, workers.raise_at_13, jobs=2, watch=ignore))
    assert time.monotonic() - begin < 50
    assert set(multiprocessing.active_children()) <= before


def test_workers_that_never_begin_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"end before their first recording \(exit code 3\).*__main__"):
        list(supervise([Chore(tmp_path, (1,))], workers.die_at_once, jobs=2, watch=ignore))


def test_a_recording_that_kills_its_worker_is_quarantined(tmp_path: Path) -> None:
    written = write_recordings(tmp_path / "in", ["a.raw", "bad.raw", "c.raw"])
    engine = partial(supervise, work=workers.die_with_bad, jobs=2, watch=ignore)
    convert_folder(collect([tmp_path / "in"]), tmp_path / "out", ConvertRequest.of({}), engine, Silent(), resume=False)
    store = open_store(tmp_path / "out")
    assert [record.state for record in store.records] == ["done", "quarantined", "done"]
    assert store.records[1].reason == "killed the process that converted it, twice (SIGKILL)"
    assert [(sample.source, sample.data) for sample in store] == [(name, written[name]) for name in ("a.raw", "c.raw")]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "manifest.jsonl",
        "shard-00000-000.h5",
        "store.json",
    ]


ORPHANS = """
from pathlib import Path
from neuroact.datasets.conversion.supervisor import supervise
from tests.datasets.workers import Chore, raise_at_13
if __name__ == "__main__":
    chores = [Chore(Path("."), (1,)), Chore(Path("."), (2,))]
    list(supervise(chores, raise_at_13, jobs=2, watch=lambda progress: print(progress.recording, flush=True)))
"""


@pytest.mark.skipif(not Path("/proc").exists(), reason="looks processes up in /proc")
def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "orphans.py"
    script.write_text(ORPHANS)
    root = str(Path(__file__).parents[3])
    parent = subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": root}
    )
    assert parent.stdout is not None
    assert sorted(parent.stdout.readline() for _ in range(2)) == ["1\n", "2\n"]
    children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
    assert len(children) >= 2
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    end = time.monotonic() + 20
    while (left := [child for child in children if _alive(child)]) and time.monotonic() < end:
        time.sleep(0.05)
    assert left == []


def _alive(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
