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
    """The selective scan in torch, chunk by chunk: h[t] = exp(S[t]) (h0 + sum over s <= t of exp(-S[s]) b[s])

    S is the cumulative sum of delta A over the chunk. See `StateSpace` for the shapes.
    """
    state = u.new_zeros(u.shape[0], u.shape[2], A.shape[1])  # (B, D, N)
    outputs = []
    for start in range(0, u.shape[1], CHUNK):
        part = slice(start, start + CHUNK)
        decays = (delta[:, part, :, None] * A).cumsum(1)  # (B, CHUNK, D, N)
        inputs = (delta[:, part] * u[:, part])[..., None] * B[:, part, None]  # (B, CHUNK, D, N)
        states = decays.exp() * (state[:, None] + (inputs * (-decays).exp()).cumsum(1))  # (B, CHUNK, D, N)
        outputs.append((states @ C[:, part, :, None]).squeeze(-1))  # (B, CHUNK, D)
        state = states[:, -1]
    return torch.cat(outputs, 1) + D * u
