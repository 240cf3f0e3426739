"""The parts of the reference scans that all neurons share."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from neuroact.kernels.surrogates import Surrogate, spike


class Firing(NamedTuple):
    """How neurons fire and reset; what the options mean, `neuroact.kernels.lif_scan` tells."""

    hard: bool
    surrogate: Surrogate
    alpha: float
    detach_reset: bool
    smooth: bool

    def __call__(self, h: Tensor, threshold: Tensor, v_reset: Tensor) -> tuple[Tensor, Tensor]:
        """s = [h >= threshold];  v = h - s threshold, or with a hard reset v = s v_reset + (1 - s) h"""
        s = spike(h - threshold, self.surrogate, self.alpha, smooth=self.smooth)
        r = s.detach() if self.detach_reset else s
        return s, r * v_reset + (1 - r) * h if self.hard else h - r * threshold


def stacked(spikes: list[Tensor], x: Tensor) -> Tensor:
    """The spikes of all steps, of which there may be none."""
    return torch.stack(spikes) if spikes else torch.zeros_like(x)
