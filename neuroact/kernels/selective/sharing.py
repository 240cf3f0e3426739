"""What the kernels on CPUs and GPUs have in common: room for the states that they keep, and sums over their blocks."""

from __future__ import annotations

from torch import Tensor

CHUNKS = {"cpu": 16, "triton": 8}
"""Steps between states that are kept. An even number on CPUs; on GPUs as many as a thread's registers have room for."""


def empty_checkpoints(u: Tensor, h0: Tensor, backend: str, keep: bool) -> Tensor:
    """Room for the states before each chunk, `(B, ceil(L / chunk), N, D)`; none unless they are to be kept."""
    chunks = -(-u.shape[2] // CHUNKS[backend]) if keep else 0
    return h0.new_empty((h0.shape[0], chunks, *h0.shape[1:]))


def gathered(shares: Tensor, given: Tensor) -> Tensor:
    """The gradient of B or C `(B or 1, groups, L or 1, N)` from the shares `(blocks, B, L or 1, N)`."""
    groups = given.shape[1]
    grad = shares.reshape(groups, -1, *shares.shape[1:]).sum(1).transpose(0, 1)  # (B, groups, L or 1, N)
    return grad.sum_to_size(given.shape).to(given.dtype).contiguous()
