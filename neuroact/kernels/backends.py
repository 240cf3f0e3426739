"""Which implementation of a kernel runs: asked for by name, set for the process, or chosen by the tensor's device."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.util import find_spec
from typing import Literal, get_args

import torch
from torch import Tensor

from neuroact.errors import UnavailableBackend

Backend = Literal["reference", "cpu", "triton", "mamba_ssm"]
BACKENDS: tuple[Backend, ...] = get_args(Backend)
VARIABLE = "NEUROACT_BACKEND"
"""Environment variable that names the backend for a whole process."""


INSTALLED = frozenset(name for name in ("triton", "mamba_ssm") if find_spec(name) is not None)
TRITON_INTERPRETS = os.environ.get("TRITON_INTERPRET") == "1"
"""Whether Triton's kernels run on CPU tensors here, by its interpreter: slowly, for tests."""


def why_not(backend: Backend, x: Tensor) -> str | None:
    """Why a backend cannot work on a tensor; None if it can."""
    match backend:
        case "cpu":
            if x.device.type != "cpu":
                return f"it needs a tensor on the CPU, not on {x.device}"
            if x.dtype not in (torch.float32, torch.float64, torch.bfloat16, torch.float16):
                return f"it takes float32, float64, bfloat16 and float16, not {x.dtype}"
        case "triton" | "mamba_ssm":
            if backend not in INSTALLED:
                return "it is not installed"
            if x.dtype not in (torch.float32, torch.bfloat16, torch.float16):
                return f"it takes float32, bfloat16 and float16, not {x.dtype}"
            if not x.is_cuda and not (backend == "triton" and TRITON_INTERPRETS):
                return f"it needs a tensor on a GPU, not on {x.device}"
        case "reference":
            if not x.is_floating_point():
                return f"it takes floating-point tensors, not {x.dtype}"
    return None


def choose(x: Tensor, asked: str | None, offered: tuple[Backend, ...]) -> Backend:
    """The backend for `x`: the one `asked` for, or that of the environment, or the fastest that can run.

    - `offered`: the operation's backends, fastest first.

    Raises `UnavailableBackend` if one is asked for that cannot run, and `ValueError` if there is none of that name.
    """
    asked = asked or os.environ.get(VARIABLE) or None
    if asked is None:
        reasons = {backend: why_not(backend, x) for backend in offered if backend != "mamba_ssm"}
        able = next((backend for backend, reason in reasons.items() if reason is None), None)
        if able is None:
            raise UnavailableBackend("; ".join(f"{backend}: {reason}" for backend, reason in reasons.items()))
        return able
    if asked not in BACKENDS:
        raise ValueError(f"backend must be one of {', '.join(BACKENDS)}, not {asked!r}")
    backend: Backend = asked
    if backend not in offered:
        raise UnavailableBackend(f"this operation has no backend {backend!r}; it has {', '.join(offered)}")
    if reason := why_not(backend, x):
        raise UnavailableBackend(f"backend {backend!r} cannot run: {reason}")
    return backend


def which_backend(x: Tensor, operation: Callable[..., object] | None = None) -> Backend:
    """The backend that a scan over `x` takes if none is named.

    - `operation`: one of the public functions, `lif_scan` if none is given.
    """
    offered: tuple[Backend, ...] = getattr(operation, "backends", ("triton", "cpu", "reference"))
    return choose(x, None, offered)
