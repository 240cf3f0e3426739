"""Inputs of the neurons' scans that exercise what differs between their kernels, for all backends to agree on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from neuroact.kernels import SURROGATES, adaptive_lif_scan, cuba_lif_scan, lif_scan
from tests.kernels.compare import close, gradients


class Neuron(NamedTuple):
    """A scan, the states it takes (and gives, in this order), and numbers for the parameters it cannot do without."""

    scan: Callable[..., tuple[Tensor, ...]]
    states: tuple[str, ...]
    needs: dict[str, float]


NEURONS = {
    "lif": Neuron(lif_scan, ("v0",), {"decay": 0.9}),
    "cuba": Neuron(cuba_lif_scan, ("u0", "v0"), {"decay": 0.9, "current_decay": 0.5}),
    "adaptive": Neuron(adaptive_lif_scan, ("v0", "a0"), {"decay": 0.9, "rho": 0.8, "beta": 0.3}),
}
OPTIONS: list[dict[str, Any]] = [
    {},
    {"v_reset": -0.1},
    {"detach_reset": True},
    {"v_reset": 0.2, "detach_reset": True},
    *({"surrogate": name, "alpha": 1.5} for name in SURROGATES),
]


class Result(NamedTuple):
    """What a scan gives, and the gradients of everything that has one, by name."""

    spikes: Tensor
    last: tuple[Tensor, ...]
    gradients: dict[str, Tensor]


def current(*shape: int, dtype: torch.dtype = torch.float32, seed: int = 0) -> Tensor:
    """Random input that makes neurons spike now and then."""
    random = torch.Generator().manual_seed(seed)
    return (torch.randn(shape, generator=random, dtype=torch.float64) * 0.8 + 0.4).to(dtype)


def leaves(neuron: str, options: dict[str, Any], shape: tuple[int, ...], dtype: torch.dtype) -> dict[str, Tensor]:
    """Everything that has a gradient, by name: states that differ from neuron to neuron, decays along the last
    dimension, thresholds along the one before it, and a scale for all."""
    state = torch.float64 if dtype == torch.float64 else torch.float32
    values = {"x": current(*shape, dtype=dtype)}
    values |= {name: 0.4 * current(*shape[1:], seed=i + 1) for i, name in enumerate(NEURONS[neuron].states)}
    for name, value in NEURONS[neuron].needs.items():
        values[name] = torch.linspace(0.5 * value, value, shape[-1], dtype=torch.float64)
    values["v_threshold"] = torch.linspace(0.8, 1.2, shape[-2], dtype=torch.float64)[:, None]
    values["input_scale"] = torch.tensor(0.8)
    if "v_reset" in options:
        values["v_reset"] = torch.tensor(options["v_reset"])
    return {name: value.to(dtype if name == "x" else state) for name, value in values.items()}


def run(
    neuron: str, backend: str, options: dict[str, Any], shape: tuple[int, ...], dtype: torch.dtype, device: str = "cpu"
) -> Result:
    """A scan of random input and its gradients, of a loss that all results count in."""
    values = {name: value.to(device).requires_grad_() for name, value in leaves(neuron, options, shape, dtype).items()}
    spikes, *last = NEURONS[neuron].scan(**(options | values), backend=backend)
    weights = current(*shape, dtype=torch.float64, seed=9).to(device) - 0.4
    loss = (spikes.double() * weights).sum()
    for step, state in enumerate(last):
        loss = loss + (state.double() * (weights.sum(0) - step)).sum()
    found = gradients(loss, *values.values())
    return Result(spikes.detach(), tuple(state.detach() for state in last), dict(zip(values, found, strict=True)))


def agree(actual: Result, expected: Result, bound: float) -> None:
    """The same spikes, states as close as float32 has them, and gradients within `bound`."""
    assert torch.equal(actual.spikes, expected.spikes)
    assert actual.spikes.dtype == expected.spikes.dtype
    assert all(close(ours, theirs, 1e-6) for ours, theirs in zip(actual.last, expected.last, strict=True))
    for name, theirs in expected.gradients.items():
        assert actual.gradients[name].dtype == theirs.dtype
        assert close(actual.gradients[name], theirs, bound), name
