"""SpikMamba (Chen et al., ACM MM Asia 2024): spiking attention in windows for what is near, Mamba for what is far.

    B batch             T frames                C channels of a frame, 3 in the paper    H, W pixels of a frame
    F, Y, X             tokens: steps in time, rows and columns of patches; 8, 16, 16    L tokens, F Y X, 2048
    M hidden, 256       A heads, 8              E channels of a head, M / A              G windows    S tokens in one
    D inner channels of Mamba, 2 M              N states, 16     K tokens that its convolution sees, 4
    R rank of the step size, M / 16

    frames -> spiking 3-D patch embedding + spatial and temporal positions -> blocks, 2 -> pool -> linear
    block: x + SpikeMamba(SpikeLinearAttention(x)), then x + FFN(x)

**Time is the frame.** Membrane potentials run over the F steps of a sample, at each place and channel on their own, and
start from rest with every sample; tokens are kept as (F, B, Y, X, M) for that. The order of patches inside a frame is
space, not time: a neuron that ran along it would leak from one edge of the picture to the other. Mamba alone reads
all L tokens as one sequence, frame after frame and row after row.

Differences from the paper: (1) Every LIF stands behind a BatchNorm over channels, as in Spikformer, because a threshold
of 1 means nothing to the sums of attention and of the state space, which grow with windows and tokens. The released
code normalises over the index of tokens, which ties it to one size of frames. (2) No state passes from sample to
sample, as it does in the released code, so that a recording's logits do not depend on its batch.
(3) Positions are stretched to other sizes and numbers of frames than they were made for, because adaptive frames come
in any number.

Chosen where the description that this follows is silent: (4) windows are boxes of frames, rows and columns, two frames
of 8 x 8 patches in the paper's size. The depthwise convolution before them is 3 x 3 within a frame, and is the only
thing that looks across their borders. (5) The directions of Mamba share both projections, as in Vision Mamba, and are
added in front of one LIF, so that what leaves it is 0 or 1. (6) The hidden layer of the FFN spikes. (7) A patch is one
frame deep: 8 frames make the 8 steps of the paper's 2048 tokens.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from neuroact.kernels import selective_scan, spiking_linear_attention
from neuroact.kernels.nn.mamba import Mamba, begin_with_steps
from neuroact.models.layers import Library, lif
from neuroact.models.registry import register

Mixers = Literal["both", "attention", "mamba"]
"""What mixes tokens in a block: the paper's ablations leave out one or the other."""
Direction = Literal["both", "forwards", "backwards"]
"""In which order of its tokens a sequence is read."""

DIRECTIONS: dict[Direction, tuple[str, ...]] = {
    "both": ("forwards", "backwards"), "forwards": ("forwards",), "backwards": ("backwards",),
}  # fmt: skip
"""The scans of each direction, by the names that they have in a state dict."""

PRESETS = {
    "tiny": {"size": (16, 16), "frames": 4, "patch": (1, 4, 4), "hidden": 16, "blocks": 1, "heads": 2, "ffn": 32,
             "window": (2, 2, 2), "states": 8},
    "small": {"size": (34, 34), "frames": 8, "patch": (1, 6, 6), "hidden": 64, "blocks": 1, "heads": 4, "ffn": 256,
              "window": (2, 3, 3), "states": 8},
    "spikmamba": {"size": (128, 128), "frames": 8, "patch": (1, 8, 8), "hidden": 256, "blocks": 2, "heads": 8,
                  "ffn": 1024, "window": (2, 8, 8)},
}  # fmt: skip


class Fire(nn.Module):
    """Spikes of LIF neurons behind a BatchNorm, difference (1): tokens `(F, ..., channels)` to 0 and 1."""

    def __init__(self, channels: int, neuron: Library) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(channels)
        self.spikes = lif(neuron)

    def forward(self, x: Tensor) -> Tensor:
        normed: Tensor = self.norm(x.reshape(-1, x.shape[-1]))
        spikes: Tensor = self.spikes(normed.view(x.shape))
        return spikes


class PatchEmbedding(nn.Module):
    """The spiking 3-D patch embedding: one convolution shared by all patches, their spikes, and where they are.

    - `patch`: frames, rows and columns of a patch. Zeros, which are frames without events, fill the last patches where
      they reach beyond the last frame, the lower and the right border.
    - `grid`: F, Y and X that the positions are made for. They are stretched linearly to others.
    """

    def __init__(
        self, channels: int, hidden: int, patch: tuple[int, int, int], grid: tuple[int, int, int], neuron: Library
    ) -> None:
        super().__init__()
        steps, rows, columns = grid
        self.patch = patch
        self.project = nn.Conv3d(channels, hidden, patch, stride=patch, bias=False)  # Fire shifts by itself
        self.fire = Fire(hidden, neuron)
        self.spatial = nn.Parameter(torch.empty(1, hidden, rows, columns))
        self.temporal = nn.Parameter(torch.empty(1, hidden, steps))
        nn.init.trunc_normal_(self.spatial, std=0.02)
        nn.init.trunc_normal_(self.temporal, std=0.02)

    def forward(self, frames: Tensor) -> Tensor:
        """Tokens `(F, B, Y, X, M)` of frames `(B, T, C, H, W)`."""
        x = frames.transpose(1, 2)  # (B, C, T, H, W)
        missing = [-size % part for size, part in zip(x.shape[2:], self.patch, strict=True)]
        x = functional.pad(x, (0, missing[2], 0, missing[1], 0, missing[0]))
        spikes: Tensor = self.fire(self.project(x).permute(2, 0, 3, 4, 1))  # (F, B, Y, X, M)
        spatial = stretched(self.spatial, spikes.shape[2:4], "bilinear").permute(0, 2, 3, 1)  # (1, Y, X, M)
        temporal = stretched(self.temporal, spikes.shape[:1], "linear").permute(2, 0, 1)  # (F, 1, M)
        return spikes + spatial + temporal[:, :, None, None]


def stretched(positions: Tensor, size: torch.Size, mode: str) -> Tensor:
    """Positions `(1, M, ...)` with `...` of another size, by linear interpolation."""
    if positions.shape[2:] == size:  # on GPUs, the gradients of an interpolation differ from run to run
        return positions
    return functional.interpolate(positions, list(size), mode=mode, align_corners=False)


class SpikeLinearAttention(nn.Module):
    """The paper's SpikeSLA: linear attention with spikes for queries and keys, in windows of neighbouring tokens.

    - `window`: frames, rows and columns of tokens in a window, cut to the tokens that there are; None for all. Windows
      at the last borders are smaller where it does not divide the tokens.
    """

    def __init__(self, hidden: int, heads: int, window: tuple[int, int, int] | None, neuron: Library) -> None:
        super().__init__()
        self.heads, self.window = heads, window
        self.to_feature = nn.Linear(hidden, hidden)
        self.conv = nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden)
        self.to_queries_and_keys = nn.Linear(hidden, 2 * hidden, bias=False)
        self.fire_queries_and_keys = Fire(2 * hidden, neuron)
        self.fire = Fire(hidden, neuron)
        self.gate = nn.Linear(hidden, hidden)
        self.out = nn.Linear(hidden, hidden)

    def forward(self, x: Tensor) -> Tensor:
        """Tokens `(F, B, Y, X, M)` from tokens."""
        frames = self.to_feature(x).flatten(0, 1).permute(0, 3, 1, 2)  # (F B, M, Y, X)
        feature = functional.silu(self.conv(frames)).permute(0, 2, 3, 1).reshape(x.shape)  # (F, B, Y, X, M)
        q, k = self.fire_queries_and_keys(self.to_queries_and_keys(feature)).chunk(2, dim=-1)  # (F, B, Y, X, M), twice
        attended = self.fire(self.attend(q, k, feature))  # (F, B, Y, X, M)
        out: Tensor = self.out(attended * functional.silu(self.gate(x)))
        return out

    def attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """q (k^T v) in each window and head; all are `(F, B, Y, X, M)`."""
        steps, _, rows, columns, _ = v.shape
        window = self.window or (steps, rows, columns)
        box = (min(window[0], steps), min(window[1], rows), min(window[2], columns))
        q, k, v = (in_windows(x, box, self.heads) for x in (q, k, v))  # (B, G, A, S, E)
        return from_windows(spiking_linear_attention(q, k, v), box, (steps, rows, columns))


def in_windows(x: Tensor, box: tuple[int, int, int], heads: int) -> Tensor:
    """Tokens `(F, B, Y, X, M)` by window and head, `(B, G, A, S, E)`; zeros fill windows, and add nothing to k^T v."""
    t, h, w = box
    x = functional.pad(x, (0, 0, 0, -x.shape[3] % w, 0, -x.shape[2] % h, 0, 0, 0, -x.shape[0] % t))
    steps, batch, rows, columns, hidden = x.shape
    x = x.reshape(steps // t, t, batch, rows // h, h, columns // w, w, heads, hidden // heads)
    return x.permute(2, 0, 3, 5, 7, 1, 4, 6, 8).flatten(5, 7).flatten(1, 3)


def from_windows(x: Tensor, box: tuple[int, int, int], size: tuple[int, int, int]) -> Tensor:
    """Tokens `(F, B, Y, X, M)`, of F, Y and X as in `size`, from `(B, G, A, S, E)`."""
    batch, _, heads, _, channels = x.shape
    f, y, r = (-(-whole // part) for whole, part in zip(size, box, strict=True))
    x = x.reshape(batch, f, y, r, heads, *box, channels).permute(1, 5, 0, 2, 6, 3, 7, 4, 8)
    x = x.reshape(f * box[0], batch, y * box[1], r * box[2], heads * channels)
    return x[: size[0], :, : size[1], : size[2]]


class Scan(nn.Module):
    """One direction of Mamba (Gu and Dao 2023, algorithm 2): a causal convolution, then the selective state space.

    Parameters have the names and beginnings of `neuroact.kernels.nn.Mamba`, which has no second direction.

    - `backwards`: read the sequence from its end.
    """

    undecayed = Mamba.undecayed

    def __init__(self, inner: int, states: int, seen: int, rank: int, *, backwards: bool) -> None:
        super().__init__()
        self.backwards = backwards
        self.sizes = [rank, states, states]
        self.conv1d = nn.Conv1d(inner, inner, seen, groups=inner)
        self.x_proj = nn.Linear(inner, sum(self.sizes), bias=False)
        self.dt_proj = nn.Linear(rank, inner)
        self.A_log = nn.Parameter(torch.arange(1, states + 1).float().log().repeat(inner, 1))
        self.D = nn.Parameter(torch.ones(inner))
        begin_with_steps(self.dt_proj, 0.001, 0.1)

    def forward(self, u: Tensor) -> Tensor:
        """A sequence `(B, D, L)` from another."""
        if self.backwards:
            u = u.flip(-1)
        u = functional.silu(self.conv1d(functional.pad(u, (self.conv1d.kernel_size[0] - 1, 0))))  # (B, D, L)
        delta, b, c = self.x_proj(u.mT).split(self.sizes, dim=-1)  # (B, L, R), (B, L, N), (B, L, N)
        delta = functional.linear(delta, self.dt_proj.weight).mT  # (B, D, L); the scan adds the bias
        y = selective_scan(
            u, delta, -torch.exp(self.A_log), b.mT, c.mT, self.D, delta_bias=self.dt_proj.bias, delta_softplus=True
        )
        return y.flip(-1) if self.backwards else y


class SpikeMamba(nn.Module):
    """The paper's SpikMamba layer: a Mamba between spikes, over all tokens of a sample.

    - `inner`: D. `states`: N. `seen`: K.
    """

    def __init__(self, hidden: int, inner: int, states: int, seen: int, direction: Direction, neuron: Library) -> None:
        super().__init__()
        rank = math.ceil(hidden / 16)
        self.in_proj = nn.Linear(hidden, inner, bias=False)
        self.fire_in = Fire(inner, neuron)
        self.scans = nn.ModuleDict({
            name: Scan(inner, states, seen, rank, backwards=name == "backwards") for name in DIRECTIONS[direction]
        })  # fmt: skip
        self.fire_out = Fire(inner, neuron)
        self.gate = nn.Linear(hidden, inner, bias=False)
        self.out_proj = nn.Linear(inner, hidden, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Tokens `(F, B, Y, X, M)` from tokens."""
        u = self.fire_in(self.in_proj(x))  # (F, B, Y, X, D)
        sequence = u.permute(1, 4, 0, 2, 3).flatten(2)  # (B, D, L)
        y = torch.stack([scan(sequence) for scan in self.scans.values()]).sum(0)  # (B, D, L)
        steps, batch, rows, columns, _ = x.shape
        y = y.view(batch, -1, steps, rows, columns).permute(2, 0, 3, 4, 1)  # (F, B, Y, X, D)
        out: Tensor = self.out_proj(self.fire_out(y) * functional.silu(self.gate(x)))
        return out


class Block(nn.Module):
    """The SpikMamba block: x + SpikeMamba(SpikeLinearAttention(x)), then x + FFN(x), on tokens `(F, B, Y, X, M)`."""

    def __init__(
        self, hidden: int, heads: int, window: tuple[int, int, int] | None, ffn: int, inner: int, states: int,
        seen: int, mixers: Mixers, direction: Direction, neuron: Library,
    ) -> None:  # fmt: skip
        super().__init__()
        mixing: OrderedDict[str, nn.Module] = OrderedDict()
        if mixers != "mamba":
            mixing["attention"] = SpikeLinearAttention(hidden, heads, window, neuron)
        if mixers != "attention":
            mixing["mamba"] = SpikeMamba(hidden, inner, states, seen, direction, neuron)
        self.mix = nn.Sequential(mixing)
        self.ffn = nn.Sequential(nn.Linear(hidden, ffn, bias=False), Fire(ffn, neuron), nn.Linear(ffn, hidden))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.mix(x)
        out: Tensor = x + self.ffn(x)
        return out


@register("spikmamba", "frames", PRESETS)
class SpikMamba(nn.Module):
    """The network of the paper, by default in its size: 2.81 M parameters for its three channels and 11 classes.

    - `classes`: of actions.
    - `channels`: C. `frames`: T, and `size`: H and W, that the positions are made for; others are taken too.
    - `patch`: frames, rows and columns of a patch. `hidden`: M. `blocks`: how many. `heads`: A. `ffn`: hidden channels
      of the FFN.
    - `window`: frames, rows and columns of tokens that attend to each other; None for all tokens of a sample.
    - `mixers`: "both", or one of "attention" and "mamba" alone. `direction`: of Mamba.
    - `states`: N. `seen`: K. `expand`: D / M.
    - `neuron`: whose LIF neurons.

    Raises `ValueError` for sizes that do not fit, `MissingExtra` for neurons of a library that is not there.
    """

    def __init__(
        self,
        classes: int,
        channels: int = 2,
        frames: int = 8,
        size: tuple[int, int] = (128, 128),
        *,
        patch: tuple[int, int, int] = (1, 8, 8),
        hidden: int = 256,
        blocks: int = 2,
        heads: int = 8,
        ffn: int = 1024,
        window: tuple[int, int, int] | None = (2, 8, 8),
        mixers: Mixers = "both",
        direction: Direction = "both",
        states: int = 16,
        seen: int = 4,
        expand: int = 2,
        neuron: Library = "neuroact",
    ) -> None:
        super().__init__()
        require_positive(
            classes=(classes,), channels=(channels,), frames=(frames,), size=size, patch=patch, hidden=(hidden,),
            blocks=(blocks,), heads=(heads,), ffn=(ffn,), window=(1, 1, 1) if window is None else window,
            states=(states,), seen=(seen,), expand=(expand,),
        )  # fmt: skip
        if hidden % heads:
            raise ValueError(f"{heads} heads cannot share {hidden} hidden channels: it must be a multiple")
        if mixers not in ("both", "attention", "mamba"):
            raise ValueError(f"mixers must be 'both', 'attention' or 'mamba', not {mixers!r}")
        if direction not in DIRECTIONS:
            raise ValueError(f"direction must be 'both', 'forwards' or 'backwards', not {direction!r}")
        self.channels = channels
        grid = (-(-frames // patch[0]), -(-size[0] // patch[1]), -(-size[1] // patch[2]))
        self.embedding = PatchEmbedding(channels, hidden, patch, grid, neuron)
        self.blocks = nn.Sequential(*(
            Block(hidden, heads, window, ffn, expand * hidden, states, seen, mixers, direction, neuron)
            for _ in range(blocks)
        ))  # fmt: skip
        self.head = nn.Linear(hidden, classes)

    def forward(self, frames: Tensor) -> Tensor:
        """Logits `(B, classes)` of frames `(B, T, C, H, W)`, of any T, H and W.

        Raises `ValueError` for another shape.
        """
        if frames.ndim != 5 or frames.shape[2] != self.channels or 0 in frames.shape:
            raise ValueError(f"frames must be (B, T, {self.channels}, H, W), none of them 0, not {tuple(frames.shape)}")
        x = self.blocks(self.embedding(frames))  # (F, B, Y, X, M)
        logits: Tensor = self.head(x.mean((0, 2, 3)))  # (B, classes)
        return logits


def require_positive(**sizes: tuple[int, ...]) -> None:
    """Raises `ValueError`, which names the first size that is below 1 or has not as many numbers as it should."""
    numbers = {"size": 2, "patch": 3, "window": 3}
    for name, values in sizes.items():
        if len(values) != numbers.get(name, 1):
            raise ValueError(f"{name} must be {numbers[name]} numbers, not {len(values)}")
        if min(values) < 1:
            raise ValueError(f"{name} must be at least 1, not {', '.join(map(str, values))}")
