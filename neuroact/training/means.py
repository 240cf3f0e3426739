"""Means of loss and accuracy over samples, summed where they are computed and fetched when they are needed."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from neuroact.errors import Diverged


class Found(NamedTuple):
    """Sums over samples of all ranks: of the loss, of hits, and how many samples there were."""

    loss: float
    hits: float
    samples: float

    def means(self, where: str) -> tuple[float, float]:
        """The mean loss and the share of hits. Raises `Diverged`, naming `where`, if the loss is no number."""
        loss = self.loss / self.samples
        if not math.isfinite(loss):
            raise Diverged(f"{where}: the loss is {loss}; a lower learning rate, a warm-up or clipping may help")
        return loss, self.hits / self.samples


class Sums:
    """Running sums of one rank, `(3,)` float64 on its device: nothing waits for the device before they are fetched."""

    def __init__(self, device: torch.device) -> None:
        self.values = torch.zeros(3, dtype=torch.float64, device=device)

    @torch.no_grad()
    def add(self, loss: Tensor, logits: Tensor, target: Tensor) -> None:
        """Adds a batch: its mean loss `()`, logits `(B, L)`, and labels `(B,)` or weights of classes `(B, L)`."""
        labels = target.argmax(1) if target.ndim == 2 else target  # (B,)
        hits = (logits.argmax(1) == labels).sum()  # ()
        samples = torch.full_like(loss, len(logits), dtype=torch.float64)  # ()
        self.values += torch.stack([loss.double() * samples, hits.double(), samples])  # (3,)


def cross_entropy(logits: Tensor, target: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """Mean cross-entropy `()` of logits `(B, L)`, in float32, and labels `(B,)` or weights of classes `(B, L)`."""
    return functional.cross_entropy(logits.float(), target, label_smoothing=label_smoothing)
