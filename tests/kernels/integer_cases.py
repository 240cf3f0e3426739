"""Inputs of `integer_cuba_lif_scan` that take its numbers to where they end, for all backends to agree on."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from neuroact.kernels import integer_cuba_lif_scan
from neuroact.kernels.integer_cuba import IntegerScan

DECAYS = [(0, 0), (4096, 4096), (7, 4000), (1900, 1), (4095, 300)]
SUMS = [3, 200, 40_000, 300_000, 3_000_000]
"""The largest that arrive: currents turn from 2^17 on in a single step, and leave 24 bits from 2^18 on."""


def sums(most: int, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Whole numbers within `most`, on average above 0."""
    random = torch.Generator().manual_seed(most)
    return torch.randint(-most, most + most // 3 + 2, shape, generator=random).to(dtype)


def parameters(decays: tuple[int, int], shape: tuple[int, ...], device: str = "cpu") -> dict[str, Any]:
    """One current decay for all, a decay and a bias for each of the last dimension, a threshold for each before it."""
    columns, rows = torch.arange(shape[-1], device=device), torch.arange(shape[-2], device=device)
    return {
        "current_decay": decays[0], "decay": (decays[1] + columns * (decays[1] < 4000)),
        "threshold": (90 * rows + 3 * (rows > 1) * decays[0])[:, None], "bias": 5 * columns - 7,
    }  # fmt: skip


def agree(actual: IntegerScan, expected: IntegerScan) -> None:
    """To the bit, in everything that a scan returns."""
    for name in IntegerScan._fields:
        ours, theirs = getattr(actual, name), getattr(expected, name)
        assert ours.dtype == theirs.dtype, name
        assert torch.equal(ours.cpu(), theirs.cpu()), name


def backends_agree(
    backend: Any, decays: tuple[int, int], most: int, shape: tuple[int, ...], dtype: torch.dtype, device: str = "cpu"
) -> None:
    """With spikes in all forms, from rest and from states, with potentials and without."""
    a, given = sums(most, *shape, dtype=dtype).to(device), parameters(decays, shape, device)
    states = sums(2**22, 2, *shape[1:], dtype=torch.float64).to(device)
    begun = {"u0": states[0], "v0": states[1]}
    forms: list[Any] = [torch.uint8, "packed" if a.numel() else None]
    for options in ({"potentials": True}, {"spike_dtype": forms[0]}, begun | {"spike_dtype": forms[1]}):
        expected = integer_cuba_lif_scan(a, **given, **options, backend="reference")
        agree(integer_cuba_lif_scan(a, **given, **options, backend=backend), expected)
