"""How close two results are, in a way that no NaN passes."""

from __future__ import annotations

import torch
from torch import Tensor


def close(actual: Tensor, expected: Tensor, bound: float) -> bool:
    """Whether the largest difference is within `bound` of the largest value expected; never so for NaN or infinity."""
    assert actual.shape == expected.shape
    actual, expected = actual.double().cpu(), expected.double().cpu()
    if not actual.numel():
        return True
    difference, scale = (actual - expected).abs().max().item(), expected.abs().max().item()
    return difference <= bound * max(scale, 1e-6)


def gradients(loss: Tensor, *tensors: Tensor) -> tuple[Tensor, ...]:
    """Of a loss by each of the tensors, all of which it must depend on."""
    return torch.autograd.grad(loss, tensors)
