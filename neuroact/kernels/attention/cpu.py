"""`spiking_linear_attention` on CPUs: window after window, whose kv stays in the first-level cache.

kv gains a row of v for every spike of a key, and a token's result is the sum of the rows of kv that the spikes of its
query pick. Where there are too many spikes for that to pay, torch's batched dense products do the work.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from neuroact.jit import loop, part
from neuroact.kernels import memory
from neuroact.kernels.arrays import array
from neuroact.kernels.attention.reference import (
    from_windows,
    in_windows,
    linear_attention_gradients,
    linear_attention_reference,
    windows_of,
)
from neuroact.kernels.rows import Row, Value
from neuroact.kernels.sparse import add_rows, add_to_rows, density, list_spikes
from neuroact.kernels.threads import on_every_core

BREAK_EVEN = 0.2
"""The share of spikes in q and k above which dense products are as quick."""


@part
def sum_outer(s: Row, x: Row, where: Row, scale: Value, table: Row) -> None:
    """table = scale s^T x, of a window's spikes `(l, D)` and values `(l, E)`."""
    table[:] = 0
    for token in range(len(s)):
        add_to_rows(s[token], where, list_spikes(s[token], where), x[token], table)
    table *= scale


@part
def pick_rows(s: Row, table: Row, where: Row, out: Row) -> None:
    """out = s table, of a window's spikes `(l, D)`."""
    for token in range(len(s)):
        out[token] = 0
        add_rows(s[token], where, list_spikes(s[token], where), table, out[token])


@loop
def attend(begin: int, end: int, q: Row, k: Row, v: Row, window: int, scale: Value, out: Row) -> None:
    """Windows `begin` to `end`, counted through all sequences: fills their part of `out` `(G, L, E)`."""
    length, width = q.shape[1:]
    where = np.empty(width, np.int32)
    kv = np.empty((width, v.shape[2]), v.dtype)
    windows = -(-length // window)
    for item in range(begin, end):
        g, start = item // windows, item % windows * window
        stop = min(start + window, length)
        sum_outer(k[g, start:stop], v[g, start:stop], where, scale, kv)
        pick_rows(q[g, start:stop], kv, where, out[g, start:stop])


@loop
def attend_back(
    begin: int, end: int, grad: Row, q: Row, k: Row, v: Row, window: int, scale: Value,
    kv: Row, grad_kv: Row, grad_v: Row,
) -> None:  # fmt: skip
    """Windows `begin` to `end`: fills their parts of `grad_v`, and `kv` and its gradient, a window each `(D, E)`."""
    length, width = q.shape[1:]
    where = np.empty(width, np.int32)
    windows = -(-length // window)
    for item in range(begin, end):
        g, start = item // windows, item % windows * window
        stop = min(start + window, length)
        sum_outer(k[g, start:stop], v[g, start:stop], where, scale, kv[item])
        sum_outer(q[g, start:stop], grad[g, start:stop], where, scale, grad_kv[item])
        pick_rows(k[g, start:stop], grad_kv[item], where, grad_v[g, start:stop])


def forward(q: Tensor, k: Tensor, v: Tensor, window: int, scale: float) -> Tensor:
    """The result, `(G, L, E)`. See `attention.linear` for the arguments."""
    if not _sparse(q, k, v):
        return linear_attention_reference(q, k, v, window=window, scale=scale).contiguous()
    out = memory.empty(v.shape, v.dtype)
    windows = len(q) * windows_of(q, window)
    on_every_core(
        attend, windows, v.numel(), array(q), array(k), array(v), window, np.float32(scale), array(out), alignment=1
    )
    return out


def backward(grad: Tensor, q: Tensor, k: Tensor, v: Tensor, window: int, scale: float) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of q, k and v."""
    if not _sparse(q, k, v):
        grads = linear_attention_gradients(grad, q, k, v, window=window, scale=scale)
        return grads[0].contiguous(), grads[1].contiguous(), grads[2].contiguous()
    sequences, windows = len(q), windows_of(q, window)
    kv = v.new_empty((sequences * windows, q.shape[2], v.shape[2]))
    grad_kv, grad_v = torch.empty_like(kv), torch.empty_like(v)
    on_every_core(
        attend_back, len(kv), v.numel(), array(grad), array(q), array(k), array(v), window, np.float32(scale),
        array(kv), array(grad_kv), array(grad_v), alignment=1,
    )  # fmt: skip
    grad_q, grad_k = (
        from_windows(in_windows(x, window) @ table.reshape(sequences, windows, *table.shape[1:]).mT, q.shape[1])
        for x, table in ((grad, kv), (v, grad_kv))
    )
    return grad_q.contiguous(), grad_k.contiguous(), grad_v


def _sparse(q: Tensor, k: Tensor, v: Tensor) -> bool:
    """Whether to sum rows: float32, and few spikes among as many queries and keys."""
    if v.dtype != torch.float32:
        return False
    return density(q.flatten(0, 1)) + density(k.flatten(0, 1)) <= 2 * BREAK_EVEN
