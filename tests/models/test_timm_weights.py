"""Weights as timm publishes them load, fitted to frames of events; other files are refused and change nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from neuroact.errors import NeuroactError
from neuroact.models.layers.resnet import ResNet18
from neuroact.models.layers.timm_weights import fit_positions, load_timm
from neuroact.models.layers.vit import ViT
from tests.kernels.compare import close


def vit(channels: int = 3, size: int | tuple[int, int] = 32, seed: int = 0) -> ViT:
    torch.manual_seed(seed)
    return ViT(channels, size, patch=8, width=12, depth=2, heads=3)


def published(model: torch.nn.Module, path: Path, classifier: str, *, dtype: torch.dtype = torch.float32) -> Path:
    """A file like timm's: the backbone's weights and a classifier's."""
    weights = {name: value.to(dtype) for name, value in model.state_dict().items() if value.is_floating_point()}
    width = weights["norm.weight"].numel() if "norm.weight" in weights else 16
    weights |= {f"{classifier}.weight": torch.zeros(10, width), f"{classifier}.bias": torch.zeros(10)}
    save_file(weights, path)
    return path


def same(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    a, b = one.state_dict(), other.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_the_same_sizes_load_as_they_are(tmp_path: Path) -> None:
    theirs, ours = vit(seed=1), vit(seed=2)
    load_timm(ours, published(theirs, tmp_path / "model.safetensors", "head"))
    assert same(ours, theirs)
    resnet, other = ResNet18(3, 16), ResNet18(3, 16)
    load_timm(other, published(resnet, tmp_path / "model.safetensors", "fc"))
    assert same(other, resnet)


def test_half_precision_loads_into_single(tmp_path: Path) -> None:
    theirs, ours = vit(seed=1), vit(3, 16, seed=2)
    load_timm(ours, published(theirs, tmp_path / "model.safetensors", "head", dtype=torch.float16))
    assert all(value.dtype == torch.float32 for value in ours.state_dict().values())
    weight = theirs.blocks.get_parameter("1.mlp.fc2.weight").half().float()
    assert torch.equal(ours.blocks.get_parameter("1.mlp.fc2.weight"), weight)


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_frames_whose_channels_are_alike_are_grey_images(tmp_path: Path, channels: int) -> None:
    grey = torch.randn(2, 1, 32, 32)
    for theirs, ours, classifier in (
        (vit(3, seed=1), vit(channels, seed=2), "head"),
        (ResNet18(3, 16), ResNet18(channels, 16), "fc"),
    ):
        load_timm(ours, published(theirs, tmp_path / "model.safetensors", classifier))
        frames, images = grey.expand(-1, channels, -1, -1), grey.expand(-1, 3, -1, -1)
        assert close(ours.eval()(frames).detach(), theirs.eval()(images).detach(), 1e-5)


def test_positions_are_interpolated_along_rows_and_columns() -> None:
    path = Path("model.safetensors")
    rows, columns = torch.meshgrid(torch.arange(4.0), torch.arange(4.0), indexing="ij")
    square = torch.stack([rows.flatten(), columns.flatten(), torch.ones(16)], dim=-1)  # (16, D)
    embedding = torch.cat([torch.full((1, 3), 9.0), square]).unsqueeze(0)
    fitted = fit_positions(embedding, (2, 8), path)
    assert fitted.shape == (1, 17, 3)
    assert torch.equal(fitted[0, 0], torch.full((3,), 9.0))
    grid = fitted[0, 1:].reshape(2, 8, 3)
    assert close(grid[..., 2], torch.ones(2, 8), 1e-5)
    assert close(grid[..., 0], grid[:, :1, 0].expand(2, 8), 1e-5)  # rows vary along rows alone
    assert close(grid[..., 1], grid[:1, :, 1].expand(2, 8), 1e-5)
    assert (grid[0, :, 1].diff() > 0).all()
    assert grid[:, 0, 0].sum().item() == pytest.approx(3.0, abs=1e-4)  # about the middle of 0 ... 3, as before
    assert fit_positions(embedding, (4, 4), path) is embedding


@pytest.mark.parametrize("size", [16, 48, (16, 40)], ids=str)
def test_other_sizes_of_frames(tmp_path: Path, size: int | tuple[int, int]) -> None:
    theirs, ours = vit(seed=1), vit(2, size, seed=2)
    with torch.no_grad():
        theirs.pos_embed.fill_(0.5)
    load_timm(ours, published(theirs, tmp_path / "model.safetensors", "head"))
    assert close(ours.pos_embed.detach(), torch.full_like(ours.pos_embed, 0.5), 1e-5)
    assert ours(torch.zeros(1, 2, *ours.size)).isfinite().all()


def _without_a_norm(weights: dict[str, Tensor]) -> None:
    del weights["norm.weight"]


def _with_scales(weights: dict[str, Tensor]) -> None:
    weights["blocks.0.ls1.gamma"] = torch.ones(12)


def _another_width(weights: dict[str, Tensor]) -> None:
    weights["blocks.1.mlp.fc1.weight"] = torch.ones(40, 12)


def _two_tokens(weights: dict[str, Tensor]) -> None:
    weights["pos_embed"] = torch.zeros(1, 18, 12)


def _flat(weights: dict[str, Tensor]) -> None:
    weights["pos_embed"] = torch.zeros(17, 12)


def _four_colours(weights: dict[str, Tensor]) -> None:
    weights["patch_embed.proj.weight"] = torch.zeros(12, 4, 8, 8)


OTHER_MODELS = [
    (_without_a_norm, "norm.weight is missing"),
    (_with_scales, "blocks.0.ls1.gamma is not ours"),
    (_another_width, r"blocks.1.mlp.fc1.weight is \(40, 12\) instead of \(48, 12\)"),
    (_two_tokens, "no class token and a square of patches"),
    (_flat, "no class token and a square of patches"),
    (_four_colours, r"patch_embed.proj.weight is \(12, 4, 8, 8\) instead of \(12, 3, 8, 8\)"),
]


@pytest.mark.parametrize(("change", "message"), OTHER_MODELS)
def test_other_models_are_refused_and_change_nothing(tmp_path: Path, change: object, message: str) -> None:
    assert callable(change)
    weights = vit(seed=1).state_dict()
    change(weights)
    path = tmp_path / "model.safetensors"
    save_file(weights, path)
    ours = vit(seed=2)
    with pytest.raises(NeuroactError, match=message):
        load_timm(ours, path)
    assert same(ours, vit(seed=2))


def test_a_resnet_is_no_vit(tmp_path: Path) -> None:
    path = published(ResNet18(3, 16), tmp_path / "model.safetensors", "fc")
    with pytest.raises(NeuroactError, match=r"cls_token is missing.* and \d+ more"):
        load_timm(vit(), path)


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    whole = published(vit(), tmp_path / "model.safetensors", "head").read_bytes()
    for name, content in (("empty", b""), ("text", b"no weights at all"), ("cut", whole[: len(whole) // 2])):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(NeuroactError, match=name):
            load_timm(vit(), tmp_path / name)
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(NeuroactError, match="not a safetensors file"):
            load_timm(vit(), path)
