"""`linear_scan` as its equation reads, in differentiable PyTorch, for any device and precision."""

from __future__ import annotations

import torch
from torch import Tensor


def linear_scan_reference(a: Tensor, b: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
    """h[t] = a[t] h[t-1] + b[t]"""
    states = []
    for a_t, b_t in zip(a.unbind(0), b.unbind(0), strict=True):  # (...), (...)
        h = a_t * h + b_t
        states.append(h)
    return torch.stack(states) if states else torch.zeros_like(b), h  # (T, ...), (...)
