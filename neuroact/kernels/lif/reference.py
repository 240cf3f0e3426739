"""`lif_scan` as its equations read, in differentiable PyTorch, for any device and precision."""

from __future__ import annotations

from torch import Tensor

from neuroact.kernels.reference import Firing, stacked


def lif_scan_reference(
    x: Tensor, v: Tensor, decay: Tensor, v_threshold: Tensor, v_reset: Tensor, input_scale: Tensor, *, firing: Firing
) -> tuple[Tensor, Tensor]:
    """h[t] = decay v[t-1] + input_scale x[t];  s[t] = [h[t] >= v_threshold];  v[t] = h[t] - s[t] v_threshold

    Or, with a hard reset, v[t] = s[t] v_reset + (1 - s[t]) h[t].
    """
    spikes = []
    for x_t in x.unbind(0):  # (...)
        h = decay * v + input_scale * x_t  # charge
        s, v = firing(h, v_threshold, v_reset)  # fire and reset
        spikes.append(s)
    return stacked(spikes, x), v  # (T, ...), (...)
