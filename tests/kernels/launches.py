"""Launches of every Triton kernel at a size that GPUs are used at, for `tests.kernels.ahead_of_time`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from neuroact.kernels import surrogates
from neuroact.kernels.lif import gpu as lif

STEPS, NEURONS = 32, 1 << 16


def scan_lif(dtype: torch.dtype, *, learned: bool, hard: bool, kind: int, form: str) -> None:
    x, state = torch.empty(STEPS, NEURONS, dtype=dtype), torch.empty(NEURONS)
    values = torch.empty(256 if learned else 1)
    parameters, inner = [values] * 4, [16] * 4
    *_, checkpoints = lif.forward(x, state, parameters, inner, hard, kind, 2.0, False, form, True)
    lif.backward(x, state, x, state, checkpoints, parameters, inner, hard, kind, 2.0, False, False, learned)


LAUNCHES: dict[str, Callable[[], Tensor | None]] = {
    f"lif {dtype} {'learned, hard' if learned else 'fixed, soft'}, {form}": partial(
        scan_lif, dtype, learned=learned, hard=learned, kind=kind, form=form
    )
    for dtype, learned, kind, form in (
        (torch.float32, False, surrogates.ATAN, "packed"),
        (torch.float32, True, surrogates.SIGMOID, "same"),
        (torch.bfloat16, False, surrogates.TRIANGLE, "same"),
        (torch.bfloat16, True, surrogates.ATAN, "same"),
    )
}
