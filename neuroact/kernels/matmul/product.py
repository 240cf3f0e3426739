"""`spike_matmul`: spikes times weights, as one operation of torch."""

from __future__ import annotations

from math import prod
from typing import Any

import torch
from torch import Tensor

from neuroact.kernels.backends import Backend, choose
from neuroact.kernels.matmul.reference import spike_matmul_reference

BACKENDS: tuple[Backend, ...] = ("cpu", "reference")


def spike_matmul(s: Tensor, W: Tensor, *, backend: Backend | None = None) -> Tensor:  # noqa: N803
    """`s @ W` for spikes `s`: where few are 1, sums the rows of `W` that they pick instead of multiplying.

    - `s`: spikes `(..., K)` of 0 and 1; uint8, bool, or the dtype of `W`, which alone can have a gradient. Other values
      multiply as in `torch.matmul`, on every path: it is only the zeros that save work.
    - `W`: weights `(K, M)`. The sparse path copies them at each call if they are not contiguous, as `weight.t()` of a
      `torch.nn.Linear` is not. Finite: a zero in `s` may or may not turn an infinite weight into NaN.
    - `backend`: "cpu" or "reference"; by default the first for tensors on the CPU.

    Returns `(..., M)` in the dtype of `W`. Both arguments carry gradients; that of `W`, `s^T` times the gradient of the
    result, is sparse under the same conditions.

    The CPU's path is chosen by the share of `s` that is not 0, counted anew at each call: see `matmul.cpu` for the
    conditions. On GPUs `torch.matmul` runs; no kernel of ours
    is offered there, for none has been shown to be faster.

    Raises `ValueError` for shapes that do not fit, `TypeError` for dtypes, `UnavailableBackend` for a backend that
    cannot run.
    """
    if W.ndim != 2:
        raise ValueError(f"W must be a matrix (K, M), not of shape {tuple(W.shape)}")
    if s.ndim < 1 or s.shape[-1] != W.shape[0]:
        raise ValueError(f"s has shape {tuple(s.shape)}, whose last size must be W's first, {W.shape[0]}")
    if s.dtype not in (torch.uint8, torch.bool, W.dtype):
        raise TypeError(f"s must be uint8, bool or {W.dtype} like W, not {s.dtype}")
    if choose(W, backend, BACKENDS) == "reference":
        return spike_matmul_reference(s, W)
    flat = s.view(torch.uint8) if s.dtype == torch.bool else s
    out: Tensor = _spike_matmul(flat.reshape(prod(s.shape[:-1]), W.shape[0]), W)
    return out.reshape(*s.shape[:-1], W.shape[1])


spike_matmul.backends = BACKENDS  # type: ignore[attr-defined]


@torch.library.custom_op("neuroact::spike_matmul", mutates_args=())
def _spike_matmul(s: Tensor, weight: Tensor) -> Tensor:
    """`(N, M)` from `(N, K)`, strided or not, and `(K, M)`."""
    from neuroact.kernels.matmul import cpu  # loaded at its first use, as numba is slow to

    return cpu.product(s, weight)


@_spike_matmul.register_fake
def _(s: Tensor, weight: Tensor) -> Tensor:
    return weight.new_empty((s.shape[0], weight.shape[1]))


def _setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
    ctx.save_for_backward(*inputs)


def _backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
    s, weight = ctx.saved_tensors
    grad_s = grad @ weight.t() if ctx.needs_input_grad[0] else None
    grad_weight = _spike_matmul(s.t(), grad) if ctx.needs_input_grad[1] else None
    return grad_s, grad_weight


_spike_matmul.register_autograd(_backward, setup_context=_setup_context)
