"""Parts of the CPU kernels that all neurons share: firing, what stands for it in checks of gradients, and the reset."""

from __future__ import annotations

import numpy as np

from neuroact.jit import inline_part, part
from neuroact.kernels.rows import Row, Value
from neuroact.kernels.surrogates import ATAN, RECTANGLE, SIGMOID, SUPER_SPIKE, TRIANGLE


@inline_part
def fire(hard: bool, h: Value, threshold: Value, v_reset: Value) -> tuple[bool, Value]:
    """s = [h >= threshold];  v = h - s threshold, or with a hard reset v_reset where there is a spike, else h"""
    fired = h >= threshold
    after = v_reset if hard else h - threshold
    return fired, after if fired else h


@inline_part
def number(fired: bool) -> Value:
    """1 for a spike, else 0."""
    return np.float32(1) if fired else np.float32(0)


@part
def primitive(kind: int, alpha: Value, z: Value) -> Value:
    """The smooth step whose derivative the surrogate gradient is, `z` above the threshold."""
    if kind == ATAN:
        return 0.5 + np.arctan(np.pi / 2 * alpha * z) / np.pi
    if kind == SIGMOID:
        return 1 / (1 + np.exp(-alpha * z))
    if kind == TRIANGLE:
        y = min(max(z, -1.0), 1.0)
        return alpha * (0.5 + y - 0.5 * y * abs(y))
    if kind == RECTANGLE:
        return min(max(alpha * z + 0.5, 0.0), 1.0)
    if kind == SUPER_SPIKE:
        return 0.5 + z / (1 + alpha * abs(z))
    y = min(max(alpha * z, -1.0), 1.0)
    return 0.5 + y - 0.5 * y * abs(y)


@part
def reset(hard: bool, h: Value, s: Value, threshold: Value, v_reset: Value) -> Value:
    """`fire`'s v for what stands for a spike: h - s threshold, or with a hard reset s v_reset + (1 - s) h"""
    one = np.float32(1)
    return s * v_reset + (one - s) * h if hard else h - s * threshold


@part
def into_spike(
    hard: bool, attached: Value, h: Value, threshold: Value, v_reset: Value, slope: Value, grad_s: Value, grad_v: Value
) -> Value:
    """dL/dz, z = h - threshold, by way of the spike: slope (dL/ds + dL/dv dv/ds)

    `attached` is 0 if the reset is to pass on no gradient, else 1.
    """
    through_reset = v_reset - h if hard else -threshold
    return slope * (grad_s + attached * grad_v * through_reset)


@part
def into_potential(hard: bool, s: Value, spiking: Value, grad_v: Value) -> Value:
    """dL/dh: by way of the spike, and of what the reset leaves of h."""
    one = np.float32(1)
    return spiking + grad_v * ((one - s) if hard else one)


@part
def into_threshold(hard: bool, s: Value, spiking: Value, grad_v: Value) -> Value:
    """dL/dthreshold: by way of the spike, and of a soft reset, which subtracts it."""
    zero = np.float32(0)
    return -spiking - grad_v * (zero if hard else s)


@part
def into_reset(hard: bool, s: Value, grad_v: Value) -> Value:
    """dL/dv_reset, which takes the place of v if the reset is hard."""
    zero = np.float32(0)
    return grad_v * (s if hard else zero)


@part
def spikes_of(smooth: bool, kind: int, alpha: Value, h: Row, threshold: Row, s: Row) -> None:
    """The spikes of membrane potentials, or what stands for them."""
    if smooth:
        for j in range(s.size):
            s[j] = primitive(kind, alpha, h[j] - threshold[j])
    else:
        for j in range(s.size):
            s[j] = number(h[j] >= threshold[j])
