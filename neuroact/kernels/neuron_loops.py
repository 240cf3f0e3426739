"""Neurons' scans on CPUs: blocks of neurons, each through all time steps, row after row, in one pass through memory.

The backward pass needs nothing but the input. It computes a block's membrane potentials once more, into a buffer that
stays in the cache, and goes back over them. Had the forward pass written them out, both would have to move 8 bytes more
a neuron and step, and memory is what they wait for.

What is left open here are four parts, `advance`, `threshold_of`, `retreat` and `learn`: a neuron is what it puts there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from neuroact.jit import Loop, loop_with, part
from neuroact.kernels import neurons
from neuroact.kernels.arrays import array, spike_arrays, values_or_bits
from neuroact.kernels.firing import spikes_of
from neuroact.kernels.memory import in_large_pages
from neuroact.kernels.rows import Row, Value, block_width, mark, narrow, pack, slope, spread, widen
from neuroact.kernels.threads import on_every_core


@part
def advance(
    hard: bool, smooth: bool, kind: int, alpha: Value, values: Row, x: Row, states: Row, h: Row, s: Row
) -> None:
    """One step: from `x`, changes `states` and fills `h`, the membrane potential before the reset, and `s`.

    - `values` `(P, width)`: the parameters, first decay, threshold, v_reset and scale; `states` `(S, width)`, v last.
    - `x`, `h`, `s`: rows of the block's size, which is `width` in all blocks but the last.
    """


@part
def threshold_of(values: Row, held: Row, row: Row) -> Row:
    """The threshold that a step had, in `row` if it is not at hand. `held`: as in `retreat`."""
    return row


@part
def constant_threshold(values: Row, held: Row, row: Row) -> Row:
    """`threshold_of` for neurons whose threshold is the parameter."""
    threshold: Row = values[1]
    return threshold


@part
def retreat(
    hard: bool, attached: Value, values: Row, threshold: Row, held: Row, s: Row, slopes: Row,
    grad_s: Row, grad_states: Row, grad_x: Row,
) -> None:  # fmt: skip
    """One step back: from dL/ds and those of the states after the step to dL/dx and those of the states before it.

    - `held`: h, and then as many of the states before the step as the neuron wants, from the first on.
    - `attached`: 0 if the reset is to pass on no gradient, else 1.
    """


@part
def learn(
    hard: bool, attached: Value, values: Row, threshold: Row, held: Row, s: Row, slopes: Row,
    grad_s: Row, grad_states: Row, x: Row, shares: Row,
) -> None:  # fmt: skip
    """Adds a step's share to the gradients of the parameters. Called before `retreat`; `held` has all states."""


@part
def enter(
    parameters: tuple[Row, ...], inner: tuple[int, ...], states: Row, start: int, size: int, values: Row, now: Row
) -> None:
    """Fills `values` and `now` with the parameters and states of the neurons from `start` on."""
    for index in range(len(parameters)):
        spread(parameters[index], inner[index], start, values[index, :size])
    now[:, :size] = states[:, start : start + size]


@part
def row_of(source: Row, bits: Row, t: int, start: int, row: Row) -> Row:
    """The values of a step from `start` on: where they are, or in `row` if they are given as `bits` of bfloat16."""
    if source.size:
        return source[t, start : start + row.size]
    widen(bits[t, start : start + row.size], row)
    return row


def forward_loop(
    begin: int, end: int, x: Row, x_bits: Row, states: Row, parameters: tuple[Row, ...], inner: tuple[int, ...],
    hard: bool, kind: int, alpha: Value, smooth: bool,
    unit: Value, spikes: Row, spike_bits: Row, octets: Row, last: Row,
) -> None:  # fmt: skip
    """Neurons `begin` to `end`: fills one of `spikes`, `spike_bits` and `octets`, and `last`.

    - `x` `(T, N)`, or, if that is empty, `x_bits`, bfloat16 as uint16. `states`, `last` `(S, N)`.
    - `parameters` `(C,)`: neuron n has value `n // inner % C`.
    - `spikes`, `spike_bits` `(T, N)`, the latter for bfloat16; `octets` `(T, N)`, or packed `(ceil(T / 8), N)`. Where
      spikes are not written as floats, they are written as `unit`.
    """
    steps = max(x.shape[0], x_bits.shape[0])
    width = block_width(end - begin, 1)
    values = np.empty((len(parameters), width), states.dtype)
    now = np.empty((states.shape[0], width), states.dtype)
    rows = np.empty((3, width), states.dtype)
    bits = np.empty(width, np.int32)
    for start in range(begin, end, width):
        stop = min(start + width, end)
        size = stop - start
        h, s, wide = rows[0, :size], rows[1, :size], rows[2, :size]
        enter(parameters, inner, states, start, size, values, now)
        for t in range(steps):
            if spikes.size:
                s = spikes[t, start:stop]
            advance(hard, smooth, kind, alpha, values, row_of(x, x_bits, t, start, wide), now, h, s)
            if spike_bits.size:
                mark(s, unit, spike_bits[t, start:stop])
            elif octets.shape[0] == steps:  # of a single step, the byte and the bit are the same
                mark(s, unit, octets[t, start:stop])
            elif octets.size:
                pack(s, t, t == steps - 1, bits[:size], octets[t >> 3, start:stop])
        last[:, start:stop] = now[:, :size]


def backward_loop(
    begin: int, end: int, x: Row, x_bits: Row, states: Row, parameters: tuple[Row, ...], inner: tuple[int, ...],
    hard: bool, kind: int, alpha: Value, smooth: bool, attached: Value, holding: int,
    grad_s: Row, grad_s_bits: Row, grad_last: Row, grad_x: Row, grad_x_bits: Row, grad_states: Row, shares: Row,
) -> None:  # fmt: skip
    """Neurons `begin` to `end`: fills `grad_x` or `grad_x_bits`, `grad_states`, and `shares` if it has any room.

    - `holding`: how many of the states before a step are kept for the way back.
    - `grad_s` `(T, N)` or, if that is empty, `grad_s_bits`; `grad_last`, `grad_states` `(S, N)`.
    - `shares` `(P, N)`: each neuron's share in the gradients of the parameters.
    """
    steps = max(x.shape[0], x_bits.shape[0])
    width = block_width(end - begin, steps * (1 + holding))
    values = np.empty((len(parameters), width), states.dtype)
    sums = np.empty((len(parameters), width), states.dtype)
    now = np.empty((states.shape[0], width), states.dtype)
    held = np.empty((steps, 1 + holding, width), states.dtype)
    rows = np.empty((6, width), states.dtype)
    for start in range(begin, end, width):
        stop = min(start + width, end)
        size = stop - start
        s, slopes, level = rows[0, :size], rows[1, :size], rows[2, :size]
        wide_x, wide_s, grad_current = rows[3, :size], rows[4, :size], rows[5, :size]
        enter(parameters, inner, states, start, size, values, now)
        for t in range(steps):
            held[t, 1:, :size] = now[:holding, :size]
            current = row_of(x, x_bits, t, start, wide_x)
            advance(hard, smooth, kind, alpha, values, current, now, held[t, 0, :size], s)
        now[:, :size] = grad_last[:, start:stop]
        sums[:] = 0
        for back in range(steps):
            t = steps - 1 - back
            threshold = threshold_of(values, held[t], level)
            spikes_of(smooth, kind, alpha, held[t, 0], threshold, s)
            slope(kind, alpha, held[t, 0], threshold, slopes)
            grad_spikes = row_of(grad_s, grad_s_bits, t, start, wide_s)
            if shares.size:
                current = row_of(x, x_bits, t, start, wide_x)
                learn(hard, attached, values, threshold, held[t], s, slopes, grad_spikes, now, current, sums)
            if x.size:
                grad_current = grad_x[t, start:stop]
            retreat(hard, attached, values, threshold, held[t], s, slopes, grad_spikes, now, grad_current)
            if not x.size:
                narrow(grad_current, grad_x_bits[t, start:stop])
        grad_states[:, start:stop] = now[:, :size]
        if shares.size:
            shares[:, start:stop] = sums[:, :size]


class Kernels(NamedTuple):
    """What a neuron's scan runs on CPUs."""

    forward_loop: Loop[..., None]
    backward_loop: Loop[..., None]
    holding: int

    def forward(
        self, x: Tensor, states: Tensor, parameters: Sequence[Tensor], inner: Sequence[int],
        hard: bool, kind: int, alpha: float, smooth: bool, form: str, keep: bool,
    ) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
        """Spikes, the last states, and nothing to keep. See `neuron_scan` for the arguments."""
        spikes, last = in_large_pages(neurons.empty_spikes(x, form)), states.new_empty(states.shape)
        on_every_core(
            self.forward_loop, x.shape[1], x.numel(), *values_or_bits(x), array(states),
            tuple(map(array, parameters)), tuple(inner), hard, kind, array(states).dtype.type(alpha), smooth,
            *spike_arrays(spikes, x), array(last),
        )  # fmt: skip
        return spikes, last, neurons.empty_checkpoints(x, states, "cpu", keep)

    def backward(
        self, grad_s: Tensor, grad_last: Tensor, x: Tensor, states: Tensor, checkpoints: Tensor,
        parameters: Sequence[Tensor], inner: Sequence[int],
        hard: bool, kind: int, alpha: float, smooth: bool, detach_reset: bool, learned: bool,
    ) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
        """Gradients of x and the states, and each neuron's shares in those of the parameters: `(P, N)`.

        The shares are `(P, 0)` if the parameters are not `learned`.
        """
        grad_x, grad_states = in_large_pages(x.new_empty(x.shape)), states.new_empty(states.shape)
        shares = states.new_empty((len(parameters), x.shape[1] if learned else 0))
        real = array(states).dtype.type
        on_every_core(
            self.backward_loop, x.shape[1], x.numel(), *values_or_bits(x), array(states),
            tuple(map(array, parameters)), tuple(inner), hard, kind, real(alpha), smooth, real(not detach_reset),
            len(states) if learned else self.holding, *values_or_bits(grad_s), array(grad_last),
            *values_or_bits(grad_x), array(grad_states), array(shares),
        )  # fmt: skip
        return grad_x, grad_states, shares


def kernels(
    neuron: str, advance: Callable[..., None], threshold_of: Callable[..., Row], retreat: Callable[..., None],
    learn: Callable[..., None], *, holding: int = 0,
) -> tuple[Callable[..., Any], Callable[..., Any]]:  # fmt: skip
    """A neuron's `forward` and `backward`, made of its parts.

    - `holding`: how many of the states before a step `threshold_of` and `retreat` look at, from the first on.
    """
    parts: dict[str, Any] = {
        "advance": advance, "threshold_of": threshold_of, "retreat": retreat, "learn": learn,
    }  # fmt: skip
    forward = loop_with(forward_loop, f"{neuron}_forward", **parts)
    made = Kernels(forward, loop_with(backward_loop, f"{neuron}_backward", **parts), holding)
    return made.forward, made.backward
