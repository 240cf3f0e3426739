"""`adaptive_lif_scan` on CPUs: what the neuron does to a row at one time step, and on the way back."""

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
from neuroact.kernels.neuron_loops import kernels
from neuroact.kernels.neurons import STEPS_IN_BYTE
from neuroact.kernels.rows import Integer, Row, Value


@inline_part
def step(
    hard: bool, decay: Value, base: Value, v_reset: Value, scale: Value, rho: Value, beta: Value,
    x: Value, a: Value, v: Value,
) -> tuple[Value, bool, Value, Value]:  # fmt: skip
    """h = decay v + scale x;  s = [h >= threshold + beta a];  v = what the reset leaves of h;  a = rho a + s"""
    h = decay * v + scale * x
    fired, v = fire(hard, h, base + beta * a, v_reset)
    return h, fired, rho * a + number(fired), v


@part
def advance(
    hard: bool, smooth: bool, kind: int, alpha: Value, values: Row, x: Row, states: Row, h: Row, s: Row
) -> None:
    """`step` for each neuron, or the same with what stands for a spike."""
    decay, base, v_reset, scale, rho, beta = values[0], values[1], values[2], values[3], values[4], values[5]
    a, v = states[0], states[1]
    if smooth:
        for j in range(h.size):
            threshold = base[j] + beta[j] * a[j]
            h[j] = decay[j] * v[j] + scale[j] * x[j]
            s[j] = primitive(kind, alpha, h[j] - threshold)
            v[j] = reset(hard, h[j], s[j], threshold, v_reset[j])
            a[j] = rho[j] * a[j] + s[j]
    else:
        for j in range(h.size):
            h[j], fired, a[j], v[j] = step(
                hard, decay[j], base[j], v_reset[j], scale[j], rho[j], beta[j], x[j], a[j], v[j]
            )
            s[j] = number(fired)


@part
def octet(hard: bool, values: Row, x: Row, t: Integer, start: Integer, states: Row, target: Row) -> None:
    """Eight times `step` for each neuron, which is then read and written once."""
    decay, base, v_reset, scale, rho, beta = values[0], values[1], values[2], values[3], values[4], values[5]
    a, v = states[0], states[1]
    for j in range(target.size):
        trace, now, bits = a[j], v[j], np.int32(0)
        for k in range(STEPS_IN_BYTE):
            given = x[t + np.uint64(k), start + np.uint64(j)]
            _, fired, trace, now = step(
                hard, decay[j], base[j], v_reset[j], scale[j], rho[j], beta[j], given, trace, now
            )
            bits |= np.int32(fired) << np.int32(k)
        a[j], v[j] = trace, now
        target[j] = bits


@part
def threshold_of(values: Row, held: Row, row: Row) -> Row:
    """threshold + beta a[t-1]"""
    base, beta, a = values[1], values[5], held[1]
    for j in range(row.size):
        row[j] = base[j] + beta[j] * a[j]
    return row


@part
def retreat(
    hard: bool, attached: Value, values: Row, threshold: Row, held: Row, s: Row, slopes: Row,
    grad_s: Row, grad_states: Row, grad_x: Row,
) -> None:  # fmt: skip
    """dL/dx = scale dL/dh;  dL/dv[t-1] = decay dL/dh;  dL/da[t-1] = rho dL/da + beta dL/dthreshold

    A spike counts by way of a, too: dL/ds grows by dL/da.
    """
    decay, v_reset, scale, rho, beta = values[0], values[2], values[3], values[4], values[5]
    h, grad_a, grad_v = held[0], grad_states[0], grad_states[1]
    for j in range(s.size):
        by_spike = grad_s[j] + grad_a[j]
        spiking = into_spike(hard, attached, h[j], threshold[j], v_reset[j], slopes[j], by_spike, grad_v[j])
        grad_h = into_potential(hard, s[j], spiking, grad_v[j])
        grad_x[j] = scale[j] * grad_h
        grad_a[j] = rho[j] * grad_a[j] + beta[j] * into_threshold(hard, s[j], spiking, grad_v[j])
        grad_v[j] = decay[j] * grad_h


@part
def learn(
    hard: bool, attached: Value, values: Row, threshold: Row, held: Row, s: Row, slopes: Row,
    grad_s: Row, grad_states: Row, x: Row, shares: Row,
) -> None:  # fmt: skip
    """As `lif.cpu.learn`;  dL/drho = sum of dL/da a[t-1];  dL/dbeta = sum of dL/dthreshold a[t-1]"""
    v_reset, h, a, v, grad_a, grad_v = values[2], held[0], held[1], held[2], grad_states[0], grad_states[1]
    d_decay, d_threshold, d_reset, d_scale, d_rho, d_beta = (
        shares[0], shares[1], shares[2], shares[3], shares[4], shares[5]
    )  # fmt: skip
    for j in range(s.size):
        by_spike = grad_s[j] + grad_a[j]
        spiking = into_spike(hard, attached, h[j], threshold[j], v_reset[j], slopes[j], by_spike, grad_v[j])
        grad_h = into_potential(hard, s[j], spiking, grad_v[j])
        grad_threshold = into_threshold(hard, s[j], spiking, grad_v[j])
        d_decay[j] += grad_h * v[j]
        d_threshold[j] += grad_threshold
        d_reset[j] += into_reset(hard, s[j], grad_v[j])
        d_scale[j] += grad_h * x[j]
        d_rho[j] += grad_a[j] * a[j]
        d_beta[j] += grad_threshold * a[j]


forward, backward = kernels("adaptive_lif", advance, octet, threshold_of, retreat, learn, holding=1)
