"""`spike_matmul` as torch has it: for any device and precision, and what the sparse product is measured against."""

from __future__ import annotations

from torch import Tensor


def spike_matmul_reference(s: Tensor, weight: Tensor) -> Tensor:
    """out[..., m] = sum over k of s[..., k] weight[k, m]"""
    return s.to(weight.dtype) @ weight  # (..., M)
