"""Watcher: how a conversion tells how far it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from neuroact.datasets.conversion.group import Progress
from neuroact.datasets.sources import Collection


class Watcher(Protocol):
    """Told what a conversion does, from its own process."""

    def begin(self, collection: Collection, finished: Sequence[int]) -> None:
        """It begins; the recordings of those indices are already finished."""

    def update(self, progress: Progress) -> None:
        """A worker got on."""


class Silent:
    """Watches and says nothing."""

    def begin(self, collection: Collection, finished: Sequence[int]) -> None:
        """Nothing."""

    def update(self, progress: Progress) -> None:
        """Nothing."""
