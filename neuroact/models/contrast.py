"""The event-contrastive loss of EventTransAct (de Blegiers et al., IROS 2023).

    B clips    T frames of a clip    K frames of them that are contrasted, 4 in the paper
    D width of an embedding          E width of its projection z

Two views of a clip are augmented apart and keep the same frames. A frame attracts the same frame of the other view and
repels all other frames of both views, so that the backbone learns what tells moments of one action apart.

The authors' projection stands in a file that their repository lacks. Ours has two layers, and results of length one, so
that the temperature means the same at every scale of the embeddings; no batch normalisation, which would let the clips
of a batch into each other's loss.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn import functional


class EventContrast(nn.Module):
    """The loss of two views' embeddings, which it projects.

    - `width`: D. `projection`: E.
    - `frames`: K, at least 2, spread evenly over the clip: 0, 4, 8 and 12 of 16.
    - `temperature`: above 0.

    Raises `ValueError` for fewer frames and for other temperatures.
    """

    def __init__(self, width: int, projection: int = 128, frames: int = 4, temperature: float = 0.1) -> None:
        super().__init__()
        _refuse_what_contrasts_nothing(frames, temperature)
        self.frames, self.temperature = frames, temperature
        self.project = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, projection))

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """The loss, a number.

        - `first`, `second`: the embeddings of one clip's two views, `(B, T, D)` each.

        Raises `ValueError` for clips of fewer than K frames.
        """
        steps = first.shape[1]
        if steps < self.frames:
            raise ValueError(f"{self.frames} frames are to be contrasted, and a clip has {steps}")
        picked = [i * steps // self.frames for i in range(self.frames)]
        a, b = (functional.normalize(self.project(view[:, picked]), dim=-1) for view in (first, second))  # (B, K, E)
        return event_contrastive_loss(a, b, temperature=self.temperature)


@runtime_checkable
class Embedding(Protocol):
    """A model whose logits are of embeddings of frames, D numbers each, which can be contrasted."""

    width: int

    def embed(self, frames: Tensor) -> Tensor:
        """Embeddings `(B, T, D)` of frames `(B, T, C, H, W)`, each by itself."""

    def classify(self, embeddings: Tensor) -> Tensor:
        """Logits `(B, L)` of embeddings `(B, T, D)`."""


class Contrasted(nn.Module):
    """A model that learns from two views: all that both losses need, in one `forward`.

    DistributedDataParallel averages the gradients of what the forward of the module that it wraps has used, so the
    projection has to be part of that.

    - `model`: an `Embedding`. `frames`, `temperature`: of `EventContrast`.

    Raises `ValueError` for a model that embeds no frames.
    """

    def __init__(self, model: nn.Module, *, frames: int = 4, temperature: float = 0.1) -> None:
        super().__init__()
        if not isinstance(model, Embedding):
            raise ValueError(f"{type(model).__name__} embeds no frames that could be contrasted; VTN does")
        self.model: Embedding = model
        self.contrast = EventContrast(model.width, frames=frames, temperature=temperature)

    def forward(self, views: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and the event-contrastive loss of B clips.

        - `views`: `(2 B, T, C, H, W)`, the first views of all clips, then the second ones.

        Returns `(B, L)`, of the first views alone as in the authors' code, and a number. Raises `ValueError` as
        `EventContrast` and the model do.
        """
        first, second = self.model.embed(views).chunk(2)  # (B, T, D) each
        return self.model.classify(first), self.contrast(first, second)


def event_contrastive_loss(first: Tensor, second: Tensor, *, temperature: float = 0.1) -> Tensor:
    """The mean over the 2 K frames a of a clip of -log(exp(a.p / t) / (exp(a.p / t) + sum over n of exp(a.n / t))).

    p is the same frame in the other view, n each of the 2 K - 2 other frames of the clip, t the temperature.

    - `first`, `second`: projections of the same frames in two views, `(B, K, E)` each, K at least 2.
    - `temperature`: above 0.

    Returns the mean over the clips, a number of float32, or of float64 if the projections are. Raises `ValueError`
    for other shapes and temperatures.
    """
    if first.ndim != 3 or first.shape != second.shape:
        raise ValueError(f"views are (B, K, E) alike, not {tuple(first.shape)} and {tuple(second.shape)}")
    _refuse_what_contrasts_nothing(first.shape[1], temperature)
    with torch.autocast(first.device.type, enabled=False):  # dots / 0.1 in bfloat16 would be off by percents
        z = torch.cat([first, second], dim=1)  # (B, 2K, E)
        z = z.to(torch.promote_types(z.dtype, torch.float32))
        logits = z @ z.transpose(1, 2) / temperature  # (B, 2K, 2K)
    anchor = torch.arange(z.shape[1], device=z.device)  # (2K,)
    logits = logits.masked_fill(anchor[:, None] == anchor, float("-inf"))  # no frame is its own negative
    positive = anchor.roll(first.shape[1]).expand(len(z), -1)  # (B, 2K)
    return functional.cross_entropy(logits.flatten(0, 1), positive.flatten())


def _refuse_what_contrasts_nothing(frames: int, temperature: float) -> None:
    if frames < 2:
        raise ValueError(f"two frames or more can be contrasted, not {frames}")
    if not temperature > 0:
        raise ValueError(f"a temperature is above 0, not {temperature}")
