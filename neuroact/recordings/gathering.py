"""Chunks put together to one, beside the decoding of the next."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from neuroact.cores import cores
from neuroact.events import Events
from neuroact.recordings.columns import BATCH, Columns

MOST_PENDING = 3
"""Chunks that may be on their way; so long, their memory cannot be used again."""


class Gathering:
    """Copies chunks end to end; use as a context manager, and take `columns` after it.

    Where there are several cores, another thread copies, since fresh memory takes longer to map than chunks take to
    decode.

    - `expected`: how many events to begin with room for. Memory beyond need is never touched and so costs nothing.
    """

    def __init__(self, expected: int) -> None:
        self.columns = Columns(expected)
        self._pool = ThreadPoolExecutor(1, "neuroact-gathering") if expected > BATCH and cores() > 1 else None
        self._pending: deque[Future[None]] = deque()

    def add(self, chunk: Events) -> None:
        """Puts a chunk behind the others."""
        columns = self.columns
        if len(chunk) > columns.room:
            self._settle(0)
            columns.grow(max(2 * columns.capacity, columns.size + len(chunk)))
        if self._pool:
            self._pending.append(self._pool.submit(columns.write, columns.size, chunk.t, chunk.x, chunk.y, chunk.p))
            self._settle(MOST_PENDING)
        else:
            columns.write(columns.size, chunk.t, chunk.x, chunk.y, chunk.p)
        columns.size += len(chunk)

    def _settle(self, pending: int) -> None:
        """Waits until no more than so many chunks are to be copied."""
        while len(self._pending) > pending:
            self._pending.popleft().result()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._pool:
            self._pool.shutdown()
        if error is None:
            self._settle(0)
            self.columns.trim()
