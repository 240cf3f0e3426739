"""Loihi's arithmetic to train on: whole numbers forward, the gradients of our scan backward.

    T time steps    a sum of the weights on which spikes arrive    u synaptic current    v, h membrane potential after
    and before the reset    d_u, d_v decays, iDecay and vDecay    theta threshold, vThMant    S scale, see below

    u[t] = [u[t-1] (4096 - d_u) / 4096] + 64 a[t]         [ ] rounds towards 0; u wraps round at 24 bits
    h[t] = [v[t-1] (4096 - d_v) / 4096] + u[t]            held within 24 bits
    s[t] = 1 if h[t] > 64 theta else 0                    above the threshold, not at it
    v[t] = 0 if s[t] else h[t]

A layer's S turns its weights and its threshold into integers. It is as large as their ranges allow, so that the largest
weight is 254 and all eight bits are used: weights of both signs are even on the chip.

Rounding has no derivative, and is passed over (Bengio et al. 2013: straight through). Nor is it small enough to ignore
which neurons it makes fire, so `quantised_spikes` has the float scan follow the integers on their way.
"""

from __future__ import annotations

import torch
from torch import Tensor

from neuroact.kernels import cuba_lif_scan, integer_cuba_lif_scan

DECAY_UNITY = 4096
"""A decay of this much leaves nothing."""
CURRENT_UNITY = 64
"""The chip shifts weights and thresholds by six bits."""
WEIGHT_MOST = 254
THRESHOLD_MOST = 131071


def straight_through(value: Tensor, gradient: Tensor) -> Tensor:
    """Exactly `value` forward; backward as if it were `gradient`."""
    return value.detach() + (gradient - gradient.detach())


def integer_decay(decay: float) -> int:
    """What the chip takes away of 4096, where `decay` is what is left of 1."""
    return round(DECAY_UNITY * (1 - decay))


def scale_of(weight: Tensor, threshold: float) -> Tensor:
    """S, `()`, for weights of any shape."""
    largest = weight.detach().abs().amax()
    return (WEIGHT_MOST / largest).clamp(max=THRESHOLD_MOST / threshold)


def integer_weight(weight: Tensor, scale: Tensor) -> Tensor:
    """The nearest even numbers to the scaled weights, in the weights' dtype; straight through backward."""
    scaled = weight * scale
    even = 2 * torch.round(scaled / 2)
    return straight_through(even.clamp(-WEIGHT_MOST, WEIGHT_MOST), scaled)


def integer_threshold(threshold: float, scale: Tensor) -> Tensor:
    """The nearest whole number to the scaled threshold, `()`."""
    return torch.round(threshold * scale)


@torch.no_grad()
def integer_cuba_scan(a: Tensor, *, current_decay: int, decay: int, threshold: Tensor) -> tuple[Tensor, Tensor]:
    """The equations above, from rest, and an input on which neurons that do not round would do the same.

    - `a`: `(T, ...)`, whole numbers. `current_decay`, `decay`: d_u and d_v; `threshold`: theta, `()`.

    Returns the spikes in the dtype of `a` and that input, float64, both `(T, ...)`.
    """
    spikes, h, _, _ = integer_cuba_lif_scan(
        a, current_decay=current_decay, decay=decay, threshold=threshold, potentials=True
    )
    keep_u, keep_v = 1 - current_decay / DECAY_UNITY, 1 - decay / DECAY_UNITY
    # The current that takes v to h without rounding, and the input that makes this current of the one before: float64
    # holds each product, 24 bits times 12.
    drive = h.double()  # (T, ...)
    v = drive.masked_fill(spikes.bool(), 0)  # (T, ...)
    drive[1:] -= keep_v * v[:-1]
    path = drive.clone()  # (T, ...)
    path[1:] -= keep_u * drive[:-1]
    return spikes, path


def quantised_spikes(a: Tensor, scale: Tensor, *, current_decay: int, decay: int, threshold: Tensor) -> Tensor:
    """Spikes of the chip, `(T, ...)` of 0 and 1 in the dtype of `a`; backward those of `cuba_lif_scan`.

    The scan is given the input on which it takes the path of the integers, resets included, and is told that this is
    `a`. Its threshold lies between that of the chip and the next whole number, as it fires at a threshold and the chip
    above.

    - `a`: `(T, ...)`, whole numbers. `scale`: S, by which the scan sees potentials in units of the float network.
    - The others as in `integer_cuba_scan`.
    """
    if not torch.is_grad_enabled():
        return integer_cuba_lif_scan(a, current_decay=current_decay, decay=decay, threshold=threshold).spikes
    spikes, path = integer_cuba_scan(a, current_decay=current_decay, decay=decay, threshold=threshold)
    unit = CURRENT_UNITY * scale
    soft, _, _ = cuba_lif_scan(
        straight_through((path / unit).to(a.dtype), a / scale),
        current_decay=1 - current_decay / DECAY_UNITY, decay=1 - decay / DECAY_UNITY,
        v_threshold=(CURRENT_UNITY * threshold + 0.5) / unit, v_reset=0.0,
    )  # fmt: skip
    return straight_through(spikes, soft)
