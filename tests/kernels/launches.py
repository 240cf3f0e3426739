"""Launches of every Triton kernel at a size that GPUs are used at, for `tests.kernels.ahead_of_time`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from neuroact.kernels import surrogates
from neuroact.kernels.adaptive import gpu as adaptive
from neuroact.kernels.cuba import gpu as cuba
from neuroact.kernels.lif import gpu as lif

STEPS, NEURONS = 32, 1 << 16
SCANS: dict[str, tuple[Any, int, int]] = {"lif": (lif, 1, 4), "cuba": (cuba, 2, 5), "adaptive": (adaptive, 2, 6)}
"""The kernels of each neuron, and how many states and parameters it has."""


def scan_neurons(neuron: str, dtype: torch.dtype, *, learned: bool, hard: bool, kind: int, form: str) -> None:
    kernels, states, count = SCANS[neuron]
    x, state = torch.empty(STEPS, NEURONS, dtype=dtype), torch.empty(states, NEURONS)
    parameters, inner = [torch.empty(256 if learned else 1)] * count, [16] * count
    *_, checkpoints = kernels.forward(x, state, parameters, inner, hard, kind, 2.0, False, form, True)
    kernels.backward(x, state, x, state, checkpoints, parameters, inner, hard, kind, 2.0, False, False, learned)


LAUNCHES: dict[str, Callable[[], object]] = {
    f"{neuron} {dtype} {'learned, hard' if learned else 'fixed, soft'}, {form}": partial(
        scan_neurons, neuron, dtype, learned=learned, hard=learned, kind=kind, form=form
    )
    for neuron in SCANS
    for dtype, learned, kind, form in (
        (torch.float32, False, surrogates.ATAN, "packed"),
        (torch.float32, True, surrogates.SIGMOID, "same"),
        (torch.bfloat16, False, surrogates.TRIANGLE, "same"),
        (torch.bfloat16, True, surrogates.ATAN, "same"),
    )
}
