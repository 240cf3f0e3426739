"""The claims about the kernels on a GPU: how near they come to the speed of its memory, and to other libraries.

What counts is the time on the GPU, as the host is ahead of it in training. What a call costs the host is its own row.
"""

from __future__ import annotations

from importlib.util import find_spec

import torch
from torch import Tensor

from neuroact.bench import peers
from neuroact.bench.kernels import DECAY, compared, with_gradient
from neuroact.bench.timing import Contestant, Row, gpu_medians, medians
from neuroact.kernels import lif_scan

SHAPE = (16, 1 << 20)
"""Steps and neurons: 16.8 M neuron-steps."""
FEW = (16, 64)
REACHED = 0.85
"""Share of the bandwidth of a copy."""
NUMBERS_MOVED = {"forward": 2, "forward and backward": 5}
"""A neuron and step: x in, s out; then x and dL/ds in, dL/dx out."""


def bench_gpu(rounds: int, device: str = "cuda", shape: tuple[int, int] = SHAPE) -> list[Row]:
    """A row for each pass and precision, and one for the host."""
    rows = [
        lif_row(passes, dtype, rounds, device, shape)
        for passes in NUMBERS_MOVED
        for dtype in (torch.float32, torch.bfloat16)
    ]
    return [*rows, host_row(rounds, device)]


def lif_row(passes: str, dtype: torch.dtype, rounds: int, device: str, shape: tuple[int, int]) -> Row:
    """`lif_scan` beside a copy of as many bytes, a compiled loop in torch, and spikingjelly's kernels."""
    runs = _contestants(passes, torch.randn(shape, device=device, dtype=dtype).requires_grad_())
    source = torch.empty(NUMBERS_MOVED[passes] * shape[0] * shape[1] // 2, device=device, dtype=dtype)
    target = torch.empty_like(source)
    runs["copying"] = lambda: target.copy_(source)
    factors = {"copying": REACHED}
    if dtype == torch.bfloat16 and find_spec("spikingjelly"):
        factors["spikingjelly"] = 1.3
    title = f"`lif_scan` on {_name(device)}, {passes}, {str(dtype).removeprefix('torch.')}, T=16, N=1 M"
    return compared(title, "neuroact", runs, factors, {}, rounds, gpu_medians if device == "cuda" else medians)


def host_row(rounds: int, device: str) -> Row:
    """What a call costs where there is next to nothing for the GPU to do."""
    runs = _contestants("forward", torch.randn(FEW, device=device))
    seconds = medians({name: run for name, run in runs.items() if run}, rounds)
    title = f"`lif_scan` on {_name(device)}, a call with next to nothing to do, forward, T=16, N=64"
    return Row(title, "no target", f"{seconds['neuroact'] * 1e6:.0f} µs", True, seconds)


def _contestants(passes: str, x: Tensor) -> dict[str, Contestant | None]:
    """`lif_scan` and its peers; None for what is not installed."""
    on_gpu, gradient = x.is_cuda, torch.randn_like(x)
    scans: dict[str, peers.Scan | None] = {
        "neuroact": lambda x: lif_scan(x, decay=DECAY)[0],
        "compiled torch": torch.compile(peers.torch_lif(DECAY)) if on_gpu else peers.torch_lif(DECAY),
        "spikingjelly": peers.spikingjelly_lif(DECAY, backend="triton") if on_gpu else None,
    }
    return {name: _passes(passes, scan, x, gradient) if scan else None for name, scan in scans.items()}


def _passes(passes: str, scan: peers.Scan, x: Tensor, gradient: Tensor) -> Contestant:
    if passes == "forward":
        return lambda: scan(x.detach())
    return with_gradient(scan, x, gradient)


def _name(device: str) -> str:
    return torch.cuda.get_device_name() if device == "cuda" else device
