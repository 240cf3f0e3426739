"""Samples kept in memory, up to so many bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Kept(Generic[T]):
    """Samples by index, encoded or not, the first ones that fit.

    None makes room for another: an epoch asks for every sample once, so what is dropped for the latest would be asked
    for before it, and a memory that is too small would never give anything back. A copy in another process is empty.
    """

    def __init__(self, most_bytes: int) -> None:
        if most_bytes < 0:
            raise ValueError(f"a cache cannot hold {most_bytes} bytes")
        self.bytes = 0
        self._most = most_bytes
        self._samples: dict[int, T] = {}

    def get(self, index: int) -> T | None:
        """The sample of that index, if it is kept; nobody may write to it."""
        return self._samples.get(index)

    def put(self, index: int, nbytes: int, copy: Callable[[], T]) -> None:
        """Keeps a copy of a sample of that size, if there is room."""
        if self.bytes + nbytes <= self._most:
            self._samples[index] = copy()
            self.bytes += nbytes

    def __getstate__(self) -> dict[str, Any]:
        return {"bytes": 0, "_most": self._most, "_samples": {}}
