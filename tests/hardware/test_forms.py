"""Our models on the chip: layer by layer what they compute themselves, and what of them stays outside."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from neuroact.errors import UnsupportedLayer
from neuroact.hardware.emulator import Recorded, emulate
from neuroact.hardware.forms import chip_input
from neuroact.hardware.host import HostChipModel
from neuroact.hardware.network import Conv, Dense, Flatten
from neuroact.hardware.quantise import Quantised, quantise
from neuroact.hardware.validation import check
from neuroact.models import create
from neuroact.models.layers import ChipLayer, Spikes
from neuroact.models.spikepoint import AnySpike, Pointwise

POINTS = {"centroids": 12, "neighbours": 6, "steps": 8, "width": 10, "bottleneck": 6, "widths": (14, 18), "hidden": 16}
PATCHES = {"size": (14, 13), "frames": 4, "hidden": 12, "blocks": 1, "heads": 2, "ffn": 16, "states": 4}


@pytest.fixture(autouse=True)
def _one_seed() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)


def lively(name: str, **arguments: Any) -> nn.Module:
    """A model whose batch norms do something, and make neurons fire."""
    model = create(name, classes=5, **arguments)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d):
            nn.init.uniform_(module.running_mean, -0.2, 0.2)  # type: ignore[arg-type]
            nn.init.uniform_(module.running_var, 0.01, 0.08)  # type: ignore[arg-type]
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.3, 0.5)
    return model.eval()


def clouds(batch: int = 6, points: int = 20) -> Tensor:
    return torch.rand(batch, points, 3, generator=torch.Generator().manual_seed(1))


def frames(batch: int = 4, steps: int = 4, size: tuple[int, int] = (14, 13)) -> Tensor:
    rates = torch.full((batch, steps, 2, *size), 0.4)
    return torch.poisson(rates, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def watched(model: nn.Module, x: Tensor, *kinds: type[nn.Module]) -> tuple[Tensor, dict[str, Any]]:
    """Logits, and what modules of these kinds put out, by name."""
    seen: dict[str, Any] = {}
    for name, module in model.named_modules():
        if isinstance(module, kinds):
            module.register_forward_hook(lambda _m, _i, out, name=name: seen.__setitem__(name, out.numpy()))
    return model(x), seen


def run(model: nn.Module, x: Tensor, **options: Any) -> tuple[Quantised, tuple[Recorded, ...]]:
    quantised = quantise(model, **options)
    check(quantised.network)
    return quantised, emulate(quantised.network, chip_input(model, x).numpy(), record=True).layers


def alike(one: Any, other: Any) -> float:
    """The share of equal spikes; some of both kinds are there."""
    assert one.shape == other.shape
    assert 0.02 < other.mean() < 0.98
    return float((one == other).mean())


def test_spiking_cnn_is_on_the_chip_spike_for_spike() -> None:
    model = create("spiking_cnn", classes=5, preset="tiny", size=(14, 13), quantised=True).eval()
    logits, seen = watched(model, frames(), ChipLayer)
    quantised, layers = run(model, frames())
    assert [type(layer) for layer in quantised.network.layers] == [Conv, Conv, Flatten, Dense, Dense]
    assert (quantised.voters, quantised.network.reset_interval, quantised.host) == (4, None, ())
    for place, layer in enumerate(layers):
        assert alike(layer.spikes.swapaxes(0, 1), seen[f"layers.{place}"]) == 1
    assert torch.allclose(HostChipModel(model)(frames()), logits, rtol=1e-6)


def test_spiking_cnn_with_pools_is_on_the_chip_spike_for_spike() -> None:
    model = create("spiking_cnn", classes=5, preset="tiny", size=(14, 13), quantised=True, pooling=True).eval()
    logits, seen = watched(model, frames(), ChipLayer)
    _, layers = run(model, frames())
    assert [layer.spikes.shape[2:] for layer in layers] == [(4, 14, 13), (4, 7, 6), (8, 7, 6), (8, 3, 3), (32,), (20,)]
    for place, layer in enumerate((layers[0], layers[2], layers[4], layers[5])):
        assert alike(layer.spikes.swapaxes(0, 1), seen[f"layers.{place}"]) == 1
    assert torch.allclose(HostChipModel(model)(frames()), logits, rtol=1e-6)


def test_losses_of_layers_that_have_integers_of_their_own() -> None:
    model = create("spiking_cnn", classes=5, preset="tiny")
    for loss, layer in zip(quantise(model).losses, model.layers, strict=True):  # type: ignore[arg-type]
        held, weight = layer.integers, layer.synapses.weight.detach()  # type: ignore[union-attr, operator]
        assert loss.name.startswith("layers.")
        assert loss.scale == pytest.approx(254 / float(weight.abs().max()), rel=1e-5)
        assert abs(loss.threshold_error) < 0.5 / held.threshold + 1e-9
        error = (held.weight / loss.scale - weight).square().mean().sqrt() / weight.square().mean().sqrt()
        assert loss.weight_error == pytest.approx(float(error), rel=1e-3)


@torch.no_grad()
def as_held(model: nn.Module, quantised: Quantised) -> None:
    """Gives SpikePoint the weights that the chip holds: all that is left between them is how potentials leak."""
    modules = dict(model.named_modules())
    for loss in quantised.losses:
        layer: Any = quantised.network.layers[loss.layer - 1]
        weight = torch.from_numpy(layer.weight / loss.scale).flatten(1)
        bias = torch.from_numpy(layer.bias / loss.scale)
        for place, name in enumerate(loss.name.split(" and ")):  # two branches side by side
            module: Any = modules[name]
            linear = module.weights if isinstance(module, Pointwise) else module
            many, inputs = linear.weight.shape
            rows = slice(place * many, (place + 1) * many)
            column = weight.shape[1] - inputs if name == "centroid_extractor.0" else 0  # behind those of members
            linear.weight.copy_(weight[rows, column : column + inputs])
            if isinstance(module, Pointwise):
                module.norm.running_mean.zero_()
                module.norm.running_var.fill_(1 - module.norm.eps)
                module.norm.weight.fill_(1)
            (module.norm if isinstance(module, Pointwise) else module).bias.copy_(bias[rows])


@pytest.mark.parametrize("coders", [1, 3])
def test_spikepoint_is_on_the_chip_layer_by_layer(coders: int) -> None:
    model = lively("spikepoint", residual=False, coders=coders, **POINTS)
    float_logits = model(clouds()).detach()
    quantised, layers = run(model, clouds())
    assert (quantised.network.shape, quantised.steps, quantised.network.reset_interval) == ((9 * coders, 12, 6), 8, 8)
    as_held(model, quantised)
    logits, seen = watched(model, clouds(), Spikes, AnySpike)
    spikes = [layer.spikes.swapaxes(0, 1) for layer in layers]  # (T, B, C, M, K)
    for place, width in ((0, 10), (1, 6)):
        members, centroids = spikes[place][:, :, :width], spikes[place][:, :, width:]
        assert alike(members, np.moveaxis(seen[f"member_extractor.1.branch.{2 * place}"], -1, 2)) > 0.999
        of_centroids = np.moveaxis(seen[f"centroid_extractor.1.branch.{2 * place}"], -1, 2)
        for at in range(6):
            assert alike(centroids[..., at], of_centroids) > 0.999
    pooled = np.concatenate([seen["over_members"], seen["centroid_extractor.2"]], -1)  # (T, B, M, 2 width)
    assert alike(spikes[3][..., 0], np.moveaxis(pooled, -1, 2)) > 0.999
    for place, name in ((4, "1.branch.0"), (5, "2"), (6, "4.branch.0")):
        assert alike(spikes[place][..., 0], np.moveaxis(seen[f"global_extractor.{name}"], -1, 2)) > 0.995
    assert alike(spikes[8][..., 0, 0], seen["over_centroids"]) > 0.995
    assert alike(spikes[9], seen["classifier.1"]) > 0.99
    assert quantised.unit is not None
    read = layers[-1].potentials[:, -1] * quantised.unit
    assert np.abs(read - logits.numpy()).max() < 0.05 * logits.std()
    assert (torch.from_numpy(read) - float_logits).abs().max() < 0.5 * float_logits.std()


def test_a_point_cloud_goes_through_host_and_chip() -> None:
    model = lively("spikepoint", residual=False, **POINTS)
    quantised, layers = run(model, clouds())
    assert quantised.unit is not None
    np.testing.assert_allclose(HostChipModel(model)(clouds()), layers[-1].potentials[:, -1] * quantised.unit, rtol=1e-6)


def test_what_adds_up_in_spikepoint_meets_the_same_weights_twice() -> None:
    layers = quantise(lively("spikepoint", residual=False, **POINTS)).network.layers
    first, grouped, pool, summed = layers[0], layers[1], layers[3], layers[4]
    assert isinstance(first, Conv)
    assert not first.weight[:10, 6:].any()
    assert not first.weight[10:, :6].any()
    assert isinstance(grouped, Conv)
    assert (grouped.groups, grouped.weight.shape) == (2, (12, 10, 1, 1))
    assert isinstance(pool, Conv)
    assert (pool.groups, pool.weight.shape, pool.bias) == (20, (20, 1, 1, 6), None)
    assert isinstance(summed, Conv)
    assert np.array_equal(summed.weight[:, :10], summed.weight[:, 10:])


def test_two_spikes_that_add_up_count_twice() -> None:
    """Both branches are often active at once, so that counting them once would show."""
    model = lively("spikepoint", residual=False, **POINTS)
    _, seen = watched(model, clouds(), Spikes, AnySpike)
    assert ((seen["over_members"] + seen["centroid_extractor.2"]) == 2).mean() > 0.05


@pytest.mark.parametrize(("library", "less"), [("spikingjelly", 0), ("snntorch", 1)])
def test_spikepoint_of_other_neurons_is_the_same_on_the_chip(library: str, less: int) -> None:
    """But for snnTorch's, which spike above their threshold as the chip does."""
    pytest.importorskip(library)
    networks = []
    for neuron in ("neuroact", library):
        torch.manual_seed(0)
        networks.append(quantise(lively("spikepoint", residual=False, neuron=neuron, **POINTS)).network)
    for ours, theirs in zip(networks[0].layers, networks[1].layers, strict=True):
        assert type(ours) is type(theirs)
        if not isinstance(ours, Flatten) and not isinstance(theirs, Flatten):
            assert np.abs(ours.weight - theirs.weight).max() <= 4 * less
            assert theirs.neurons.threshold - ours.neurons.threshold in (0, less)


def test_a_cloud_too_small_for_the_chips_maps_is_refused() -> None:
    with pytest.raises(ValueError, match="a cloud of 11 points"):
        chip_input(lively("spikepoint", residual=False, **POINTS), clouds(points=11))


@pytest.mark.parametrize("patch", [(1, 4, 4), (2, 5, 3)])
def test_spikmambas_embedding_is_on_the_chip(patch: tuple[int, int, int]) -> None:
    model = lively("spikmamba", patch=patch, **PATCHES)
    x = (frames() > 0).float()
    logits, seen = watched(model.embedding, x, Spikes)  # type: ignore[arg-type]
    quantised, layers = run(model, x, split=True)
    spikes = seen["fire.spikes"].transpose(1, 0, 4, 2, 3)  # (B, F, M, Y, X)
    assert alike(layers[0].spikes, spikes) > 0.985
    assert (quantised.reads, quantised.unit, quantised.steps) == ("spikes", None, spikes.shape[1])
    both = HostChipModel(model)
    assert [refusal.name for refusal in both.host] == [refusal.name for refusal in quantised.host]
    with torch.no_grad():
        logits = model(x)
    assert (both(x) - logits).abs().max() < 0.3 * logits.std()
    model.embedding.fire.spikes.register_forward_hook(  # type: ignore[union-attr, operator]
        lambda _m, _i, _o: torch.from_numpy(layers[0].spikes.transpose(1, 0, 3, 4, 2)).float()
    )
    with torch.no_grad():
        assert torch.allclose(both(x), model(x), atol=1e-5)


def test_what_of_spikmamba_stays_outside_is_named() -> None:
    model = lively("spikmamba", patch=(1, 4, 4), **PATCHES)
    with pytest.raises(UnsupportedLayer) as caught:
        quantise(model)
    named = {layer.name: layer for layer in caught.value.layers}
    assert list(named) == ["embedding", "blocks.0.mix.attention", "blocks.0.mix.mamba", "blocks.0.ffn", "head"]
    assert "multiplies activities" in named["blocks.0.mix.attention"].reason
    assert "real numbers" in named["head"].reason
    assert all("split" in layer.rewrite for layer in caught.value.layers)


def test_frames_of_another_size_are_refused() -> None:
    model = lively("spikmamba", patch=(1, 4, 4), **PATCHES)
    for size in ((17, 13), (12, 13), (14, 12)):
        with pytest.raises(ValueError, match=r"the chip's part is for \(16, 16\)"):
            chip_input(model, frames(size=size))
    with pytest.raises(ValueError, match="3 steps; the chip's part is for 4"):
        HostChipModel(model)(frames(steps=3))


RESIDUAL = [
    ("member_extractor.1", "Residual"), ("centroid_extractor.1", "Residual"), ("over_members", "LargestCurrent"),
    ("global_extractor.1", "Residual"), ("global_extractor.4", "Residual"), ("over_centroids", "LargestCurrent"),
]  # fmt: skip


@pytest.mark.parametrize("split", [False, True])
def test_residuals_and_vtn_are_refused_layer_by_layer(split: bool) -> None:
    with pytest.raises(UnsupportedLayer, match="residual=False, and training again") as caught:
        quantise(lively("spikepoint", **POINTS), split=split)
    assert [(layer.name, layer.kind) for layer in caught.value.layers] == RESIDUAL
    with pytest.raises(UnsupportedLayer) as caught:
        quantise(create("vtn", classes=3, preset="tiny"), split=split)
    found = {(layer.name, layer.kind) for layer in caught.value.layers}
    assert {("backbone.blocks.0.attn", "Attention"), ("temporal.layers.1", "TemporalLayer"), ("head.2", "GELU")} < found
    assert all(layer.reason for layer in caught.value.layers)
