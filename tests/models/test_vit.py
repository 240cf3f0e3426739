"""The ViT is the paper's, and its parameters are timm's."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from neuroact.models.layers.vit import ViT
from tests.kernels.compare import close

STEM_OF_TIMM = {
    "cls_token": (1, 1, 768),
    "pos_embed": (1, 197, 768),
    "patch_embed.proj.weight": (768, 3, 16, 16),
    "patch_embed.proj.bias": (768,),
    "norm.weight": (768,),
    "norm.bias": (768,),
}
BLOCK_OF_TIMM = {
    "norm1.weight": (768,),
    "norm1.bias": (768,),
    "attn.qkv.weight": (2304, 768),
    "attn.qkv.bias": (2304,),
    "attn.proj.weight": (768, 768),
    "attn.proj.bias": (768,),
    "norm2.weight": (768,),
    "norm2.bias": (768,),
    "mlp.fc1.weight": (3072, 768),
    "mlp.fc1.bias": (3072,),
    "mlp.fc2.weight": (768, 3072),
    "mlp.fc2.bias": (768,),
}
"""Names and shapes in timm's `vit_base_patch16_224`, whose only others are `head.weight` and `head.bias`."""

PUBLISHED = [
    ("vit_base_patch16_224", {}, 86_567_656),
    ("vit_small_patch16_224", {"width": 384, "heads": 6}, 22_050_664),
    ("vit_tiny_patch16_224", {"width": 192, "heads": 3}, 5_717_416),
    ("vit_base_patch32_224", {"patch": 32}, 88_224_232),
]
"""How many parameters timm's models have, with a classifier of 1000 classes."""

SMALL: dict[str, Any] = {"channels": 2, "size": (16, 24), "patch": 8, "width": 12, "depth": 2, "heads": 3}

REFUSED = [
    ({"size": 220}, "do not divide into patches"),
    ({"size": (224, 230)}, "do not divide into patches"),
    ({"size": 0}, "do not divide into patches"),
    ({"width": 100}, "does not divide among 12 heads"),
]


def vit(seed: int = 0) -> ViT:
    """A small one whose every parameter is random, so that each matters."""
    torch.manual_seed(seed)
    model = ViT(**SMALL)
    for value in model.parameters():
        torch.nn.init.normal_(value, std=0.3)
    return model


def images(count: int = 3) -> Tensor:
    return torch.randn(count, 2, 16, 24, generator=torch.Generator().manual_seed(1))


def test_the_parameters_are_those_of_timm() -> None:
    with torch.device("meta"):
        ours = {name: tuple(value.shape) for name, value in ViT().state_dict().items()}
    blocks = {f"blocks.{i}.{name}": shape for i in range(12) for name, shape in BLOCK_OF_TIMM.items()}
    assert ours == STEM_OF_TIMM | blocks


@pytest.mark.parametrize(("name", "sizes", "parameters"), PUBLISHED, ids=lambda value: str(value))
def test_there_are_as_many_as_published(name: str, sizes: dict[str, int], parameters: int) -> None:
    with torch.device("meta"):
        model = ViT(**sizes)
    classifier = 1000 * (model.norm.weight.numel() + 1)
    assert sum(value.numel() for value in model.parameters()) + classifier == parameters, name


def test_it_is_what_the_paper_says_patch_by_patch() -> None:
    model, x = vit(), images(1)
    weights = dict(model.named_parameters())
    tokens = [weights["cls_token"][0, 0]]
    for row in range(2):
        for column in range(3):
            patch = x[0, :, 8 * row : 8 * row + 8, 8 * column : 8 * column + 8]
            projected = (weights["patch_embed.proj.weight"] * patch).sum((1, 2, 3))
            tokens.append(projected + weights["patch_embed.proj.bias"])
    z = torch.stack(tokens) + weights["pos_embed"][0]  # (1 + S, D)

    def normed(value: Tensor, name: str) -> Tensor:
        centred = value - value.mean(-1, keepdim=True)
        return (
            centred / (centred.square().mean(-1, keepdim=True) + 1e-6).sqrt() * weights[f"{name}.weight"]
            + (weights[f"{name}.bias"])
        )

    def linear(value: Tensor, name: str) -> Tensor:
        return value @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    for i in range(2):
        q, k, v = linear(normed(z, f"blocks.{i}.norm1"), f"blocks.{i}.attn.qkv").split(12, -1)
        heads = [slice(4 * head, 4 * head + 4) for head in range(3)]
        mixed = [(q[:, h] @ k[:, h].T / math.sqrt(4)).softmax(-1) @ v[:, h] for h in heads]
        z = z + linear(torch.cat(mixed, -1), f"blocks.{i}.attn.proj")
        inside = linear(normed(z, f"blocks.{i}.norm2"), f"blocks.{i}.mlp.fc1")
        inside = inside * 0.5 * (1 + torch.erf(inside / math.sqrt(2)))
        z = z + linear(inside, f"blocks.{i}.mlp.fc2")
    assert close(model(x)[0].detach(), normed(z, "norm")[0].detach(), 1e-5)


def test_every_parameter_learns() -> None:
    torch.manual_seed(0)
    model = ViT(**SMALL)
    (model(images()) * torch.randn(3, 12)).sum().backward()
    for name, value in model.named_parameters():
        assert value.grad is not None
        assert value.grad.abs().max() > 0, name


def test_images_are_apart() -> None:
    model, x = vit(), images()
    together = model(x).detach()
    alone = torch.cat([model(x[i : i + 1]) for i in range(3)]).detach()
    assert close(together, alone, 1e-5)


@pytest.mark.parametrize(("sizes", "message"), REFUSED, ids=str)
def test_sizes_that_do_not_fit_are_refused(sizes: dict[str, Any], message: str) -> None:
    with torch.device("meta"), pytest.raises(ValueError, match=message):
        ViT(**sizes)


def test_images_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match=r"images of \(16, 24\) pixels, not \(24, 16\)"):
        vit()(torch.zeros(1, 2, 24, 16))
