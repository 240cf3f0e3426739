"""`integer_cuba_lif_scan` as its equations read, in int64, for any device."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from neuroact.kernels.integer_cuba.numbers import CURRENT_SHIFT, DECAY_SHIFT, STATE_END
from neuroact.kernels.reference import stacked


def integer_cuba_lif_scan_reference(
    a: Tensor, u: Tensor, v: Tensor, parameters: Sequence[Tensor], recurrent: Tensor | None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """u[t] = [u[t-1] (4096 - d_u) / 4096] + 64 a[t];  h[t] = [v[t-1] (4096 - d_v) / 4096] + u[t] + 64 bias;  and fire

    All int64; `parameters` are d_u, d_v, the threshold and the bias. Returns the spikes and h, both `(T, ...)`, and the
    last u and v.
    """
    current_decay, decay, threshold, bias = parameters
    s = torch.zeros_like(u)
    spikes, potentials = [], []
    for a_t in a.unbind(0):  # (...)
        if recurrent is not None:
            a_t = a_t + (s.unsqueeze(-2) * recurrent).sum(-1)
        u = _turned(_leaked(u, current_decay) + (a_t << CURRENT_SHIFT))  # synaptic current
        h = (_leaked(v, decay) + u + (bias << CURRENT_SHIFT)).clamp(1 - STATE_END, STATE_END - 1)  # charge
        fired = h > threshold << CURRENT_SHIFT  # above the threshold, not at it
        s = fired.long()
        v = h.masked_fill(fired, 0)  # hard reset
        spikes.append(s)
        potentials.append(h)
    return stacked(spikes, a), stacked(potentials, a), u, v  # (T, ...), (T, ...), (...), (...)


def _leaked(x: Tensor, decay: Tensor) -> Tensor:
    """What is left of a state, rounded towards 0."""
    return x.sign() * ((x.abs() * ((1 << DECAY_SHIFT) - decay)) >> DECAY_SHIFT)


def _turned(u: Tensor) -> Tensor:
    """Into (-2^23, 2^23] by one turn of 2^24, which is as far as Lava goes."""
    return u - 2 * STATE_END * ((u > STATE_END).long() - (u <= -STATE_END).long())
