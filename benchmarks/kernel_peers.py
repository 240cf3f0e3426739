"""What the selective scan is compared with: the same results by other means.

B batch    D channels    L time steps    N state dimensions    K steps of a chunk
"""

from __future__ import annotations

import torch
from torch import Tensor

CHUNK = 32
"""Steps, so few that exp of the decays' sum stays within float32."""


def chunked_selective_scan(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor) -> Tensor:
    """Torch alone: within a chunk of steps by cumulative sums of log-decays, from chunk to chunk by a loop.

    - `u`, `delta`: `(B, D, L)`, with L a multiple of `CHUNK`. `A`: `(D, N)`, not below about -1 times delta's scale.
    - `B`, `C`: `(B, N, L)`. `D`: `(D,)`.

    Returns `(B, D, L)`. Within a chunk h[t] = exp(S[t]) (h[0] + sum over s <= t of exp(-S[s]) x[s]), where S is the
    sum of delta A from the chunk's beginning: exp(-S) overflows where decays are strong, which a scan never does.
    """
    steps = delta.unflatten(-1, (-1, CHUNK)).unsqueeze(-1)  # (B, D, L / K, K, 1)
    inputs = (delta * u).unflatten(-1, (-1, CHUNK)).unsqueeze(-1)  # (B, D, L / K, K, 1)
    B, C = (given.mT.unflatten(1, (-1, CHUNK)).unsqueeze(1) for given in (B, C))  # (B, 1, L / K, K, N)
    sums = (steps * A[:, None, None]).cumsum(-2)  # (B, D, L / K, K, N)
    decays = sums.exp()  # (B, D, L / K, K, N)
    within = decays * ((-sums).exp() * inputs * B).cumsum(-2)  # (B, D, L / K, K, N)
    h, starts = torch.zeros_like(within[:, :, 0, 0]), []
    for decay, end in zip(decays[:, :, :, -1].unbind(2), within[:, :, :, -1].unbind(2), strict=True):
        starts.append(h)
        h = decay * h + end  # (B, D, N)
    states = within + decays * torch.stack(starts, 2).unsqueeze(3)  # (B, D, L / K, K, N)
    return (states * C).sum(-1).flatten(2) + D[:, None] * u  # (B, D, L)


def mambapy_selective_scan(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor) -> Tensor:
    """mambapy's parallel scan, called as its `MambaBlock.selective_scan` does. Arguments and result as above."""
    from mambapy.pscan import pscan

    steps = delta.mT.unsqueeze(-1)  # (B, L, D, 1)
    inputs = steps * B.mT.unsqueeze(2) * u.mT.unsqueeze(-1)  # (B, L, D, N)
    states = pscan(torch.exp(steps * A), inputs)  # (B, L, D, N)
    y = (states @ C.mT.unsqueeze(-1)).squeeze(-1) + D * u.mT  # (B, L, D)
    return y.mT
