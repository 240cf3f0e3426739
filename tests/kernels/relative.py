"""How far a result is from the one that it should be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


def assert_close(result: Tensor, expected: Tensor, bound: float = 1e-6) -> None:
    """The root mean square of the error is within `bound` of that of what is expected. NaN is not."""
    assert result.shape == expected.shape
    assert result.dtype == expected.dtype
    error = (result.double() - expected.double()).norm()
    assert bool(error <= bound * expected.double().norm()), f"off by {float(error)}"


def gradients(function: Callable[..., Tensor], *inputs: Tensor, **options: Any) -> tuple[Tensor, ...]:
    """The result, and the gradient of each input for weights of the result that are the same at every call."""
    leaves = [x.detach().requires_grad_() for x in inputs]
    result = function(*leaves, **options)
    weights = torch.randn(result.shape, generator=torch.Generator().manual_seed(1)).to(result)
    return result.detach(), *torch.autograd.grad(result, leaves, weights)
