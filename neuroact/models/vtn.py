"""The video transformer network of EventTransAct (de Blegiers et al., IROS 2023), after VTN (Neimark et al., 2021).

    B clips                      T frames of a clip, 16 in the paper     C channels of a frame    H x W pixels
    D width, 768 in the paper    A heads, 12 in the paper                w window, 18             L classes

VTN's figure 1: a spatial backbone f turns frame i into an embedding phi_i, by itself; a temporal encoder, Longformer
(Beltagy et al., 2020), attends over [cls] and phi_1 ... phi_T; a perceptron reads the classes off [cls]. No neuron
spikes: it is what spiking networks are measured against, and the events reach it as frames.

Differences from the paper and its code: (1) Inside a temporal layer [cls] attends after the frames have, to what they
have become. In Longformer all attend at once, so that the frames of the last layer are computed and never read, and
1.77 M weights of their windows never learn; here every weight does. (2) One mask instead of Longformer's overlapping
chunks: 287 frames at most make a matrix smaller than its padding. (3) [cls] has the first position and frame i position
i, with nothing padded; there the last two of the 288 are for [cls] and for padding. (4) No embedding of token types,
which adds a constant to each position, and none of Longformer's pooling layer, which nothing reads. (5) The projection
of the event-contrastive loss is in `neuroact.models.contrast`, as a classifier in use does not need it. (6) Positions
begin as sines and cosines (Vaswani et al., 2017), and learn. There they are drawn with a fiftieth of the embeddings'
size, and a few hundred clips never teach which of two actions is the other one backwards.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from neuroact.models.layers.resnet import ResNet18
from neuroact.models.layers.vit import ViT
from neuroact.models.registry import register

Backbone = Literal["vit", "resnet18"]
"""What embeds a frame."""

PRESETS: dict[str, dict[str, Any]] = {
    "vtn_b16": {},
    "vtn_s16": {"width": 384, "heads": 6, "temporal_heads": 6},
    "vtn_ti16": {"width": 192, "heads": 3, "temporal_heads": 3},
    "vtn_r18": {"backbone": "resnet18", "width": 512, "temporal_heads": 8},
    "small": {"backbone": "resnet18", "width": 256, "temporal_heads": 4},
    "tiny": {"size": 32, "patch": 8, "width": 48, "depth": 2, "heads": 3, "layers": 2, "temporal_heads": 3},
}
"""The paper's ViT-B/16, then ViT-S/16, ViT-Ti/16 and ResNet-18; a ResNet-18 of half the width, for frames of 64 x 64
pixels and two cores; and one for tests, of 32 x 32 pixels. The temporal encoder's heads have 64 channels, as the
paper's, and 16 in `tiny`."""


@register("vtn", "frames", PRESETS)
class VTN(nn.Module):
    """Frames `(B, T, C, H, W)` to logits `(B, L)`, embedding each frame by itself.

    - `classes`: L. `channels`: C.
    - `backbone`: "vit", whose frames have the `size` H and W, patches of `patch` x `patch` pixels, `depth` blocks and
      `heads`; or "resnet18", which takes frames of any size.
    - `width`: D, of the backbone and the temporal encoder.
    - `layers`, `temporal_heads`, `window`, `positions`, `dropout`: of the temporal encoder.
    - `head_dropout`: before the last layer.

    Raises `ValueError` for sizes that do not fit.
    """

    def __init__(
        self,
        classes: int,
        *,
        channels: int = 3,
        backbone: Backbone = "vit",
        size: int | tuple[int, int] = 224,
        patch: int = 16,
        width: int = 768,
        depth: int = 12,
        heads: int = 12,
        layers: int = 3,
        temporal_heads: int = 12,
        window: int = 18,
        positions: int = 288,
        dropout: float = 0.1,
        head_dropout: float = 0.5,
    ) -> None:
        super().__init__()
        if classes < 1 or channels < 1:
            raise ValueError(f"classes and channels are at least 1, not {classes} and {channels}")
        self.channels, self.width = channels, width
        self.backbone: ViT | ResNet18
        if backbone == "vit":
            self.backbone = ViT(channels, size, patch, width, depth, heads)
        elif backbone == "resnet18":
            self.backbone = ResNet18(channels, width)
        else:
            raise ValueError(f"there is no backbone {backbone!r}; there are vit, resnet18")
        self.temporal = TemporalEncoder(width, layers, temporal_heads, window, positions, dropout)
        self.head = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, width),
            nn.GELU(),
            nn.Dropout(head_dropout),
            nn.Linear(width, classes),
        )
        self.head.apply(_begin)

    def embed(self, frames: Tensor) -> Tensor:
        """The spatial embedding of each frame, which the event-contrastive loss contrasts.

        - `frames`: `(B, T, C, H, W)`.

        Returns `(B, T, D)`. Raises `ValueError` for frames that the model is not for.
        """
        if frames.ndim != 5 or frames.shape[2] != self.channels:
            raise ValueError(f"frames are (B, T, {self.channels}, H, W), not {tuple(frames.shape)}")
        embeddings: Tensor = self.backbone(frames.flatten(0, 1))  # (B * T, D)
        return embeddings.reshape(*frames.shape[:2], embeddings.shape[-1])  # (B, T, D)

    def classify(self, embeddings: Tensor) -> Tensor:
        """Logits `(B, L)` of the frames' embeddings `(B, T, D)`. Raises `ValueError` for too many frames, or none."""
        cls = self.temporal(embeddings)  # (B, D)
        logits: Tensor = self.head(cls)  # (B, L)
        return logits

    def forward(self, frames: Tensor) -> Tensor:
        """Logits `(B, L)` of frames `(B, T, C, H, W)`, 0 < T < `positions`. Raises `ValueError` for others."""
        return self.classify(self.embed(frames))


class TemporalEncoder(nn.Module):
    """Longformer over [cls] and the frames of a clip, of which [cls] is returned.

    - `width`: D, a multiple of `heads`, A. `layers`: how many.
    - `window`: w, even; a frame attends to [cls], to w / 2 frames before it and to as many after it.
    - `positions`: 1 + the most frames of a clip.
    - `dropout`: of embeddings, attention weights and what is added to the residual stream.

    Raises `ValueError` for sizes that do not fit.
    """

    def __init__(
        self, width: int, layers: int = 3, heads: int = 12, window: int = 18, positions: int = 288, dropout: float = 0.1
    ) -> None:
        super().__init__()
        if window < 2 or window % 2:
            raise ValueError(f"a window has as many frames before as after, so an even number, not {window}")
        if positions < 2:
            raise ValueError(f"positions are for [cls] and one frame at least, not {positions}")
        self.window = window
        self.cls_token = nn.Parameter(torch.empty(1, 1, width))
        self.positions = nn.Parameter(_sinusoids(positions, width))
        self.norm = nn.LayerNorm(width)
        self.drop = nn.Dropout(dropout)
        self.layers = nn.ModuleList(TemporalLayer(width, heads, dropout) for _ in range(layers))
        nn.init.normal_(self.cls_token, std=0.02)
        self.layers.apply(_begin)

    def forward(self, embeddings: Tensor) -> Tensor:
        """[cls] after the last layer `(B, D)`, of embeddings `(B, T, D)`. Raises `ValueError`."""
        steps, most = embeddings.shape[1], self.positions.shape[1] - 1
        if not 1 <= steps <= most:
            raise ValueError(f"a clip has 1 to {most} frames, not {steps}")
        tokens = torch.cat([self.cls_token.expand(len(embeddings), -1, -1), embeddings], dim=1)  # (B, 1 + T, D)
        tokens = self.drop(self.norm(tokens + self.positions[:, : 1 + steps]))
        cls, frames = tokens[:, :1], tokens[:, 1:]  # (B, 1, D), (B, T, D)
        seen = self.seen(steps, embeddings.device)  # (T, 1 + T)
        for layer in self.layers:
            cls, frames = layer(cls, frames, seen)
        read: Tensor = cls.squeeze(1)
        return read

    def seen(self, steps: int, device: torch.device) -> Tensor:
        """Longformer's figure 2d: whether a frame attends to [cls], always, and to each frame, `(T, 1 + T)` bool."""
        step = torch.arange(steps, device=device)
        near = (step[:, None] - step).abs() <= self.window // 2  # (T, T)
        return torch.cat([near.new_ones(steps, 1), near], dim=1)


class TemporalLayer(nn.Module):
    """Attention and a perceptron, each normalised after it is added; of the frames first, then of [cls].

    Longformer's section 3.1, "linear projections for global attention": [cls] attends by projections of its own.
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"a width of {width} does not divide among {heads} heads")
        self.heads, self.dropout = heads, dropout
        self.local_qkv = nn.Linear(width, 3 * width)
        self.global_q = nn.Linear(width, width)
        self.global_kv = nn.Linear(width, 2 * width)
        self.proj = nn.Linear(width, width)
        self.norm1 = nn.LayerNorm(width)
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)
        self.norm2 = nn.LayerNorm(width)
        self.drop = nn.Dropout(dropout)

    def forward(self, cls: Tensor, frames: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
        """[cls] `(B, 1, D)` and frames `(B, T, D)` after the layer; `seen`: `(T, 1 + T)`."""
        frames = self._add(frames, self._in_windows(cls, frames, seen))  # (B, T, D)
        cls = self._add(cls, self._to_all(cls, frames))  # (B, 1, D)
        return cls, frames

    def _in_windows(self, cls: Tensor, frames: Tensor, seen: Tensor) -> Tensor:
        q, k, v = self.local_qkv(torch.cat([cls, frames], dim=1)).chunk(3, dim=-1)  # (B, 1 + T, D) each
        return self._attend(q[:, 1:], k, v, seen)  # (B, T, D)

    def _to_all(self, cls: Tensor, frames: Tensor) -> Tensor:
        k, v = self.global_kv(torch.cat([cls, frames], dim=1)).chunk(2, dim=-1)  # (B, 1 + T, D) each
        return self._attend(self.global_q(cls), k, v, None)  # (B, 1, D)

    def _attend(self, q: Tensor, k: Tensor, v: Tensor, seen: Tensor | None) -> Tensor:
        q, k, v = (x.reshape(*x.shape[:2], self.heads, -1).transpose(1, 2) for x in (q, k, v))  # (B, A, ., D / A) each
        dropout = self.dropout if self.training else 0.0
        attended = functional.scaled_dot_product_attention(q, k, v, attn_mask=seen, dropout_p=dropout)
        out: Tensor = self.proj(attended.transpose(1, 2).flatten(2))
        return out

    def _add(self, x: Tensor, attended: Tensor) -> Tensor:
        x = self.norm1(x + self.drop(attended))
        inside = self.fc2(functional.gelu(self.fc1(x)))
        out: Tensor = self.norm2(x + self.drop(inside))
        return out


def _sinusoids(positions: int, width: int) -> Tensor:
    """Each position as sines, then cosines, of waves 2 pi to 20,000 pi positions long: `(1, positions, width)`."""
    rates = torch.exp(torch.linspace(0, -math.log(10_000), -(-width // 2)))  # (D / 2,)
    angles = torch.arange(positions)[:, None] * rates  # (positions, D / 2)
    return torch.cat([angles.sin(), angles.cos()], dim=1)[None, :, :width]


def _begin(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=0.02)
        nn.init.zeros_(module.bias)
