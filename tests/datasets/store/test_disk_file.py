"""What HDF5 writes through: files reach the disk on the way, and what goes wrong there is told in the end."""

import errno
import os
import threading
import time
from pathlib import Path

import pytest

from neuroact import StoreError
from neuroact.datasets import convert
from neuroact.datasets.store import disk_file
from neuroact.datasets.store.disk_file import DiskFile
from tests.datasets.builders import write_recordings


@pytest.fixture(autouse=True)
def synced_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk_file, "SYNCED_ASIDE", 100)


def test_a_large_file_is_brought_to_the_disk_while_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    synced = threading.Event()

    def sync(handle: int) -> None:
        sizes.append(os.fstat(handle).st_size)
        synced.set()

    monkeypatch.setattr(os, "fsync", sync)
    file = DiskFile(tmp_path / "file")
    for piece in (b"a" * 99, b"b"):
        file.write(piece)
    assert synced.wait(10)
    for _ in range(99):  # one byte less than another sync takes
        file.write(b"c")
        time.sleep(0.001)
    file.close()
    assert len(sizes) == 1
    assert sizes[0] >= 100
    assert (tmp_path / "file").read_bytes() == b"a" * 99 + b"b" + b"c" * 99


def test_a_disk_that_is_slow_holds_up_no_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at_last = threading.Event()
    syncs: list[int] = []

    def sync(handle: int) -> None:
        syncs.append(handle)
        assert at_last.wait(10)

    monkeypatch.setattr(os, "fsync", sync)
    file = DiskFile(tmp_path / "file")
    for _ in range(5):
        file.write(b"a" * 100)
    at_last.set()
    file.close()
    assert len(syncs) == 1


def test_data_that_cannot_reach_the_disk_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system tells it to the first that asks, so a later sync of the same file would succeed."""
    failures = [OSError(errno.EIO, "Input/output error")]

    def sync(handle: int) -> None:
        if failures:
            raise failures.pop()

    monkeypatch.setattr(os, "fsync", sync)
    file = DiskFile(tmp_path / "file")
    file.write(b"a" * 100)
    file.close()
    with pytest.raises(OSError, match="Input/output error"):
        file.check()


def test_a_store_that_cannot_reach_the_disk_is_not_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The failure comes when the last sample has long been handed over."""
    write_recordings(tmp_path / "in", ["0.raw"], events=5_000)
    failures = [OSError(errno.EIO, "Input/output error")]
    sync_in_earnest = os.fsync

    def sync(handle: int) -> None:
        if failures and threading.current_thread() is not threading.main_thread():
            time.sleep(0.2)
            raise failures.pop()
        sync_in_earnest(handle)

    monkeypatch.setattr(disk_file, "SYNCED_ASIDE", 1)
    monkeypatch.setattr(os, "fsync", sync)
    with pytest.raises(StoreError, match="cannot be written: Input/output error"):
        convert(tmp_path / "in" / "0.raw", tmp_path / "out.h5", to="voxel")
    assert not (tmp_path / "out.h5").exists()
