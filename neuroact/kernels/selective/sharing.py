"""What the kernels leave to be done once they have run: sums over blocks of channels that share B and C."""

from __future__ import annotations

from torch import Tensor


def gathered(shares: Tensor, given: Tensor) -> Tensor:
    """The gradient of B or C `(B or 1, groups, L or 1, N)` from the shares `(blocks, B, L or 1, N)`."""
    groups = given.shape[1]
    grad = shares.reshape(groups, -1, *shares.shape[1:]).sum(1).transpose(0, 1)  # (B, groups, L or 1, N)
    return grad.sum_to_size(given.shape).to(given.dtype).contiguous()
