"""`cuba_lif_scan` as its equations read, in differentiable PyTorch, for any device and precision."""

from __future__ import annotations

from torch import Tensor

from neuroact.kernels.reference import Firing, stacked


def cuba_lif_scan_reference(
    x: Tensor, u: Tensor, v: Tensor, decay: Tensor, v_threshold: Tensor, v_reset: Tensor, input_scale: Tensor,
    current_decay: Tensor, *, firing: Firing,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """u[t] = current_decay u[t-1] + input_scale x[t];  h[t] = decay v[t-1] + u[t];  then as `lif_scan_reference`"""
    spikes = []
    for x_t in x.unbind(0):  # (...)
        u = current_decay * u + input_scale * x_t  # synaptic current
        h = decay * v + u  # charge
        s, v = firing(h, v_threshold, v_reset)  # fire and reset
        spikes.append(s)
    return stacked(spikes, x), u, v  # (T, ...), (...), (...)
