"""ResNet-18 (He et al., CVPR 2016) as a backbone: an image of any size in, its pooled features out.

    N images    C channels    H x W pixels    D width of the last stage, 512 in the paper

Names and shapes of parameters are those of torchvision's and timm's `resnet18` without the classifier, so that the
weights that they publish load (`neuroact.models.layers.timm_weights`).

Differences from the paper: (1) no classifier. (2) The width can be less, all four stages narrowing alike, for cores
rather than GPUs.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class ResNet18(nn.Module):
    """The second column of table 1: a stem, then four stages of two blocks, of D/8, D/4, D/2 and D channels.

    - `channels`: C. `width`: D, a multiple of 8.

    Raises `ValueError` for a width that is none.
    """

    def __init__(self, channels: int = 3, width: int = 512) -> None:
        super().__init__()
        if width < 8 or width % 8:
            raise ValueError(f"the width of a ResNet-18 is a multiple of 8, not {width}")
        stem = width // 8
        self.conv1 = nn.Conv2d(channels, stem, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(stem)
        self.layer1 = _stage(stem, stem, stride=1)
        self.layer2 = _stage(stem, 2 * stem, stride=2)
        self.layer3 = _stage(2 * stem, 4 * stem, stride=2)
        self.layer4 = _stage(4 * stem, width, stride=2)
        self.apply(_begin)

    def forward(self, images: Tensor) -> Tensor:
        """The mean over the last stage's pixels `(N, D)`, of images `(N, C, H, W)`."""
        x = functional.relu(self.bn1(self.conv1(images)))  # (N, D/8, H/2, W/2)
        x = functional.max_pool2d(x, 3, stride=2, padding=1)  # (N, D/8, H/4, W/4)
        x = self.layer2(self.layer1(x))  # (N, D/4, H/8, W/8)
        x = self.layer4(self.layer3(x))  # (N, D, H/32, W/32)
        pooled: Tensor = x.mean(dim=(2, 3))
        return pooled


class BasicBlock(nn.Module):
    """Figure 2 of the paper: two convolutions beside a shortcut, which is projected where the shape changes."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or before != after:
            projection = nn.Conv2d(before, after, 1, stride=stride, bias=False)
            self.downsample = nn.Sequential(projection, nn.BatchNorm2d(after))

    def forward(self, x: Tensor) -> Tensor:
        """`(N, after, H/stride, W/stride)` of `(N, before, H, W)`."""
        y = functional.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return functional.relu(y + self.downsample(x))


def _stage(before: int, after: int, stride: int) -> nn.Sequential:
    return nn.Sequential(BasicBlock(before, after, stride), BasicBlock(after, after, 1))


def _begin(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
