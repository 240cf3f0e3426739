"""`spiking_linear_attention` as its equations read, in PyTorch, for any device and precision."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad


def linear_attention_reference(q: Tensor, k: Tensor, v: Tensor, *, window: int, scale: float) -> Tensor:
    """kv[d, e] = sum over l of k[l, d] v[l, e];  out[l, e] = scale times the sum over d of q[l, d] kv[d, e]"""
    queries, keys, values = (in_windows(x, window) for x in (q, k, v))  # (..., W, window, D or E)
    kv = torch.einsum("...ld,...le->...de", keys, values)  # (..., W, D, E)
    out = torch.einsum("...ld,...de->...le", queries, kv) * scale  # (..., W, window, E)
    return from_windows(out, q.shape[-2])


def linear_attention_gradients(
    grad: Tensor, q: Tensor, k: Tensor, v: Tensor, *, window: int, scale: float
) -> tuple[Tensor, Tensor, Tensor]:
    """dL/dq = scale dL/dout kv^T;  dL/dkv = scale q^T dL/dout;  dL/dk = v (dL/dkv)^T;  dL/dv = k dL/dkv"""
    grads, queries, keys, values = (in_windows(x, window) for x in (grad * scale, q, k, v))
    kv, grad_kv = keys.mT @ values, queries.mT @ grads  # (..., W, D, E)
    grad_q, grad_k, grad_v = grads @ kv.mT, values @ grad_kv.mT, keys @ grad_kv
    length = q.shape[-2]
    return from_windows(grad_q, length), from_windows(grad_k, length), from_windows(grad_v, length)


def windows_of(x: Tensor, window: int) -> int:
    """How many windows the tokens of `x` `(..., L, D)` make."""
    return -(-x.shape[-2] // window)


def in_windows(x: Tensor, window: int) -> Tensor:
    """Tokens `(..., L, D)` as `(..., W, window, D)`; zeros fill the last window, and add nothing to its sums."""
    filled = pad(x, (0, 0, 0, -x.shape[-2] % window))
    return filled.reshape(*x.shape[:-2], windows_of(x, window), window, x.shape[-1])


def from_windows(x: Tensor, length: int) -> Tensor:
    """The `length` tokens of windows, `(..., length, D)`."""
    return x.flatten(-3, -2)[..., :length, :]
