"""What every augmentation is to those that use one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from neuroact.events import Events

Share = Annotated[float, Field(ge=0, le=1)]
Swaps = tuple[tuple[int, int], ...]
"""Pairs of labels that change places."""


class Augmentation(BaseModel, ABC):
    """One augmentation and its settings. `kind` names it; `probability` says how often it is applied."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    probability: Share = 1.0

    def chosen(self, rng: np.random.Generator) -> bool:
        """Whether this sample is augmented."""
        return bool(rng.random() < self.probability)


class EventAugmentation(Augmentation):
    """An augmentation of events, before they are encoded. Times stay within the span of the events given."""

    def __call__(self, events: Events, label: int, rng: np.random.Generator) -> tuple[Events, int]:
        """The events and their label, augmented or as they were."""
        if not self.suits(label) or not self.chosen(rng):
            return events, label
        return self.apply(events, rng), self.relabel(label)

    def suits(self, label: int) -> bool:
        """Whether samples of that class may be augmented."""
        return True

    def relabel(self, label: int) -> int:
        """What an augmented sample of that class shows."""
        return label

    @abstractmethod
    def apply(self, events: Events, rng: np.random.Generator) -> Events:
        """The augmented events; those given are never changed."""


class TensorAugmentation(Augmentation):
    """An augmentation of what an encoder returned."""

    def __call__(self, tensor: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
        """The tensor, augmented or as it was."""
        return self.apply(tensor, rng) if self.chosen(rng) else tensor

    @abstractmethod
    def apply(self, tensor: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
        """A new tensor of the same shape and dtype; the one given is never changed."""


def swapped(label: int, swaps: Swaps) -> int:
    """The label that `label` changes places with, or itself."""
    return {**dict(swaps), **{b: a for a, b in swaps}}.get(label, label)


def each_once(swaps: Swaps) -> Swaps:
    """The pairs as given. Raises `ValueError` if a label stands in two of them."""
    labels = [label for pair in swaps for label in pair]
    if len(set(labels)) < len(labels):
        raise ValueError(f"each label may change places with one other, so none may stand twice in {swaps}")
    return swaps
