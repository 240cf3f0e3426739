"""Parts of the CPU kernels that all neurons share: firing, what stands for it in checks of gradients, and the reset."""

from __future__ import annotations

import numpy as np

from neuroact.jit import part
from neuroact.kernels.rows import Row, Value
from neuroact.kernels.surrogates import ATAN, RECTANGLE, SIGMOID, SUPER_SPIKE, TRIANGLE


@part
def fire(h: Value, threshold: Value) -> Value:
    """s = [h >= threshold]"""
    return np.float32(1) if h >= threshold else np.float32(0)


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
    """v = h - s threshold, or with a hard reset v = s v_reset + (1 - s) h"""
    one = np.float32(1)
    return s * v_reset + (one - s) * h if hard else h - s * threshold


@part
def through_reset(hard: bool, h: Value, threshold: Value, v_reset: Value) -> Value:
    """dv/ds: how a spike changes the membrane potential after it."""
    return v_reset - h if hard else -threshold


@part
def past_reset(hard: bool, s: Value) -> Value:
    """dv/dh, with s held: what a reset leaves of the membrane potential before it."""
    one = np.float32(1)
    return one - s if hard else one


@part
def spikes_of(smooth: bool, kind: int, alpha: Value, h: Row, threshold: Row, s: Row) -> None:
    """The spikes of membrane potentials, or what stands for them."""
    if smooth:
        for j in range(s.size):
            s[j] = primitive(kind, alpha, h[j] - threshold[j])
    else:
        for j in range(s.size):
            s[j] = fire(h[j], threshold[j])


@part
def after_reset(
    hard: bool, smooth: bool, kind: int, alpha: Value, threshold: Row, v_reset: Row, h: Row, v: Row
) -> None:
    """What the reset leaves of membrane potentials."""
    spikes_of(smooth, kind, alpha, h, threshold, v)
    for j in range(v.size):
        v[j] = reset(hard, h[j], v[j], threshold[j], v_reset[j])
