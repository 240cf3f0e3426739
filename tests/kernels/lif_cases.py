"""Inputs of `lif_scan` that exercise what differs between its kernels, for all backends to agree on."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from neuroact.kernels import SURROGATES, lif_scan
from tests.kernels.compare import gradients

OPTIONS: list[dict[str, Any]] = [
    {},
    {"v_reset": -0.1},
    {"detach_reset": True},
    {"v_reset": 0.2, "detach_reset": True},
    *({"surrogate": name, "alpha": 1.5} for name in SURROGATES),
]


class Result(NamedTuple):
    """What a scan gives, and the gradients of everything that has one."""

    spikes: Tensor
    v_last: Tensor
    gradients: tuple[Tensor, ...]


def run(
    backend: str, options: dict[str, Any], shape: tuple[int, ...], dtype: torch.dtype, device: str = "cpu"
) -> Result:
    """A scan of random input, with one decay for each neuron of the last dimension and a threshold for each of the one
    before it, and its gradients."""
    random = torch.Generator().manual_seed(0)
    state = torch.float64 if dtype == torch.float64 else torch.float32

    def leaf(values: Tensor, kind: torch.dtype) -> Tensor:
        return values.to(device, kind).requires_grad_()

    x = leaf(torch.randn(shape, generator=random, dtype=torch.float64) * 0.8 + 0.4, dtype)
    v0 = leaf(torch.randn(shape[1:], generator=random, dtype=torch.float64) * 0.3, state)
    decay = leaf(torch.linspace(0.5, 0.95, shape[-1], dtype=torch.float64), state)
    threshold = leaf(torch.linspace(0.8, 1.2, shape[-2], dtype=torch.float64)[:, None], state)
    scale = leaf(torch.tensor(0.8, dtype=torch.float64), state)
    leaves = [x, v0, decay, threshold, scale]
    given = dict(options)
    if "v_reset" in given:
        given["v_reset"] = leaf(torch.tensor(given["v_reset"], dtype=torch.float64), state)
        leaves.append(given["v_reset"])
    spikes, v_last = lif_scan(
        x,
        v0,
        decay=decay,
        v_threshold=threshold,
        input_scale=scale,
        backend=backend,
        **given,  # type: ignore[arg-type]
    )
    weights = torch.randn(shape, generator=random, dtype=torch.float64).to(device)
    loss = (spikes.double() * weights).sum() + (v_last.double() * weights.sum(0)).sum()
    return Result(spikes.detach(), v_last.detach(), gradients(loss, *leaves))
