"""From what encoders make to what models take.

B batch    T steps or bins    C channels    H, W sensor    N points
"""

from __future__ import annotations

from torch import Tensor

from neuroact.models.registry import Takes

KINDS: dict[Takes, frozenset[str]] = {
    "frames": frozenset({"voxel", "frames", "adaptive_frames", "surface", "spikes"}),
    "points": frozenset({"points"}),
}
"""The kinds of samples that each kind of model can learn from."""


def check_kind(takes: Takes, kind: str) -> None:
    """Raises `ValueError` if a model that takes the one cannot learn from samples of the other kind."""
    if kind not in KINDS[takes]:
        raise ValueError(f"a model of {takes} learns from {', '.join(sorted(KINDS[takes]))}, not from {kind}")


def as_input(data: Tensor, kind: str) -> Tensor:
    """A batch of samples as a model takes it, in float32.

    - `data`: `(B, ...)` as the encoder of that kind makes them.

    Returns `(B, T, C, H, W)`, or `(B, N, 3)` for points. A voxel grid's bins are steps of one channel, or of OFF and ON
    where these are apart; a time surface is one step of two.

    Raises `ValueError` for points with a polarity.
    """
    data = data.float()
    if kind == "points" and data.shape[-1] != 3:
        raise ValueError("models take points as x, y, t: encode them without polarity")
    if kind == "surface":
        return data.unsqueeze(1)  # (B, 1, 2, H, W)
    if kind == "voxel" and data.ndim == 4:
        return data.unsqueeze(2)  # (B, T, 1, H, W)
    return data
