"""Spikes: a layer of neurons that starts from rest with every input, by our kernels or by a peer's modules.

    T time steps    B batch

The three agree: hard reset to 0, spikes at the threshold, the same surrogate (see docs/kernels_parity.md).
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Literal

import torch
from torch import Tensor, nn

from neuroact.kernels.nn import LIF, CubaLIF, to_snntorch, to_spikingjelly

Library = Literal["neuroact", "spikingjelly", "snntorch"]
"""Whose neurons a model is built from."""


class Spikes(nn.Module):
    """Spikes `(T, ...)` of neurons whose input current is `(T, ...)`. Nothing is kept from one call to the next.

    - `neuron`: a `LIF` or `CubaLIF` of ours; `library`: whose module runs in its place.

    Raises `ValueError` for a neuron that the library does not have, `MissingExtra` without the library.
    """

    def __init__(self, neuron: LIF | CubaLIF, library: Library = "neuroact") -> None:
        super().__init__()
        self.library = library
        self.neuron: nn.Module = neuron
        if library == "spikingjelly":
            self.neuron = to_spikingjelly(neuron)
        elif library == "snntorch":
            self.neuron = to_snntorch(neuron)
        elif library != "neuroact":
            raise ValueError(f"there are no neurons of {library!r}; there are neuroact, spikingjelly, snntorch")

    def forward(self, x: Tensor) -> Tensor:
        """Spikes of 0 and 1, of the shape and dtype of `x`."""
        if self.library == "neuroact":
            spikes: Tensor = self.neuron(x)[0]
            return spikes
        return self._by_spikingjelly(x) if self.library == "spikingjelly" else self._by_snntorch(x)

    def _by_spikingjelly(self, x: Tensor) -> Tensor:
        node: Any = self.neuron
        import_module("spikingjelly.activation_based.functional").reset_net(node)
        spikes: Tensor = node(x)
        return spikes

    def _by_snntorch(self, x: Tensor) -> Tensor:
        """One step at a time, as snnTorch does; its modules return the spikes and then their states."""
        node: Any = self.neuron
        spikes = []
        state: tuple[Tensor, ...] = tuple(torch.zeros_like(x[0]) for _ in range(2 if hasattr(node, "alpha") else 1))
        for step in x.unbind(0):
            spike, *states = node(step, *state)
            state = tuple(states)
            spikes.append(spike)
        return torch.stack(spikes).to(x.dtype)


def lif(library: Library = "neuroact", *, decay: float = 0.5, threshold: float = 1.0) -> Spikes:
    """Leaky integrate-and-fire neurons that all three libraries have: hard reset to 0, without gradient."""
    return Spikes(LIF(decay, v_threshold=threshold, v_reset=0.0, detach_reset=True), library)


def cuba(
    library: Library = "neuroact", *, current_decay: float = 0.5, decay: float = 0.5, threshold: float = 1.0
) -> Spikes:
    """Current-based neurons, Loihi's, that all three libraries have: hard reset to 0, which passes gradients on."""
    return Spikes(CubaLIF(current_decay, decay, v_threshold=threshold, v_reset=0.0), library)
