"""Neurons' scans on GPUs, in Triton: a program takes a block of neurons through all time steps in registers.

The backward pass saves the input and, for more than 16 steps, the states before every 16th: from there a chunk's
potentials are computed once more, held in registers, and gone back over. The recurrence is never inverted, which would
lose precision. The number of steps is an ordinary argument, so that no new one compiles anything.

A neuron has the membrane potential v and at most one state u more, and beyond the parameters of all neurons at most
two, `fifth` and `sixth`. What it makes of them is three functions that it puts into the kernels:

    charge(x, u, v, decay, threshold, scale, fifth, sixth) -> u, h, threshold
    settle(u, s, fifth) -> u after the spikes
    retreat(grad_u, grad_h, grad_threshold, u, fifth, sixth) -> dL/d(scale x), dL/du[t-1], dL/dfifth, dL/dsixth

where u in `retreat` is that before the step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import triton
import triton.language as tl
from torch import Tensor

from neuroact.kernels import blocks, neurons
from neuroact.kernels.blocks import FORMS, PACKED, parameter, reset, slope, through_reset

PARAMETERS = ("DECAY", "THRESHOLD", "RESET", "SCALE", "FIFTH", "SIXTH")


@triton.jit
def scan_forward(
    x, states, spikes, last, checkpoints, T, N,
    decay, decay_count, decay_inner, threshold, threshold_count, threshold_inner,
    v_reset, reset_count, reset_inner, scale, scale_count, scale_inner,
    fifth, fifth_count, fifth_inner, sixth, sixth_count, sixth_inner,
    CHARGE: tl.constexpr, SETTLE: tl.constexpr, TWO: tl.constexpr,
    HARD: tl.constexpr, FORM: tl.constexpr, KEEP: tl.constexpr, CHUNK: tl.constexpr, BLOCK: tl.constexpr,
    HAS_STATES: tl.constexpr,
    GIVEN_DECAY: tl.constexpr, GIVEN_THRESHOLD: tl.constexpr, GIVEN_RESET: tl.constexpr, GIVEN_SCALE: tl.constexpr,
    GIVEN_FIFTH: tl.constexpr, GIVEN_SIXTH: tl.constexpr,
):  # fmt: skip
    """All steps of a block of neurons. Shapes are those of the flat arguments in `neuron_scan`."""
    n = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    mask = n < N
    a = parameter(decay, n, mask, decay_count, decay_inner, GIVEN_DECAY)
    b = parameter(threshold, n, mask, threshold_count, threshold_inner, GIVEN_THRESHOLD)
    c = parameter(v_reset, n, mask, reset_count, reset_inner, GIVEN_RESET)
    d = parameter(scale, n, mask, scale_count, scale_inner, GIVEN_SCALE)
    e = parameter(fifth, n, mask, fifth_count, fifth_inner, GIVEN_FIFTH)
    f = parameter(sixth, n, mask, sixth_count, sixth_inner, GIVEN_SIXTH)
    u, v = load_states(states, n, N, mask, HAS_STATES, TWO, BLOCK)
    bits = tl.zeros([BLOCK], tl.int32)
    for t in range(T):
        row = tl.cast(t, tl.int64) * N + n
        if KEEP:
            if (t > 0) & (t % CHUNK == 0):
                store_states(checkpoints + tl.cast(t // CHUNK - 1, tl.int64) * N * (1 + TWO), u, v, n, N, mask, TWO)
        u, h, level = CHARGE(tl.load(x + row, mask=mask, other=0.0).to(tl.float32), u, v, a, b, d, e, f)
        s = tl.where(h >= level, 1.0, 0.0)
        v = reset(h, s, level, c, HARD)
        u = SETTLE(u, s, e)
        if FORM == PACKED:
            bits += s.to(tl.int32) << (t % 8)
            if (t % 8 == 7) | (t == T - 1):
                tl.store(spikes + tl.cast(t // 8, tl.int64) * N + n, bits.to(tl.uint8), mask=mask)
                bits = tl.zeros([BLOCK], tl.int32)
        else:
            tl.store(spikes + row, s.to(spikes.dtype.element_ty), mask=mask)
    store_states(last, u, v, n, N, mask, TWO)


@triton.jit
def scan_backward(
    grad_s, grad_last, x, states, checkpoints, grad_x, grad_states, shares, T, N, alpha,
    decay, decay_count, decay_inner, threshold, threshold_count, threshold_inner,
    v_reset, reset_count, reset_inner, scale, scale_count, scale_inner,
    fifth, fifth_count, fifth_inner, sixth, sixth_count, sixth_inner,
    CHARGE: tl.constexpr, SETTLE: tl.constexpr, RETREAT: tl.constexpr, TWO: tl.constexpr, BY_SPIKES: tl.constexpr,
    HARD: tl.constexpr, KIND: tl.constexpr, DETACHED: tl.constexpr, LEARNED: tl.constexpr,
    CHUNK: tl.constexpr, BLOCK: tl.constexpr, COUNT: tl.constexpr, HAS_STATES: tl.constexpr, HAS_LAST: tl.constexpr,
    GIVEN_DECAY: tl.constexpr, GIVEN_THRESHOLD: tl.constexpr, GIVEN_RESET: tl.constexpr, GIVEN_SCALE: tl.constexpr,
    GIVEN_FIFTH: tl.constexpr, GIVEN_SIXTH: tl.constexpr,
):  # fmt: skip
    """Back over all steps of a block of neurons, chunk by chunk; each chunk is first computed once more."""
    n = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    mask = n < N
    a = parameter(decay, n, mask, decay_count, decay_inner, GIVEN_DECAY)
    b = parameter(threshold, n, mask, threshold_count, threshold_inner, GIVEN_THRESHOLD)
    c = parameter(v_reset, n, mask, reset_count, reset_inner, GIVEN_RESET)
    d = parameter(scale, n, mask, scale_count, scale_inner, GIVEN_SCALE)
    e = parameter(fifth, n, mask, fifth_count, fifth_inner, GIVEN_FIFTH)
    f = parameter(sixth, n, mask, sixth_count, sixth_inner, GIVEN_SIXTH)
    grad_u, grad_v = load_states(grad_last, n, N, mask, HAS_LAST, TWO, BLOCK)
    zero = tl.zeros([BLOCK], tl.float32)
    d_decay, d_threshold, d_reset, d_scale, d_fifth, d_sixth = zero, zero, zero, zero, zero, zero
    chunks = tl.cdiv(T, CHUNK)
    for back in range(chunks):
        chunk = chunks - 1 - back
        first = chunk * CHUNK
        if chunk == 0:
            u, v = load_states(states, n, N, mask, HAS_STATES, TWO, BLOCK)
        else:
            border = checkpoints + tl.cast(chunk - 1, tl.int64) * N * (1 + TWO)
            u, v = load_states(border, n, N, mask, True, TWO, BLOCK)
        held, held_u = (), ()
        for k in tl.static_range(CHUNK):
            there = mask & ((n * 0 + first + k) < T)
            x_t = tl.load(x + tl.cast(first + k, tl.int64) * N + n, mask=there, other=0.0).to(tl.float32)
            held_u = held_u + (u,)  # noqa: RUF005
            u, h, level = CHARGE(x_t, u, v, a, b, d, e, f)
            held = held + (v if LEARNED else h,)  # noqa: RUF005
            s = tl.where(h >= level, 1.0, 0.0)
            v = reset(h, s, level, c, HARD)
            u = SETTLE(u, s, e)
        for k in tl.static_range(CHUNK - 1, -1, -1):
            there = mask & ((n * 0 + first + k) < T)
            row = tl.cast(first + k, tl.int64) * N + n
            if LEARNED:
                # volatile, for else the compiler holds all of h and x as well, and runs out of registers
                x_t = tl.load(x + row, mask=there, other=0.0, volatile=True).to(tl.float32)
                _, h, level = CHARGE(x_t, held_u[k], held[k], a, b, d, e, f)
            else:
                h = held[k]
                _, _, level = CHARGE(zero, held_u[k], zero, a, b, d, e, f)
            s = tl.where(h >= level, 1.0, 0.0)
            spiking = tl.load(grad_s + row, mask=there, other=0.0).to(tl.float32)
            if BY_SPIKES:
                spiking += grad_u
            if not DETACHED:
                spiking += grad_v * through_reset(h, level, c, HARD)
            spiking = tl.where(there, slope(h - level, alpha, KIND) * spiking, 0.0)
            after = tl.where(there, grad_v * s, 0.0)
            grad_h = grad_v + spiking
            grad_level = -spiking
            if HARD:
                grad_h -= after
            else:
                grad_level -= after
            current, before_u, e_share, f_share = RETREAT(grad_u, grad_h, grad_level, held_u[k], e, f)
            tl.store(grad_x + row, (d * current).to(grad_x.dtype.element_ty), mask=there)
            if LEARNED:
                d_decay += tl.where(there, grad_h * held[k], 0.0)
                d_threshold += grad_level
                if HARD:
                    d_reset += after
                d_scale += tl.where(there, current * x_t, 0.0)
                d_fifth += tl.where(there, e_share, 0.0)
                d_sixth += tl.where(there, f_share, 0.0)
            grad_u = tl.where(there, before_u, grad_u)
            grad_v = tl.where(there, a * grad_h, grad_v)
    if HAS_STATES:
        store_states(grad_states, grad_u, grad_v, n, N, mask, TWO)
    if LEARNED:
        tl.store(shares + n, d_decay, mask=mask)
        tl.store(shares + N + n, d_threshold, mask=mask)
        tl.store(shares + 2 * N + n, d_reset, mask=mask)
        tl.store(shares + 3 * N + n, d_scale, mask=mask)
        if COUNT > 4:
            tl.store(shares + 4 * N + n, d_fifth, mask=mask)
        if COUNT > 5:
            tl.store(shares + 5 * N + n, d_sixth, mask=mask)


@triton.jit
def load_states(states, n, N, mask, THERE: tl.constexpr, TWO: tl.constexpr, BLOCK: tl.constexpr):
    """u and v: zeros where there are none to load, as u is for neurons that have v alone."""
    if not THERE:
        return tl.zeros([BLOCK], tl.float32), tl.zeros([BLOCK], tl.float32)
    elif TWO:
        return tl.load(states + n, mask=mask, other=0.0), tl.load(states + N + n, mask=mask, other=0.0)
    else:
        return tl.zeros([BLOCK], tl.float32), tl.load(states + n, mask=mask, other=0.0)


@triton.jit
def store_states(states, u, v, n, N, mask, TWO: tl.constexpr):
    """The counterpart of `load_states`."""
    if TWO:
        tl.store(states + n, u, mask=mask)
        tl.store(states + N + n, v, mask=mask)
    else:
        tl.store(states + n, v, mask=mask)


class Kernels(NamedTuple):
    """What a neuron puts into the kernels.

    - `by_spikes`: whether u depends on the step's spikes, so that they get a gradient by way of it.
    """

    charge: Any
    settle: Any
    retreat: Any
    by_spikes: bool = False

    def forward(
        self, x: Tensor, states: Tensor, parameters: Sequence[float | Tensor], inner: Sequence[int],
        hard: bool, kind: int, alpha: float, smooth: bool, form: neurons.Form, keep: bool,
    ) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
        """Spikes, the last states, and those that the backward pass starts from. See `neuron_scan`."""
        spikes, last = neurons.empty_spikes(x, form), states.new_empty((len(states), x.shape[1]))
        checkpoints = states.new_empty(neurons.checkpoints_shape(x, states, keep))
        block = blocks.block_of(x)
        scan_forward[triton.cdiv(x.shape[1], block),](
            x, states, spikes, last, checkpoints, *x.shape, **_described(parameters, inner),
            CHARGE=self.charge, SETTLE=self.settle, TWO=len(states) == 2,
            HARD=hard, FORM=FORMS.index(form), KEEP=keep, CHUNK=neurons.CHUNK, BLOCK=block,
            HAS_STATES=states.numel() > 0, **blocks.OPTIONS,
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
        grad_x, grad_states = x.new_empty(x.shape), states.new_empty(states.shape)
        shares = states.new_empty((len(parameters), x.shape[1] if learned else 0))
        held = len(states) if learned else 1 + self.by_spikes
        block = blocks.block_of_backward(x, held, learned=learned)
        scan_backward[triton.cdiv(x.shape[1], block),](
            grad_s, grad_last, x, states, checkpoints, grad_x, grad_states, shares, *x.shape, alpha,
            **_described(parameters, inner),
            CHARGE=self.charge, SETTLE=self.settle, RETREAT=self.retreat, TWO=len(states) == 2,
            BY_SPIKES=self.by_spikes, HARD=hard, KIND=kind, DETACHED=detach_reset, LEARNED=learned,
            CHUNK=neurons.CHUNK, BLOCK=block, COUNT=len(parameters),
            HAS_STATES=states.numel() > 0, HAS_LAST=grad_last.numel() > 0,
            **blocks.OPTIONS, maxnreg=blocks.ALL_REGISTERS,
        )  # fmt: skip
        return grad_x, grad_states, shares


def _described(parameters: Sequence[float | Tensor], inner: Sequence[int]) -> dict[str, Any]:
    """What a kernel is told of each parameter: its number, or where values are, how many, how many neurons share one.

    Where a neuron has no fifth or sixth, the kernel gets a number and does not use it.
    """
    missing = len(PARAMETERS) - len(parameters)
    given, widths = [*parameters, *[0.0] * missing], [*inner, *[neurons.NUMBER] * missing]
    described: dict[str, Any] = {}
    for name, value, width in zip(PARAMETERS, given, widths, strict=True):
        count, shared = (value.numel(), width) if isinstance(value, Tensor) else (1, 1)
        described |= {
            "v_reset" if name == "RESET" else name.lower(): value,
            f"{name.lower()}_count": count, f"{name.lower()}_inner": shared, f"GIVEN_{name}": blocks.given_as(value),
        }  # fmt: skip
    return described
