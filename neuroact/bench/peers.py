"""The same work in other libraries, where they are installed, and in plain torch.

Each function returns what a contestant calls, or None where its library is missing.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

import torch
from torch import Tensor

from neuroact.kernels import surrogates

Scan = Callable[[Tensor], Tensor]
"""Input current `(T, N)` to spikes `(T, N)`."""
StateSpace = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor], Tensor]
"""u, delta `(B, L, D)`, A `(D, N)`, B, C `(B, L, N)`, D `(D,)` to y `(B, L, D)`: as other libraries order them."""
CHUNK = 16
"""Steps whose decays are summed up at once in `chunked_scan`; their exponentials overflow beyond."""


def torch_lif(decay: float) -> Scan:
    """The loop over time in plain torch."""

    def scan(x: Tensor) -> Tensor:
        v, spikes = torch.zeros_like(x[0]), []
        for current in x.unbind(0):
            h = decay * v + current
            s = surrogates.spike(h - 1)
            v = h - s
            spikes.append(s)
        return torch.stack(spikes)

    return scan


def spikingjelly_lif(decay: float, backend: str = "torch") -> Scan | None:
    """spikingjelly's multi-step LIF node, which has no kernel of its own on CPUs."""
    if find_spec("spikingjelly") is None:
        return None
    from spikingjelly.activation_based import functional, neuron, surrogate

    node = neuron.LIFNode(
        tau=1 / (1 - decay), decay_input=False, v_reset=None, surrogate_function=surrogate.ATan(), step_mode="m"
    )
    node.backend = backend

    def scan(x: Tensor) -> Tensor:
        functional.reset_net(node)
        spikes: Tensor = node(x)
        return spikes

    return scan


def snntorch_lif(decay: float) -> Scan | None:
    """snnTorch's `Leaky`, called for every step, as it is meant to be."""
    if find_spec("snntorch") is None:
        return None
    import snntorch

    neuron = snntorch.Leaky(beta=decay, spike_grad=snntorch.surrogate.atan())

    def scan(x: Tensor) -> Tensor:
        potential, spikes = neuron.init_leaky(), []
        for current in x.unbind(0):
            spike, potential = neuron(current, potential)
            spikes.append(spike)
        return torch.stack(spikes)

    return scan


def mambapy_scan() -> StateSpace | None:
    """mambapy's selective scan, by a parallel prefix sum in torch."""
    if find_spec("mambapy") is None:
        return None
    from mambapy.mamba import MambaBlock

    def scan(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor) -> Tensor:
        y: Tensor = MambaBlock.selective_scan(None, u, delta, A, B, C, D)
        return y

    return scan


def chunked_scan(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor) -> Tensor:
    """The selective scan in torch: in all chunks at once by cumulative sums of decays, from chunk to chunk by a loop.

    - `u`, `delta`: `(B, D, L)`, with L a multiple of `CHUNK`. `A`: `(D, N)`. `B`, `C`: `(B, N, L)`. `D`: `(D,)`.

    Returns `(B, D, L)`. Within a chunk h[t] = exp(S[t]) (h[0] + sum over s <= t of exp(-S[s]) x[s]), where S is the
    sum of delta A from the chunk's beginning: exp(-S) overflows where decays are strong, which a scan never does.
    """
    batch, channels, _ = u.shape
    steps = delta.reshape(batch, channels, -1, CHUNK, 1)  # (B, D, L / K, K, 1)
    inputs = (delta * u).reshape(batch, channels, -1, CHUNK, 1)  # (B, D, L / K, K, 1)
    B, C = (given.mT.reshape(batch, 1, -1, CHUNK, A.shape[1]) for given in (B, C))  # (B, 1, L / K, K, N)
    sums = (steps * A[:, None, None]).cumsum(-2)  # (B, D, L / K, K, N)
    decays = sums.exp()  # (B, D, L / K, K, N)
    within = decays * ((-sums).exp() * inputs * B).cumsum(-2)  # (B, D, L / K, K, N)
    h, starts = torch.zeros_like(within[:, :, 0, 0]), []
    for decay, end in zip(decays[:, :, :, -1].unbind(2), within[:, :, :, -1].unbind(2), strict=True):
        starts.append(h)
        h = decay * h + end  # (B, D, N)
    states = within + decays * torch.stack(starts, 2).unsqueeze(3)  # (B, D, L / K, K, N)
    return (states * C).sum(-1).reshape(u.shape) + D[:, None] * u  # (B, D, L)
