"""Inputs of `linear_scan` that exercise what differs between its kernels, for all backends to agree on."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from neuroact.kernels import linear_scan
from tests.kernels.compare import gradients

COEFFICIENTS = [(None, 5, 17), (17,), (5, 1), (), (1, 5, 17), (None, 1, 17)]
"""Shapes of `a` beside an input `(T, 5, 17)`; None stands for T."""


class Result(NamedTuple):
    """What a scan gives, and the gradients of a, b and h0."""

    h: Tensor
    h_last: Tensor
    gradients: tuple[Tensor, ...]


def run(
    backend: str, coefficient: tuple[int | None, ...], shape: tuple[int, ...], dtype: torch.dtype, device: str = "cpu"
) -> Result:
    """A scan of random input with coefficients in (0.5, 1), and its gradients."""
    random = torch.Generator().manual_seed(0)
    state = torch.float64 if dtype == torch.float64 else torch.float32

    def leaf(values: Tensor, kind: torch.dtype) -> Tensor:
        return values.to(device, kind).requires_grad_()

    sizes = [shape[0] if size is None else size for size in coefficient]
    a = leaf(torch.rand(sizes, generator=random, dtype=torch.float64) / 2 + 0.5, dtype)
    b = leaf(torch.randn(shape, generator=random, dtype=torch.float64), dtype)
    h0 = leaf(torch.randn(shape[1:], generator=random, dtype=torch.float64), state)
    h, h_last = linear_scan(a, b, h0, backend=backend)  # type: ignore[arg-type]
    weights = torch.randn(shape, generator=random, dtype=torch.float64).to(device)
    loss = (h.double() * weights).sum() + (h_last.double() * weights.sum(0)).sum()
    return Result(h.detach(), h_last.detach(), gradients(loss, a, b, h0))
