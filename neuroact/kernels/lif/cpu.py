"""`lif_scan` on CPUs: what the neuron does to a row at one time step, and on the way back."""

from __future__ import annotations

import numpy as np

from neuroact.jit import inline_part, part
from neuroact.kernels.firing import (
    fire,
    into_potential,
    into_reset,
    into_spike,
    into_threshold,
    number,
    primitive,
    reset,
)
from neuroact.kernels.neuron_loops import constant_threshold, kernels
from neuroact.kernels.neurons import STEPS_IN_BYTE
from neuroact.kernels.rows import Integer, Row, Value


@inline_part
def step(
    hard: bool, decay: Value, threshold: Value, v_reset: Value, scale: Value, x: Value, v: Value
) -> tuple[Value, bool, Value]:
    """h = decay v + scale x;  s = [h >= threshold];  v = what the reset leaves of h"""
    h = decay * v + scale * x
    fired, v = fire(hard, h, threshold, v_reset)
    return h, fired, v


@part
def advance(
    hard: bool, smooth: bool, kind: int, alpha: Value, values: Row, x: Row, states: Row, h: Row, s: Row
) -> None:
    """`step` for each neuron, or the same with what stands for a spike."""
    decay, threshold, v_reset, scale, v = values[0], values[1], values[2], values[3], states[0]
    if smooth:
        for j in range(h.size):
            h[j] = decay[j] * v[j] + scale[j] * x[j]
            s[j] = primitive(kind, alpha, h[j] - threshold[j])
            v[j] = reset(hard, h[j], s[j], threshold[j], v_reset[j])
    else:
        for j in range(h.size):
            h[j], fired, v[j] = step(hard, decay[j], threshold[j], v_reset[j], scale[j], x[j], v[j])
            s[j] = number(fired)


@part
def octet(hard: bool, values: Row, x: Row, t: Integer, start: Integer, states: Row, target: Row) -> None:
    """Eight times `step` for each neuron, which is then read and written once."""
    decay, threshold, v_reset, scale, v = values[0], values[1], values[2], values[3], states[0]
    for j in range(target.size):
        now, bits = v[j], np.int32(0)
        for k in range(STEPS_IN_BYTE):
            current = x[t + np.uint64(k), start + np.uint64(j)]
            _, fired, now = step(hard, decay[j], threshold[j], v_reset[j], scale[j], current, now)
            bits |= np.int32(fired) << np.int32(k)
        v[j] = now
        target[j] = bits


@part
def retreat(
    hard: bool, attached: Value, values: Row, threshold: Row, held: Row, s: Row, slopes: Row,
    grad_s: Row, grad_states: Row, grad_x: Row,
) -> None:  # fmt: skip
    """dL/dx = scale dL/dh;  dL/dv[t-1] = decay dL/dh"""
    decay, v_reset, scale, h, grad_v = values[0], values[2], values[3], held[0], grad_states[0]
    for j in range(s.size):
        spiking = into_spike(hard, attached, h[j], threshold[j], v_reset[j], slopes[j], grad_s[j], grad_v[j])
        grad_h = into_potential(hard, s[j], spiking, grad_v[j])
        grad_x[j] = scale[j] * grad_h
        grad_v[j] = decay[j] * grad_h


@part
def learn(
    hard: bool, attached: Value, values: Row, threshold: Row, held: Row, s: Row, slopes: Row,
    grad_s: Row, grad_states: Row, x: Row, shares: Row,
) -> None:  # fmt: skip
    """dL/ddecay = sum of dL/dh v[t-1];  dL/dscale = sum of dL/dh x"""
    v_reset, h, v, grad_v = values[2], held[0], held[1], grad_states[0]
    d_decay, d_threshold, d_reset, d_scale = shares[0], shares[1], shares[2], shares[3]
    for j in range(s.size):
        spiking = into_spike(hard, attached, h[j], threshold[j], v_reset[j], slopes[j], grad_s[j], grad_v[j])
        grad_h = into_potential(hard, s[j], spiking, grad_v[j])
        d_decay[j] += grad_h * v[j]
        d_threshold[j] += into_threshold(hard, s[j], spiking, grad_v[j])
        d_reset[j] += into_reset(hard, s[j], grad_v[j])
        d_scale[j] += grad_h * x[j]


forward, backward = kernels("lif", advance, octet, constant_threshold, retreat, learn)
