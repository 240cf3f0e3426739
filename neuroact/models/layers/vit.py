"""The vision transformer (Dosovitskiy et al., ICLR 2021) as a backbone: an image in, the final class token out.

    N images         C channels       H x W pixels            P side of a patch
    D width          A heads          S = HW/P^2 patches      L blocks, `depth`

Names and shapes of parameters are those of timm's `vit_*_patch*` without the classifier, so that the weights that timm
publishes load (`neuroact.models.layers.timm_weights`).

Differences from the paper: (1) no classifier. (2) The normalisation's epsilon is 1e-6, as in timm and in the authors'
code. (3) No dropout, as the published weights were fine-tuned.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class ViT(nn.Module):
    """Equations 1 to 4 of the paper; the size of the images is fixed by the position embeddings.

    - `channels`: C. `size`: H and W, one number for a square; multiples of `patch`, P.
    - `width`: D, a multiple of `heads`, A. `depth`: L.

    Raises `ValueError` for sizes that do not fit.
    """

    def __init__(
        self,
        channels: int = 3,
        size: int | tuple[int, int] = 224,
        patch: int = 16,
        width: int = 768,
        depth: int = 12,
        heads: int = 12,
    ) -> None:
        super().__init__()
        self.size = (size, size) if isinstance(size, int) else (size[0], size[1])
        if min(self.size) < 1 or any(side % patch for side in self.size):
            raise ValueError(f"images of {self.size} pixels do not divide into patches of {patch} x {patch}")
        if width % heads:
            raise ValueError(f"a width of {width} does not divide among {heads} heads")
        self.grid = (self.size[0] // patch, self.size[1] // patch)
        self.patch_embed = PatchEmbedding(channels, patch, width)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + self.grid[0] * self.grid[1], width))
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        nn.init.normal_(self.cls_token, std=1e-6)
        nn.init.trunc_normal_(self.pos_embed, std=0.02)
        self.apply(_begin)

    def forward(self, images: Tensor) -> Tensor:
        """The class token after the last block `(N, D)`, of images `(N, C, H, W)`. Raises `ValueError`."""
        if images.shape[-2:] != self.size:
            raise ValueError(f"this backbone takes images of {self.size} pixels, not {tuple(images.shape[-2:])}")
        patches = self.patch_embed(images)  # (N, S, D)
        x = torch.cat([self.cls_token.expand(len(images), -1, -1), patches], dim=1) + self.pos_embed  # (N, 1 + S, D)
        final: Tensor = self.norm(self.blocks(x)[:, 0])  # (N, D), equation 4
        return final


class PatchEmbedding(nn.Module):
    """Equation 1: each patch flattened and projected, which is a convolution whose stride is its size."""

    def __init__(self, channels: int, patch: int, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(channels, width, patch, stride=patch)

    def forward(self, images: Tensor) -> Tensor:
        """`(N, S, D)` of `(N, C, H, W)`."""
        patches: Tensor = self.proj(images).flatten(2).transpose(1, 2)
        return patches


class Block(nn.Module):
    """Equations 2 and 3: attention, then a perceptron, each normalised before and added after."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = Perceptron(width)

    def forward(self, x: Tensor) -> Tensor:
        """`(N, 1 + S, D)`, as `x`."""
        x = x + self.attn(self.norm1(x))
        out: Tensor = x + self.mlp(self.norm2(x))
        return out


class Attention(nn.Module):
    """Appendix A: softmax(q k^T / sqrt(D / A)) v in each head."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """`(N, 1 + S, D)`, as `x`."""
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)  # (N, A, 1 + S, D / A) each
        attended = functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)  # (N, 1 + S, D)
        out: Tensor = self.proj(attended)
        return out


class Perceptron(nn.Module):
    """Two layers with a GELU between them, four times as wide inside."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """`(N, 1 + S, D)`, as `x`."""
        out: Tensor = self.fc2(functional.gelu(self.fc1(x)))
        return out


def _begin(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        nn.init.zeros_(module.bias)
