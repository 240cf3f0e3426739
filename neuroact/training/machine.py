"""Where a run is computed: its device, its precision and its ranks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch import nn

from neuroact.training.configs import RunConfig

PRECISIONS = {"fp32": "no", "bf16": "bf16", "fp16": "fp16"}


def accelerator(run: RunConfig) -> Accelerator:
    """What places tensors and talks to the other ranks. Raises `ValueError` for a precision that needs a GPU."""
    # accelerate keeps the first precision and device of a process for all later accelerators, and has no public way to
    # have others: a second run in the same process needs its own.
    AcceleratorState._reset_state(reset_partial_state=True)
    found = Accelerator(mixed_precision=PRECISIONS[run.precision], cpu=run.device == "cpu")
    if run.precision == "fp16" and found.device.type == "cpu":
        raise ValueError("run.precision=fp16 needs a GPU; bf16 runs on a CPU too")  # accelerate would take float32
    return found


@contextmanager
def deterministic(wanted: bool) -> Iterator[None]:
    """Inside, torch refuses operations whose result is not the same to the bit every time."""
    before = torch.are_deterministic_algorithms_enabled()
    if wanted:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # else cuBLAS may sum in another order
        torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)


def with_norms_of_all(model: nn.Module, device: torch.device, ranks: int) -> nn.Module:
    """The model, whose batch norms take the statistics of all ranks' samples where they can: on several GPUs.

    The parameters stay the same objects, and the state dict keeps its names.
    """
    if device.type != "cuda" or ranks == 1:
        return model
    converted: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]
    return converted
