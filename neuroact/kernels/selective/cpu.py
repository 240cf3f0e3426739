"""`selective_scan` on CPUs: blocks of channels, and of each block all time steps, in chunks that stay in the cache.

The forward pass keeps the state before every chunk and nothing else. The backward pass takes the chunks from the last
to the first, computes a chunk's states once more, and goes back over them. Sums over channels are written out block by
block and added up in a fixed order, so that results are the same from run to run, whatever the threads do.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from neuroact.jit import loop, part, part_with
from neuroact.kernels import memory
from neuroact.kernels.arrays import array
from neuroact.kernels.rows import Row
from neuroact.kernels.selective.activations import sigmoid, softplus
from neuroact.kernels.selective.sharing import CHUNKS, empty_checkpoints, gathered
from neuroact.kernels.selective.steps import advance, decays, retreat, turn, turn_back
from neuroact.kernels.threads import on_every_core

CHUNK = CHUNKS["cpu"]
WIDTH = 64
"""Channels of a block at most: a chunk's states then fit into a core's second-level cache at N = 16."""


@part
def stretch(block: int, channels: int, group: int) -> tuple[int, int]:
    """First and last channel of a block, which lies within a group of channels that share B and C."""
    blocks = -(-group // WIDTH)
    start = block // blocks * group + block % blocks * WIDTH
    return start, min(start + WIDTH, (block // blocks + 1) * group)


@part_with("contract")
def fetch(
    u: Row, delta: Row, delta_bias: Row, start: int, first: int, steps: int, delta_softplus: bool,
    us: Row, raw: Row, deltas: Row, xs: Row,
) -> None:  # fmt: skip
    """A chunk's inputs as rows: u, delta as given and as it counts, and x = delta u."""
    turn(u, start, first, steps, us)
    turn(delta, start, first, steps, raw)
    for k in range(steps):
        for j in range(us.shape[1]):
            raw[k, j] += delta_bias[start + j]
            deltas[k, j] = raw[k, j]
        if delta_softplus:
            softplus(deltas[k])
        for j in range(us.shape[1]):
            xs[k, j] = deltas[k, j] * us[k, j]


@part_with("contract")
def skip(D: Row, us: Row, start: int, steps: int, ys: Row) -> None:
    """y = D u, what goes past the state."""
    for k in range(steps):
        for j in range(us.shape[1]):
            ys[k, j] = D[start + j] * us[k, j]


@part_with("contract")
def gate(zs: Row, steps: int, gates: Row, ys: Row) -> None:
    """y = y silu(z);  keeps the logistic function of z in `gates`."""
    for k in range(steps):
        sigmoid(zs[k], gates[k])
        for j in range(zs.shape[1]):
            ys[k, j] *= zs[k, j] * gates[k, j]


@part_with("contract")
def through_gate(zs: Row, ys: Row, steps: int, gates: Row, grad_ys: Row) -> None:
    """From dL/dy after the gate to dL/dy before it; dL/dz takes the place of z."""
    for k in range(steps):
        sigmoid(zs[k], gates[k])
        for j in range(zs.shape[1]):
            z, s = zs[k, j], gates[k, j]
            zs[k, j] = grad_ys[k, j] * ys[k, j] * s * (1 + z * (1 - s))
            grad_ys[k, j] *= z * s


@part_with("contract")
def to_inputs(
    D: Row, us: Row, raw: Row, deltas: Row, grad_ys: Row, start: int, steps: int, delta_softplus: bool,
    slopes: Row, grad_xs: Row, grad_deltas: Row, grad_D: Row, grad_bias: Row,
) -> None:  # fmt: skip
    """From dL/dx to dL/du, in its place, and dL/ddelta as it counts to that as given; adds those of D and the bias."""
    for k in range(steps):
        for j in range(us.shape[1]):
            grad_x = grad_xs[k, j]
            grad_deltas[k, j] += grad_x * us[k, j]
            grad_xs[k, j] = grad_x * deltas[k, j] + grad_ys[k, j] * D[start + j]
            grad_D[start + j] += grad_ys[k, j] * us[k, j]
        if delta_softplus:
            sigmoid(raw[k], slopes)
            for j in range(us.shape[1]):
                grad_deltas[k, j] *= slopes[j]
        for j in range(us.shape[1]):
            grad_bias[start + j] += grad_deltas[k, j]


@loop
def selective_forward(
    begin: int, end: int, u: Row, delta: Row, A: Row, B: Row, C: Row, D: Row, z: Row, delta_bias: Row, h0: Row,
    delta_softplus: bool, y: Row, h_last: Row, checkpoints: Row,
) -> None:  # fmt: skip
    """Blocks `begin` to `end` of all batches' blocks: fills `y` and `h_last`, and `checkpoints` if it has any room.

    - `u`, `delta`, `y` `(B, D, L)`, and `z`, or that is empty. `A` `(N, D)`; `D`, `delta_bias` `(D,)`.
    - `B`, `C` `(B or 1, groups, L or 1, N)`. `h0`, `h_last` `(B, N, D)`; `checkpoints` `(B, ceil(L / CHUNK), N, D)`.
    """
    channels, length = u.shape[1:]
    group = channels // max(B.shape[1], C.shape[1])
    blocks = channels // group * -(-group // WIDTH)
    for item in range(begin, end):
        b = item // blocks
        start, stop = stretch(item % blocks, channels, group)
        B_here = B[b % B.shape[0], start // (channels // B.shape[1])]
        C_here = C[b % C.shape[0], start // (channels // C.shape[1])]
        A_here = A[:, start:stop].copy()
        states = np.empty((2, *A_here.shape), u.dtype)
        decay = np.empty(A_here.shape, u.dtype)
        rows = np.empty((7, CHUNK, stop - start), u.dtype)
        us, raw, deltas, xs, zs, gates, ys = rows[0], rows[1], rows[2], rows[3], rows[4], rows[5], rows[6]
        states[0] = h0[b, :, start:stop]
        for first in range(0, length, CHUNK):
            steps = min(CHUNK, length - first)
            if checkpoints.size:
                checkpoints[b, first // CHUNK, :, start:stop] = states[0]
            fetch(u[b], delta[b], delta_bias, start, first, steps, delta_softplus, us, raw, deltas, xs)
            skip(D, us, start, steps, ys)
            for k in range(steps):
                t = first + k
                decays(deltas[k], A_here, decay)
                advance(
                    decay, xs[k], B_here[t % B.shape[2]], C_here[t % C.shape[2]], states[k & 1], states[1 - (k & 1)],
                    ys[k],
                )  # fmt: skip
            if z.size:
                turn(z[b], start, first, steps, zs)
                gate(zs, steps, gates, ys)
            turn_back(ys, start, first, steps, y[b])
        h_last[b, :, start:stop] = states[length & 1]


@loop
def selective_backward(
    begin: int, end: int, grad_y: Row, u: Row, delta: Row, A: Row, B: Row, C: Row, D: Row, z: Row, delta_bias: Row,
    checkpoints: Row, delta_softplus: bool, grad_u: Row, grad_delta: Row, grad_A: Row, grad_B: Row, grad_C: Row,
    grad_D: Row, grad_z: Row, grad_bias: Row, grad_h: Row,
) -> None:  # fmt: skip
    """Blocks `begin` to `end` of all batches' blocks: fills the gradients, of which each block has a share.

    - `grad_u`, `grad_delta`, `grad_z` as the inputs. `grad_h` `(B, N, D)`: holds dL/dh_last before, dL/dh0 after.
    - zeros before: `grad_A` `(B, N, D)`; `grad_D`, `grad_bias` `(B, D)`; `grad_B`, `grad_C` `(blocks, B, L or 1, N)`.
    """
    channels, length = u.shape[1:]
    group = channels // max(B.shape[1], C.shape[1])
    blocks = channels // group * -(-group // WIDTH)
    for item in range(begin, end):
        b, block = item // blocks, item % blocks
        start, stop = stretch(block, channels, group)
        B_here = B[b % B.shape[0], start // (channels // B.shape[1])]
        C_here = C[b % C.shape[0], start // (channels // C.shape[1])]
        A_here = A[:, start:stop].copy()
        grad_A_here, carried = np.zeros(A_here.shape, u.dtype), grad_h[b, :, start:stop].copy()
        states = np.empty((CHUNK + 1, *A_here.shape), u.dtype)
        decay = np.empty((CHUNK, *A_here.shape), u.dtype)
        rows = np.empty((10, CHUNK, stop - start), u.dtype)
        us, raw, deltas, xs, zs, gates, ys = rows[0], rows[1], rows[2], rows[3], rows[4], rows[5], rows[6]
        grad_ys, grad_xs, grad_deltas = rows[7], rows[8], rows[9]
        for chunk in range(checkpoints.shape[1] - 1, -1, -1):
            first = chunk * CHUNK
            steps = min(CHUNK, length - first)
            fetch(u[b], delta[b], delta_bias, start, first, steps, delta_softplus, us, raw, deltas, xs)
            skip(D, us, start, steps, ys)
            states[0] = checkpoints[b, chunk, :, start:stop]
            for k in range(steps):
                t = first + k
                decays(deltas[k], A_here, decay[k])
                advance(
                    decay[k], xs[k], B_here[t % B.shape[2]], C_here[t % C.shape[2]], states[k], states[k + 1], ys[k]
                )
            turn(grad_y[b], start, first, steps, grad_ys)
            if z.size:
                turn(z[b], start, first, steps, zs)
                through_gate(zs, ys, steps, gates, grad_ys)
                turn_back(zs, start, first, steps, grad_z[b])
            grad_xs[:] = 0
            grad_deltas[:] = 0
            for k in range(steps - 1, -1, -1):
                t = first + k
                retreat(
                    decay[k], deltas[k], xs[k], A_here, B_here[t % B.shape[2]], C_here[t % C.shape[2]],
                    states[k], states[k + 1], grad_ys[k], carried, grad_A_here,
                    grad_B[block, b, t % B.shape[2]], grad_C[block, b, t % C.shape[2]], grad_xs[k], grad_deltas[k],
                )  # fmt: skip
            to_inputs(
                D, us, raw, deltas, grad_ys, start, steps, delta_softplus, gates[0], grad_xs, grad_deltas,
                grad_D[b], grad_bias[b],
            )  # fmt: skip
            turn_back(grad_xs, start, first, steps, grad_u[b])
            turn_back(grad_deltas, start, first, steps, grad_delta[b])
        grad_A[b, :, start:stop] = grad_A_here
        grad_h[b, :, start:stop] = carried


def forward(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, z: Tensor, delta_bias: Tensor, h0: Tensor,
    delta_softplus: bool, keep: bool,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """The output, the last state, and those at the borders of chunks. See `selective.scan` for the arguments."""
    y, h_last = memory.empty(u.shape, u.dtype), torch.empty_like(h0)
    checkpoints = empty_checkpoints(u, h0, "cpu", keep)
    on_every_core(
        selective_forward, u.shape[0] * _blocks(u, B, C), u.numel() * A.shape[0],
        *map(array, (u, delta, A, B, C, D, z, delta_bias, h0)), delta_softplus,
        *map(array, (y, h_last, checkpoints)), alignment=1,
    )  # fmt: skip
    return y, h_last, checkpoints


def backward(
    grad_y: Tensor, grad_h_last: Tensor, u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor,
    z: Tensor, delta_bias: Tensor, checkpoints: Tensor, delta_softplus: bool,
) -> tuple[Tensor, ...]:  # fmt: skip
    """Gradients of u, delta, A, B, C, D, z, delta_bias and h0."""
    batch, channels, _ = u.shape
    blocks = _blocks(u, B, C)
    grad_u, grad_delta, grad_z = (memory.empty(given.shape, given.dtype) for given in (u, delta, z))
    grad_A, grad_h = u.new_zeros((batch, *A.shape)), grad_h_last.clone()
    grad_B, grad_C = (u.new_zeros((blocks, batch, *given.shape[2:])) for given in (B, C))
    grad_D, grad_bias = u.new_zeros((2, batch, channels)).unbind(0)
    on_every_core(
        selective_backward, batch * blocks, u.numel() * A.shape[0],
        *map(array, (grad_y, u, delta, A, B, C, D, z, delta_bias, checkpoints)), delta_softplus,
        *map(array, (grad_u, grad_delta, grad_A, grad_B, grad_C, grad_D, grad_z, grad_bias, grad_h)), alignment=1,
    )  # fmt: skip
    return (
        grad_u, grad_delta, grad_A.sum(0), gathered(grad_B, B), gathered(grad_C, C), grad_D.sum(0), grad_z,
        grad_bias.sum(0), grad_h,
    )  # fmt: skip


def _blocks(u: Tensor, B: Tensor, C: Tensor) -> int:
    """Into how many blocks the channels fall."""
    groups = max(B.shape[1], C.shape[1])
    return groups * -(-(u.shape[1] // groups) // WIDTH)
