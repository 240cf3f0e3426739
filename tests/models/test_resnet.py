"""The ResNet-18 is the paper's, and its parameters are torchvision's and timm's."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from neuroact.models.layers.resnet import ResNet18
from tests.kernels.compare import close

STEM = {"conv1.weight": (64, 3, 7, 7)}
STAGES = {"layer1": (64, 64), "layer2": (64, 128), "layer3": (128, 256), "layer4": (256, 512)}
NORMALISATION = ("weight", "bias", "running_mean", "running_var")


def of_torchvision() -> dict[str, tuple[int, ...]]:
    """Names and shapes in a state dict of `resnet18`, but for the classifier's."""
    names: dict[str, tuple[int, ...]] = dict(STEM)
    normalised = {"bn1": 64}
    for stage, (before, after) in STAGES.items():
        for block in (0, 1):
            names[f"{stage}.{block}.conv1.weight"] = (after, before if block == 0 else after, 3, 3)
            names[f"{stage}.{block}.conv2.weight"] = (after, after, 3, 3)
            normalised |= {f"{stage}.{block}.bn1": after, f"{stage}.{block}.bn2": after}
        if before != after:
            names[f"{stage}.0.downsample.0.weight"] = (after, before, 1, 1)
            normalised[f"{stage}.0.downsample.1"] = after
    for name, channels in normalised.items():
        names |= {f"{name}.{part}": (channels,) for part in NORMALISATION}
        names[f"{name}.num_batches_tracked"] = ()
    return names


def test_the_parameters_are_those_of_torchvision() -> None:
    with torch.device("meta"):
        model = ResNet18()
    assert {name: tuple(value.shape) for name, value in model.state_dict().items()} == of_torchvision()
    assert sum(value.numel() for value in model.parameters()) + 1000 * 513 == 11_689_512


def test_it_is_what_the_paper_says_layer_by_layer() -> None:
    torch.manual_seed(0)
    model, images = ResNet18(2, 16), torch.randn(3, 2, 40, 33)
    for name, value in model.state_dict().items():
        if name.split(".")[-1] in NORMALISATION and value.ndim == 1:
            value.copy_(torch.rand_like(value) + 0.5)
    weights = model.eval().state_dict()

    def normed(x: Tensor, name: str) -> Tensor:
        scale, shift, mean, variance = (weights[f"{name}.{part}"][:, None, None] for part in NORMALISATION)
        return (x - mean) / (variance + 1e-5).sqrt() * scale + shift

    def convolved(x: Tensor, name: str, stride: int, padding: int) -> Tensor:
        return functional.conv2d(x, weights[f"{name}.weight"], stride=stride, padding=padding)

    x = normed(convolved(images, "conv1", 2, 3), "bn1").clamp(min=0)
    x = functional.max_pool2d(x, 3, 2, 1)
    for stage, stride in (("layer1", 1), ("layer2", 2), ("layer3", 2), ("layer4", 2)):
        for block in (f"{stage}.0", f"{stage}.1"):
            step = stride if block.endswith("0") else 1
            y = normed(convolved(x, f"{block}.conv1", step, 1), f"{block}.bn1").clamp(min=0)
            y = normed(convolved(y, f"{block}.conv2", 1, 1), f"{block}.bn2")
            if step != 1:
                x = normed(convolved(x, f"{block}.downsample.0", step, 0), f"{block}.downsample.1")
            x = (x + y).clamp(min=0)
    assert close(model(images).detach(), x.mean((2, 3)), 1e-5)


def test_every_parameter_learns() -> None:
    torch.manual_seed(0)
    model = ResNet18(2, 16)
    (model(torch.randn(4, 2, 64, 64)) * torch.randn(4, 16)).sum().backward()
    for name, value in model.named_parameters():
        assert value.grad is not None
        assert value.grad.abs().max() > 0, name


@pytest.mark.parametrize("width", [0, 4, 20])
def test_widths_that_do_not_divide_are_refused(width: int) -> None:
    with pytest.raises(ValueError, match="multiple of 8"):
        ResNet18(width=width)
