"""`ChipLayer`: synapses and the current-based neurons behind them, which is what Loihi has as a layer.

T time steps    B batch    C, H, W channels, height and width
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from neuroact.models.layers.neurons import Library, cuba
from neuroact.models.layers.quantised import (
    integer_decay,
    integer_threshold,
    integer_weight,
    quantised_spikes,
    scale_of,
    straight_through,
)


class Integers(NamedTuple):
    """What the chip holds of a layer, by Lava's names in brackets."""

    weight: Tensor
    """int64, of the synapses' shape: even, within [-254, 254]."""
    current_decay: int
    """iDecay, within [0, 4096]."""
    decay: int
    """vDecay, within [0, 4096]."""
    threshold: int
    """vThMant, within [0, 131071]."""


class ChipLayer(nn.Module):
    """Spikes in, spikes out: synapses without bias, and neurons that reset hard, to 0.

    A bias would drive every neuron at every step, spikes or none, and deep layers would integrate theirs while the
    first spikes are still on their way to them, unless the chip is reset between recordings.

    - `synapses`: their weights are drawn anew, see `draw_weights`.
    - `current_decay`, `decay`: within [0, 1], what a step leaves of the current and of the potential.
    - `threshold`: above 0.
    - `quantised`: spike as the chip will, with its integers, instead of in floating point. Weights stay floats, which
      learn, and are rounded whenever they are used.

    Raises `ValueError` for values that do not fit, and for quantised neurons of another library.
    """

    def __init__(
        self,
        synapses: nn.Conv2d | nn.Linear,
        *,
        current_decay: float,
        decay: float,
        threshold: float,
        neuron: Library = "neuroact",
        quantised: bool = False,
    ) -> None:
        super().__init__()
        if synapses.bias is not None:
            raise ValueError("the synapses have a bias; the chip's layer has none")
        if not threshold > 0:
            raise ValueError(f"threshold must be above 0, not {threshold}")
        if quantised and neuron != "neuroact":
            raise ValueError(f"{neuron} has no neurons that count in integers: quantise neuroact's")
        self.synapses = synapses
        self.current_decay, self.decay, self.threshold, self.quantised = current_decay, decay, threshold, quantised
        self.neurons = cuba(neuron, current_decay=current_decay, decay=decay, threshold=threshold)
        self.draw_weights()

    @torch.no_grad()
    def draw_weights(self, rate: float = 0.06, steps: int = 4) -> None:
        """Weights with which potentials fluctuate by a threshold (Rossbroich et al. 2022, sec. 2: fluctuation-driven).

        Without normalisation, which the chip has no room for, the usual ones leave deep layers silent. The paper lets
        potentials settle first; slow neurons never do, as each spike resets them, so what counts here is how far they
        get in a few steps from rest.

        - `rate`: spikes per synapse and step that are expected. `steps`: between two spikes of a neuron.
        """
        # The potential n steps after a spike on a weight of 1: the leak of the current, then that of the potential.
        response = [sum(self.current_decay ** (n - k) * self.decay**k for k in range(n + 1)) ** 2 for n in range(steps)]
        fan_in = self.synapses.weight[0].numel()
        nn.init.normal_(self.synapses.weight, std=self.threshold / math.sqrt(fan_in * rate * sum(response)))

    @property
    def integers(self) -> Integers:
        """What the chip is to hold; `forward` computes with just these if the layer is `quantised`."""
        weight = self.synapses.weight.detach()
        scale = scale_of(weight, self.threshold)
        return Integers(
            integer_weight(weight, scale).long(), integer_decay(self.current_decay), integer_decay(self.decay),
            int(integer_threshold(self.threshold, scale)),
        )  # fmt: skip

    def forward(self, spikes: Tensor) -> Tensor:
        """Spikes `(T, B, ...)` of 0 and 1, each layer in the step of its input: the chip is a step later in each.

        - `spikes`: `(T, B, C, H, W)`, or `(T, B, C)` for dense synapses.
        """
        if not self.quantised:
            x: Tensor = self.neurons(self._arriving(spikes, self.synapses.weight))
            return x
        with torch.autocast(spikes.device.type, enabled=False):  # float32 holds sums of integers, up to 2^24
            scale = scale_of(self.synapses.weight, self.threshold)
            a = self._arriving(spikes, integer_weight(self.synapses.weight, scale))
            a = straight_through(torch.round(a), a)  # whole although dropout scales spikes, or a convolution transforms
            return quantised_spikes(
                a, scale, current_decay=integer_decay(self.current_decay), decay=integer_decay(self.decay),
                threshold=integer_threshold(self.threshold, scale),
            )  # fmt: skip

    def _arriving(self, spikes: Tensor, weight: Tensor) -> Tensor:
        """What reaches the neurons, `(T, B, ...)`."""
        if isinstance(self.synapses, nn.Linear):
            return functional.linear(spikes, weight)
        conv = self.synapses
        flat = functional.conv2d(
            spikes.flatten(0, 1), weight, None, conv.stride, conv.padding, conv.dilation, conv.groups
        )
        return flat.reshape(*spikes.shape[:2], *flat.shape[1:])
