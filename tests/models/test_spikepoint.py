"""SpikePoint: features, rate code and parts by hand; the whole as every model must behave."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from neuroact.kernels.nn import LIF
from neuroact.models import create
from neuroact.models.layers import Library, lif
from neuroact.models.spikepoint import (
    PRESETS,
    AnySpike,
    LargestCurrent,
    Pointwise,
    RateCode,
    Residual,
    SpikePoint,
    group_features,
)

PUBLISHED = {
    ("spikepoint_gesture", 11): 0.58e6,
    ("spikepoint_gesture", 10): 0.58e6,
    ("spikepoint_daily", 12): 0.16e6,
}
"""Parameters by preset and classes."""

SIZES: dict[str, Any] = {
    "centroids": 8, "neighbours": 5, "steps": 6, "width": 8, "bottleneck": 4, "widths": (8, 12), "hidden": 8,
}  # fmt: skip

MISUSES: dict[str, dict[str, Any]] = {
    "no classes": {"classes": 0},
    "no centroids": {"centroids": 0},
    "no neighbours": {"neighbours": 0},
    "no steps": {"steps": 0},
    "no coders": {"coders": 0},
    "no channels": {"widths": (8, 0)},
    "no stages": {"widths": ()},
    "another library's neurons": {"neuron": "norse"},
}

either = pytest.mark.parametrize("residual", [True, False], ids=["residual", "chip"])


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Networks this small only wait for a second thread, and for long where other processes have the cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def network(seed: int = 0, **options: Any) -> SpikePoint:
    """A small one whose norms have seen clouds: one that has seen none is silent in evaluation."""
    torch.manual_seed(seed)
    model = SpikePoint(**{"classes": 4, **SIZES, **options})
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm1d)]
    for norm in norms:
        norm.momentum = 1.0
    with torch.no_grad():
        model(clouds(6))
    for norm in norms:
        norm.momentum = 0.1
    return model.eval()


def clouds(batch: int = 3, points: int = 40, seed: int = 1) -> Tensor:
    """In time order, and not evenly spread: around a point of their own."""
    random = torch.Generator().manual_seed(seed)
    centre = torch.rand(batch, 1, 3, generator=random)
    cloud = (centre + 0.3 * torch.randn(batch, points, 3, generator=random)).clamp(0, 1)
    return cloud.gather(1, cloud[..., 2:].argsort(1).expand(-1, -1, 3))


def close(one: Tensor, other: Tensor, bound: float) -> bool:
    return one.shape == other.shape and bool((one - other).abs().max() <= bound)


def test_features_of_a_group_worked_out_on_paper() -> None:
    points = torch.tensor([[[0.5, 0.5, 0.5], [0.8, 0.1, 0.5], [0.9, 0.9, 0.9]]])
    found = group_features(points, points[:, :1], torch.tensor([[[0, 1]]]))[0, 0]
    spread = math.sqrt((0.3**2 + 0.4**2) / 6)
    corner = [0.5, 0.1, 0.5]
    assert close(found, torch.tensor([[0, 0, 0, *corner], [0.3 / spread, 0.4 / spread, 0, *corner]]), 1e-6)


def test_features_against_numpy() -> None:
    points = clouds(2, 20)
    rng = np.random.default_rng(0)
    members = torch.tensor(rng.integers(0, 20, (2, 4, 5)))
    centroids = points[:, 3:7]
    found = group_features(points, centroids, members)
    for b, m in product(range(2), range(4)):
        group = points[b].numpy()[members[b, m].numpy()]
        offsets = np.abs(group - centroids[b, m].numpy())
        expected = np.hstack([offsets / np.sqrt(np.mean(offsets**2)), np.tile(group.min(0), (5, 1))])
        assert np.allclose(found[b, m].numpy(), expected, atol=1e-5)


def test_offsets_of_points_on_a_line_end_below_the_ceiling() -> None:
    """What the ceiling of the code is for: the ends of an even row of points around its first are at 3 spreads."""
    row = torch.zeros(1, 1001, 3)
    row[0, :, 0] = torch.linspace(0, 1, 1001)
    largest = group_features(row, row[:, :1], torch.arange(1001)[None, None])[..., 0].max()
    assert 2.99 < largest < 3


def test_a_group_of_one_point_many_times_has_offsets_of_zero() -> None:
    points = torch.full((1, 4, 3), 0.7)
    found = group_features(points, points[:, :1], torch.zeros(1, 1, 4, dtype=torch.int64))
    assert torch.equal(found, torch.tensor([0, 0, 0, 0.7, 0.7, 0.7]).expand(1, 1, 4, 6))


@pytest.mark.parametrize("steps", [1, 5, 8, 16])
@pytest.mark.parametrize("coders", [1, 3, 4])
@pytest.mark.parametrize("training", [True, False])
def test_a_rate_is_met_to_within_a_spike(steps: int, coders: int, training: bool) -> None:
    """Over all steps, of all neurons that code for it together; and at every step to within hardly more than one."""
    code = RateCode(steps, (1.0, 1.0, 2.0), coders).train(training)
    values = torch.linspace(0, 1, 201)[None, :, None] * code.ceilings  # (1, 201, 3)
    spikes = code(values)
    assert spikes.shape == (steps, 1, 201, 3 * coders)
    assert set(spikes.unique().tolist()) <= {0.0, 1.0}
    spikes, rates = spikes.unflatten(-1, (3, coders)).sum(-1), values / code.ceilings  # (T, 1, 201, 3), (1, 201, 3)
    assert (spikes.sum(0) - steps * coders * rates).abs().max() < (1 if training else 0.5) + 1e-4
    if steps % coders == 0:
        assert (spikes - coders * rates).abs().max() < 1 + (coders - 1) / steps + 1e-4


def test_spikes_are_spread_evenly_over_time() -> None:
    """In no stretch of steps are there two spikes more or fewer than its share."""
    spikes = RateCode(16, (1.0,) * 6).eval()(torch.linspace(0, 1, 101)[None, :, None].expand(1, 101, 6))
    sums = functional.pad(spikes.cumsum(0), (0, 0, 0, 0, 0, 0, 1, 0))
    rate = sums[-1] / 16
    assert all((sums[b] - sums[a] - (b - a) * rate).abs().max() < 2 for a in range(16) for b in range(a + 1, 17))


def test_features_of_one_value_do_not_fire_together() -> None:
    trains = RateCode(16, (1.0,) * 6).eval()(torch.full((1, 6), 0.4))[:, 0].T
    assert len(trains.unique(dim=0)) == 6


@pytest.mark.parametrize("value", [-0.5, 0.0, 1.0, 7.0])
def test_values_outside_the_range_fire_never_or_always(value: float) -> None:
    for training in (True, False):
        assert (RateCode(16, (1.0, 1.0)).train(training)(torch.full((3, 2), value)) == float(value > 0)).all()


def test_training_draws_for_each_cloud_and_feature_and_evaluation_does_not() -> None:
    code, values = RateCode(16, (1.0,) * 4), torch.full((5, 7, 4), 0.4)
    torch.manual_seed(0)
    spikes = code(values)
    assert torch.equal(spikes, spikes[:, :, :1].expand_as(spikes))  # points of one value fire alike
    assert len(spikes[:, :, 0].permute(1, 2, 0).reshape(20, 16).unique(dim=0)) > 10
    assert not torch.equal(code(values), spikes)
    torch.manual_seed(0)
    assert torch.equal(code(values), spikes)
    code.eval()
    assert torch.equal(code(values), code(values))
    assert torch.equal(code(values)[:, 3:4], code(values[3:4]))


def test_a_block_adds_to_its_current_or_replaces_it() -> None:
    current = torch.randn(3, 2, 4, generator=torch.Generator().manual_seed(0))
    for channels, skip in product([(4, 4), (4, 2, 4)], [True, False]):
        block = Residual(channels, skip, lif)
        change = block.branch(current)
        assert change.abs().max() > 0.1
        assert torch.equal(block(current), current + change if skip else change)


def test_pools_by_hand() -> None:
    current = 2 * torch.randn(5, 2, 3, 4, 6, generator=torch.Generator().manual_seed(0))
    any_spike = AnySpike(lif)
    members = torch.stack([any_spike.spikes(current[..., k, :].contiguous()) for k in range(4)])
    assert torch.equal(any_spike(current), members.max(0).values)
    largest = LargestCurrent(6, lif)
    assert largest(current).shape == (5, 2, 3, 6)
    rows = current.max(-2).values
    standard = (rows - rows.mean((0, 1, 2))) / rows.std((0, 1, 2), correction=0)
    assert torch.equal(largest(current), largest.spikes(standard))


@either
def test_spikes_alone_enter_convolutions_and_never_too_many(residual: bool) -> None:
    """Large sets are what silences or saturates a network."""
    model, seen = network(residual=residual, centroids=40, neighbours=16).train(), []
    for module in model.modules():
        if isinstance(module, Pointwise):
            module.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    model(clouds(6))
    assert len(seen) == 6 + 4 + 1
    assert all(set(spikes.unique().tolist()) <= {0.0, 1.0, 2.0} for spikes in seen)
    assert sum(bool((spikes == 2).any()) for spikes in seen) == 1  # only the sum of both branches
    assert all(0.01 < spikes.mean() < 0.6 for spikes in seen)


@pytest.mark.parametrize(("preset", "classes"), PUBLISHED)
def test_parameters_are_as_many_as_published(preset: str, classes: int) -> None:
    model = create("spikepoint", preset=preset, classes=classes)
    count = sum(parameter.numel() for parameter in model.parameters())
    assert count == pytest.approx(PUBLISHED[preset, classes], rel=0.03)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_makes_a_network(preset: str) -> None:
    model = create("spikepoint", preset=preset, classes=3)
    assert model.eval()(clouds(1, 12)).shape == (1, 3)


@either
def test_every_parameter_learns(residual: bool) -> None:
    model = network(residual=residual).train()
    functional.cross_entropy(model(clouds()), torch.tensor([0, 1, 2])).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().max() > 0, name


@either
def test_logits_of_a_cloud_are_its_own(residual: bool) -> None:
    model, points = network(residual=residual), clouds(5)
    with torch.no_grad():
        together = model(points)
        assert len(together.unique(dim=0)) == 5
        assert close(torch.cat([model(points[b : b + 1]) for b in range(5)]), together, 1e-5)
        assert close(model(points.flip(0)).flip(0), together, 1e-5)


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("points", [1, 3, 6, 100])
@either
def test_any_number_of_points_and_clouds(residual: bool, batch: int, points: int) -> None:
    """Below both centroids and neighbours, between them, above both; in training as well."""
    model = network(residual=residual)
    for training in (True, False):
        logits = model.train(training)(clouds(batch, points))
        assert logits.shape == (batch, 4)
        assert logits.isfinite().all()


@either
def test_a_cloud_with_each_point_twice_has_the_same_logits(residual: bool) -> None:
    model, points = network(residual=residual, centroids=12, neighbours=24), clouds(2, 12)
    with torch.no_grad():
        assert close(model(points.repeat_interleave(2, 1)), model(points), 1e-5)


@either
def test_a_cloud_of_one_point_has_finite_logits_and_gradients(residual: bool) -> None:
    model = network(residual=residual).train()
    model(torch.full((2, 40, 3), 0.3)).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_logits_are_the_mean_over_time() -> None:
    model, seen = network(), []
    model.classifier.register_forward_hook(lambda _, __, result: seen.append(result))
    logits = model(clouds())
    assert seen[0].shape == (6, 3, 4)
    assert torch.equal(logits, seen[0].mean(0))


@either
def test_a_state_dict_carries_all(residual: bool) -> None:
    model, other = network(residual=residual), network(1, residual=residual)
    assert not close(other(clouds()), model(clouds()), 1e-3)
    other.load_state_dict(model.state_dict())
    assert torch.equal(other(clouds()), model(clouds()))


@either
@pytest.mark.parametrize("library", ["spikingjelly", "snntorch"])
def test_neurons_of_other_libraries_give_the_same(library: Library, residual: bool) -> None:
    pytest.importorskip(library)
    ours, theirs = network(residual=residual), network(residual=residual, neuron=library)
    theirs.load_state_dict(ours.state_dict(), strict=False)
    for model in (ours, theirs):
        model.zero_grad()
        model(clouds()).square().sum().backward()
    assert close(theirs(clouds()), ours(clouds()), 1e-4)
    gradients = dict(theirs.named_parameters())
    assert all(
        close(gradients[name].grad, p.grad, 1e-4 * max(1, p.grad.abs().max()))  # type: ignore[arg-type, union-attr]
        for name, p in ours.named_parameters()
    )


@pytest.mark.parametrize(("residual", "training"), [(True, True), (False, False)])
def test_torch_compiles_it_whole(residual: bool, training: bool) -> None:
    model, points = network(residual=residual).train(training), clouds()
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
    torch.manual_seed(0)
    expected = model(points)
    torch.manual_seed(0)
    found = compiled(points)
    assert close(found, expected, 1e-4)
    found.sum().backward()
    assert all(p.grad is not None for p in model.parameters())


@either
def test_it_learns_which_way_a_point_moves(residual: bool) -> None:
    random = torch.Generator().manual_seed(0)
    time = torch.rand(24, 32, generator=random).sort(1).values
    labels = torch.arange(24) % 2
    across = torch.where(labels[:, None] == 0, time, 1 - time)
    points = torch.stack([across, torch.rand(24, 32, generator=random), time], -1)
    model = network(residual=residual, classes=2).train()
    optimiser = torch.optim.AdamW(model.parameters(), 0.01)
    for _ in range(30):
        optimiser.zero_grad()
        loss = functional.cross_entropy(model(points), labels)
        loss.backward()
        optimiser.step()
    assert (model(points).argmax(1) == labels).float().mean() > 0.9


@pytest.mark.parametrize("misuse", MISUSES)
def test_misuse(misuse: str) -> None:
    with pytest.raises(ValueError, match=r"at least 1|no neurons"):
        SpikePoint(**{"classes": 4, **SIZES, **MISUSES[misuse]})


@pytest.mark.parametrize("shape", [(40, 3), (2, 40, 4), (2, 40), (2, 0, 3)])
def test_misuse_of_forward(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="points must be"):
        network()(torch.zeros(shape))


def test_slower_neurons_have_the_same_weights_and_other_spikes() -> None:
    cloud = torch.rand(2, 64, 3, generator=torch.Generator().manual_seed(0))
    logits = []
    for decay in (0.5, 0.9):
        torch.manual_seed(0)
        model = SpikePoint(4, centroids=8, neighbours=4, widths=(16,), hidden=16, decay=decay)
        assert {module.decay for module in model.modules() if isinstance(module, LIF)} == {decay}
        logits.append(model(cloud))
    assert not torch.allclose(*logits)
