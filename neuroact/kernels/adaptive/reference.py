"""`adaptive_lif_scan` as its equations read, in differentiable PyTorch, for any device and precision."""

from __future__ import annotations

from torch import Tensor

from neuroact.kernels.reference import Firing, stacked


def adaptive_lif_scan_reference(
    x: Tensor, a: Tensor, v: Tensor, decay: Tensor, v_threshold: Tensor, v_reset: Tensor, input_scale: Tensor,
    rho: Tensor, beta: Tensor, *, firing: Firing,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """As `lif_scan_reference`, with the threshold v_threshold + beta a[t-1];  a[t] = rho a[t-1] + s[t]"""
    spikes = []
    for x_t in x.unbind(0):  # (...)
        h = decay * v + input_scale * x_t  # charge
        s, v = firing(h, v_threshold + beta * a, v_reset)  # fire and reset
        a = rho * a + s  # adapt
        spikes.append(s)
    return stacked(spikes, x), a, v  # (T, ...), (...), (...)
