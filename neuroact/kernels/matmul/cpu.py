"""`spike_matmul` on CPUs: for every row of spikes, the sum of the rows of the weights that its spikes pick.

The row being summed stays in the first-level cache, and four rows of weights are added to it at a time. Where there are
too many spikes for that to pay, torch's dense product does the work.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from neuroact.jit import loop
from neuroact.kernels import memory
from neuroact.kernels.arrays import array
from neuroact.kernels.matmul.reference import spike_matmul_reference
from neuroact.kernels.rows import Row
from neuroact.kernels.sparse import add_rows, density, list_spikes
from neuroact.kernels.threads import on_every_core

BREAK_EVEN = 0.15
"""The share of spikes above which a dense product is as quick: 0.15 to 0.3 where measured."""
WIDE = 256
"""Columns of the weights below which finding spikes counts beside adding rows: the share is less in proportion."""
SMALLEST = 1 << 25
"""Multiplications that a dense product does in less time than it takes to get compiled loops going on all cores."""


@loop
def sum_picked(begin: int, end: int, s: Row, weight: Row, out: Row) -> None:
    """Rows `begin` to `end` of `out` `(N, M)`: s `(N, K)` times weight `(K, M)`."""
    where = np.empty(s.shape[1], np.int32)
    for n in range(begin, end):
        out[n] = 0
        add_rows(s[n], where, list_spikes(s[n], where), weight, out[n])


def product(s: Tensor, weight: Tensor) -> Tensor:
    """`(N, M)` from spikes `(N, K)` and weights `(K, M)`, by the quicker way."""
    if not _worthwhile(s, weight) or density(s) > BREAK_EVEN * min(1, weight.shape[1] / WIDE):
        return spike_matmul_reference(s, weight)
    out = memory.empty((s.shape[0], weight.shape[1]), weight.dtype)
    on_every_core(
        sum_picked, s.shape[0], s.numel(), array(s.contiguous()), array(weight.contiguous()), array(out),
        alignment=1,
    )  # fmt: skip
    return out


def _worthwhile(s: Tensor, weight: Tensor) -> bool:
    """Whether a product is of a kind and size that spikes are counted for."""
    return weight.dtype == torch.float32 and s.numel() * weight.shape[1] >= SMALLEST
