"""Groups of a cloud's points: centroids far from each other, and the nearest neighbours of each.

    B batch    N points    D coordinates    M centroids    K neighbours

Ties go to the earlier point, as sensors give them all the time: pixels are integers, and clouds that are drawn with
replacement hold a point twice. So groups are the same on every device, and a cloud's are its own in any batch.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def farthest_points(points: Tensor, count: int) -> Tensor:
    """Farthest-point sampling (Eldar et al. 1997): each next point is the one farthest from all those before it.

    - `points`: `(B, N, D)` float.
    - `count`: how many to take, M.

    Returns indices `(B, M)` int64, the first of them 0. When all points that differ are taken, 0 comes again.

    Raises `ValueError` for another shape, no points, or `count` below 1.
    """
    _require_cloud(points, count)
    indices: Tensor = _farthest_points(points.detach(), count)
    return indices


@torch.library.custom_op("neuroact::farthest_points", mutates_args=())
def _farthest_points(points: Tensor, count: int) -> Tensor:
    """An operation of its own, as torch.compile would unroll the loop into M copies."""
    columns = points.permute(2, 0, 1).contiguous()  # (D, B, N)
    batch = torch.arange(len(points), device=points.device)  # (B,)
    chosen = torch.zeros((len(points), count), dtype=torch.int64, device=points.device)  # (B, M)
    gap = points.new_full(points.shape[:2], math.inf)  # (B, N), squared distance to the nearest chosen point
    for m in range(1, count):
        last = columns[:, batch, chosen[:, m - 1], None]  # (D, B, 1)
        gap = torch.minimum(gap, (columns - last).square_().sum(0))  # (B, N)
        chosen[:, m] = gap.argmax(1)  # the first of equals
    return chosen


@_farthest_points.register_fake
def _(points: Tensor, count: int) -> Tensor:
    return points.new_empty((points.shape[0], count), dtype=torch.int64)


def nearest_neighbours(points: Tensor, centres: Tensor, count: int) -> Tensor:
    """The points nearest to each centre, nearest first.

    - `points`: `(B, N, D)` float. `centres`: `(B, M, D)`.
    - `count`: how many to take, K, at most N.

    Returns indices `(B, M, K)` int64. Distances are compared in float32.

    Raises `ValueError` for other shapes or a `count` outside 1 to N.
    """
    _require_cloud(points, count)
    if centres.ndim != 3 or centres.shape[::2] != points.shape[::2]:
        raise ValueError(f"centres {tuple(centres.shape)} are not (B, M, D) for points {tuple(points.shape)}")
    if count > points.shape[1]:
        raise ValueError(f"there are {points.shape[1]} points, so no {count} neighbours")
    distance = torch.zeros((*centres.shape[:2], points.shape[1]), device=points.device)  # (B, M, N), squared
    for c, p in zip(centres.detach().float().unbind(-1), points.detach().float().unbind(-1), strict=True):
        distance += (c[:, :, None] - p[:, None]).square_()  # one coordinate at a time: D times less memory
    # topk leaves open which of equals it takes. Bits of floats from 0 up are ordered as the floats, so these are not.
    order = distance.view(torch.int32).to(torch.int64) << 32 | torch.arange(points.shape[1], device=points.device)
    return order.topk(count, largest=False).indices  # (B, M, K)


def gather(points: Tensor, indices: Tensor) -> Tensor:
    """The points at indices: `(B, ..., D)` for points `(B, N, D)` and indices `(B, ...)`."""
    flat = indices.flatten(1)[..., None].expand(-1, -1, points.shape[-1])  # (B, M K, D)
    return points.gather(1, flat).reshape(*indices.shape, points.shape[-1])


def _require_cloud(points: Tensor, count: int) -> None:
    if points.ndim != 3 or not points.shape[1] or not points.shape[2]:
        raise ValueError(f"points must be (B, N, D) with at least one point, not {tuple(points.shape)}")
    if count < 1:
        raise ValueError(f"count must be at least 1, not {count}")
