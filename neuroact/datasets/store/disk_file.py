"""DiskFile: what HDF5 writes through, so that a full disk is an error and not a crash."""

from __future__ import annotations

import io
import os
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

SYNCED_ASIDE = 1 << 24
"""Bytes. Once so many have been written, another thread begins to bring them to the disk."""


class DiskFile(io.RawIOBase):
    """A new file that keeps the first error of a write for `check` to raise, and takes what follows without a word.

    HDF5 2.0 ends in a segmentation fault when it closes a file that it could not write, so it must never see one fail.

    A store is on the disk before it gets its name, and whoever waits for that only at the end waits as long as the
    whole encoding takes. So large files are brought to the disk while they are being written.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o666)
        self._position = 0
        self._error: OSError | None = None
        self._syncer = ThreadPoolExecutor(1, "neuroact-syncer")
        self._syncing: Future[None] | None = None
        self._unsynced = 0

    def check(self) -> None:
        """Raises the first error."""
        if self._error is not None:
            raise self._error

    def write(self, data: Any) -> int:
        rest = memoryview(data).cast("B")
        size = len(rest)
        try:
            while len(rest) and self._error is None:
                rest = rest[os.pwrite(self._handle, rest, self._position + size - len(rest)) :]
        except OSError as error:
            self._error = error
        self._position += size
        self._unsynced += size
        if self._unsynced >= SYNCED_ASIDE and (self._syncing is None or self._syncing.done()):
            self._unsynced = 0
            self._syncing = self._syncer.submit(self._sync)
        return size

    def _sync(self) -> None:
        """The system tells a failure to reach the disk once: whoever syncs the file again would not hear of it."""
        try:
            os.fsync(self._handle)
        except OSError as error:
            self._error = self._error or error

    def truncate(self, size: int | None = None) -> int:
        size = self._position if size is None else size
        try:
            if self._error is None:
                os.ftruncate(self._handle, size)
        except OSError as error:
            self._error = error
        return size

    def readinto(self, buffer: Any) -> int:
        count = os.preadv(self._handle, [buffer], self._position)
        self._position += count
        return count

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position}.get(whence)
        self._position = offset + (os.fstat(self._handle).st_size if base is None else base)
        return self._position

    def tell(self) -> int:
        return self._position

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        if not self.closed:
            self._syncer.shutdown()
            os.close(self._handle)
        super().close()
