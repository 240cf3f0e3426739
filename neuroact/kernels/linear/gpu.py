"""`linear_scan` on GPUs, in Triton: a program takes a block of neurons through all time steps in registers.

The backward pass reads the states that the forward pass gave out. The number of steps is an ordinary argument, so that
no new one compiles anything.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from neuroact.kernels import blocks
from neuroact.kernels.blocks import parameter


@triton.jit
def linear_forward(
    a, b, h0, h, h_last, T, N, fixed, count, inner, FIXED: tl.constexpr, GIVEN: tl.constexpr, BLOCK: tl.constexpr
):
    """All steps of a block of neurons. Shapes are those of the flat arguments in `linear.scan`."""
    n = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    mask = n < N
    state = tl.load(h0 + n, mask=mask, other=0.0)
    if FIXED:
        constant = parameter(fixed, n, mask, count, inner, GIVEN)
    for t in range(T):
        row = tl.cast(t, tl.int64) * N + n
        if FIXED:
            state = constant * state
        else:
            state = tl.load(a + row, mask=mask, other=0.0).to(tl.float32) * state
        state += tl.load(b + row, mask=mask, other=0.0).to(tl.float32)
        tl.store(h + row, state.to(h.dtype.element_ty), mask=mask)
    tl.store(h_last + n, state, mask=mask)


@triton.jit
def linear_backward(
    grad_h, grad_h_last, a, h, h0, grad_a, grad_b, grad_h0, shares, T, N, fixed, count, inner,
    FIXED: tl.constexpr, GIVEN: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Back over all steps of a block of neurons."""
    n = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    mask = n < N
    carried = tl.load(grad_h_last + n, mask=mask, other=0.0)
    share = tl.zeros([BLOCK], tl.float32)
    if FIXED:
        constant = parameter(fixed, n, mask, count, inner, GIVEN)
    for back in range(T):
        t = T - 1 - back
        row = tl.cast(t, tl.int64) * N + n
        if t > 0:
            before = tl.load(h + row - N, mask=mask, other=0.0).to(tl.float32)
        else:
            before = tl.load(h0 + n, mask=mask, other=0.0)
        grad = carried + tl.load(grad_h + row, mask=mask, other=0.0).to(tl.float32)
        tl.store(grad_b + row, grad.to(grad_b.dtype.element_ty), mask=mask)
        if FIXED:
            share += grad * before
            carried = constant * grad
        else:
            carried = tl.load(a + row, mask=mask, other=0.0).to(tl.float32) * grad
            tl.store(grad_a + row, (grad * before).to(grad_a.dtype.element_ty), mask=mask)
    tl.store(grad_h0 + n, carried, mask=mask)
    if FIXED:
        tl.store(shares + n, share, mask=mask)


def forward(a: Tensor, b: Tensor, h0: Tensor, fixed: Tensor, inner: int) -> tuple[Tensor, Tensor]:
    """All states and the last one. See `linear.scan` for the arguments."""
    h, h_last = torch.empty_like(b), torch.empty_like(h0)
    block = blocks.block_of(b)
    linear_forward[triton.cdiv(h0.numel(), block),](
        a, b, h0, h, h_last, b.shape[0], h0.numel(), fixed, fixed.numel(), inner,
        FIXED=fixed.numel() > 0, GIVEN=blocks.given_as(fixed), BLOCK=block, **blocks.OPTIONS,
    )  # fmt: skip
    return h, h_last


def backward(
    grad_h: Tensor, grad_h_last: Tensor, a: Tensor, h: Tensor, h0: Tensor, fixed: Tensor, inner: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Gradients of a, b and h0, and each neuron's share `(1, N)` in that of `fixed`, `(1, 0)` if that is empty."""
    grad_a, grad_b, grad_h0 = torch.empty_like(a), torch.empty_like(h), torch.empty_like(h0)
    shares = h0.new_empty((1, h0.numel() if fixed.numel() else 0))
    block = blocks.block_of(h)
    linear_backward[triton.cdiv(h0.numel(), block),](
        grad_h, grad_h_last, a, h, h0, grad_a, grad_b, grad_h0, shares, h.shape[0], h0.numel(),
        fixed, fixed.numel(), inner, FIXED=fixed.numel() > 0, GIVEN=blocks.given_as(fixed), BLOCK=block,
        **blocks.OPTIONS,
    )  # fmt: skip
    return grad_a, grad_b, grad_h0, shares
