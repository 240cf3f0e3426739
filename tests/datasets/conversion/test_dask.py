"""A real cluster of two worker processes on this machine, one of which is killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from neuroact import MissingExtra, StoreError
from neuroact.datasets import convert, open_store
from neuroact.datasets.conversion.group import Progress
from neuroact.datasets.sources import Collection
from tests.datasets import workers
from tests.datasets.builders import contents, converted, write_nmnist

ROOT = Path(__file__).parents[3]
CLUSTER = """
from distributed import LocalCluster
if __name__ == "__main__":
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        pids = [worker.pid for worker in cluster.workers.values()]
        print(cluster.scheduler_address, *pids, flush=True)
        input()
"""


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, list[int]]]:
    """Address of the scheduler and process numbers of the workers. It lives in a process of its own, with its noise."""
    pytest.importorskip("distributed")
    script = tmp_path / "cluster.py"
    script.write_text(CLUSTER)
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    process = subprocess.Popen(
        [sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        env=environment, cwd=tmp_path,
    )  # fmt: skip
    assert process.stdout is not None
    address, *pids = process.stdout.readline().split()
    yield address, [int(pid) for pid in pids]
    process.communicate("\n", timeout=60)


class KillOne:
    """Kills a worker as soon as the first recording is finished."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.finished: list[int] = []

    def begin(self, collection: Collection, finished: list[int]) -> None:
        """Nothing."""

    def update(self, progress: Progress) -> None:
        if not self.finished:
            os.kill(self.pid, signal.SIGKILL)
        self.finished.append(progress.recording)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore::UserWarning:distributed")
def test_a_cluster_that_loses_a_worker_makes_the_same_store(
    tmp_path: Path, cluster: tuple[str, list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("neuroact.datasets.conversion.planning.SHARD_SAMPLES", 3)
    address, pids = cluster
    write_nmnist(tmp_path / "in", 10)
    converted(tmp_path / "in", tmp_path / "here")
    watcher = KillOne(pids[0])
    result = convert(tmp_path / "in", tmp_path / "there", dask=address, watcher=watcher)
    assert result.sound
    assert sorted(watcher.finished) == list(range(60))
    assert contents(tmp_path / "there") == contents(tmp_path / "here")
    assert len(open_store(tmp_path / "there")) == 60


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore::UserWarning:distributed")
def test_a_group_that_kills_every_worker_comes_home(
    tmp_path: Path, cluster: tuple[str, list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("neuroact.datasets.conversion.dask_engine.convert_unwatched", workers.die_on_dask)
    write_nmnist(tmp_path / "in", 1)
    converted(tmp_path / "in", tmp_path / "here")
    assert convert(tmp_path / "in", tmp_path / "there", dask=cluster[0], jobs=1).sound
    assert contents(tmp_path / "there") == contents(tmp_path / "here")


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_a_scheduler_that_does_not_answer_is_a_store_error(tmp_path: Path) -> None:
    dask = pytest.importorskip("dask")
    write_nmnist(tmp_path / "in", 1)
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "1s"}),
        pytest.raises(StoreError, match="no Dask scheduler answers"),
    ):
        convert(tmp_path / "in", tmp_path / "out", dask="tcp://127.0.0.1:9")


def test_without_dask_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    write_nmnist(tmp_path / "in", 1)
    with pytest.raises(MissingExtra, match=r"pip install 'neuroact\[dask\]'"):
        convert(tmp_path / "in", tmp_path / "out", dask="tcp://127.0.0.1:9")
