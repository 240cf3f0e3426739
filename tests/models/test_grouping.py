"""Farthest points and nearest neighbours against brute force, ties included."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from neuroact.models.layers.grouping import farthest_points, gather, nearest_neighbours

CLOUDS = {
    "scattered": (2, 50, 3, 0),
    "on a lattice, full of ties": (2, 60, 3, 4),
    "mostly duplicates": (3, 40, 3, 1),
    "one point": (2, 1, 3, 0),
    "two coordinates": (1, 30, 2, 8),
}
"""Batch, points, coordinates, and steps of the lattice in [0, 1] (0 for none), all exact in float32."""

MISUSES = {
    "no batch": (torch.zeros(4, 3), 1),
    "no points": (torch.zeros(1, 0, 3), 1),
    "no coordinates": (torch.zeros(1, 4, 0), 1),
    "none to take": (torch.zeros(1, 4, 3), 0),
}


def cloud(name: str) -> Tensor:
    batch, count, coordinates, steps = CLOUDS[name]
    rng = np.random.default_rng(7)
    shape = (batch, count, coordinates)
    return torch.tensor(rng.random(shape) if not steps else rng.integers(0, steps + 1, shape) / steps).float()


def farthest_by_force(points: NDArray[np.float32], count: int) -> list[int]:
    chosen = [0]
    while len(chosen) < count:
        gaps = [min(((points[n] - points[c]) ** 2).sum() for c in chosen) for n in range(len(points))]
        chosen.append(int(np.argmax(gaps)))
    return chosen


def nearest_by_force(points: NDArray[np.float32], centre: NDArray[np.float32], count: int) -> list[int]:
    return sorted(range(len(points)), key=lambda n: (((points[n] - centre) ** 2).sum(), n))[:count]


@pytest.mark.parametrize("name", CLOUDS)
@pytest.mark.parametrize("count", [1, 9, 24])
def test_farthest_points_are_those_of_brute_force(name: str, count: int) -> None:
    points = cloud(name)
    found = farthest_points(points, count)
    assert found.dtype == torch.int64
    assert found.tolist() == [farthest_by_force(each.numpy(), count) for each in points]


@pytest.mark.parametrize("name", CLOUDS)
@pytest.mark.parametrize("count", [1, 9, 30])
def test_nearest_neighbours_are_those_of_brute_force(name: str, count: int) -> None:
    points = cloud(name)
    count = min(count, points.shape[1])
    centres = points[:, ::3] if name != "scattered" else points[:, ::3] + 0.1
    found = nearest_neighbours(points, centres, count)
    assert found.dtype == torch.int64
    assert found.tolist() == [
        [nearest_by_force(each.numpy(), centre.numpy(), count) for centre in around]
        for each, around in zip(points, centres, strict=True)
    ]


def test_no_point_is_taken_twice_while_another_is_left() -> None:
    distinct = torch.rand(1, 11, 3, generator=torch.Generator().manual_seed(3))
    points = distinct.repeat_interleave(3, 1)  # each three times
    taken = gather(points, farthest_points(points, 15))[0]
    assert len(taken[:11].unique(dim=0)) == 11
    assert torch.equal(taken[11:], points[0, :1].expand(4, 3))


def test_gathered_points() -> None:
    points = torch.arange(24.0).reshape(2, 4, 3)
    indices = torch.tensor([[[0, 3], [1, 1]], [[2, 0], [3, 3]]])
    found = gather(points, indices)
    assert found.shape == (2, 2, 2, 3)
    assert all(torch.equal(found[b, m, k], points[b, indices[b, m, k]]) for b in (0, 1) for m in (0, 1) for k in (0, 1))
    assert torch.equal(gather(points, indices[:, :, 0]), found[:, :, 0])


def test_a_cloud_has_the_same_groups_alone_and_in_a_batch() -> None:
    points = cloud("on a lattice, full of ties")
    together = farthest_points(points, 20)
    neighbours = nearest_neighbours(points, gather(points, together), 6)
    for one in range(len(points)):
        alone = points[one : one + 1]
        assert torch.equal(farthest_points(alone, 20), together[one : one + 1])
        assert torch.equal(nearest_neighbours(alone, gather(alone, together[one : one + 1]), 6)[0], neighbours[one])


def test_the_operation_is_what_torch_expects_of_one() -> None:
    torch.library.opcheck(torch.ops.neuroact.farthest_points.default, (cloud("scattered"), 5))


@pytest.mark.parametrize("misuse", MISUSES)
def test_misuse(misuse: str) -> None:
    points, count = MISUSES[misuse]
    with pytest.raises(ValueError, match=r"count must|points must"):
        farthest_points(points, count)
    with pytest.raises(ValueError, match=r"count must|points must"):
        nearest_neighbours(points, points, count)


def test_misuse_of_neighbours() -> None:
    points = torch.zeros(2, 4, 3)
    with pytest.raises(ValueError, match="no 5 neighbours"):
        nearest_neighbours(points, points, 5)
    for centres in (torch.zeros(3, 1, 3), torch.zeros(2, 1, 2), torch.zeros(2, 3)):
        with pytest.raises(ValueError, match="centres"):
            nearest_neighbours(points, centres, 1)
