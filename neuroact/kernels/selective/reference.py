"""`selective_scan` as its equations read, in differentiable PyTorch, for any device and precision."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def selective_scan_reference(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, z: Tensor | None, delta_bias: Tensor,
    h: Tensor, *, delta_softplus: bool,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """h[t] = exp(delta[t] A) h[t-1] + delta[t] B[t] u[t];  y[t] = <C[t], h[t]> + D u[t]

    `B` and `C` are given to every channel: `(B, D, N, L)`. With a gate, y[t] silu(z[t]).
    """
    delta = delta + delta_bias.unsqueeze(-1)  # (B, D, L)
    if delta_softplus:
        delta = functional.softplus(delta)
    outputs = []
    steps = zip(u.unbind(-1), delta.unbind(-1), B.unbind(-1), C.unbind(-1), strict=True)
    for u_t, delta_t, B_t, C_t in steps:  # (B, D), (B, D), (B, D, N), (B, D, N)
        decay = torch.exp(delta_t.unsqueeze(-1) * A)  # (B, D, N)  zero-order hold of A
        h = decay * h + (delta_t * u_t).unsqueeze(-1) * B_t  # (B, D, N)  Euler step of B
        outputs.append((C_t * h).sum(-1) + D * u_t)  # (B, D)
    y = torch.stack(outputs, -1) if outputs else torch.zeros_like(u)  # (B, D, L)
    return y if z is None else y * functional.silu(z), h
