"""`lif_scan` on CPUs: blocks of neurons, and of each block all time steps, row after row, in one pass through memory.

The backward pass needs nothing but the input. It computes a block's membrane potentials once more, into a buffer that
stays in the cache, and goes back over them. Had the forward pass written them out, both would have to move 8 bytes more
a neuron and step, and memory is what they wait for.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from neuroact.jit import loop, part
from neuroact.kernels import neurons
from neuroact.kernels.arrays import array, spike_arrays, values_or_bits
from neuroact.kernels.firing import after_reset, fire, past_reset, primitive, reset, spikes_of, through_reset
from neuroact.kernels.rows import Row, Value, block_width, mark, narrow, pack, slope, spread, widen
from neuroact.kernels.threads import on_every_core


@part
def advance(
    hard: bool, smooth: bool, kind: int, alpha: Value, decay: Row, threshold: Row, v_reset: Row, scale: Row,
    x: Row, v: Row, s: Row,
) -> None:  # fmt: skip
    """One step: h = decay v + scale x;  s = [h >= threshold];  v = what the reset leaves of h."""
    if smooth:
        for j in range(v.size):
            h = decay[j] * v[j] + scale[j] * x[j]
            s[j] = primitive(kind, alpha, h - threshold[j])
            v[j] = reset(hard, h, s[j], threshold[j], v_reset[j])
    else:
        for j in range(v.size):
            h = decay[j] * v[j] + scale[j] * x[j]
            spike = fire(h, threshold[j])
            s[j] = spike
            v[j] = reset(hard, h, spike, threshold[j], v_reset[j])


@part
def recompute(
    hard: bool, smooth: bool, kind: int, alpha: Value, decay: Row, threshold: Row, v_reset: Row, scale: Row,
    x: Row, v: Row, h: Row,
) -> None:  # fmt: skip
    """The same step, of which the membrane potential before the reset is kept instead of the spikes."""
    if smooth:
        for j in range(v.size):
            h[j] = decay[j] * v[j] + scale[j] * x[j]
            s = primitive(kind, alpha, h[j] - threshold[j])
            v[j] = reset(hard, h[j], s, threshold[j], v_reset[j])
    else:
        for j in range(v.size):
            h[j] = decay[j] * v[j] + scale[j] * x[j]
            v[j] = reset(hard, h[j], fire(h[j], threshold[j]), threshold[j], v_reset[j])


@part
def retreat(
    hard: bool, attached: Value, decay: Row, threshold: Row, v_reset: Row, scale: Row, h: Row, s: Row,
    slopes: Row, grad_s: Row, grad_v: Row, grad_x: Row,
) -> None:  # fmt: skip
    """One step back: from dL/ds and dL/dv to dL/dx and the dL/dv of the step before.

    dL/dh = dL/dv dv/dh + slope (dL/ds + dL/dv dv/ds);  `attached` is 0 if the reset is to pass on no gradient, else 1.
    """
    for j in range(h.size):
        spiking = grad_s[j] + attached * grad_v[j] * through_reset(hard, h[j], threshold[j], v_reset[j])
        grad_h = grad_v[j] * past_reset(hard, s[j]) + slopes[j] * spiking
        grad_x[j] = scale[j] * grad_h
        grad_v[j] = decay[j] * grad_h


@part
def learn(
    hard: bool, attached: Value, threshold: Row, v_reset: Row, x: Row, before: Row, h: Row, s: Row, slopes: Row,
    grad_s: Row, grad_v: Row, d_decay: Row, d_threshold: Row, d_reset: Row, d_scale: Row,
) -> None:  # fmt: skip
    """Adds a step's share to the gradients of the parameters; `before` is v[t-1]. To be called before `retreat`."""
    for j in range(h.size):
        spiking = grad_s[j] + attached * grad_v[j] * through_reset(hard, h[j], threshold[j], v_reset[j])
        grad_h = grad_v[j] * past_reset(hard, s[j]) + slopes[j] * spiking
        d_decay[j] += grad_h * before[j]
        d_scale[j] += grad_h * x[j]
        d_reset[j] += grad_v[j] * s[j] if hard else 0
        d_threshold[j] -= slopes[j] * spiking + (0 if hard else grad_v[j] * s[j])


@loop
def lif_forward(
    begin: int, end: int, x: Row, x_bits: Row, v0: Row, decay: Row, threshold: Row, v_reset: Row, scale: Row,
    inner: tuple[int, ...], hard: bool, kind: int, alpha: Value, smooth: bool,
    unit: Value, spikes: Row, small: Row, packed: Row, v_last: Row,
) -> None:  # fmt: skip
    """Neurons `begin` to `end`: fills one of `spikes`, `small` and `packed`, and `v_last`.

    - `x` `(T, N)`, or, if that is empty, `x_bits`, bfloat16 as uint16. `v0`, `v_last` `(N,)`.
    - `decay` and the other parameters `(C,)`: neuron n has value `n // inner % C`.
    - `spikes` and `small` `(T, N)`, the latter gets `unit` for a spike; `packed` `(ceil(T / 8), N)`.
    """
    steps = max(x.shape[0], x_bits.shape[0])
    width = block_width(end - begin, 1)
    rows = np.empty((8, width), v0.dtype)
    bits = np.empty(width, np.int32)
    for start in range(begin, end, width):
        stop = min(start + width, end)
        size = stop - start
        v, a, b, c = rows[0, :size], rows[1, :size], rows[2, :size], rows[3, :size]
        d, current, s = rows[4, :size], rows[5, :size], rows[6, :size]
        v[:] = v0[start:stop]
        spread(decay, inner[0], start, a)
        spread(threshold, inner[1], start, b)
        spread(v_reset, inner[2], start, c)
        spread(scale, inner[3], start, d)
        for t in range(steps):
            if x.size:
                current = x[t, start:stop]
            else:
                widen(x_bits[t, start:stop], current)
            if spikes.size:
                s = spikes[t, start:stop]
            advance(hard, smooth, kind, alpha, a, b, c, d, current, v, s)
            if small.size:
                mark(s, unit, small[t, start:stop])
            elif packed.size:
                pack(s, t, t == steps - 1, bits[:size], packed[t >> 3, start:stop])
        v_last[start:stop] = v


@loop
def lif_backward(
    begin: int, end: int, x: Row, x_bits: Row, v0: Row, decay: Row, threshold: Row, v_reset: Row, scale: Row,
    inner: tuple[int, ...], hard: bool, kind: int, alpha: Value, smooth: bool, attached: Value,
    grad_s: Row, grad_s_bits: Row, grad_v_last: Row, grad_x: Row, grad_x_bits: Row, grad_v0: Row, grads: Row,
) -> None:  # fmt: skip
    """Neurons `begin` to `end`: fills `grad_x` or `grad_x_bits`, `grad_v0`, and `grads` if it has any room.

    - `grad_s` `(T, N)` or, if that is empty, `grad_s_bits`; `grad_v_last` `(N,)`.
    - `grads` `(4, N)`, zeros: each neuron's share in the gradients of decay, threshold, v_reset and scale.
    """
    steps = max(x.shape[0], x_bits.shape[0])
    width = block_width(end - begin, steps)
    rows = np.empty((10, width), v0.dtype)
    potentials = np.empty((steps, width), v0.dtype)
    for start in range(begin, end, width):
        stop = min(start + width, end)
        size = stop - start
        v, a, b, c, d = rows[0, :size], rows[1, :size], rows[2, :size], rows[3, :size], rows[4, :size]
        current, s, slopes = rows[5, :size], rows[6, :size], rows[7, :size]
        grad_spikes, grad_current = rows[8, :size], rows[9, :size]
        v[:] = v0[start:stop]
        spread(decay, inner[0], start, a)
        spread(threshold, inner[1], start, b)
        spread(v_reset, inner[2], start, c)
        spread(scale, inner[3], start, d)
        for t in range(steps):
            if x.size:
                current = x[t, start:stop]
            else:
                widen(x_bits[t, start:stop], current)
            recompute(hard, smooth, kind, alpha, a, b, c, d, current, v, potentials[t, :size])
        grad_v = grad_v0[start:stop]
        grad_v[:] = grad_v_last[start:stop]
        for back in range(steps):
            t = steps - 1 - back
            h = potentials[t, :size]
            spikes_of(smooth, kind, alpha, h, b, s)
            slope(kind, alpha, h, b, slopes)
            if x.size:
                grad_spikes = grad_s[t, start:stop]
                grad_current = grad_x[t, start:stop]
            else:
                widen(grad_s_bits[t, start:stop], grad_spikes)
            if grads.size:
                if x.size:
                    current = x[t, start:stop]
                else:
                    widen(x_bits[t, start:stop], current)
                if t:
                    after_reset(hard, smooth, kind, alpha, b, c, potentials[t - 1, :size], v)
                else:
                    v[:] = v0[start:stop]
                learn(
                    hard, attached, b, c, current, v, h, s, slopes, grad_spikes, grad_v,
                    grads[0, start:stop], grads[1, start:stop], grads[2, start:stop], grads[3, start:stop],
                )  # fmt: skip
            retreat(hard, attached, a, b, c, d, h, s, slopes, grad_spikes, grad_v, grad_current)
            if not x.size:
                narrow(grad_current, grad_x_bits[t, start:stop])


def forward(
    x: Tensor, v0: Tensor, parameters: Sequence[Tensor], inner: Sequence[int],
    hard: bool, kind: int, alpha: float, smooth: bool, form: str, keep: bool,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Spikes, the last membrane potential, and nothing to keep. See `lif.scan` for the arguments."""
    spikes, v_last = neurons.empty_spikes(x, form), torch.empty_like(v0)
    on_every_core(
        lif_forward, v0.numel(), x.numel(), *values_or_bits(x), array(v0), *map(array, parameters), tuple(inner),
        hard, kind, array(v0).dtype.type(alpha), smooth, *spike_arrays(spikes, x), array(v_last),
    )  # fmt: skip
    return spikes, v_last, neurons.empty_checkpoints(x, v0, "cpu", keep)


def backward(
    grad_s: Tensor, grad_v_last: Tensor, x: Tensor, v0: Tensor, checkpoints: Tensor,
    parameters: Sequence[Tensor], inner: Sequence[int],
    hard: bool, kind: int, alpha: float, smooth: bool, detach_reset: bool, learned: bool,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Gradients of x and v0, and the neurons' shares in those of the parameters, `(4, N)`; `(4, 0)` unless `learned`."""
    grad_x, grad_v0 = torch.empty_like(x), torch.empty_like(v0)
    shares = v0.new_zeros((len(parameters), v0.numel() if learned else 0))
    real = array(v0).dtype.type
    on_every_core(
        lif_backward, v0.numel(), x.numel(), *values_or_bits(x), array(v0), *map(array, parameters), tuple(inner),
        hard, kind, real(alpha), smooth, real(not detach_reset), *values_or_bits(grad_s), array(grad_v_last),
        *values_or_bits(grad_x), array(grad_v0), array(shares),
    )  # fmt: skip
    return grad_x, grad_v0, shares
