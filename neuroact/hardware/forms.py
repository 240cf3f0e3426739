"""Our models as chains: all of `SpikingCNN` and of SpikePoint without residuals, a part of SpikMamba, none of VTN.

B batch    T time steps    M centroids, or hidden channels of SpikMamba    K members of a group    C channels
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from neuroact.errors import Refusal, UnsupportedLayer
from neuroact.hardware.chain import Cells, Chain, FloatLayer, Synapses, any_of, layer, normalised, synapses
from neuroact.hardware.network import Conv, Dense, Flatten, Integers, Neurons
from neuroact.hardware.sequence import REASONS, chain_of_sequence, refusals
from neuroact.models.layers import ChipLayer
from neuroact.models.spikepoint import LargestCurrent, Pointwise, Residual, SpikePoint
from neuroact.models.spiking_cnn import SpikingCNN
from neuroact.models.spikmamba import SpikMamba

Layers = list[tuple[str, FloatLayer | Dense | Conv | Flatten]]


def chain_of(model: nn.Module, shape: tuple[int, ...] | None = None, steps: int | None = None, *, split: bool) -> Chain:
    """A model, in evaluation, as layers that the chip has.

    - `model`: of ours, or an `nn.Sequential`, for which `shape`, of its input, and `steps` are.
    - `split`: only the part that fits.

    Raises `UnsupportedLayer` for what does not fit.
    """
    if isinstance(model, SpikingCNN):
        return _of_spiking_cnn(model)
    if isinstance(model, SpikePoint):
        return _of_spikepoint(model)
    if isinstance(model, SpikMamba):
        return _of_spikmamba(model, split=split)
    if isinstance(model, nn.Sequential):
        return chain_of_sequence(model, shape, steps, split=split)
    found = list(refusals(model))
    kind = type(model).__name__
    raise UnsupportedLayer(found or [Refusal("model", kind, "what it computes is code of its own", "nn.Sequential")])


def _of_spiking_cnn(model: SpikingCNN) -> Chain:
    """Its layers count in the chip's integers already."""
    layers: Layers = []
    for place, module in enumerate(model.layers):
        if place == model.convolutions:
            layers.append(("flatten", Flatten()))
        of_chip = _of_chip_layer(module)
        layers.append((f"layers.{place}", of_chip))
        if model.pooling and place < model.convolutions:
            layers.append((f"layers.{place}, pooled", any_of(len(of_chip.weight), (2, 2), stride=(2, 2))))
    takes = "a spike where a pixel has events of that polarity in that step"
    return Chain((model.channels, *model.size), tuple(layers), takes, voters=model.voters)


def _of_chip_layer(module: nn.Module) -> Dense | Conv:
    if not isinstance(module, ChipLayer):
        raise TypeError(f"{type(module).__name__} is not a ChipLayer")
    held = module.integers
    weight: Integers = held.weight.cpu().numpy()
    neurons = Neurons(held.current_decay, held.decay, held.threshold)
    if isinstance(module.synapses, nn.Linear):
        return Dense(weight, neurons)
    geometry = synapses(module.synapses)
    return Conv(weight, neurons, geometry.stride, geometry.padding, geometry.dilation, geometry.groups)


def _of_spikepoint(model: SpikePoint) -> Chain:
    """Both branches side by side as channels of maps `(C, M, K)`; at the input 9 R: 6 R of members, 3 R of centroids.

    The chip's layers have one input, so branches cannot be two chains that meet. Centroids have the same features at
    all K places, and so the same spikes, of which any is any one of them: the pool over members leaves them as they
    are. Where the two then add up, synapses with the same weights stand twice, for each branch's channels once.
    """
    refused = [
        Refusal(name, type(module).__name__, *REASONS[type(module).__name__])
        for name, module in model.named_modules()
        if isinstance(module, LargestCurrent) or (isinstance(module, Residual) and module.skip)
    ]
    if refused:
        raise UnsupportedLayer(refused)
    members = list(_paired("member_extractor", model.member_extractor, model.over_members.spikes))
    centroids = list(_paired("centroid_extractor", model.centroid_extractor))
    layers: Layers = [
        (f"{one[0]} and {other[0]}", _beside(one[1], other[1], first=place == 0))
        for place, (one, other) in enumerate(zip(members, centroids, strict=True))
    ]
    width = len(members[-1][1].synapses.weight)
    layers.append(("over_members", any_of(2 * width, (1, model.neighbours))))
    stages = list(_paired("global_extractor", model.global_extractor, model.over_centroids.spikes))
    for place, (name, stage) in enumerate(stages):
        layers.append((name, _as_map(_twice(stage) if place == 0 else stage)))
    last = len(stages[-1][1].synapses.weight)
    layers += [("over_centroids", any_of(last, (model.centroids, 1))), ("flatten", Flatten())]
    layers += _paired("classifier", model.classifier)
    layers.append(("classifier.2", FloatLayer(synapses(model.classifier[2]), None)))
    steps, _, coders = model.member_code.thresholds.shape
    takes = "rate-coded features of groups, 6 of each member, then 3 of its centroid at every member's place"
    if coders > 1:
        takes += f", each of {coders} neurons"
    return Chain((9 * coders, model.centroids, model.neighbours), tuple(layers), takes, steps)


def _paired(name: str, modules: nn.Module, last: nn.Module | None = None) -> Iterator[tuple[str, FloatLayer]]:
    """Each pointwise convolution with the neurons that follow it, those of the pool, `last`, at the end."""
    parts = [*_without_blocks(name, modules), *([] if last is None else [("", last)])]
    for (name, before), (_, after) in pairwise(parts):
        if isinstance(before, Pointwise):
            yield name, layer(_folded(before), after)


def _without_blocks(name: str, modules: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    for place, module in modules.named_children():
        if isinstance(module, Residual):
            yield from _without_blocks(f"{name}.{place}.branch", module.branch)
        else:
            yield f"{name}.{place}", module


def _folded(module: Pointwise) -> Synapses:
    return normalised(synapses(module.weights), module.norm)


def _beside(one: FloatLayer, other: FloatLayer, *, first: bool) -> FloatLayer:
    """Two layers as one of both channels, as two groups, or with zeros between them where their inputs differ."""
    a, b = one.synapses, other.synapses
    upper, lower = a.weight, b.weight
    if first:
        upper, lower = (functional.pad(upper, (0, lower.shape[1])), functional.pad(lower, (upper.shape[1], 0)))
    both = Synapses(
        torch.cat([upper, lower])[:, :, None, None], torch.cat([_bias(a), _bias(b)]), groups=1 if first else 2
    )
    return FloatLayer(both, _both_cells(one, other))


def _both_cells(one: FloatLayer, other: FloatLayer) -> Cells | None:
    """Decays of each channel, or one where all are alike."""
    if one.cells is None or other.cells is None:
        return None
    sizes = (len(one.synapses.weight), len(other.synapses.weight))
    current_decay = _joined(one.cells.current_decay, other.cells.current_decay, sizes)
    return Cells(current_decay, _joined(one.cells.decay, other.cells.decay, sizes), one.cells.strict)


def _joined(one: Tensor, other: Tensor, sizes: tuple[int, int]) -> Tensor:
    values = torch.cat([one.expand(sizes[0]), other.expand(sizes[1])])
    return values[0] if bool((values == values[0]).all()) else values


def _bias(of: Synapses) -> Tensor:
    return of.weight.new_zeros(len(of.weight)) if of.bias is None else of.bias


def _twice(stage: FloatLayer) -> FloatLayer:
    """For two channels in the place of each, whose spikes add up."""
    weight = torch.cat([stage.synapses.weight] * 2, 1)
    return FloatLayer(Synapses(weight, stage.synapses.bias), stage.cells)


def _as_map(stage: FloatLayer) -> FloatLayer:
    return FloatLayer(Synapses(stage.synapses.weight[:, :, None, None], stage.synapses.bias), stage.cells)


def _of_spikmamba(model: SpikMamba, *, split: bool) -> Chain:
    """The patch embedding alone: a convolution of one frame, or of a few that come in as channels, and its spikes.

    What follows are real numbers, into the head too, and so the host's.
    """
    host = list(_beyond_the_embedding(model, "" if split else "with split, the host does it"))
    if not split:
        raise UnsupportedLayer(host)
    embedding = model.embedding
    kernel = embedding.project.weight.detach().cpu().double()  # (M, C, frames, rows, columns)
    folded = normalised(Synapses(kernel.flatten(1, 2), stride=embedding.patch[1:]), embedding.fire.norm)
    rows, columns = (side * patch for side, patch in zip(embedding.spatial.shape[2:], embedding.patch[1:], strict=True))
    frames = embedding.patch[0]
    takes = "a spike where a pixel of a frame is above 0: the chip knows no counts"
    if frames > 1:
        takes += f"; {frames} frames a step, channel by channel"
    return Chain(
        (model.channels * frames, rows, columns), (("embedding", layer(folded, embedding.fire.spikes)),), takes,
        embedding.temporal.shape[2], host=tuple(host),
    )  # fmt: skip


def _beyond_the_embedding(model: SpikMamba, rewrite: str) -> Iterator[Refusal]:
    yield Refusal("embedding", "positions", "they are real numbers, added to spikes", rewrite)
    for name, module in model.named_modules():
        kind = type(module).__name__
        if kind in ("SpikeLinearAttention", "SpikeMamba"):
            yield Refusal(name, kind, REASONS[kind][0], rewrite)
        elif name.endswith(".ffn"):
            yield Refusal(name, kind, "what it puts out is added to real numbers", rewrite)
    yield Refusal("head", "Linear", "it takes the mean of tokens, which are real numbers", rewrite)


def chip_input(model: nn.Module, x: Tensor) -> Tensor:
    """What the host sends to the chip for what `model` takes, `(B, T, *shape)` uint8 of 0 and 1.

    Raises `ValueError` for an input that the chain of the model is not for, `TypeError` for a model of which nothing is
    known of what goes in.
    """
    if isinstance(model, SpikingCNN):
        return (x > 0).to(torch.uint8)
    if isinstance(model, SpikePoint):
        return _groups_as_maps(model, x)
    if isinstance(model, SpikMamba):
        return _patches(model, x)
    raise TypeError(f"{type(model).__name__} is none of our models: make its spikes (B, T, ...) yourself")


def _groups_as_maps(model: SpikePoint, points: Tensor) -> Tensor:
    if points.shape[1] < max(model.centroids, model.neighbours):
        needed = max(model.centroids, model.neighbours)
        raise ValueError(f"a cloud of {points.shape[1]} points; the chip's maps are for {needed} at least")
    with torch.no_grad():
        features, centroids = model.group(points)  # (B, M, K, 6), (B, M, 3)
        members = model.member_code(features)  # (T, B, M, K, 6 R)
        of_centroids = model.centroid_code(centroids)[:, :, :, None]  # (T, B, M, 1, 3 R)
        of_centroids = of_centroids.expand(*members.shape[:4], -1)  # (T, B, M, K, 3 R)
    return torch.cat([members, of_centroids], -1).permute(1, 0, 4, 2, 3).to(torch.uint8)  # (B, T, 9 R, M, K)


def _patches(model: SpikMamba, frames: Tensor) -> Tensor:
    """Frames, padded as the embedding pads them, several to a step where its patches are deeper than one."""
    deep, rows, columns = model.embedding.patch
    spatial = model.embedding.spatial.shape[2:]
    size = (spatial[0] * rows, spatial[1] * columns)
    missing = [whole - side for whole, side in zip(size, frames.shape[3:], strict=True)]
    if min(missing) < 0 or missing[0] >= rows or missing[1] >= columns:
        raise ValueError(f"frames of {tuple(frames.shape[3:])}; the chip's part is for {size}, padded")
    padded = functional.pad(frames, (0, missing[1], 0, missing[0], 0, 0, 0, -frames.shape[1] % deep))
    batch, many, channels = padded.shape[:3]
    steps = padded.reshape(batch, many // deep, deep, channels, *size).transpose(2, 3).flatten(2, 3)
    return (steps > 0).to(torch.uint8)  # (B, F, C deep, Y rows, X columns)
