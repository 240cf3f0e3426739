"""Launches of every Triton kernel at a size that GPUs are used at, for `tests.kernels.ahead_of_time`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from neuroact.kernels import neurons, surrogates
from neuroact.kernels.adaptive import gpu as adaptive
from neuroact.kernels.attention import gpu as attention
from neuroact.kernels.cuba import gpu as cuba
from neuroact.kernels.integer_cuba import gpu as integer_cuba
from neuroact.kernels.lif import gpu as lif
from neuroact.kernels.linear import gpu as linear
from neuroact.kernels.selective import gpu as selective

STEPS, NEURONS = 32, 1 << 16
SCANS: dict[str, tuple[Any, int, int]] = {"lif": (lif, 1, 4), "cuba": (cuba, 2, 5), "adaptive": (adaptive, 2, 6)}
"""The kernels of each neuron, and how many states and parameters it has."""


def scan_neurons(neuron: str, dtype: torch.dtype, given: str, kind: int, form: str) -> None:
    """States are given but beside numbers; where parameters are learned, the reset is hard."""
    kernels, states, count = SCANS[neuron]
    numbers, learned = given == "numbers", given == "learned"
    x, state = torch.empty(STEPS, NEURONS, dtype=dtype), torch.empty(states, 0 if numbers else NEURONS)
    parameters = [0.5 if numbers else torch.empty(256 if learned else 1)] * count
    inner = [neurons.NUMBER if numbers else 16] * count
    *_, checkpoints = kernels.forward(x, state, parameters, inner, learned, kind, 2.0, False, form, True)
    kernels.backward(x, state, x, state, checkpoints, parameters, inner, learned, kind, 2.0, False, False, learned)


def scan_integers(*, keep: bool, count: int) -> None:
    a, states = torch.empty(STEPS, NEURONS), torch.empty(2, NEURONS, dtype=torch.float64)
    parameters = [torch.empty(count, dtype=torch.float64)] * 4
    integer_cuba.forward(a, states, parameters, [16] * 4, None, keep)


def scan_linear(dtype: torch.dtype, *, constant: bool) -> None:
    b, h0 = torch.empty(STEPS, NEURONS, dtype=dtype), torch.empty(NEURONS)
    a, fixed = (b.new_empty(0, 0), torch.empty(256)) if constant else (b, torch.empty(0))
    linear.forward(a, b, h0, fixed, 16)
    linear.backward(b, h0, a, b, h0, fixed, 16)


def scan_selective(dtype: torch.dtype, *, gated: bool, fixed: bool) -> None:
    batch, channels, steps, states = 2, 64, 64, 16
    u, h = torch.empty(batch, channels, steps, dtype=dtype), torch.empty(batch, states, channels)
    varying = (1, channels, 1, states) if fixed else (batch, 1, steps, states)
    A, B, D = h[0], torch.empty(varying, dtype=dtype), torch.empty(channels)  # noqa: N806
    z = u if gated else u.new_empty(0, 0, 0)
    *_, checkpoints = selective.forward(u, u, A, B, B, D, z, D, h, gated, True)
    selective.backward(u, h, u, u, A, B, B, D, z, D, checkpoints, gated)


def attend(dtype: torch.dtype) -> None:
    q = torch.empty(8, 2048, 64, dtype=dtype)
    attention.forward(q, q, q, 256, 1.0)
    attention.backward(q, q, q, q, 256, 1.0)


VARIANTS = (
    (torch.float32, "learned", surrogates.SIGMOID, "same"),
    (torch.bfloat16, "numbers", surrogates.TRIANGLE, "same"),
    (torch.float32, "numbers", surrogates.ATAN, "packed"),
    (torch.bfloat16, "learned", surrogates.ATAN, "same"),
    (torch.float32, "in memory", surrogates.ATAN, "same"),
)
"""The first two take most registers."""
LAUNCHES: dict[str, Callable[[], object]] = {
    f"{neuron} {dtype} {given}, {form}": partial(scan_neurons, neuron, dtype, given, kind, form)
    for neuron in SCANS
    for dtype, given, kind, form in VARIANTS[: None if neuron == "lif" else 2]
}
LAUNCHES |= {
    "integer_cuba one of each, kept": partial(scan_integers, keep=True, count=1),
    "integer_cuba many of each": partial(scan_integers, keep=False, count=256),
}
LAUNCHES |= {
    f"linear {dtype} {'learned' if constant else 'changing'}": partial(scan_linear, dtype, constant=constant)
    for dtype in (torch.float32, torch.bfloat16)
    for constant in (False, True)
}
LAUNCHES |= {
    f"selective {dtype} {'gated' if gated else 'fixed'}": partial(scan_selective, dtype, gated=gated, fixed=not gated)
    for dtype, gated in ((torch.float32, True), (torch.bfloat16, False))
}
LAUNCHES |= {f"attention {dtype}": partial(attend, dtype) for dtype in (torch.float32, torch.bfloat16)}
