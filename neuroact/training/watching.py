"""What a run tells while it goes on."""

from __future__ import annotations

from typing import Protocol

from neuroact.training.log import Row


class Watcher(Protocol):
    """Sees a run; its methods are called in the training process of the first rank."""

    def begin(self, steps: int, done: int) -> None:
        """The run has so many steps, of which some were made before."""

    def step(self, done: int) -> None:
        """So many steps were made."""

    def row(self, row: Row) -> None:
        """A row was logged."""

    def say(self, text: str) -> None:
        """Something that the user should know."""


class Silent:
    """Tells nobody."""

    def begin(self, steps: int, done: int) -> None:
        """Nothing."""

    def step(self, done: int) -> None:
        """Nothing."""

    def row(self, row: Row) -> None:
        """Nothing."""

    def say(self, text: str) -> None:
        """Nothing."""
