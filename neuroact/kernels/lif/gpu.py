"""`lif_scan` on GPUs, in Triton: a program takes a block of neurons through all time steps in registers.

The backward pass saves the input and, for more than 16 steps, the membrane potential before every 16th: from there a
chunk's potentials are computed once more, held in registers, and gone back over. The recurrence is never inverted,
which would lose precision. The number of steps is an ordinary argument, so that no new one compiles anything.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import triton
import triton.language as tl
from torch import Tensor

from neuroact.kernels import blocks, neurons
from neuroact.kernels.blocks import FORMS, PACKED, parameter, reset, slope, through_reset

NAMES = ("ONE_DECAY", "ONE_THRESHOLD", "ONE_RESET", "ONE_SCALE")


@triton.jit
def lif_forward(
    x, v0, spikes, v_last, checkpoints, T, N,
    decay, decay_count, decay_inner, threshold, threshold_count, threshold_inner,
    v_reset, reset_count, reset_inner, scale, scale_count, scale_inner,
    HARD: tl.constexpr, FORM: tl.constexpr, KEEP: tl.constexpr, CHUNK: tl.constexpr, BLOCK: tl.constexpr,
    ONE_DECAY: tl.constexpr, ONE_THRESHOLD: tl.constexpr, ONE_RESET: tl.constexpr, ONE_SCALE: tl.constexpr,
):  # fmt: skip
    """All steps of a block of neurons. Shapes are those of the flat arguments in `lif.scan`."""
    n = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    mask = n < N
    a = parameter(decay, n, mask, decay_count, decay_inner, ONE_DECAY)
    b = parameter(threshold, n, mask, threshold_count, threshold_inner, ONE_THRESHOLD)
    c = parameter(v_reset, n, mask, reset_count, reset_inner, ONE_RESET)
    d = parameter(scale, n, mask, scale_count, scale_inner, ONE_SCALE)
    v = tl.load(v0 + n, mask=mask, other=0.0)
    bits = tl.zeros([BLOCK], tl.int32)
    for t in range(T):
        row = tl.cast(t, tl.int64) * N + n
        if KEEP:
            if (t > 0) & (t % CHUNK == 0):
                tl.store(checkpoints + tl.cast(t // CHUNK - 1, tl.int64) * N + n, v, mask=mask)
        h = a * v + d * tl.load(x + row, mask=mask, other=0.0).to(tl.float32)
        s = tl.where(h >= b, 1.0, 0.0)
        v = reset(h, s, b, c, HARD)
        if FORM == PACKED:
            bits += s.to(tl.int32) << (t % 8)
            if (t % 8 == 7) | (t == T - 1):
                tl.store(spikes + tl.cast(t // 8, tl.int64) * N + n, bits.to(tl.uint8), mask=mask)
                bits = tl.zeros([BLOCK], tl.int32)
        else:
            tl.store(spikes + row, s.to(spikes.dtype.element_ty), mask=mask)
    tl.store(v_last + n, v, mask=mask)


@triton.jit
def lif_backward(
    grad_s, grad_v_last, x, v0, checkpoints, grad_x, grad_v0, shares, T, N, alpha,
    decay, decay_count, decay_inner, threshold, threshold_count, threshold_inner,
    v_reset, reset_count, reset_inner, scale, scale_count, scale_inner,
    HARD: tl.constexpr, KIND: tl.constexpr, DETACHED: tl.constexpr, LEARNED: tl.constexpr,
    CHUNK: tl.constexpr, BLOCK: tl.constexpr,
    ONE_DECAY: tl.constexpr, ONE_THRESHOLD: tl.constexpr, ONE_RESET: tl.constexpr, ONE_SCALE: tl.constexpr,
):  # fmt: skip
    """Back over all steps of a block of neurons, chunk by chunk; each chunk is first computed once more."""
    n = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    mask = n < N
    a = parameter(decay, n, mask, decay_count, decay_inner, ONE_DECAY)
    b = parameter(threshold, n, mask, threshold_count, threshold_inner, ONE_THRESHOLD)
    c = parameter(v_reset, n, mask, reset_count, reset_inner, ONE_RESET)
    d = parameter(scale, n, mask, scale_count, scale_inner, ONE_SCALE)
    grad_v = tl.load(grad_v_last + n, mask=mask, other=0.0)
    if LEARNED:
        share_decay = tl.zeros([BLOCK], tl.float32)
        share_threshold = tl.zeros([BLOCK], tl.float32)
        share_reset = tl.zeros([BLOCK], tl.float32)
        share_scale = tl.zeros([BLOCK], tl.float32)
    chunks = tl.cdiv(T, CHUNK)
    for back in range(chunks):
        chunk = chunks - 1 - back
        first = chunk * CHUNK
        if chunk == 0:
            v = tl.load(v0 + n, mask=mask, other=0.0)
        else:
            v = tl.load(checkpoints + tl.cast(chunk - 1, tl.int64) * N + n, mask=mask, other=0.0)
        held = ()
        for k in tl.static_range(CHUNK):
            there = mask & ((n * 0 + first + k) < T)
            row = tl.cast(first + k, tl.int64) * N + n
            h = a * v + d * tl.load(x + row, mask=there, other=0.0).to(tl.float32)
            held = held + (v if LEARNED else h,)  # noqa: RUF005
            v = reset(h, tl.where(h >= b, 1.0, 0.0), b, c, HARD)
        for k in tl.static_range(CHUNK - 1, -1, -1):
            there = mask & ((n * 0 + first + k) < T)
            row = tl.cast(first + k, tl.int64) * N + n
            if LEARNED:
                # volatile, for else the compiler holds all of h and x as well, and runs out of registers
                x_t = tl.load(x + row, mask=there, other=0.0, volatile=True).to(tl.float32)
                h = a * held[k] + d * x_t
            else:
                h = held[k]
            s = tl.where(h >= b, 1.0, 0.0)
            incline = slope(h - b, alpha, KIND)
            spiking = tl.load(grad_s + row, mask=there, other=0.0).to(tl.float32)
            if not DETACHED:
                spiking += grad_v * through_reset(h, b, c, HARD)
            grad_h = grad_v + incline * spiking
            if HARD:
                grad_h -= s * grad_v
            tl.store(grad_x + row, (d * grad_h).to(grad_x.dtype.element_ty), mask=there)
            if LEARNED:
                grad_h = tl.where(there, grad_h, 0.0)
                share_decay += grad_h * held[k]
                share_scale += grad_h * x_t
                after = tl.where(there, grad_v * s, 0.0)
                share_threshold -= tl.where(there, incline * spiking, 0.0)
                if HARD:
                    share_reset += after
                else:
                    share_threshold -= after
            grad_v = tl.where(there, a * grad_h, grad_v)
    tl.store(grad_v0 + n, grad_v, mask=mask)
    if LEARNED:
        tl.store(shares + n, share_decay, mask=mask)
        tl.store(shares + N + n, share_threshold, mask=mask)
        tl.store(shares + 2 * N + n, share_reset, mask=mask)
        tl.store(shares + 3 * N + n, share_scale, mask=mask)


def forward(
    x: Tensor, v0: Tensor, parameters: Sequence[Tensor], inner: Sequence[int],
    hard: bool, kind: int, alpha: float, smooth: bool, form: neurons.Form, keep: bool,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Spikes, the last membrane potential, and those that the backward pass starts from. See `lif.scan`."""
    spikes, v_last = neurons.empty_spikes(x, form), torch.empty_like(v0)
    checkpoints = neurons.empty_checkpoints(x, v0, "triton", keep)
    block = blocks.block_of(x)
    lif_forward[triton.cdiv(v0.numel(), block),](
        x, v0, spikes, v_last, checkpoints, x.shape[0], v0.numel(), *blocks.described(parameters, inner),
        HARD=hard, FORM=FORMS.index(form), KEEP=keep, CHUNK=neurons.CHUNK, BLOCK=block,
        **blocks.singles(NAMES, parameters), **blocks.OPTIONS,
    )  # fmt: skip
    return spikes, v_last, checkpoints


def backward(
    grad_s: Tensor, grad_v_last: Tensor, x: Tensor, v0: Tensor, checkpoints: Tensor,
    parameters: Sequence[Tensor], inner: Sequence[int],
    hard: bool, kind: int, alpha: float, smooth: bool, detach_reset: bool, learned: bool,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Gradients of x and v0, and the neurons' shares in those of the parameters, `(4, N)`; `(4, 0)` unless `learned`."""
    grad_x, grad_v0 = torch.empty_like(x), torch.empty_like(v0)
    shares = v0.new_empty((len(parameters), v0.numel() if learned else 0))
    block = blocks.block_of(x, learned=learned)
    lif_backward[triton.cdiv(v0.numel(), block),](
        grad_s, grad_v_last, x, v0, checkpoints, grad_x, grad_v0, shares, x.shape[0], v0.numel(), alpha,
        *blocks.described(parameters, inner),
        HARD=hard, KIND=kind, DETACHED=detach_reset, LEARNED=learned, CHUNK=neurons.CHUNK, BLOCK=block,
        **blocks.singles(NAMES, parameters), **blocks.OPTIONS, maxnreg=blocks.ALL_REGISTERS,
    )  # fmt: skip
    return grad_x, grad_v0, shares
