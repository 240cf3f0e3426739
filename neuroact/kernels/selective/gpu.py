"""`selective_scan` on GPUs, in Triton: a thread takes a channel through all time steps, its N states in registers.

No step asks anything of another thread: the sum over states is one of a thread's own registers. The forward pass keeps
the state before every chunk of 8 steps. The backward pass takes the chunks from the last to the first and, within one,
each state dimension in turn: it computes that dimension's 8 states once more and goes back over them. What B and C
get from a block of channels is written out and summed later in a fixed order: no atomics, the same bits every time.

The number of steps is an ordinary argument, so that no new one compiles anything.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from neuroact.kernels import blocks
from neuroact.kernels.selective.sharing import CHUNKS, empty_checkpoints, gathered

CHUNK = CHUNKS["triton"]
OPTIONS: dict[str, Any] = {"num_warps": 1, "enable_fp_fusion": True}
CHANNELS = 32
"""Of a program: one a thread, so that all registers are for its states, and no sum crosses from warp to warp."""


@triton.jit
def step_size(delta, bias, SOFTPLUS: tl.constexpr):
    """The step size as it counts: log(1 + exp(delta + bias)), or without the softplus.

    log(1 + w) by the series of 2 artanh(w / (2 + w)), since most steps are so small that 1 + w would round w away.
    """
    x = delta + bias
    if SOFTPLUS:
        w = tl.exp(-tl.abs(x))
        s = w / (2.0 + w)
        square = s * s
        series = 1 / 9 + square * (1 / 11 + square * (1 / 13))
        series = 1.0 + square * (1 / 3 + square * (1 / 5 + square * (1 / 7 + square * series)))
        return tl.maximum(x, 0.0) + 2.0 * s * series
    else:
        return x


@triton.jit
def sigmoid(x):
    """1 / (1 + exp -x)"""
    return 1.0 / (1.0 + tl.exp(-x))


@triton.jit
def selective_forward(
    u, delta, A, B, C, D, z, delta_bias, h0, y, h_last, checkpoints, channels, length, group,
    B_group, B_batch, B_steps, C_group, C_batch, C_steps,
    N: tl.constexpr, SOFTPLUS: tl.constexpr, GATED: tl.constexpr, KEEP: tl.constexpr, CHUNK: tl.constexpr,
    BLOCK: tl.constexpr,
):  # fmt: skip
    """All steps of a block of channels of a batch item. Shapes are those of `selective.scan`.

    - `group`: channels of the smaller group. `B_group`: channels that share B. `B_batch`, `B_steps`: numbers between
      B of one group, batch item or step and of the next; 0 if they share it. The same for C.
    """
    b, block, in_group = tl.program_id(1).to(tl.int64), tl.program_id(0), tl.cdiv(group, BLOCK)
    start = block // in_group * group + block % in_group * BLOCK
    d = start + tl.arange(0, BLOCK)
    mask = d < (block // in_group + 1) * group
    B_here = B + b * B_batch + (start // B_group) * tl.maximum(B_steps * length, N).to(tl.int64)
    C_here = C + b * C_batch + (start // C_group) * tl.maximum(C_steps * length, N).to(tl.int64)
    channel = (b * channels + d) * length
    bias = tl.load(delta_bias + d, mask=mask, other=0.0)
    past = tl.load(D + d, mask=mask, other=0.0)
    h, rate = (), ()
    for n in tl.static_range(N):
        h = h + (tl.load(h0 + (b * N + n) * channels + d, mask=mask, other=0.0),)  # noqa: RUF005
        rate = rate + (tl.load(A + n * channels + d, mask=mask, other=0.0),)  # noqa: RUF005
    for t in range(length):
        if KEEP:
            if t % CHUNK == 0:
                chunk = b * tl.cdiv(length, CHUNK) + t // CHUNK
                for n in tl.static_range(N):
                    tl.store(checkpoints + (chunk * N + n) * channels + d, h[n], mask=mask)
        u_t = tl.load(u + channel + t, mask=mask, other=0.0).to(tl.float32)
        delta_t = step_size(tl.load(delta + channel + t, mask=mask, other=0.0).to(tl.float32), bias, SOFTPLUS)
        x = delta_t * u_t
        y_t = past * u_t
        after = ()
        for n in tl.static_range(N):
            B_t = tl.load(B_here + t * B_steps + n).to(tl.float32)
            C_t = tl.load(C_here + t * C_steps + n).to(tl.float32)
            state = tl.exp(delta_t * rate[n]) * h[n] + B_t * x
            y_t += C_t * state
            after = after + (state,)  # noqa: RUF005
        h = after
        if GATED:
            z_t = tl.load(z + channel + t, mask=mask, other=0.0).to(tl.float32)
            y_t *= z_t * sigmoid(z_t)
        tl.store(y + channel + t, y_t.to(y.dtype.element_ty), mask=mask)
    for n in tl.static_range(N):
        tl.store(h_last + (b * N + n) * channels + d, h[n], mask=mask)


@triton.jit
def selective_backward(
    grad_y, u, delta, A, B, C, D, z, delta_bias, checkpoints, grad_u, grad_delta, grad_A, grad_B, grad_C, grad_D,
    grad_z, grad_bias, grad_h, channels, length, group, B_group, B_batch, B_steps, C_group, C_batch, C_steps,
    N: tl.constexpr, SOFTPLUS: tl.constexpr, GATED: tl.constexpr, B_FIXED: tl.constexpr, C_FIXED: tl.constexpr,
    CHUNK: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Back over all steps of a block of channels of a batch item.

    - `grad_h` `(B, N, D)`: holds dL/dh_last before, dL/dh0 after, and in between what later chunks carried back.
    - zeros before: `grad_A` `(B, N, D)`, `grad_B`, `grad_C` `(blocks, B, L or 1, N)`. `grad_D`, `grad_bias` `(B, D)`.
    """
    b, block, in_group = tl.program_id(1).to(tl.int64), tl.program_id(0), tl.cdiv(group, BLOCK)
    start = block // in_group * group + block % in_group * BLOCK
    d = start + tl.arange(0, BLOCK)
    mask = d < (block // in_group + 1) * group
    B_here = B + b * B_batch + (start // B_group) * tl.maximum(B_steps * length, N).to(tl.int64)
    C_here = C + b * C_batch + (start // C_group) * tl.maximum(C_steps * length, N).to(tl.int64)
    item = block * tl.num_programs(1).to(tl.int64) + b
    to_B = grad_B + item * tl.maximum(B_steps * length, N)
    to_C = grad_C + item * tl.maximum(C_steps * length, N)
    channel = (b * channels + d) * length
    bias = tl.load(delta_bias + d, mask=mask, other=0.0)
    past = tl.load(D + d, mask=mask, other=0.0)
    zero = tl.zeros([BLOCK], tl.float32)
    sum_D, sum_bias = zero, zero
    chunks = tl.cdiv(length, CHUNK)
    for back in range(chunks):
        chunk = chunks - 1 - back
        first = chunk * CHUNK
        deltas, xs, grad_ys, ys, grad_xs, grad_deltas = (), (), (), (), (), ()
        for k in tl.static_range(CHUNK):
            there = mask & ((d * 0 + first + k) < length)
            at = channel + first + k
            u_t = tl.load(u + at, mask=there, other=0.0).to(tl.float32)
            delta_t = step_size(tl.load(delta + at, mask=there, other=0.0).to(tl.float32), bias, SOFTPLUS)
            delta_t = tl.where(there, delta_t, 0.0)
            grad_y_t = tl.load(grad_y + at, mask=there, other=0.0).to(tl.float32)
            if GATED:
                z_t = tl.load(z + at, mask=there, other=0.0).to(tl.float32)
                grad_y_t *= z_t * sigmoid(z_t)
            deltas, xs, grad_ys = deltas + (delta_t,), xs + (delta_t * u_t,), grad_ys + (grad_y_t,)  # noqa: RUF005
            ys, grad_xs, grad_deltas = ys + (zero,), grad_xs + (zero,), grad_deltas + (zero,)  # noqa: RUF005
        for n in range(N):
            lane = (b * N + n) * channels + d
            B_at, C_at = B_here + first * B_steps + n, C_here + first * C_steps + n
            rate = tl.load(A + n * channels + d, mask=mask, other=0.0)
            carried = tl.load(grad_h + lane, mask=mask, other=0.0)
            sum_A = tl.load(grad_A + lane, mask=mask, other=0.0)
            h = tl.load(checkpoints + ((b * chunks + chunk) * N + n) * channels + d, mask=mask, other=0.0)
            held, decays = (h,), ()
            for k in tl.static_range(CHUNK):
                decay = tl.exp(deltas[k] * rate)
                B_t = tl.load(B_at + (0 if B_FIXED else k * N), mask=first + k < length, other=0.0).to(tl.float32)
                h = decay * h + B_t * xs[k]
                held, decays = held + (h,), decays + (decay,)  # noqa: RUF005
            new_ys, new_grad_xs, new_grad_deltas = (), (), ()
            sum_B, sum_C = zero, zero
            for k in tl.static_range(CHUNK - 1, -1, -1):
                B_t = tl.load(B_at + (0 if B_FIXED else k * N), mask=first + k < length, other=0.0).to(tl.float32)
                C_t = tl.load(C_at + (0 if C_FIXED else k * N), mask=first + k < length, other=0.0).to(tl.float32)
                grad = carried + grad_ys[k] * C_t
                share_B, share_C = grad * xs[k], grad_ys[k] * held[k + 1]
                if B_FIXED:
                    sum_B += share_B
                else:
                    tl.store(to_B + first * N + n + k * N, tl.sum(share_B, 0), mask=first + k < length)
                if C_FIXED:
                    sum_C += share_C
                else:
                    tl.store(to_C + first * N + n + k * N, tl.sum(share_C, 0), mask=first + k < length)
                carried = grad * decays[k]
                exponent = carried * held[k]  # dL/d(delta A)
                sum_A += exponent * deltas[k]
                new_ys = (ys[k] + C_t * held[k + 1],) + new_ys  # noqa: RUF005
                new_grad_xs = (grad_xs[k] + grad * B_t,) + new_grad_xs  # noqa: RUF005
                new_grad_deltas = (grad_deltas[k] + exponent * rate,) + new_grad_deltas  # noqa: RUF005
            ys, grad_xs, grad_deltas = new_ys, new_grad_xs, new_grad_deltas
            if B_FIXED:
                tl.store(to_B + n, tl.load(to_B + n) + tl.sum(sum_B, 0))
            if C_FIXED:
                tl.store(to_C + n, tl.load(to_C + n) + tl.sum(sum_C, 0))
            tl.store(grad_h + lane, carried, mask=mask)
            tl.store(grad_A + lane, sum_A, mask=mask)
        for k in tl.static_range(CHUNK):
            there = mask & ((d * 0 + first + k) < length)
            at = channel + first + k
            u_t = tl.load(u + at, mask=there, other=0.0).to(tl.float32)
            if GATED:
                z_t = tl.load(z + at, mask=there, other=0.0).to(tl.float32)
                gate = sigmoid(z_t)
                grad = tl.load(grad_y + at, mask=there, other=0.0).to(tl.float32) * (ys[k] + past * u_t)
                grad *= gate * (1.0 + z_t * (1.0 - gate))
                tl.store(grad_z + at, grad.to(grad_z.dtype.element_ty), mask=there)
            grad = grad_deltas[k] + grad_xs[k] * u_t
            if SOFTPLUS:
                grad *= sigmoid(tl.load(delta + at, mask=there, other=0.0).to(tl.float32) + bias)
            tl.store(grad_delta + at, grad.to(grad_delta.dtype.element_ty), mask=there)
            sum_bias += tl.where(there, grad, 0.0)
            sum_D += grad_ys[k] * u_t
            grad = grad_xs[k] * deltas[k] + grad_ys[k] * past
            tl.store(grad_u + at, grad.to(grad_u.dtype.element_ty), mask=there)
    tl.store(grad_D + b * channels + d, sum_D, mask=mask)
    tl.store(grad_bias + b * channels + d, sum_bias, mask=mask)


def forward(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, z: Tensor, delta_bias: Tensor, h0: Tensor,
    delta_softplus: bool, keep: bool,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """The output, the last state, and those at the borders of chunks. See `selective.scan` for the arguments."""
    y, h_last, checkpoints = torch.empty_like(u), torch.empty_like(h0), empty_checkpoints(u, h0, "triton", keep)
    batch, channels, length = u.shape
    group, blocks_here, block = _blocks(u, B, C)
    selective_forward[blocks_here, batch](
        u, delta, A, B, C, D, z, delta_bias, h0, y, h_last, checkpoints, channels, length, group,
        *_strides(B, channels), *_strides(C, channels), N=A.shape[0], SOFTPLUS=delta_softplus, GATED=z.numel() > 0,
        KEEP=keep, CHUNK=CHUNK, BLOCK=block, **OPTIONS,
    )  # fmt: skip
    return y, h_last, checkpoints


def backward(
    grad_y: Tensor, grad_h_last: Tensor, u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor,
    z: Tensor, delta_bias: Tensor, checkpoints: Tensor, delta_softplus: bool,
) -> tuple[Tensor, ...]:  # fmt: skip
    """Gradients of u, delta, A, B, C, D, z, delta_bias and h0."""
    batch, channels, length = u.shape
    group, blocks_here, block = _blocks(u, B, C)
    grad_u, grad_delta, grad_z = torch.empty_like(u), torch.empty_like(delta), torch.empty_like(z)
    grad_A, grad_h = A.new_zeros((batch, *A.shape)), grad_h_last.clone()
    grad_B, grad_C = (A.new_zeros((blocks_here, batch, *given.shape[2:])) for given in (B, C))
    grad_D, grad_bias = A.new_empty((2, batch, channels)).unbind(0)
    selective_backward[blocks_here, batch](
        grad_y, u, delta, A, B, C, D, z, delta_bias, checkpoints, grad_u, grad_delta, grad_A, grad_B, grad_C, grad_D,
        grad_z, grad_bias, grad_h, channels, length, group, *_strides(B, channels), *_strides(C, channels),
        N=A.shape[0], SOFTPLUS=delta_softplus, GATED=z.numel() > 0, B_FIXED=B.shape[2] == 1, C_FIXED=C.shape[2] == 1,
        CHUNK=CHUNK, BLOCK=block, **OPTIONS, maxnreg=blocks.ALL_REGISTERS,
    )  # fmt: skip
    return (
        grad_u, grad_delta, grad_A.sum(0), gathered(grad_B, B), gathered(grad_C, C), grad_D.sum(0), grad_z,
        grad_bias.sum(0), grad_h,
    )  # fmt: skip


def _blocks(u: Tensor, B: Tensor, C: Tensor) -> tuple[int, int, int]:
    """Channels of the smaller group, into how many blocks all channels fall, and channels of a block."""
    groups = max(B.shape[1], C.shape[1])
    group, block = u.shape[1] // groups, blocks.block_size or CHANNELS
    return group, groups * triton.cdiv(group, block), block


def _strides(given: Tensor, channels: int) -> tuple[int, int, int]:
    """Channels that share B or C `(B or 1, G, L or 1, N)`, and the numbers between batch items and between steps."""
    items, groups, steps, states = given.shape
    return channels // groups, given.stride(0) if items > 1 else 0, states if steps > 1 else 0
