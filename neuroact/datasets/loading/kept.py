"""Encoded samples kept in memory, up to so many bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


class Kept:
    """Tensors by index, the first ones that fit.

    None makes room for another: an epoch asks for every sample once, so what is dropped for the latest would be asked
    for before it, and a memory that is too small would never give anything back.
    """

    def __init__(self, most_bytes: int) -> None:
        if most_bytes < 0:
            raise ValueError(f"a cache cannot hold {most_bytes} bytes")
        self.bytes = 0
        self._most = most_bytes
        self._tensors: dict[int, NDArray[Any]] = {}

    def get(self, index: int) -> NDArray[Any] | None:
        """A copy of the tensor of that index, if it is kept."""
        kept = self._tensors.get(index)
        return None if kept is None else kept.copy()

    def put(self, index: int, tensor: NDArray[Any]) -> None:
        """Keeps a copy, if there is room."""
        if index not in self._tensors and self.bytes + tensor.nbytes <= self._most:
            self._tensors[index] = np.array(tensor)
            self.bytes += tensor.nbytes

    def __getstate__(self) -> dict[str, Any]:
        return {"bytes": 0, "_most": self._most, "_tensors": {}}
