"""SpikePoint (Ren et al., ICLR 2024): a spiking network on event clouds.

    B batch    N points of a cloud, (x, y, t) in [0, 1]    M centroids    K members of a group
    T time steps, 16 in the paper    C channels    L classes
    F features that are coded: 6 of a group's member, 3 of a centroid    R neurons that code for one, 1 in the paper

One stage: groups of neighbouring points, their features as rates of spikes, a local extractor for each group, a global
one for all groups, a classifier. Between layers go spikes or currents: a current is what drives neurons, real numbers
out of a convolution and its batch norm. A pointwise convolution is a linear layer over the channels, which come last.

Differences from the paper:
(1) Spikes of the rate code are spread evenly over time, and over several neurons if wanted, not drawn one by one: see
`RateCode`.
(2) Offsets are divided by their spread about the centroid, not about the group's mean, and three spreads are the rate
of 1, above which rates cannot tell offsets apart. Many are above one spread, hardly any above three.
(3) The largest current among a group's members, or all groups, is normalised before it drives neurons. The largest of
many is above the threshold nearly always, and neurons that fire at every step tell nothing.
(4) A cloud of fewer points than there should be centroids or members has fewer of these.
(5) There is no public code. The widths are ours: by them one design has both published parameter counts, 0.58 M and
0.16 M. M and K are the usual ones of networks on point clouds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from neuroact.models.layers import Library, Spikes, lif
from neuroact.models.layers.grouping import farthest_points, gather, nearest_neighbours
from neuroact.models.registry import register

Neurons = Callable[[], Spikes]
"""Makes a layer of the network's neurons."""

GOLDEN = (math.sqrt(5) - 1) / 2
"""No other number has multiples that are spread as evenly, modulo 1."""

FARTHEST = 3.0
"""In spreads of its group, the offset that fires at every step. The spread is that over x, y and t together, so the
offsets of points on a line along one of them end at 3."""

LEAST_SPREAD = 1e-9
"""Below what float32 tells apart near 1, so that what it changes is a group of one point, whose offsets are all 0."""

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "tiny": {
        "centroids": 32, "neighbours": 8, "steps": 8, "width": 16, "bottleneck": 8, "widths": (32, 64), "hidden": 32,
    },
    "small": {"centroids": 128, "neighbours": 16, "width": 32, "bottleneck": 16, "widths": (64, 128), "hidden": 64},
    "chip": {
        "centroids": 128, "neighbours": 16, "width": 32, "bottleneck": 16, "widths": (64, 128), "hidden": 64,
        "residual": False,
    },
    "spikepoint_gesture": {"width": 64, "bottleneck": 32, "widths": (128, 256, 512), "hidden": 96},
    "spikepoint_daily": {"width": 32, "bottleneck": 16, "widths": (64, 128, 256), "hidden": 96},
}  # fmt: skip
"""The last two have the paper's parameter counts: 580,651 for the 11 classes of DVS128 Gesture (580,554 for the 10 that
the paper keeps), and 159,980 for the 12 of Daily DVS."""


def group_features(points: Tensor, centroids: Tensor, members: Tensor) -> Tensor:
    """What the first branch sees of a group (section 3.2): offsets can be negative, and a rate of spikes cannot.

    - `points`: `(B, N, 3)`. `centroids`: `(B, M, 3)`. `members`: indices of points `(B, M, K)`.

    Returns `(B, M, K, 6)`: |dx|, |dy|, |dt| from the centroid, divided by their root mean square over the group and the
    three coordinates, and the group's corner xmin, ymin, tmin, which says where the signs have gone.
    """
    group = gather(points, members)  # (B, M, K, 3)
    offsets = (group - centroids[:, :, None]).abs()  # (B, M, K, 3)
    spread = offsets.square().mean((2, 3), keepdim=True).sqrt()  # (B, M, 1, 1)
    corner = group.amin(2, keepdim=True)  # (B, M, 1, 3)
    return torch.cat([offsets / spread.clamp(min=LEAST_SPREAD), corner.expand_as(group)], -1)  # (B, M, K, 6)


class RateCode(nn.Module):
    """Spikes whose share of the T steps is a value's share of its ceiling, to within one step.

    R neurons code for each feature. They have R T thresholds between them, so that few steps can tell values apart as
    finely as many, and every step tells a value to within hardly more than 1 / R, where one neuron tells one bit.

    A value fires where it exceeds the step's threshold. The thresholds are T evenly spaced numbers in the order of the
    multiples of the golden ratio, so that any stretch of steps has about its share of spikes, and turned around the
    circle by an amount that differs between features, so that these do not all fire together. In training the turns are
    drawn for each cloud and feature (Cranley and Patterson 1976), by torch's own generator as in dropout; in evaluation
    they are constants, those that round to the nearest step. So one code serves both: evaluation is a draw that
    training may make, and a cloud's spikes depend neither on chance nor on its batch.

    Spikes drawn one by one, the usual rate code, miss a rate of a half by an eighth (root mean square of 16 draws), and
    in a maximum over a group chance would count for more than position. Here equal values have equal spikes: how often
    a point is in a cloud makes no difference.

    - `steps`: T.
    - `ceilings`: for each of the F features the value above which it fires at every step.
    - `coders`: R.
    """

    thresholds: Tensor
    turns: Tensor
    ceilings: Tensor

    def __init__(self, steps: int, ceilings: Sequence[float], coders: int = 1) -> None:
        super().__init__()
        ranks = (torch.arange(steps, dtype=torch.float64) * GOLDEN % 1).argsort().argsort()  # (T,)
        coder = torch.arange(coders)  # (R,)
        apart = coder * steps // coders / steps + coder / (coders * steps)  # (R,): over the circle, and between steps
        feature = torch.arange(len(ceilings))[:, None]  # (F, 1)
        turns = feature * steps // len(ceilings) / steps + 0.5 / (coders * steps)  # (F, 1)
        self.register_buffer("thresholds", (ranks[:, None] / steps + apart)[:, None], persistent=False)  # (T, 1, R)
        self.register_buffer("turns", turns, persistent=False)  # (F, 1)
        self.register_buffer("ceilings", torch.tensor(ceilings), persistent=False)  # (F,)

    def forward(self, values: Tensor) -> Tensor:
        """Spikes `(T, B, ..., F R)` of values `(B, ..., F)`. No gradient comes back: nothing before them learns."""
        turns = self.turns  # (F, 1)
        if self.training:
            turns = torch.rand(len(values), *(1,) * (values.ndim - 2), values.shape[-1], 1, device=values.device)
        steps, _, coders = self.thresholds.shape
        thresholds = self.thresholds.reshape(steps, *(1,) * values.ndim, coders)  # (T, 1, ..., 1, R)
        thresholds = (thresholds + turns) % 1 * self.ceilings[:, None]  # (T, 1 or B, 1, ..., F, R)
        return (values[..., None] > thresholds).to(values.dtype).flatten(-2)  # (T, B, ..., F R)


class TallLinear(nn.Linear):
    """A linear layer without bias, for many rows of few channels.

    The gradient of transposed weights torch computes as `g^T x`, which takes MKL six times as long as `x^T g` where x
    has six columns; that of a contiguous matrix it computes as the latter.
    """

    def forward(self, input: Tensor) -> Tensor:
        """`(..., C')` of `(..., C)`."""
        return input @ self.weight.t().contiguous()


class Pointwise(nn.Module):
    """A convolution of kernel size 1 with batch norm: spikes `(..., C)` to a current `(..., C')`.

    - `bias`: where the norm's begins. The convolution has none, as the norm would take it away again.
    """

    def __init__(self, inputs: int, outputs: int, bias: float = 0.0) -> None:
        super().__init__()
        self.weights = TallLinear(inputs, outputs, bias=False)
        self.norm = nn.BatchNorm1d(outputs)
        nn.init.constant_(self.norm.bias, bias)

    def forward(self, spikes: Tensor) -> Tensor:
        return normalised(self.weights(spikes), self.norm)  # (..., C')


def normalised(current: Tensor, norm: nn.BatchNorm1d) -> Tensor:
    """Batch norm over the last dimension of `(..., C)`: every step, cloud and point counts alike."""
    rows: Tensor = norm(current.flatten(0, -2))  # (..., C) as a matrix
    return rows.reshape(current.shape)


class Residual(nn.Module):
    """A residual block with an identity mapping: a current `(..., C)` and what its spikes add to it.

    Neurons come first in the branch, so that no spike is on the skip path (He et al. 2016, pre-activation).

    - `channels`: along the branch, the first and the last alike; three make a bottleneck, two none.
    - `skip`: False leaves only the branch, as chips cannot add the currents of two layers.
    - `bias`: where that of the last norm begins.
    """

    def __init__(self, channels: Sequence[int], skip: bool, neuron: Neurons, bias: float = 0.0) -> None:
        super().__init__()
        self.skip = skip
        biases = [*[0.0] * (len(channels) - 2), bias]
        branch: list[nn.Module] = []
        for (inputs, outputs), start in zip(pairwise(channels), biases, strict=True):
            branch += [neuron(), Pointwise(inputs, outputs, start)]
        self.branch = nn.Sequential(*branch)

    def forward(self, current: Tensor) -> Tensor:
        change: Tensor = self.branch(current)  # (..., C)
        return current + change if self.skip else change


class LargestCurrent(nn.Module):
    """Spikes `(T, ..., C)` of neurons that the largest current of a set drives, normalised; from `(T, ..., set, C)`.

    Of equal currents one gets the gradient: to share it out, as `amax` does, takes a fifth of a training step.
    """

    def __init__(self, channels: int, neuron: Neurons) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(channels)
        self.spikes = neuron()

    def forward(self, current: Tensor) -> Tensor:
        spikes: Tensor = self.spikes(normalised(current.max(-2).values, self.norm))
        return spikes


class AnySpike(nn.Module):
    """Spikes `(T, ..., C)` where any member of a set fires, from currents `(T, ..., set, C)`: a chip can do this."""

    def __init__(self, neuron: Neurons) -> None:
        super().__init__()
        self.spikes = neuron()

    def forward(self, current: Tensor) -> Tensor:
        spikes: Tensor = self.spikes(current)
        return spikes.amax(-2)


def quiet(members: int) -> float:
    """A bias with which a set has a spike now and then: minus half of what the largest of so many normal numbers is.

    With 0, nearly every set has one at every step; with all of it, nearly none ever.
    """
    return -math.sqrt(math.log(members) / 2)


@register("spikepoint", "points", PRESETS)
class SpikePoint(nn.Module):
    """The network of figure 1, from the cloud on.

    - `classes`: L.
    - `centroids`, `neighbours`: M and K. `steps`: T. `coders`: R, neurons that code for a coordinate.
    - `decay`: what a step leaves of membrane potentials, within [0, 1].
    - `width`: channels of the local extractor, narrowed to `bottleneck` within its residual blocks.
    - `widths`: channels of the global extractor's stages. `hidden`: of the classifier.
    - `residual`: False for a chain that chips can run: no skip paths, and any spike of a set in place of its largest
      current. What then adds up, the spikes of the two branches, meets the same weights: two synapses for one.
    - `neuron`: whose neurons.

    Raises `ValueError` for sizes below 1 and unknown neurons.
    """

    def __init__(
        self,
        classes: int,
        *,
        centroids: int = 512,
        neighbours: int = 24,
        steps: int = 16,
        coders: int = 1,
        width: int = 64,
        bottleneck: int = 32,
        widths: Sequence[int] = (128, 256, 512),
        hidden: int = 96,
        decay: float = 0.5,
        residual: bool = True,
        neuron: Library = "neuroact",
    ) -> None:
        super().__init__()
        sizes = (classes, centroids, neighbours, steps, coders, width, bottleneck, *widths, hidden)
        if min(sizes) < 1 or not widths:
            raise ValueError(f"sizes must be at least 1, and widths one or more of them; not {sizes}")
        self.centroids, self.neighbours = centroids, neighbours
        neurons = partial(lif, neuron, decay=decay)
        self.member_code = RateCode(steps, (FARTHEST,) * 3 + (1.0,) * 3, coders)
        self.centroid_code = RateCode(steps, (1.0,) * 3, coders)
        of_group, of_all = (0.0, 0.0) if residual else (quiet(neighbours), quiet(centroids))
        waist = (width, bottleneck, width)
        self.member_extractor = nn.Sequential(
            Pointwise(6 * coders, width), Residual(waist, residual, neurons, of_group)
        )
        self.centroid_extractor = nn.Sequential(
            Pointwise(3 * coders, width), Residual(waist, residual, neurons), neurons()
        )
        self.over_members = LargestCurrent(width, neurons) if residual else AnySpike(neurons)
        stages: list[nn.Module] = []
        for inputs, outputs in pairwise((width, *widths[:-1])):
            stages += [Pointwise(inputs, outputs), Residual((outputs, outputs), residual, neurons), neurons()]
        before, last = (width, *widths)[-2:]
        stages += [Pointwise(before, last), Residual((last, last), residual, neurons, of_all)]  # the pool fires
        self.global_extractor = nn.Sequential(*stages)
        self.over_centroids = LargestCurrent(last, neurons) if residual else AnySpike(neurons)
        self.classifier = nn.Sequential(Pointwise(last, hidden), neurons(), nn.Linear(hidden, classes))

    def group(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Section 3.2: the features `(B, M, K, 6)` of groups of points `(B, N, 3)`, and their centroids `(B, M, 3)`."""
        available = points.shape[1]
        centroids = gather(points, farthest_points(points, min(self.centroids, available)))  # (B, M, 3)
        members = nearest_neighbours(points, centroids, min(self.neighbours, available))  # (B, M, K)
        return group_features(points, centroids, members), centroids

    def local(self, features: Tensor, centroids: Tensor) -> Tensor:
        """Section 3.3, both branches of the local extractor: spikes `(T, B, M, C)`, 2 where both have one."""
        members = self.member_extractor(self.member_code(features))  # (T, B, M, K, C)
        of_groups: Tensor = self.over_members(members)  # (T, B, M, C)
        of_centroids: Tensor = self.centroid_extractor(self.centroid_code(centroids))  # (T, B, M, C)
        return of_groups + of_centroids

    def forward(self, points: Tensor) -> Tensor:
        """Logits `(B, L)` of clouds `(B, N, 3)` of any N: the mean over time.

        Raises `ValueError` for another shape or no points.
        """
        if points.ndim != 3 or points.shape[2] != 3:
            raise ValueError(f"points must be (B, N, 3), x, y and t, not {tuple(points.shape)}")
        with torch.no_grad():
            features, centroids = self.group(points)  # (B, M, K, 6), (B, M, 3)
        currents = self.global_extractor(self.local(features, centroids))  # (T, B, M, C)
        logits: Tensor = self.classifier(self.over_centroids(currents))  # (T, B, L)
        return logits.mean(0)
