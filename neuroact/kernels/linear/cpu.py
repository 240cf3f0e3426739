"""`linear_scan` on CPUs: of each block of neurons all time steps, row after row, in one pass through memory.

The backward pass reads the states that the forward pass gave out, since the caller holds on to them anyway.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from neuroact.jit import loop, part
from neuroact.kernels import memory
from neuroact.kernels.arrays import array, values_or_bits
from neuroact.kernels.rows import Row, block_width, narrow, spread, widen
from neuroact.kernels.threads import on_every_core


@part
def advance(a: Row, b: Row, before: Row, h: Row) -> None:
    """h = a before + b"""
    for j in range(h.size):
        h[j] = a[j] * before[j] + b[j]


@part
def learn(grad: Row, before: Row, grad_a: Row) -> None:
    """What a step adds to dL/da where a is constant in time."""
    for j in range(grad.size):
        grad_a[j] += grad[j] * before[j]


@part
def retreat(a: Row, before: Row, grad_h: Row, carried: Row, grad_a: Row, grad_b: Row) -> None:
    """One step back: dL/db = dL/dh + what later steps `carried` back, and from it dL/da and what is carried on."""
    for j in range(carried.size):
        grad = grad_h[j] + carried[j]
        grad_b[j] = grad
        grad_a[j] = grad * before[j]
        carried[j] = a[j] * grad


@part
def fetch(values: Row, bits: Row, t: int, start: int, stop: int, row: Row) -> Row:
    """Row `t` of an array of floats; or of one of bfloat16 given as `bits`, made floats in `row`."""
    if values.size:
        return values[t, start:stop]
    widen(bits[t, start:stop], row)
    return row


@loop
def linear_forward(
    begin: int, end: int, a: Row, a_bits: Row, fixed: Row, inner: int, b: Row, b_bits: Row, h0: Row,
    h: Row, h_bits: Row, h_last: Row,
) -> None:  # fmt: skip
    """Neurons `begin` to `end`: fills `h` or `h_bits`, and `h_last`.

    - `a`, `b`, `h` `(T, N)`, or, if they are empty, `a_bits`, `b_bits`, `h_bits`, bfloat16 as uint16.
    - `fixed` `(C,)`: a coefficient constant in time, in the place of `a`: neuron n has value `n // inner % C`.
    - `h0`, `h_last` `(N,)`.
    """
    steps = max(b.shape[0], b_bits.shape[0])
    width = block_width(end - begin, 1)
    rows = np.empty((4, width), h0.dtype)
    for start in range(begin, end, width):
        stop = min(start + width, end)
        size = stop - start
        state, coefficient, current, result = rows[0, :size], rows[1, :size], rows[2, :size], rows[3, :size]
        before = state
        before[:] = h0[start:stop]
        if fixed.size:
            spread(fixed, inner, start, coefficient)
        for t in range(steps):
            if not fixed.size:
                coefficient = fetch(a, a_bits, t, start, stop, coefficient)
            current = fetch(b, b_bits, t, start, stop, current)
            if h.size:
                result = h[t, start:stop]
                advance(coefficient, current, before, result)
                before = result
            else:
                advance(coefficient, current, before, result)
                narrow(result, h_bits[t, start:stop])
                before, result = result, before
        h_last[start:stop] = before


@loop
def linear_backward(
    begin: int, end: int, a: Row, a_bits: Row, fixed: Row, inner: int, h: Row, h_bits: Row, h0: Row,
    grad_h: Row, grad_h_bits: Row, grad_a: Row, grad_a_bits: Row, grad_fixed: Row,
    grad_b: Row, grad_b_bits: Row, grad_h0: Row,
) -> None:  # fmt: skip
    """Neurons `begin` to `end`: fills `grad_a` and `grad_b` or their bits, or `grad_fixed` instead of `grad_a`.

    - `grad_fixed` `(N,)`, zeros: each neuron's share in the gradient of `fixed`.
    - `grad_h0` `(N,)`: holds dL/dh_last before, dL/dh0 after.
    """
    steps = max(h.shape[0], h_bits.shape[0])
    width = block_width(end - begin, 1)
    rows = np.empty((6, width), h0.dtype)
    for start in range(begin, end, width):
        stop = min(start + width, end)
        size = stop - start
        coefficient, first, before = rows[0, :size], rows[1, :size], rows[2, :size]
        incoming, to_a, to_b = rows[3, :size], rows[4, :size], rows[5, :size]
        first[:] = h0[start:stop]
        carried = grad_h0[start:stop]
        if fixed.size:
            spread(fixed, inner, start, coefficient)
        for back in range(steps):
            t = steps - 1 - back
            if not fixed.size:
                coefficient = fetch(a, a_bits, t, start, stop, coefficient)
            incoming = fetch(grad_h, grad_h_bits, t, start, stop, incoming)
            before = fetch(h, h_bits, t - 1, start, stop, before) if t else first
            if grad_b.size:
                to_b = grad_b[t, start:stop]
            if grad_a.size:
                to_a = grad_a[t, start:stop]
            retreat(coefficient, before, incoming, carried, to_a, to_b)
            if grad_fixed.size:
                learn(to_b, before, grad_fixed[start:stop])
            if grad_b_bits.size:
                narrow(to_b, grad_b_bits[t, start:stop])
            if grad_a_bits.size:
                narrow(to_a, grad_a_bits[t, start:stop])


def forward(a: Tensor, b: Tensor, h0: Tensor, fixed: Tensor, inner: int) -> tuple[Tensor, Tensor]:
    """All states and the last one. See `linear.scan` for the arguments."""
    h, h_last = memory.empty(b.shape, b.dtype), torch.empty_like(h0)
    on_every_core(
        linear_forward, h0.numel(), b.numel(), *values_or_bits(a), array(fixed), inner, *values_or_bits(b), array(h0),
        *values_or_bits(h), array(h_last),
    )  # fmt: skip
    return h, h_last


def backward(
    grad_h: Tensor, grad_h_last: Tensor, a: Tensor, h: Tensor, h0: Tensor, fixed: Tensor, inner: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Gradients of a, b and h0, and each neuron's share `(1, N)` in that of `fixed`, `(1, 0)` if that is empty."""
    grad_a, grad_b = memory.empty(a.shape, a.dtype), memory.empty(h.shape, h.dtype)
    grad_h0 = grad_h_last.clone()
    shares = h0.new_zeros((1, h0.numel() if fixed.numel() else 0))
    on_every_core(
        linear_backward, h0.numel(), h.numel(), *values_or_bits(a), array(fixed), inner, *values_or_bits(h), array(h0),
        *values_or_bits(grad_h), *values_or_bits(grad_a), array(shares[0]), *values_or_bits(grad_b), array(grad_h0),
    )  # fmt: skip
    return grad_a, grad_b, grad_h0, shares
