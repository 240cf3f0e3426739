"""`spiking_linear_attention`: linear attention inside windows of tokens, as one operation of torch."""

from __future__ import annotations

from importlib import import_module
from math import prod
from typing import Any

import torch
from torch import Tensor

from neuroact.kernels.attention.reference import linear_attention_reference
from neuroact.kernels.backends import Backend, choose

BACKENDS: tuple[Backend, ...] = ("triton", "cpu", "reference")
WIDE_BACKENDS: tuple[Backend, ...] = ("cpu", "reference")
WIDEST = 64
"""Size of keys and values up to which Triton's kernels keep a window's kv, and its gradient, in registers."""


def spiking_linear_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    *,
    window: int | None = None,
    scale: float | None = None,
    backend: Backend | None = None,
) -> Tensor:
    """Linear attention (Katharopoulos et al. 2020) in windows of tokens, with spikes for queries and keys.

        kv = k^T v                     a window's sum, (D, E)
        out = scale q kv               every token of the window sees all of it

    As in SpikMamba (ACM MM Asia 2024) there is neither a softmax nor a normaliser, so that where q and k are spikes,
    both products are sums of the rows that spikes pick. The cost is linear in the number of tokens.

    - `q`, `k`: spikes `(..., L, D)`, say `(B, H, L, D)`: 0 and 1 in uint8, bool, or the dtype of `v`, which alone can
      have gradients. Other values are multiplied as they stand.
    - `v`: values `(..., L, E)`, floating-point.
    - `window`: tokens in a window; the last one is shorter if `window` does not divide L. None for a single window.
    - `scale`: 1 / sqrt(D) if None.
    - `backend`: "triton" for D and E up to 64, "cpu" or "reference"; by default the first that can run.

    Returns `(..., L, E)` in the dtype of `v`. All three arguments carry gradients.

    Raises `ValueError` for shapes that do not fit or `window < 1`, `TypeError` for dtypes, `UnavailableBackend` for a
    backend that cannot run.
    """
    _check(q, k, v, window)
    length, width = q.shape[-2:]
    window = min(window or length, length) or 1
    scale = max(width, 1) ** -0.5 if scale is None else float(scale)
    chosen = choose(v, backend, BACKENDS if max(width, v.shape[-1]) <= WIDEST else WIDE_BACKENDS)
    queries, keys = q.to(v.dtype), k.to(v.dtype)
    if chosen == "reference":
        return linear_attention_reference(queries, keys, v, window=window, scale=scale)
    sequences = prod(v.shape[:-2])
    flat = (x.reshape(sequences, *x.shape[-2:]).contiguous() for x in (queries, keys, v))
    out: Tensor = _linear_attention(*flat, window, scale, chosen)
    return out.reshape(v.shape)


spiking_linear_attention.backends = BACKENDS  # type: ignore[attr-defined]


def _check(q: Tensor, k: Tensor, v: Tensor, window: int | None) -> None:
    if q.ndim < 2 or q.shape != k.shape or v.ndim != q.ndim or q.shape[:-1] != v.shape[:-1]:
        shapes = ", ".join(str(tuple(x.shape)) for x in (q, k, v))
        raise ValueError(f"q, k and v must be (..., L, D), (..., L, D) and (..., L, E), not {shapes}")
    if not v.is_floating_point():
        raise TypeError(f"v must be floating-point, not {v.dtype}")
    for name, x in (("q", q), ("k", k)):
        if x.dtype not in (torch.uint8, torch.bool, v.dtype):
            raise TypeError(f"{name} must be uint8, bool or {v.dtype} like v, not {x.dtype}")
    if window is not None and window < 1:
        raise ValueError(f"window must be at least 1, not {window}")


def _kernels(backend: str) -> Any:
    """The module with a backend's `forward` and `backward`; loaded at its first use, as numba and Triton take time."""
    return import_module(f"neuroact.kernels.attention.{'gpu' if backend == 'triton' else backend}")


@torch.library.custom_op("neuroact::spiking_linear_attention", mutates_args=())
def _linear_attention(q: Tensor, k: Tensor, v: Tensor, window: int, scale: float, backend: str) -> Tensor:
    """`(G, L, E)` from `(G, L, D)` twice and `(G, L, E)`, all contiguous and of one dtype."""
    out: Tensor = _kernels(backend).forward(q, k, v, window, scale)
    return out


@_linear_attention.register_fake
def _(q: Tensor, k: Tensor, v: Tensor, window: int, scale: float, backend: str) -> Tensor:
    return torch.empty_like(v)


@torch.library.custom_op("neuroact::spiking_linear_attention_backward", mutates_args=())
def _linear_attention_backward(
    grad: Tensor, q: Tensor, k: Tensor, v: Tensor, window: int, scale: float, backend: str
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of q, k and v."""
    grads: tuple[Tensor, Tensor, Tensor] = _kernels(backend).backward(grad, q, k, v, window, scale)
    return grads


@_linear_attention_backward.register_fake
def _(grad: Tensor, q: Tensor, k: Tensor, v: Tensor, *options: Any) -> tuple[Tensor, Tensor, Tensor]:
    return torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    q, k, v, *ctx.options = inputs
    ctx.save_for_backward(q, k, v)


def _backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    return *_linear_attention_backward(grad.contiguous(), *ctx.saved_tensors, *ctx.options), None, None, None


_linear_attention.register_autograd(_backward, setup_context=_setup_context)
