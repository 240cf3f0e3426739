"""Neurons' scans on CPUs: blocks of neurons, each through all time steps, row after row, in one pass through memory.

The backward pass needs the input and the states at the borders of chunks of steps. It computes the membrane potentials
of a block and a chunk once more, into a buffer that stays in the cache, and goes back over them. Had the forward pass
written all of them out, both would have to move 8 bytes more a neuron and step, and memory is what they wait for.

What is left open here are five parts, `advance`, `octet`, `threshold_of`, `retreat` and `learn`: a neuron is what it
puts there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from neuroact.jit import Loop, loop_with, part
from neuroact.kernels import memory, neurons
from neuroact.kernels.arrays import array, parameter_array, spike_arrays, values_or_bits
from neuroact.kernels.firing import spikes_of
from neuroact.kernels.neurons import CHUNK, STEPS_IN_BYTE
from neuroact.kernels.rows import Integer, Row, Value, block_width, copy_rows, mark, narrow, pack, slope, spread, widen
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
def octet(hard: bool, values: Row, x: Row, t: Integer, start: Integer, states: Row, target: Row) -> None:
    """Eight steps, from `t` on, of `target.size` neurons from `start` on: writes their spikes as bits.

    - `x` `(T, N)`; `t` and `start` are unsigned, so that no place is taken to count from the end.
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
def enter(parameters: tuple[Row, ...], inner: tuple[int, ...], start: int, size: int, values: Row) -> None:
    """Fills `values` with the parameters of the neurons from `start` on."""
    for index in range(len(parameters)):
        spread(parameters[index], inner[index], start, values[index, :size])


@part
def row_of(source: Row, bits: Row, t: int, start: int, row: Row) -> Row:
    """The values of a step from `start` on: where they are, or in `row` if they are given as `bits` of bfloat16."""
    if source.size:
        return source[t, start : start + row.size]
    widen(bits[t, start : start + row.size], row)
    return row


@part
def write_spikes(s: Row, t: int, steps: int, start: int, unit: Value, spike_bits: Row, octets: Row, bits: Row) -> None:
    """Writes the spikes of a step where they are not wanted as floats."""
    stop = start + s.size
    if spike_bits.size:
        mark(s, unit, spike_bits[t, start:stop])
    elif octets.shape[0] == steps:  # of a single step, the byte and the bit are the same
        mark(s, unit, octets[t, start:stop])
    elif octets.size:
        pack(s, t, t == steps - 1, bits[: s.size], octets[t >> 3, start:stop])


def forward_loop(
    first: int, end: int, x: Row, x_bits: Row, states: Row, parameters: tuple[Row, ...], inner: tuple[int, ...],
    hard: bool, kind: int, alpha: Value, smooth: bool,
    unit: Value, spikes: Row, spike_bits: Row, octets: Row, last: Row, checkpoints: Row,
) -> None:  # fmt: skip
    """Neurons `first` to `end`: fills one of `spikes`, `spike_bits` and `octets`, and `last` and `checkpoints`.

    - `x` `(T, N)`, or, if that is empty, `x_bits`, bfloat16 as uint16. `last` `(S, N)`.
    - `states` `(S, N)`, or `(S, 0)` for zeros.
    - `parameters` `(C,)`: neuron n has value `n // inner % C`.
    - `spikes`, `spike_bits` `(T, N)`, the latter for bfloat16; `octets` `(T, N)`, or packed `(ceil(T / 8), N)`. Where
      spikes are not written as floats, they are written as `unit`.
    - `checkpoints` `(chunks, S, N)`: the states before each chunk but the first, if any are to be kept.
    """
    steps = max(x.shape[0], x_bits.shape[0])
    packed = x.size > 0 and 0 < octets.shape[0] < steps and not smooth
    width = block_width(end - first, 1)
    values = np.empty((len(parameters), width), last.dtype)
    now = np.empty((last.shape[0], width), last.dtype)
    rows = np.empty((3, width), last.dtype)
    bits = np.empty(width, np.int32)
    for start in range(first, end, width):
        stop = min(start + width, end)
        size = stop - start
        h, s, wide = rows[0, :size], rows[1, :size], rows[2, :size]
        enter(parameters, inner, start, size, values)
        copy_rows(states, start, now, 0, size)
        whole = steps // STEPS_IN_BYTE * STEPS_IN_BYTE if packed else 0
        for t in range(0, whole, STEPS_IN_BYTE):
            octet(hard, values, x, np.uint64(t), np.uint64(start), now, octets[t >> 3, start:stop])
        for t in range(whole, steps):
            if len(checkpoints) and t and t % CHUNK == 0:
                copy_rows(now, 0, checkpoints[t // CHUNK - 1], start, size)
            if spikes.size:
                s = spikes[t, start:stop]
            advance(hard, smooth, kind, alpha, values, row_of(x, x_bits, t, start, wide), now, h, s)
            write_spikes(s, t, steps, start, unit, spike_bits, octets, bits)
        copy_rows(now, 0, last, start, size)


@part
def recompute(
    beginning: int, count: int, x: Row, x_bits: Row, start: int, size: int, hard: bool, smooth: bool, kind: int,
    alpha: Value, values: Row, now: Row, held: Row, rows: Row,
) -> None:  # fmt: skip
    """Fills `held` `(count, 1 + holding, width)` with the potentials of a chunk of steps and the states before them."""
    s, wide = rows[0, :size], rows[3, :size]
    for step in range(count):
        copy_rows(now, 0, held[step, 1:], 0, size)
        current = row_of(x, x_bits, beginning + step, start, wide)
        advance(hard, smooth, kind, alpha, values, current, now, held[step, 0, :size], s)


@part
def go_back(
    beginning: int, count: int, x: Row, x_bits: Row, start: int, size: int, hard: bool, smooth: bool, kind: int,
    alpha: Value, attached: Value, values: Row, held: Row, rows: Row, grad_s: Row, grad_s_bits: Row, grads: Row,
    grad_x: Row, grad_x_bits: Row, learned: bool, sums: Row,
) -> None:  # fmt: skip
    """From the gradients `grads` of the states after a chunk to those before it, by way of `grad_x` and `sums`."""
    s, slopes, level = rows[0, :size], rows[1, :size], rows[2, :size]
    wide_x, wide_s, grad_current = rows[3, :size], rows[4, :size], rows[5, :size]
    for back in range(count):
        step = count - 1 - back
        t = beginning + step
        threshold = threshold_of(values, held[step], level)
        spikes_of(smooth, kind, alpha, held[step, 0], threshold, s)
        slope(kind, alpha, held[step, 0], threshold, slopes)
        grad_spikes = row_of(grad_s, grad_s_bits, t, start, wide_s)
        if learned:
            current = row_of(x, x_bits, t, start, wide_x)
            learn(hard, attached, values, threshold, held[step], s, slopes, grad_spikes, grads, current, sums)
        if grad_x.size:
            grad_current = grad_x[t, start : start + size]
        retreat(hard, attached, values, threshold, held[step], s, slopes, grad_spikes, grads, grad_current)
        if not grad_x.size:
            narrow(grad_current, grad_x_bits[t, start : start + size])


def backward_loop(
    first: int, end: int, x: Row, x_bits: Row, states: Row, parameters: tuple[Row, ...], inner: tuple[int, ...],
    hard: bool, kind: int, alpha: Value, smooth: bool, attached: Value, holding: int, checkpoints: Row,
    grad_s: Row, grad_s_bits: Row, grad_last: Row, grad_x: Row, grad_x_bits: Row, grad_states: Row, shares: Row,
) -> None:  # fmt: skip
    """Neurons `first` to `end`: fills `grad_x` or `grad_x_bits`, and `grad_states` and `shares` if they have any room.

    - `holding`: how many of the states before a step are kept for the way back.
    - `grad_s` `(T, N)` or, if that is empty, `grad_s_bits`; `grad_last` `(S, N)`, or `(S, 0)` for zeros.
    - `grad_states` `(S, N)`; `shares` `(P, N)`: each neuron's share in the gradients of the parameters.
    """
    steps = max(x.shape[0], x_bits.shape[0])
    chunk = min(steps, CHUNK)
    width = block_width(end - first, chunk * (1 + holding))
    values = np.empty((len(parameters), width), states.dtype)
    now = np.empty((states.shape[0], width), states.dtype)
    grads = np.empty((states.shape[0], width), states.dtype)
    held = np.empty((chunk, 1 + holding, width), states.dtype)
    rows = np.empty((6, width), states.dtype)
    for start in range(first, end, width):
        stop = min(start + width, end)
        size = stop - start
        enter(parameters, inner, start, size, values)
        copy_rows(grad_last, start, grads, 0, size)
        sums = np.zeros((len(parameters), width), states.dtype)
        for beginning in range((steps - 1) // CHUNK * CHUNK, -1, -CHUNK):
            if beginning:
                copy_rows(checkpoints[beginning // CHUNK - 1], start, now, 0, size)
            else:
                copy_rows(states, start, now, 0, size)
            count = min(CHUNK, steps - beginning)
            recompute(beginning, count, x, x_bits, start, size, hard, smooth, kind, alpha, values, now, held, rows)
            go_back(
                beginning, count, x, x_bits, start, size, hard, smooth, kind, alpha, attached, values, held, rows,
                grad_s, grad_s_bits, grads, grad_x, grad_x_bits, shares.size > 0, sums,
            )  # fmt: skip
        if grad_states.size:
            copy_rows(grads, 0, grad_states, start, size)
        if shares.size:
            copy_rows(sums, 0, shares, start, size)


class Kernels(NamedTuple):
    """What a neuron's scan runs on CPUs."""

    forward_loop: Loop[..., None]
    backward_loop: Loop[..., None]
    holding: int

    def forward(
        self, x: Tensor, states: Tensor, parameters: Sequence[float | Tensor], inner: Sequence[int],
        hard: bool, kind: int, alpha: float, smooth: bool, form: str, keep: bool,
    ) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
        """Spikes, the last states, and those that the backward pass starts from. See `neuron_scan`."""
        spikes = memory.empty(*neurons.spikes_layout(x, form))
        last = memory.empty((len(states), x.shape[1]), states.dtype)
        checkpoints = memory.empty(neurons.checkpoints_shape(x, states, keep), states.dtype)
        real = array(states).dtype.type
        on_every_core(
            self.forward_loop, x.shape[1], x.numel(), *values_or_bits(x), array(states),
            tuple(parameter_array(p, real) for p in parameters), tuple(inner), hard, kind, real(alpha), smooth,
            *spike_arrays(spikes, x), array(last), array(checkpoints),
        )  # fmt: skip
        return spikes, last, checkpoints

    def backward(
        self, grad_s: Tensor, grad_last: Tensor, x: Tensor, states: Tensor, checkpoints: Tensor,
        parameters: Sequence[float | Tensor], inner: Sequence[int],
        hard: bool, kind: int, alpha: float, smooth: bool, detach_reset: bool, learned: bool,
    ) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
        """Gradients of x and the states, and each neuron's shares in those of the parameters: `(P, N)`.

        The shares are `(P, 0)` if the parameters are not `learned`.
        """
        grad_x, grad_states = memory.empty(x.shape, x.dtype), memory.empty(states.shape, states.dtype)
        shares = states.new_empty((len(parameters), x.shape[1] if learned else 0))
        real = array(states).dtype.type
        on_every_core(
            self.backward_loop, x.shape[1], x.numel(), *values_or_bits(x), array(states),
            tuple(parameter_array(p, real) for p in parameters), tuple(inner), hard, kind, real(alpha), smooth,
            real(not detach_reset), len(states) if learned else self.holding, array(checkpoints),
            *values_or_bits(grad_s), array(grad_last), *values_or_bits(grad_x), array(grad_states), array(shares),
        )  # fmt: skip
        return grad_x, grad_states, shares


def kernels(
    neuron: str, advance: Callable[..., None], octet: Callable[..., None], threshold_of: Callable[..., Row],
    retreat: Callable[..., None], learn: Callable[..., None], *, holding: int = 0,
) -> tuple[Callable[..., Any], Callable[..., Any]]:  # fmt: skip
    """A neuron's `forward` and `backward`, made of its parts.

    - `holding`: how many of the states before a step `threshold_of` and `retreat` look at, from the first on.
    """
    parts: dict[str, Any] = {
        "advance": advance, "octet": octet, "threshold_of": threshold_of, "retreat": retreat, "learn": learn,
    }  # fmt: skip
    forward = loop_with(forward_loop, f"{neuron}_forward", **parts)
    made = Kernels(forward, loop_with(backward_loop, f"{neuron}_backward", **parts), holding)
    return made.forward, made.backward
