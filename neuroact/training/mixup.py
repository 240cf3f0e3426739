"""Mixup (Zhang et al. 2018): each sample of a batch blended with another one, and their labels with it.

B batch    L classes
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional


def weights_of(labels: Tensor, classes: int) -> Tensor:
    """Labels `(B,)` as weights of the classes `(B, L)` float32; weights stay as they are."""
    return labels.float() if labels.ndim == 2 else functional.one_hot(labels, classes).float()


def mixup(data: Tensor, weights: Tensor, rng: np.random.Generator, alpha: float) -> tuple[Tensor, Tensor]:
    """The samples and weights blended with those of a permutation of the batch.

    - `data`: `(B, ...)` float. `weights`: `(B, L)` float.
    - `alpha`: one share for the whole batch is drawn from Beta(alpha, alpha), as in the authors' code.

    Returns new tensors of the same shapes.
    """
    share = float(rng.beta(alpha, alpha))
    others = torch.from_numpy(rng.permutation(len(data))).to(data.device)  # (B,)
    return data.lerp(data[others], share), weights.lerp(weights[others], share)
