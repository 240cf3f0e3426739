"""`spiking_linear_attention` on GPUs, in Triton: a program takes one window, whose kv stays on the chip.

Sums are held in float32. So are factors, with tensor cores told to be exact for what came as float32; what came in 16
bits fits the format that they round to.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from neuroact.kernels.attention.reference import windows_of

NARROWEST = 16
"""The least size of a tile that tensor cores take."""
LONGEST = 32
"""Tokens that are read at a time, half of them in float32: more, and the backward pass runs out of registers."""


@triton.jit
def tile(x, rows, columns, stop, width):
    """Rows of a sequence `(L, width)` before `stop`, in float32, zeros beyond."""
    mask = (rows[:, None] < stop) & (columns[None, :] < width)
    return tl.load(x + rows[:, None] * width + columns[None, :], mask=mask, other=0.0).to(tl.float32)


@triton.jit
def put(x, rows, columns, stop, width, values):
    """Writes what `tile` would read."""
    mask = (rows[:, None] < stop) & (columns[None, :] < width)
    tl.store(x + rows[:, None] * width + columns[None, :], values.to(x.dtype.element_ty), mask=mask)


@triton.jit
def attend(
    q, k, v, out, L, D, E, window, windows, scale,
    BLOCK: tl.constexpr, BLOCK_D: tl.constexpr, BLOCK_E: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """out = scale q (k^T v), of one window. Shapes are those of the flat arguments in `attention.linear`."""
    sequence, start = tl.program_id(0).to(tl.int64) // windows, tl.program_id(0) % windows * window
    stop = tl.minimum(start + window, L)
    d, e = tl.arange(0, BLOCK_D), tl.arange(0, BLOCK_E)
    q, k, v, out = q + sequence * L * D, k + sequence * L * D, v + sequence * L * E, out + sequence * L * E
    kv = tl.zeros([BLOCK_D, BLOCK_E], tl.float32)
    for first in range(0, window, BLOCK):
        tokens = start + first + tl.arange(0, BLOCK)
        keys, values = tile(k, tokens, d, stop, D), tile(v, tokens, e, stop, E)
        kv += tl.dot(tl.trans(keys), values, input_precision=PRECISION)
    kv *= scale
    for first in range(0, window, BLOCK):
        tokens = start + first + tl.arange(0, BLOCK)
        picked = tl.dot(tile(q, tokens, d, stop, D), kv, input_precision=PRECISION)
        put(out, tokens, e, stop, E, picked)


@triton.jit
def attend_back(
    grad, q, k, v, grad_q, grad_k, grad_v, L, D, E, window, windows, scale,
    BLOCK: tl.constexpr, BLOCK_D: tl.constexpr, BLOCK_E: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """The gradients of one window, as `reference.linear_attention_gradients` has them."""
    sequence, start = tl.program_id(0).to(tl.int64) // windows, tl.program_id(0) % windows * window
    stop = tl.minimum(start + window, L)
    d, e = tl.arange(0, BLOCK_D), tl.arange(0, BLOCK_E)
    q, k, grad_q, grad_k = (
        q + sequence * L * D, k + sequence * L * D, grad_q + sequence * L * D, grad_k + sequence * L * D,
    )  # fmt: skip
    v, grad, grad_v = v + sequence * L * E, grad + sequence * L * E, grad_v + sequence * L * E
    # One table after the other: both at once are more than the registers hold.
    table = tl.zeros([BLOCK_D, BLOCK_E], tl.float32)
    for first in range(0, window, BLOCK):
        tokens = start + first + tl.arange(0, BLOCK)
        keys, values = tile(k, tokens, d, stop, D), tile(v, tokens, e, stop, E)
        table += tl.dot(tl.trans(keys), values, input_precision=PRECISION)
    table *= scale
    for first in range(0, window, BLOCK):
        tokens = start + first + tl.arange(0, BLOCK)
        of_q = tl.dot(tile(grad, tokens, e, stop, E), tl.trans(table), input_precision=PRECISION)
        put(grad_q, tokens, d, stop, D, of_q)
    table = tl.zeros([BLOCK_D, BLOCK_E], tl.float32)
    for first in range(0, window, BLOCK):
        tokens = start + first + tl.arange(0, BLOCK)
        queries, grads = tile(q, tokens, d, stop, D), tile(grad, tokens, e, stop, E)
        table += tl.dot(tl.trans(queries), grads, input_precision=PRECISION)
    table *= scale
    for first in range(0, window, BLOCK):
        tokens = start + first + tl.arange(0, BLOCK)
        of_k = tl.dot(tile(v, tokens, e, stop, E), tl.trans(table), input_precision=PRECISION)
        put(grad_k, tokens, d, stop, D, of_k)
        of_v = tl.dot(tile(k, tokens, d, stop, D), table, input_precision=PRECISION)
        put(grad_v, tokens, e, stop, E, of_v)


def forward(q: Tensor, k: Tensor, v: Tensor, window: int, scale: float) -> Tensor:
    """The result, `(G, L, E)`. See `attention.linear` for the arguments."""
    out = torch.empty_like(v)
    _launch(attend, (q, k, v, out), q, v, window, scale)
    return out


def backward(grad: Tensor, q: Tensor, k: Tensor, v: Tensor, window: int, scale: float) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of q, k and v."""
    grads = torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)
    _launch(attend_back, (grad, q, k, v, *grads), q, v, window, scale)
    return grads


def _launch(
    kernel: triton.runtime.JITFunction, tensors: tuple[Tensor, ...], q: Tensor, v: Tensor, window: int, scale: float
) -> None:
    """A program for each window of each sequence."""
    (sequences, length, width), depth, windows = q.shape, v.shape[2], windows_of(q, window)
    if not v.numel():
        return
    longest = LONGEST // 2 if v.dtype == torch.float32 else LONGEST
    block, block_d, block_e = (max(NARROWEST, triton.next_power_of_2(size)) for size in (window, width, depth))
    kernel[sequences * windows,](
        *tensors, length, width, depth, window, windows, scale,
        BLOCK=min(longest, block), BLOCK_D=block_d, BLOCK_E=block_e,
        PRECISION="tf32x3" if v.dtype == torch.float32 else "tf32", num_warps=8,
    )  # fmt: skip
