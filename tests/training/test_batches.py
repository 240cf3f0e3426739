"""What happens to a batch: inputs, mixup, loss and means."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from neuroact.errors import Diverged
from neuroact.models.registry import Takes
from neuroact.training.inputs import as_input, check_kind
from neuroact.training.means import Found, Sums, cross_entropy
from neuroact.training.mixup import mixup, weights_of

SHAPES = {
    "voxel grid": ("voxel", torch.float32, (2, 5, 6, 7), (2, 5, 1, 6, 7)),
    "voxel grid of two polarities": ("voxel", torch.float32, (2, 5, 2, 6, 7), (2, 5, 2, 6, 7)),
    "frames": ("frames", torch.int32, (2, 8, 2, 6, 7), (2, 8, 2, 6, 7)),
    "adaptive frames": ("adaptive_frames", torch.int32, (2, 8, 2, 6, 7), (2, 8, 2, 6, 7)),
    "spikes": ("spikes", torch.uint8, (2, 8, 2, 6, 7), (2, 8, 2, 6, 7)),
    "surface": ("surface", torch.float32, (2, 2, 6, 7), (2, 1, 2, 6, 7)),
    "points": ("points", torch.float32, (2, 9, 3), (2, 9, 3)),
}
KINDS: list[tuple[Takes, str, bool]] = [
    ("frames", "voxel", True), ("frames", "surface", True), ("frames", "adaptive_frames", True),
    ("frames", "points", False), ("points", "points", True), ("points", "spikes", False), ("frames", "events", False),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "dtype", "shape", "taken"), SHAPES.values(), ids=SHAPES)
def test_samples_become_inputs(kind: str, dtype: torch.dtype, shape: tuple[int, ...], taken: tuple[int, ...]) -> None:
    data = torch.arange(math.prod(shape)).reshape(shape).to(dtype)
    made = as_input(data, kind)
    assert (made.shape, made.dtype) == (taken, torch.float32)
    assert (made.flatten() == data.flatten()).all()


@pytest.mark.parametrize(("takes", "kind", "fits"), KINDS)
def test_models_learn_from_their_kind(takes: Takes, kind: str, fits: bool) -> None:
    if fits:
        check_kind(takes, kind)
    else:
        with pytest.raises(ValueError, match=f"a model of {takes} learns from .*, not from {kind}"):
            check_kind(takes, kind)


def test_points_have_no_polarity() -> None:
    with pytest.raises(ValueError, match="without polarity"):
        as_input(torch.zeros(2, 9, 4), "points")


@pytest.mark.parametrize("labels", [torch.tensor([2, 0]), torch.tensor([[0.0, 0, 1], [1, 0, 0]])])
def test_labels_are_weights(labels: Tensor) -> None:
    assert weights_of(labels, 3).tolist() == [[0, 0, 1], [1, 0, 0]]


def test_samples_and_labels_are_blended_alike() -> None:
    weights = weights_of(torch.arange(4), 4)
    kept = weights.clone()
    shares = []
    for seed in range(50):
        data, mixed = mixup(weights.reshape(4, 2, 2), weights, np.random.default_rng(seed), 0.5)
        assert torch.equal(data.reshape(4, 4), mixed)
        assert mixed.sum(1).tolist() == pytest.approx([1] * 4)
        shares.append(mixed.max().item())
    assert torch.equal(weights, kept)
    assert min(shares) < 0.9
    assert len(set(shares)) > 10


def test_the_loss_takes_labels_and_weights_alike() -> None:
    logits, labels = torch.randn(5, 3, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 2, 1, 1, 0])
    by_hand = -(logits.log_softmax(1) * (0.9 * weights_of(labels, 3) + 0.1 / 3)).sum(1).mean()
    for target in (labels, weights_of(labels, 3)):
        torch.testing.assert_close(cross_entropy(logits, target, 0.1), by_hand)
    assert cross_entropy(logits.bfloat16(), labels).dtype == torch.float32


def test_means_are_over_samples_and_not_over_batches() -> None:
    sums = Sums(torch.device("cpu"))
    sums.add(torch.tensor(1.0), torch.tensor([[0.0, 1], [1, 0], [1, 0]]), torch.tensor([1, 1, 0]))
    sums.add(torch.tensor(5.0), torch.tensor([[0.0, 1]]), torch.tensor([[0.6, 0.4]]))
    assert Found(*sums.values.tolist()) == (8, 2, 4)
    assert Found(*sums.values.tolist()).means("here") == (2, 0.5)


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_is_no_number_is_said(loss: float) -> None:
    with pytest.raises(Diverged, match="here: the loss is"):
        Found(loss, 1, 2).means("here")
