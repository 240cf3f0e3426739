"""Journal: which groups are finished, on the disk before anything relies on it."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from neuroact.atomic import sync
from neuroact.datasets.store.manifest import Record
from neuroact.errors import StoreError

try:
    import fcntl
except ImportError:  # a system without these locks: two conversions into one folder go unnoticed there
    fcntl = None  # type: ignore[assignment]


class Journal:
    """A file of one line per finished group, in the order in which they were finished; locked while it is open.

    A line that a kill tore is cut off. Used as a context. Raises `StoreError` if another process holds it, or if a
    line is not ours.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.groups: dict[int, list[Record]] = {}
        """What is finished: number of the group -> its records."""
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            self._lock()
            self._read()
            sync(path.parent)
        except BaseException:
            os.close(self._handle)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        os.close(self._handle)

    def append(self, group: int, records: Sequence[Record]) -> None:
        """Adds a group whose shards are on the disk."""
        line = json.dumps({"group": group, "records": [record.to_json() for record in records]}) + "\n"
        end = os.lseek(self._handle, 0, os.SEEK_END)
        try:
            rest = line.encode()
            while rest:
                rest = rest[os.write(self._handle, rest) :]
            os.fsync(self._handle)
        except OSError:
            os.ftruncate(self._handle, end)
            raise
        self.groups[group] = list(records)

    def _lock(self) -> None:
        if fcntl is None:
            return
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StoreError(f"{self.path.parent}: another conversion is writing here; wait until it ends") from error

    def _read(self) -> None:
        with open(self._handle, "rb", closefd=False) as file:
            content = file.read()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            os.ftruncate(self._handle, len(whole))
        for number, line in enumerate(whole.splitlines(), 1):
            try:
                entry = json.loads(line)
                self.groups[int(entry["group"])] = [Record.from_json(record) for record in entry["records"]]
            except (ValueError, KeyError, TypeError) as error:
                raise StoreError(f"{self.path}, line {number}: damaged ({error}); delete {self.path.parent}") from error
