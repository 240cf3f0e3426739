"""Checks Triton's `spiking_linear_attention` against the reference; run with `TRITON_INTERPRET=1`, as a module."""

from __future__ import annotations

import torch

from neuroact.kernels.attention.linear import spiking_linear_attention
from tests.kernels.relative import assert_close, gradients

CASES = [(1, 1, 1, 1), (17, 15, 63, 4), (63, 33, 17, 63), (500, 32, 64, 64)]
"""Tokens, sizes of keys and of values, and tokens in a window."""
BOUNDS = {torch.float32: 1e-6, torch.bfloat16: 5e-3, torch.float16: 1e-3}


def check(tokens: int, width: int, depth: int, window: int, dtype: torch.dtype) -> None:
    """The result and all gradients, against those in float64."""
    random = torch.Generator().manual_seed(0)
    q, k = (torch.rand(2, tokens, width, generator=random) < 0.3 for _ in "qk")
    v = torch.randn(2, tokens, depth, generator=random)
    tensors = [x.to(dtype) for x in (q, k, v)]
    results = gradients(spiking_linear_attention, *tensors, window=window, backend="triton")
    exact = [x.double() for x in tensors]
    expected = gradients(spiking_linear_attention, *exact, window=window, backend="reference")
    for result, other in zip(results, expected, strict=True):
        assert result.dtype == dtype
        assert_close(result.double(), other, BOUNDS[dtype])


if __name__ == "__main__":
    for dtype in BOUNDS:
        for case in CASES:
            check(*case, dtype)
