"""`integer_cuba_lif_scan` on GPUs, in Triton: a program takes a block of neurons through all steps in registers."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import triton
import triton.language as tl
from torch import Tensor

from neuroact.kernels import blocks
from neuroact.kernels.blocks import parameter
from neuroact.kernels.integer_cuba import numbers

CURRENT_SHIFT = tl.constexpr(numbers.CURRENT_SHIFT)
DECAY_SHIFT = tl.constexpr(numbers.DECAY_SHIFT)
UNITY = tl.constexpr(1 << numbers.DECAY_SHIFT)
MOST = tl.constexpr(numbers.STATE_END)
TURN = tl.constexpr(2 * numbers.STATE_END)


@triton.jit
def leaked(x, decay):
    """[x (4096 - decay) / 4096], rounded towards 0; the product takes 36 bits."""
    left = (tl.abs(x) * (UNITY - decay)) >> DECAY_SHIFT
    return tl.where(x < 0, -left, left)


@triton.jit
def scan(
    a, states, spikes, potentials, last, T, N,
    current_decay, current_count, current_inner, decay, decay_count, decay_inner,
    threshold, threshold_count, threshold_inner, bias, bias_count, bias_inner,
    RESTING: tl.constexpr, KEEP: tl.constexpr, BLOCK: tl.constexpr,
    GIVEN_CURRENT: tl.constexpr, GIVEN_DECAY: tl.constexpr, GIVEN_THRESHOLD: tl.constexpr, GIVEN_BIAS: tl.constexpr,
):  # fmt: skip
    """All steps of a block of neurons. Shapes are those of the flat arguments in `scan`; RESTING: no states given."""
    n = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    mask = n < N
    du = parameter(current_decay, n, mask, current_count, current_inner, GIVEN_CURRENT).to(tl.int64)
    dv = parameter(decay, n, mask, decay_count, decay_inner, GIVEN_DECAY).to(tl.int64)
    level = (
        parameter(threshold, n, mask, threshold_count, threshold_inner, GIVEN_THRESHOLD).to(tl.int64) << CURRENT_SHIFT
    )
    drive = parameter(bias, n, mask, bias_count, bias_inner, GIVEN_BIAS).to(tl.int64) << CURRENT_SHIFT
    u = tl.zeros([BLOCK], tl.int64)
    v = tl.zeros([BLOCK], tl.int64)
    if not RESTING:
        u = tl.load(states + n, mask=mask, other=0.0).to(tl.int64)
        v = tl.load(states + N + n, mask=mask, other=0.0).to(tl.int64)
    for t in range(T):
        row = tl.cast(t, tl.int64) * N + n
        u = leaked(u, du) + (tl.load(a + row, mask=mask, other=0.0).to(tl.int64) << CURRENT_SHIFT)
        u = tl.where(u > MOST, u - TURN, tl.where(u <= -MOST, u + TURN, u))
        h = tl.minimum(tl.maximum(leaked(v, dv) + u + drive, 1 - MOST), MOST - 1)
        fired = h > level
        v = tl.where(fired, 0, h)
        tl.store(spikes + row, fired.to(tl.uint8), mask=mask)
        if KEEP:
            tl.store(potentials + row, h.to(tl.float32), mask=mask)
    tl.store(last + n, u.to(tl.float64), mask=mask)
    tl.store(last + N + n, v.to(tl.float64), mask=mask)


def forward(
    a: Tensor, states: Tensor, parameters: Sequence[Tensor], inner: Sequence[int], recurrent: Tensor | None,
    keep: bool,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Spikes, potentials and last states, as on CPUs. `recurrent` is None: no kernel for it is offered here."""
    spikes = torch.empty_like(a, dtype=torch.uint8)
    potentials = a.new_empty(a.shape if keep else (0, 0), dtype=torch.float32)
    last = states.new_empty((2, a.shape[1]))
    described = [part for values, width in zip(parameters, inner, strict=True) for part in (values, len(values), width)]
    block = blocks.block_of(a)
    scan[triton.cdiv(a.shape[1], block),](
        a, states, spikes, potentials, last, *a.shape, *described,
        RESTING=not states.shape[1], KEEP=keep, BLOCK=block,
        **{
            f"GIVEN_{name}": "one" if len(values) == 1 else "each"
            for name, values in zip(("CURRENT", "DECAY", "THRESHOLD", "BIAS"), parameters, strict=True)
        },
        **blocks.OPTIONS,
    )  # fmt: skip
    return spikes, potentials, last
