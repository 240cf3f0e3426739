"""The claims about the kernels, each measured against what it is compared with in the same minute."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor

from neuroact.bench import peers
from neuroact.bench.timing import Clock, Contestant, Row, medians
from neuroact.kernels import cuba_lif_scan, lif_scan, selective_scan, spike_matmul

ROUNDS = 9
DECAY = 0.5
SHORT, LONG = (16, 1 << 20), (128, 1 << 16)
"""Steps and neurons."""
SCAN = (4, 1024, 192, 16)
"""Batch, length, channels, states."""
SIDE = 1024
"""Rows and columns of spikes and of weights."""
FORWARD_AND_BACKWARD = 20
"""Bytes in memory that a float32 neuron and step must move: x in and s out, then x and dL/ds in and dL/dx out."""
PACKED = 4.125
"""The same for the forward pass with a bit a spike."""


def bench_kernels(rounds: int = ROUNDS) -> list[Row]:
    """Every claim that can be measured here; those whose peers are missing say so."""
    return [
        lif_row("T=16, N=1 M", SHORT, {"spikingjelly": 4.0, "snntorch": 10.0}, 2.3, rounds),
        lif_row("T=128, N=64 k", LONG, {"spikingjelly": 6.0}, None, rounds),
        packed_row(rounds),
        cuba_row("T=16, N=1 M", SHORT, rounds),
        cuba_row("T=128, N=64 k", LONG, rounds),
        selective_row(rounds),
        *(matmul_row(density, factor, rounds) for density, factor in DENSITIES),
        memory_row(),
    ]


def with_gradient(scan: peers.Scan, x: Tensor, gradient: Tensor) -> Contestant:
    """Forward and backward."""
    return lambda: torch.autograd.grad(scan(x), x, gradient)


def copying(bytes_moved: float) -> Contestant:
    """Copies as much as it takes to move so many bytes: half of them in, half of them out, to memory used before."""
    source = torch.ones(round(bytes_moved / 8))
    target = torch.empty_like(source).copy_(source)
    return lambda: target.copy_(source)


def compared(
    claim: str, ours: str, contestants: Mapping[str, Contestant | None], factors: dict[str, float],
    most: dict[str, float], rounds: int, clock: Clock = medians,
) -> Row:  # fmt: skip
    """A row: `ours` must be `factors` times as fast as those, and take at most `most` times as long as those."""
    there = {name: run for name, run in contestants.items() if run is not None}
    seconds = clock(there, rounds)
    target = [f"≥ {factor:g} × {name}" for name, factor in factors.items()]
    target += [f"≤ {factor:g} × {name}" for name, factor in most.items()]
    reached = [f"{seconds[name] / seconds[ours]:.2f} × {name}" for name in factors if name in seconds]
    reached += [f"{seconds[ours] / seconds[name]:.2f} × {name}" for name in most]
    reached += [f"{name} is not installed" for name in factors if name not in seconds]
    met = all(name in seconds and seconds[name] >= factor * seconds[ours] for name, factor in factors.items())
    met = met and all(seconds[ours] <= factor * seconds[name] for name, factor in most.items())
    return Row(claim, ", ".join(target), ", ".join(reached), met, seconds)


def lif_row(title: str, shape: tuple[int, int], factors: dict[str, float], floor: float | None, rounds: int) -> Row:
    """`lif_scan`, forward and backward."""
    x, gradient = torch.randn(shape).requires_grad_(), torch.randn(shape)
    scans: dict[str, peers.Scan | None] = {
        "neuroact": lambda x: lif_scan(x, decay=DECAY)[0],
        "spikingjelly": peers.spikingjelly_lif(DECAY),
        "snntorch": peers.snntorch_lif(DECAY) if "snntorch" in factors else None,
    }
    runs: dict[str, Contestant | None] = {
        name: with_gradient(scan, x, gradient) if scan else None for name, scan in scans.items()
    }
    if floor:
        runs["copying"] = copying(FORWARD_AND_BACKWARD * x.numel())
    most = {"copying": floor} if floor else {}
    return compared(f"`lif_scan`, {title}", "neuroact", runs, factors, most, rounds)


def packed_row(rounds: int) -> Row:
    """`lif_scan` forward, a bit a spike."""
    x = torch.randn(SHORT)
    runs = {
        "neuroact": lambda: lif_scan(x, decay=DECAY, spike_dtype="packed"),
        "copying": copying(PACKED * x.numel()),
    }
    title = "`lif_scan` forward, packed, T=16, N=1 M"
    return compared(title, "neuroact", runs, {}, {"copying": 1.6}, rounds)


def cuba_row(title: str, shape: tuple[int, int], rounds: int) -> Row:
    """`cuba_lif_scan` beside `lif_scan`."""
    x, gradient = torch.randn(shape).requires_grad_(), torch.randn(shape)
    runs = {
        "cuba": with_gradient(lambda x: cuba_lif_scan(x, decay=DECAY, current_decay=0.3)[0], x, gradient),
        "lif_scan": with_gradient(lambda x: lif_scan(x, decay=DECAY)[0], x, gradient),
    }
    return compared(f"`cuba_lif_scan`, {title}", "cuba", runs, {"lif_scan": 0.7}, {}, rounds)


def selective_row(rounds: int) -> Row:
    """`selective_scan`, B 4, L 1024, D 192, N 16, forward and backward."""
    batch, length, channels, states = SCAN
    u, weights = torch.randn(batch, length, channels), torch.randn(batch, length, channels)
    delta = torch.nn.functional.softplus(torch.randn(batch, length, channels) - 3)
    A = -torch.arange(1.0, states + 1).expand(channels, -1).contiguous()
    B, C = torch.randn(batch, length, states), torch.randn(batch, length, states)
    inputs = [tensor.requires_grad_() for tensor in (u, delta, A, B, C, torch.ones(channels))]
    turned = [tensor.mT.contiguous() if tensor.ndim == 3 else tensor for tensor in inputs]
    turned, turned_weights = [tensor.detach().requires_grad_() for tensor in turned], weights.mT.contiguous()

    def contestant(scan: Callable[..., Tensor], inputs: list[Tensor], weights: Tensor) -> Contestant:
        return lambda: torch.autograd.grad(scan(*inputs), inputs, weights)

    mambapy = peers.mambapy_scan()
    runs = {
        "neuroact": contestant(selective_scan, turned, turned_weights),
        "mambapy": contestant(mambapy, inputs, weights) if mambapy else None,
        "chunked torch": contestant(peers.chunked_scan, turned, turned_weights),
    }
    factors = {"mambapy": 5.0, "chunked torch": 3.0}
    return compared("`selective_scan`, B4 L1024 D192 N16", "neuroact", runs, factors, {}, rounds)


DENSITIES = ((0.01, 8.0), (0.05, 3.0), (0.2, None), (0.5, None), (1.0, None))
"""Share of spikes, and how many times as fast as dense; None for: not slower, but for what a clock cannot tell."""
NOISE = 0.95


def matmul_row(density: float, factor: float | None, rounds: int) -> Row:
    """`spike_matmul`, 1024³, forward."""
    spikes, weights = (torch.rand(SIDE, SIDE) < density).float(), torch.randn(SIDE, SIDE)
    runs = {"neuroact": partial(spike_matmul, spikes, weights), "dense": partial(torch.matmul, spikes, weights)}
    title = f"`spike_matmul`, 1024³, {density:.0%} spikes"
    return compared(title, "neuroact", runs, {"dense": factor or NOISE}, {}, 3 * rounds)


def memory_row() -> Row:
    """What `lif_scan` keeps for its backward pass beside its input and its spikes."""
    x = torch.randn(SHORT[0], SHORT[1] // 8, dtype=torch.bfloat16, requires_grad=True)
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.data_ptr()] = tensor.nbytes
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        spikes, _ = lif_scan(x, decay=DECAY)
    beyond = sum(size for place, size in kept.items() if place not in (x.data_ptr(), spikes.data_ptr()))
    each = beyond / x.numel()
    title = "kept for the backward pass of `lif_scan`, bfloat16, T=16, beside x and s"
    return Row(title, "≤ 2 B a neuron and step", f"{each:.2f} B", each <= 2)
