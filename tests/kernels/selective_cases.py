"""Inputs of `selective_scan` that exercise what differs between its kernels, for all backends to agree on."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from neuroact.kernels import selective_scan
from tests.kernels.compare import gradients


class Size(NamedTuple):
    """B, D, L, N, and the number of groups G."""

    batch: int = 2
    channels: int = 6
    length: int = 33
    states: int = 3
    groups: int = 2


FORMS: list[dict[str, Any]] = [
    {},
    {"forms": "gg", "softplus": True, "without": ("D", "h0")},
    {"forms": "fv", "without": ("z",)},
    {"forms": "gf", "softplus": True, "without": ("z", "delta_bias")},
    {"forms": "ff"},
]
"""Whether B and C vary with time, in groups or not, or are fixed; whether softplus is taken; what is left out."""


class Result(NamedTuple):
    """What a scan gives, and the gradients of all its inputs by their names."""

    y: Tensor
    h_last: Tensor
    gradients: dict[str, Tensor]


def inputs(
    size: Size, dtype: torch.dtype, forms: str = "vv", softplus: bool = True, without: tuple[str, ...] = ()
) -> dict[str, Tensor]:
    """Random arguments of `selective_scan` by name, with gradients; parameters and states in the state's precision."""
    random = torch.Generator().manual_seed(0)
    batch, channels, length, states, groups = size
    shapes = {"v": (batch, states, length), "g": (batch, groups, states, length), "f": (channels, states)}
    state = torch.float64 if dtype == torch.float64 else torch.float32

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=random, dtype=torch.float64)

    steps = normal(batch, channels, length)
    given = {
        "u": normal(batch, channels, length).to(dtype),
        "delta": (steps - 1 if softplus else steps.sigmoid()).to(dtype),
        "A": -normal(channels, states).exp().to(state),
        "B": normal(*shapes[forms[0]]).to(dtype),
        "C": normal(*shapes[forms[1]]).to(dtype),
        "D": normal(channels).to(state),
        "z": normal(batch, channels, length).to(dtype),
        "delta_bias": (normal(channels) if softplus else normal(channels).sigmoid()).to(state),
        "h0": normal(batch, channels, states).to(state),
    }
    return {name: value.requires_grad_() for name, value in given.items() if name not in without}


def run(backend: str, size: Size, dtype: torch.dtype, device: str = "cpu", **form: Any) -> Result:
    """A scan of random input, and its gradients."""
    given = {name: value.detach().to(device).requires_grad_() for name, value in inputs(size, dtype, **form).items()}
    y, h_last = selective_scan(
        **given,
        delta_softplus=form.get("softplus", True),
        return_last_state=True,
        backend=backend,  # type: ignore[arg-type]
    )
    random = torch.Generator().manual_seed(1)
    to_y, to_h = (torch.randn(out.shape, generator=random, dtype=torch.float64).to(device) for out in (y, h_last))
    loss = (y.double() * to_y).sum() + (h_last.double() * to_h).sum()
    return Result(y.detach(), h_last.detach(), dict(zip(given, gradients(loss, *given.values()), strict=True)))


def differences(actual: Result, expected: Result) -> dict[str, tuple[Tensor, Tensor]]:
    """What is to be compared, by name."""
    pairs = {"y": (actual.y, expected.y), "h_last": (actual.h_last, expected.h_last)}
    return pairs | {name: (actual.gradients[name], grad) for name, grad in expected.gradients.items()}
