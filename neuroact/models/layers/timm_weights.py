"""Published ImageNet weights for our backbones, from a safetensors file that stands on this disk.

Nothing is fetched and nothing is unpickled. Images of ImageNet are not frames of events, so two weights are fitted:

- Position embeddings are interpolated to the backbone's grid of patches: bicubic, antialiased where it is coarser.
- The first convolution sums over the three colours, and shares the sum among C channels evenly: frames whose channels
  are all alike give what a grey image gave. With three channels it stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isqrt
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from neuroact.errors import NeuroactError
from neuroact.models.layers.resnet import ResNet18
from neuroact.models.layers.vit import ViT

CLASSIFIERS = ("head.", "fc.")
"""What the names of a classifier's weights begin with; backbones have none."""

FIRST_CONVOLUTIONS = ("patch_embed.proj.weight", "conv1.weight")


def load_timm(backbone: ViT | ResNet18, path: str | Path) -> None:
    """Replaces a backbone's weights by those of timm's model of the same sizes.

    - `path`: for instance the `model.safetensors` of `vit_base_patch16_224` or `resnet18`, of any floating-point dtype.

    Raises `NeuroactError` if the file cannot be read or holds another model; the backbone is then as it was.
    """
    path = Path(path)
    try:
        weights = load_file(path)
    except (OSError, SafetensorError) as error:
        raise NeuroactError(f"{path}: not a safetensors file that can be read: {error}") from error
    weights = {name: value for name, value in weights.items() if not name.startswith(CLASSIFIERS)}
    ours = backbone.state_dict()
    for name in FIRST_CONVOLUTIONS:
        if name in weights and name in ours:
            weights[name] = fit_channels(weights[name], ours[name].shape[1])
    if isinstance(backbone, ViT) and "pos_embed" in weights:
        weights["pos_embed"] = fit_positions(weights["pos_embed"], backbone.grid, path)
    # How many batches a normalisation has seen is no weight, and not every file says it.
    weights = {name: value for name, value in ours.items() if name.endswith("num_batches_tracked")} | weights
    _refuse_other_models(weights, ours, path)
    backbone.load_state_dict(weights)


def fit_channels(weight: Tensor, channels: int) -> Tensor:
    """A first convolution's weight `(D, 3, P, P)` for images of C channels `(D, C, P, P)`."""
    if weight.ndim != 4 or weight.shape[1] != 3 or channels == 3:
        return weight
    shared = weight.float().sum(dim=1, keepdim=True) / channels  # (D, 1, P, P)
    return shared.expand(-1, channels, -1, -1)


def fit_positions(embedding: Tensor, grid: tuple[int, int], path: Path) -> Tensor:
    """The class token's and a square's position embeddings `(1, 1 + R^2, D)` for another grid `(1, 1 + S, D)`.

    Raises `NeuroactError`, which names `path`, if the file's patches make no square.
    """
    side = isqrt(embedding.shape[1] - 1) if embedding.ndim == 3 and embedding.shape[1] > 1 else 0
    if side == 0 or 1 + side * side != embedding.shape[1]:
        raise NeuroactError(f"{path}: pos_embed {tuple(embedding.shape)} is no class token and a square of patches")
    if (side, side) == grid:
        return embedding
    token, square = embedding[:, :1].float(), embedding[:, 1:].float()  # (1, 1, D), (1, R^2, D)
    square = square.transpose(1, 2).reshape(1, -1, side, side)  # (1, D, R, R)
    fitted = functional.interpolate(square, size=grid, mode="bicubic", antialias=True)  # (1, D, *grid)
    return torch.cat([token, fitted.flatten(2).transpose(1, 2)], dim=1)


def _refuse_other_models(weights: Mapping[str, Tensor], ours: Mapping[str, Tensor], path: Path) -> None:
    """Loading in part would leave random weights among trained ones, which nothing would show."""
    faults = [f"{name} is missing" for name in ours if name not in weights]
    faults += [f"{name} is not ours" for name in weights if name not in ours]
    faults += [
        f"{name} is {tuple(weights[name].shape)} instead of {tuple(value.shape)}"
        for name, value in ours.items()
        if name in weights and weights[name].shape != value.shape
    ]
    if faults:
        more = f" and {len(faults) - 3} more" if len(faults) > 3 else ""
        raise NeuroactError(f"{path}: weights of another model: {'; '.join(faults[:3])}{more}")
