"""`lif_scan` on CPUs: what the neuron does to a row at one time step, and on the way back."""

from __future__ import annotations

from neuroact.jit import part
from neuroact.kernels.firing import fire, into_potential, into_reset, into_spike, into_threshold, primitive, reset
from neuroact.kernels.neuron_loops import constant_threshold, kernels
from neuroact.kernels.rows import Row, Value


@part
def advance(
    hard: bool, smooth: bool, kind: int, alpha: Value, values: Row, x: Row, states: Row, h: Row, s: Row
) -> None:
    """h = decay v + scale x;  s = [h >= threshold];  v = what the reset leaves of h"""
    decay, threshold, v_reset, scale, v = values[0], values[1], values[2], values[3], states[0]
    if smooth:
        for j in range(h.size):
            h[j] = decay[j] * v[j] + scale[j] * x[j]
            s[j] = primitive(kind, alpha, h[j] - threshold[j])
            v[j] = reset(hard, h[j], s[j], threshold[j], v_reset[j])
    else:
        for j in range(h.size):
            h[j] = decay[j] * v[j] + scale[j] * x[j]
            s[j] = fire(h[j], threshold[j])
            v[j] = reset(hard, h[j], s[j], threshold[j], v_reset[j])


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


forward, backward = kernels("lif", advance, constant_threshold, retreat, learn)
