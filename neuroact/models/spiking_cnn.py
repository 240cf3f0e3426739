"""A spiking convolutional network that Loihi can hold whole (Davies et al. 2018; Orchard et al. 2021 for Loihi 2).

    B batch    T time steps    C channels, OFF and ON    H, W height and width    D neurons of the hidden layer
    L classes  P voters, neurons that spike for one class

    conv 4 x 4, stride 2 -> ... -> conv 4 x 4, stride 2 -> dense D -> dense L P -> spikes of a class's voters, counted

Each arrow is binary spikes, and each layer is current-based neurons behind its synapses:

    u[t] = current_decay u[t-1] + W s_in[t]               synaptic current
    h[t] = decay v[t-1] + u[t]                             membrane potential
    s[t] = 1 if h[t] >= threshold else 0
    v[t] = 0 if s[t] else h[t]                             hard reset

What the chip rules out shapes the rest. (1) No pooling: Lava's format has none. To sum the currents that 3 x 3 synapses
make over 2 x 2 neighbours is a convolution of 4 x 4 with stride 2, so that is what a layer has, and all of its weights
learn. The largest of binary spikes can be had, by neurons that any of 2 x 2 neighbours drives over their threshold:
with `pooling`, these stand behind convolutions of 5 x 5, for several times the synaptic operations. (2) No bias and so
no BatchNorm, whose shift would become one: weights begin such that each layer fires instead, see `ChipLayer`. (3) Input
is binary: an event or more at a pixel, polarity and step is one spike, since the chip's input has no graded ones. (4)
Logits are counts of output spikes, which the chip sends by itself. Membrane potentials would have to be probed at every
step, or summed by a neuron without leak, whose 24 bits do not last for a long recording. Counts of one neuron a class
are coarse and often tie, hence P voters for each.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from neuroact.models.layers import ChipLayer, Library
from neuroact.models.registry import register

PRESETS = {
    "tiny": {"size": (16, 16), "widths": (4, 8), "hidden": 32, "voters": 4},
    "small": {"widths": (24, 48), "hidden": 256},
}


@register("spiking_cnn", takes="frames", presets=PRESETS)
class SpikingCNN(nn.Module):
    """Logits `(B, L)` of spike counts or frames `(B, T, C, H, W)`.

    - `classes`: L. `channels`: C. `size`: (H, W), each at least 2 to the power of the number of convolutions.
    - `widths`: output channels of each convolution. `hidden`: D. `voters`: P.
    - `pooling`: convolutions of 5 x 5 and the largest of 2 x 2 spikes, in the place of 4 x 4 with stride 2.
    - `current_decay`, `decay`: within [0, 1], what a step leaves of currents and potentials; `threshold`: above 0.
    - `dropout`: share of the spikes into the dense layers that are dropped in training, the same ones at every step.
    - `neuron`: whose neurons. `quantised`: compute with the integers that the chip will hold, of neuroact's alone.

    `layers` are in the order of the chip's. Raises `ValueError` for values that do not fit.
    """

    layers: nn.ModuleList
    """`ChipLayer`s, each with its `integers`; what the first dense one gets is flattened as (C, H, W)."""

    def __init__(
        self,
        *,
        classes: int,
        channels: int = 2,
        size: tuple[int, int] = (34, 34),
        widths: Sequence[int] = (24, 48),
        hidden: int = 256,
        voters: int = 10,
        pooling: bool = False,
        current_decay: float = 0.5,
        decay: float = 0.5,
        threshold: float = 1.0,
        dropout: float = 0.2,
        neuron: Library = "neuroact",
        quantised: bool = False,
    ) -> None:
        super().__init__()
        if min(classes, channels, hidden, voters, *widths) < 1:
            raise ValueError("classes, channels, widths, hidden and voters must be at least 1")
        height, width = (side >> len(widths) for side in size)
        if min(height, width) < 1:
            raise ValueError(f"{len(widths)} convolutions halve {size[0]} x {size[1]} pixels to nothing")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout must be within [0, 1), not {dropout}")
        self.channels, self.size, self.voters, self.dropout = channels, tuple(size), voters, dropout
        self.pooling = pooling
        kernel, stride, padding = (5, 1, 2) if pooling else (4, 2, 1)
        convolutions: list[nn.Conv2d | nn.Linear] = [
            nn.Conv2d(before, after, kernel, stride=stride, padding=padding, bias=False)
            for before, after in zip((channels, *widths), widths, strict=False)
        ]
        features = (channels, *widths)[-1] * height * width
        dense: list[nn.Conv2d | nn.Linear] = [
            nn.Linear(features, hidden, bias=False),
            nn.Linear(hidden, classes * voters, bias=False),
        ]
        self.layers = nn.ModuleList(
            ChipLayer(
                synapses, current_decay=current_decay, decay=decay, threshold=threshold, neuron=neuron,
                quantised=quantised,
            )
            for synapses in convolutions + dense
        )  # fmt: skip
        self.convolutions = len(convolutions)

    def forward(self, x: Tensor) -> Tensor:
        """Voters of each class that spike in a step, on average over T: logits within [0, P].

        - `x`: `(B, T, C, H, W)`, T at least 1; what is above 0 is a spike.

        Returns `(B, L)`. Raises `ValueError` for an input of another shape.
        """
        spikes = self.output_spikes(x)  # (T, B, L P)
        return spikes.mean(0).reshape(len(x), -1, self.voters).sum(-1)  # (B, L)

    def output_spikes(self, x: Tensor) -> Tensor:
        """What the chip puts out for `x`, a step later in each layer: `(T, B, L P)` of 0 and 1, voters side by side."""
        if x.ndim != 5 or x.shape[1] < 1 or tuple(x.shape[2:]) != (self.channels, *self.size):
            expected = f"(B, T, {self.channels}, {self.size[0]}, {self.size[1]})"
            raise ValueError(f"x must be {expected} with T at least 1, not {tuple(x.shape)}")
        s = (x.transpose(0, 1) > 0).to(next(self.parameters()).dtype)  # (T, B, C, H, W)
        for layer in self.layers[: self.convolutions]:
            s = layer(s)  # (T, B, width, H / 2, W / 2), or (T, B, width, H, W) before pooling
            if self.pooling:
                s = _any_of_four(s)  # (T, B, width, H / 2, W / 2)
        s = s.flatten(2)  # (T, B, features)
        for layer in self.layers[self.convolutions :]:
            s = layer(self._dropped(s))  # (T, B, D), then (T, B, L P)
        return s

    def _dropped(self, s: Tensor) -> Tensor:
        """`(T, B, features)`: a neuron is dropped at all steps, as at some others it would tell the same."""
        if not self.training or not self.dropout:
            return s
        return s * functional.dropout(torch.ones_like(s[:1]), self.dropout)


def _any_of_four(s: Tensor) -> Tensor:
    """Whether any of 2 x 2 neighbours spikes: `(T, B, C, H, W)` to `(T, B, C, H / 2, W / 2)`, rounding down."""
    pooled = functional.max_pool2d(s.flatten(0, 1), 2)
    return pooled.reshape(*s.shape[:2], *pooled.shape[1:])
