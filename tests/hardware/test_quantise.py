"""Scales, thresholds, biases and decays: what they become in integers, and what is said to be lost."""

import numpy as np
import pytest
import torch
from torch import nn

from neuroact.errors import ExportError
from neuroact.hardware.network import Dense
from neuroact.hardware.quantise import Quantised, quantise
from neuroact.hardware.validation import check
from neuroact.kernels.nn import LIF, CubaLIF
from neuroact.models.layers import Spikes, lif

STRICT = "snntorch"
THRESHOLDS = [
    # the largest weight, the neuron's threshold: vThMant, and one for neurons that spike above it
    (1.0, 1.0, 247, 248),
    (0.25, 1.0, 1015, 1016),
    (4.0, 1.0, 63, 63),
    (1.0, 0.04, 10, 10),
    (100.0, 1.0, 2, 2),
    (1e-4, 1.0, 131063, 131064),
]  # fmt: skip


@pytest.fixture(autouse=True)
def _one_seed() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)


def layer(quantised: Quantised) -> Dense:
    check(quantised.network)
    first = quantised.network.layers[0]
    assert isinstance(first, Dense)
    return first


def linear(weights: list[list[float]], bias: list[float] | None = None) -> nn.Linear:
    made = nn.Linear(len(weights[0]), len(weights), bias=bias is not None)
    with torch.no_grad():
        made.weight.copy_(torch.tensor(weights))
        if bias is not None:
            made.bias.copy_(torch.tensor(bias))
    return made


@pytest.mark.parametrize(("most", "threshold", "at", "above"), THRESHOLDS)
def test_thresholds_are_as_large_as_eight_bits_allow(most: float, threshold: float, at: int, above: int) -> None:
    synapses = linear([[most, -most / 3, 0.0]])
    found = quantise(nn.Sequential(synapses, lif(threshold=threshold)))
    assert layer(found).neurons.threshold == at
    assert found.losses[0].threshold_error == 0
    assert found.losses[0].scale == at + 1 / 64
    snntorch = pytest.importorskip("snntorch")
    leaky = snntorch.Leaky(beta=0.5, threshold=threshold, reset_mechanism="zero")
    assert layer(quantise(nn.Sequential(synapses, leaky))).neurons.threshold == above


def test_a_threshold_far_below_the_weights_is_told_of() -> None:
    found = quantise(nn.Sequential(linear([[300.0, -1.0]]), lif()))
    assert layer(found).neurons.threshold == 0
    assert found.losses[0].threshold_error == pytest.approx(1 / 64 / (254 / 300) - 1)


def test_weights_are_even_and_use_all_bits() -> None:
    synapses = nn.Linear(50, 40, bias=False)
    found = quantise(nn.Sequential(synapses, lif(threshold=0.5)))
    held = layer(found).weight
    assert not (held % 2).any()
    assert 240 <= np.abs(held).max() <= 254
    expected = synapses.weight.detach().numpy() / 0.5 * found.losses[0].scale
    assert np.abs(held - expected).max() <= 1 + 1e-4
    error = np.sqrt(np.mean((held - expected) ** 2) / np.mean(expected**2))
    assert found.losses[0].weight_error == pytest.approx(error, rel=1e-3)
    assert 0.001 < error < 0.01
    assert found.losses[0].clipped == 0


def test_clipping_a_few_weights_makes_the_steps_of_the_others_finer() -> None:
    weight = torch.full((10, 20), 0.1)
    weight[0, 0] = 2.0
    synapses = nn.Linear(20, 10, bias=False)
    synapses.weight = nn.Parameter(weight)
    whole = quantise(nn.Sequential(synapses, lif()))
    clipped = quantise(nn.Sequential(synapses, lif()), clip=0.01)
    assert (whole.losses[0].clipped, clipped.losses[0].clipped) == (0, 1 / 200)
    assert clipped.losses[0].scale > 19 * whole.losses[0].scale
    assert layer(clipped).weight[0, 0] == 254
    for share in (-0.1, 1.0):
        with pytest.raises(ValueError, match="clip must be"):
            quantise(nn.Sequential(synapses, lif()), clip=share)


def test_biases_are_of_the_same_scale_and_bound_it() -> None:
    found = quantise(nn.Sequential(linear([[0.5, -1.0]], [0.3]), lif(threshold=2.0)), steps=8)
    held = layer(found)
    assert held.bias is not None
    assert held.bias.tolist() == [round(0.15 * found.losses[0].scale)]
    large = layer(quantise(nn.Sequential(linear([[0.5, -1.0], [1.0, 0.2]], [-100.0, 50.0]), lif()), steps=8))
    assert large.bias is not None
    assert -4096 <= large.bias.min() < -3800
    assert large.bias.max() == -large.bias.min() // 2


def test_decays_are_what_a_step_takes_away() -> None:
    many = torch.tensor([0.0, 0.25, 1.0])
    cells = Spikes(CubaLIF(many, 0.9, v_reset=0.0, channels=3))
    held = layer(quantise(nn.Sequential(nn.Linear(4, 3, bias=False), cells))).neurons
    assert np.array_equal(held.current_decay, [4096, 3072, 0])
    assert held.decay == round(4096 * 0.1)
    plain = layer(quantise(nn.Sequential(nn.Linear(4, 3, bias=False), lif(decay=0.75)))).neurons
    assert (plain.current_decay, plain.decay) == (4096, 1024)


def test_a_threshold_for_each_channel_goes_into_the_weights() -> None:
    cells = Spikes(LIF(0.5, v_threshold=torch.tensor([1.0, 2.0]), v_reset=0.0, channels=2))
    held = layer(quantise(nn.Sequential(linear([[1.0, -0.5], [1.0, -0.5]]), cells)))
    assert np.array_equal(held.weight, [[248, -124], [124, -62]])


def test_learned_decays_beyond_their_range_are_used_as_the_neuron_uses_them() -> None:
    cells = LIF(0.5, v_reset=0.0, learnable=("decay",))
    with torch.no_grad():
        cells.decay.fill_(1.3)  # type: ignore[union-attr]
    assert layer(quantise(nn.Sequential(linear([[1.0, -0.5]]), Spikes(cells)))).neurons.decay == 0


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("bias", [0.0, 30.0])
@pytest.mark.parametrize("steps", [1, 64, 200_000])
def test_a_read_out_has_room_for_whatever_arrives(steps: int, bias: float, scale: float) -> None:
    readout = nn.Linear(30, 4)
    with torch.no_grad():
        readout.weight.mul_(scale)
        readout.bias.mul_(bias * scale)
    found = quantise(nn.Sequential(nn.Linear(5, 30, bias=False), lif(), readout), steps=steps)
    held = found.network.layers[1]
    assert isinstance(held, Dense)
    assert held.bias is not None
    for end in (held.weight.clip(min=0), held.weight.clip(max=0)):
        assert np.abs(steps * (end.sum(1) + held.bias)).max() <= 131071
    if steps < 100:
        assert found.losses[1].weight_error < 0.05


def test_what_is_no_number_is_refused_by_name() -> None:
    model = nn.Sequential(linear([[1.0, float("nan")]]), nn.BatchNorm1d(1), lif())
    model[1].running_var.fill_(float("inf"))  # type: ignore[operator, union-attr]
    with pytest.raises(ExportError) as caught:
        quantise(model, steps=4)
    assert [line.split(":")[0] for line in str(caught.value).splitlines()] == ["0.weight", "1.running_var"]
    with pytest.raises(ValueError, match="steps must be at least 1"):
        quantise(model, steps=0)
