"""`cuba_lif_scan` on CPUs: what the neuron does to a row at one time step, and on the way back."""

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
    hard: bool, decay: Value, threshold: Value, v_reset: Value, scale: Value, current_decay: Value,
    x: Value, u: Value, v: Value,
) -> tuple[Value, bool, Value, Value]:  # fmt: skip
    """u = current_decay u + scale x;  h = decay v + u;  s = [h >= threshold];  v = what the reset leaves of h"""
    u = current_decay * u + scale * x
    h = decay * v + u
    fired, v = fire(hard, h, threshold, v_reset)
    return h, fired, u, v


@part
def advance(
    hard: bool, smooth: bool, kind: int, alpha: Value, values: Row, x: Row, states: Row, h: Row, s: Row
) -> None:
    """`step` for each neuron, or the same with what stands for a spike."""
    decay, threshold, v_reset, scale, current_decay = values[0], values[1], values[2], values[3], values[4]
    u, v = states[0], states[1]
    if smooth:
        for j in range(h.size):
            u[j] = current_decay[j] * u[j] + scale[j] * x[j]
            h[j] = decay[j] * v[j] + u[j]
            s[j] = primitive(kind, alpha, h[j] - threshold[j])
            v[j] = reset(hard, h[j], s[j], threshold[j], v_reset[j])
    else:
        for j in range(h.size):
            h[j], fired, u[j], v[j] = step(
                hard, decay[j], threshold[j], v_reset[j], scale[j], current_decay[j], x[j], u[j], v[j]
            )
            s[j] = number(fired)


@part
def octet(hard: bool, values: Row, x: Row, t: Integer, start: Integer, states: Row, target: Row) -> None:
    """Eight times `step` for each neuron, which is then read and written once."""
    decay, threshold, v_reset, scale, current_decay = values[0], values[1], values[2], values[3], values[4]
    u, v = states[0], states[1]
    for j in range(target.size):
        current, now, bits = u[j], v[j], np.int32(0)
        for k in range(STEPS_IN_BYTE):
            given = x[t + np.uint64(k), start + np.uint64(j)]
            _, fired, current, now = step(
                hard, decay[j], threshold[j], v_reset[j], scale[j], current_decay[j], given, current, now
            )
            bits |= np.int32(fired) << np.int32(k)
        u[j], v[j] = current, now
        target[j] = bits


@part
def retreat(
    hard: bool, attached: Value, values: Row, threshold: Row, held: Row, s: Row, slopes: Row,
    grad_s: Row, grad_states: Row, grad_x: Row,
) -> None:  # fmt: skip
    """dL/du += dL/dh;  dL/dx = scale dL/du;  dL/du[t-1] = current_decay dL/du;  dL/dv[t-1] = decay dL/dh"""
    decay, v_reset, scale, current_decay = values[0], values[2], values[3], values[4]
    h, grad_u, grad_v = held[0], grad_states[0], grad_states[1]
    for j in range(s.size):
        spiking = into_spike(hard, attached, h[j], threshold[j], v_reset[j], slopes[j], grad_s[j], grad_v[j])
        grad_h = into_potential(hard, s[j], spiking, grad_v[j])
        current = grad_u[j] + grad_h
        grad_x[j] = scale[j] * current
        grad_u[j] = current_decay[j] * current
        grad_v[j] = decay[j] * grad_h


@part
def learn(
    hard: bool, attached: Value, values: Row, threshold: Row, held: Row, s: Row, slopes: Row,
    grad_s: Row, grad_states: Row, x: Row, shares: Row,
) -> None:  # fmt: skip
    """dL/ddecay = sum of dL/dh v[t-1];  dL/dcurrent_decay = sum of dL/du u[t-1];  dL/dscale = sum of dL/du x"""
    v_reset, h, u, v, grad_u, grad_v = values[2], held[0], held[1], held[2], grad_states[0], grad_states[1]
    d_decay, d_threshold, d_reset, d_scale, d_current = shares[0], shares[1], shares[2], shares[3], shares[4]
    for j in range(s.size):
        spiking = into_spike(hard, attached, h[j], threshold[j], v_reset[j], slopes[j], grad_s[j], grad_v[j])
        grad_h = into_potential(hard, s[j], spiking, grad_v[j])
        d_decay[j] += grad_h * v[j]
        d_threshold[j] += into_threshold(hard, s[j], spiking, grad_v[j])
        d_reset[j] += into_reset(hard, s[j], grad_v[j])
        d_scale[j] += (grad_u[j] + grad_h) * x[j]
        d_current[j] += (grad_u[j] + grad_h) * u[j]


forward, backward = kernels("cuba_lif", advance, octet, constant_threshold, retreat, learn)
