"""Every operation of torch that runs, and what it takes: multiply-accumulates for values, accumulates for spikes.

An operand is spikes if all of it is 0 or 1, and is not a weight. A spike adds one row of weights: as many accumulates
as it has targets, its fan-out. Two operands that are both activations, as in attention, may both be spikes.

Counted are products of matrices, convolutions, attention and the scans of state spaces, by whatever module or function
they are called. Taps of a convolution that fall on its padding are not counted, neither for values nor for spikes: a
spike at the border has a smaller fan-out. Values that happen to be 0 are counted, for hardware that multiplies does
not look, and attention as if it had no mask. Not counted are biases, normalisations, activations, products element by
element, pooling, distances, and what a neuron does for itself in a step. Of a selective scan, each channel and step
takes 4 multiplications for each dimension of the state (delta A, the decay, B, C) and 2 of its own (delta u, D u).

NeuroBench counts the same, but for five differences that `tests/training/test_neurobench.py` names and measures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import prod
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

Seen = Callable[[str, tuple[Any, ...], Any], None]
Fixed = Callable[[Tensor], bool]
"""Whether a tensor is a weight of the model, or a view of one."""


class Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Inside, calls `seen` after each operation; what `seen` itself computes is not watched.

    - `seen`: gets the name of the operation's schema (`aten::mm`), its positional arguments and its results.
    """

    def __init__(self, seen: Seen) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._seen = seen

    def __torch_dispatch__(
        self, operation: Any, types: Iterable[type], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        results = operation(*args, **(kwargs or {}))
        self._seen(operation._schema.name, args, results)
        return results


class Side(NamedTuple):
    """An operand that may be spikes: whether it is, `()` bool, and how many accumulates that takes, `()` float64."""

    spikes: Tensor
    accumulates: Tensor


class Count(NamedTuple):
    """One product: what it is, its multiply-accumulates, and the operands that could make it accumulates instead."""

    what: str
    macs: int
    sides: tuple[Side, ...]


def count(operation: str, arguments: Sequence[Any], results: Any, fixed: Fixed) -> list[Count]:
    """What a call takes; empty for operations that are not counted.

    - `operation`: the name of its schema, `aten::mm` say.
    """
    return COUNTERS[operation](arguments, results, fixed) if operation in COUNTERS else []


def product(what: str, left: Tensor, right: Tensor, fixed: Fixed) -> Count:
    """`(..., M, K)` times `(..., K, N)`."""
    outputs = right.shape[-1]
    sides = [(left, outputs), (right, left.shape[-2])]
    return Count(what, left.numel() * outputs, tuple(_side(x, fan) for x, fan in sides if not fixed(x)))


def _side(x: Tensor, fan_out: int | Tensor) -> Side:
    # float64 holds every count to 2^53, and float32 would stop counting spikes at 2^24.
    spikes = x.sum(dtype=torch.float64) if isinstance(fan_out, int) else x.sum((0, 1), dtype=torch.float64)
    return Side(((x == 0) | (x == 1)).all(), (spikes * fan_out).sum())


def _matrix_product(arguments: Sequence[Any], results: Any, fixed: Fixed) -> list[Count]:
    left, right = arguments[-2:]
    return [product("product", left, right if right.ndim > 1 else right.unsqueeze(-1), fixed)]


def _convolution(arguments: Sequence[Any], results: Tensor, fixed: Fixed) -> list[Count]:
    x, weight, _, stride, padding, dilation, transposed, _, groups = arguments
    channels = weight.shape[1] if transposed else weight.shape[0] // groups
    sizes = zip(x.shape[2:], results.shape[2:], weight.shape[2:], strict=True)
    fan_out = torch.full((), channels, dtype=torch.float64)
    for dimension, (size, out, kernel) in enumerate(sizes):
        step, pad, gap = (given[dimension % len(given)] for given in (stride, padding, dilation))
        reached = targets(size, out, kernel, step, pad, gap, transposed=transposed)
        fan_out = fan_out.unsqueeze(-1) * reached  # grows to (*spatial)
    macs = prod(x.shape[:2]) * int(fan_out.sum())
    sides = () if fixed(x) else (_side(x, fan_out.to(x.device)),)
    return [Count("convolution", macs, sides)]


def targets(size: int, out: int, kernel: int, step: int, pad: int, gap: int, *, transposed: bool = False) -> Tensor:
    """How many outputs of a one-dimensional convolution each of its inputs reaches: `(size,)` float64.

    Output o takes input i through tap k where `i = step o - pad + gap k`; transposed, input and output change places.
    """
    taps = gap * torch.arange(kernel) - pad
    sources, ends = (size, out) if transposed else (out, size)
    reached = step * torch.arange(sources).unsqueeze(1) + taps  # (sources, kernel)
    inside = (reached >= 0) & (reached < ends)
    if transposed:
        return inside.sum(1).double()
    return torch.bincount(reached[inside], minlength=size).double()


def _spiking_attention(arguments: Sequence[Any], results: Any, fixed: Fixed) -> list[Count]:
    """`k^T v` of each window, and q times that; (S, L, D), (S, L, D), (S, L, E)."""
    q, k, v = arguments[:3]
    macs = k.numel() * v.shape[-1]
    return [
        Count("attention k v", macs, (_side(k, v.shape[-1]), _side(v, k.shape[-1]))),
        Count("attention q kv", macs, (_side(q, v.shape[-1]),)),
    ]


def _softmax_attention(arguments: Sequence[Any], results: Any, fixed: Fixed) -> list[Count]:
    """q k^T, and its softmax times v; (B, H, L, D), (B, H, S, D), (B, H, S, E)."""
    q, k, v = arguments[:3]
    scores = product("attention q k", q, k.transpose(-1, -2), fixed)
    return [scores, Count("attention v", v.numel() * q.shape[-2], (_side(v, q.shape[-2]),))]


def _selective_scan(arguments: Sequence[Any], results: Any, fixed: Fixed) -> list[Count]:
    u, states = arguments[0], arguments[2].shape[0]
    return [Count("selective scan", u.numel() * (4 * states + 2), ())]


def _linear_scan(arguments: Sequence[Any], results: Any, fixed: Fixed) -> list[Count]:
    return [Count("linear scan", arguments[1].numel(), ())]


COUNTERS: dict[str, Callable[[Sequence[Any], Any, Fixed], list[Count]]] = {
    **dict.fromkeys(
        ("aten::mm", "aten::addmm", "aten::bmm", "aten::baddbmm", "aten::mv", "aten::addmv", "neuroact::spike_matmul"),
        _matrix_product,
    ),
    **dict.fromkeys(
        (
            "aten::_scaled_dot_product_flash_attention_for_cpu", "aten::_scaled_dot_product_flash_attention",
            "aten::_scaled_dot_product_efficient_attention", "aten::_scaled_dot_product_cudnn_attention",
        ),
        _softmax_attention,
    ),
    "aten::convolution": _convolution,
    "neuroact::spiking_linear_attention": _spiking_attention,
    "neuroact::selective_scan": _selective_scan,
    "neuroact::linear_scan": _linear_scan,
}  # fmt: skip
"""Operations of torch that take multiplications or accumulates, by the name of their schema."""
