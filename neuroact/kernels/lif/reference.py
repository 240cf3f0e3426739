"""`lif_scan` as its equations read, in differentiable PyTorch, for any device and precision."""

from __future__ import annotations

import torch
from torch import Tensor

from neuroact.kernels.surrogates import Surrogate, spike


def lif_scan_reference(
    x: Tensor, v: Tensor, decay: Tensor, v_threshold: Tensor, v_reset: Tensor, input_scale: Tensor,
    *, hard: bool, surrogate: Surrogate, alpha: float, detach_reset: bool, smooth: bool,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """h[t] = decay v[t-1] + input_scale x[t];  s[t] = [h[t] >= v_threshold];  v[t] = h[t] - s[t] v_threshold

    Or, with a hard reset, v[t] = s[t] v_reset + (1 - s[t]) h[t].
    """
    spikes = []
    for x_t in x.unbind(0):  # (...)
        h = decay * v + input_scale * x_t  # charge
        s = spike(h - v_threshold, surrogate, alpha, smooth=smooth)  # fire
        r = s.detach() if detach_reset else s
        v = r * v_reset + (1 - r) * h if hard else h - r * v_threshold  # reset
        spikes.append(s)
    return torch.stack(spikes) if spikes else torch.zeros_like(x), v  # (T, ...), (...)
