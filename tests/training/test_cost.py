"""Operations, spikes and memory against numbers worked out by hand."""

import math
from collections.abc import Callable
from itertools import product as cartesian
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from neuroact.kernels import linear_scan, spike_matmul, spiking_linear_attention
from neuroact.kernels.nn import Mamba
from neuroact.models.layers import lif
from neuroact.training.cost import Cost, Firing, LayerCost, Meter
from neuroact.training.evaluation import evaluate
from neuroact.training.latency import measure_latency
from neuroact.training.operations import targets


def cost_of(model: nn.Module, *batches: Tensor) -> Cost:
    with Meter(model) as meter, torch.no_grad():
        for batch in batches:
            model(batch)
    return meter.cost()


def fill(module: nn.Module, value: float) -> Any:
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.fill_(value)
    return module


class Dense(nn.Module):
    """4 values to 3 neurons to 2 classes; T steps of the same input."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps = steps
        self.first, self.neurons, self.head = nn.Linear(4, 3, bias=False), lif(), nn.Linear(3, 2)
        fill(self.first, 1.0)

    def forward(self, x: Tensor) -> Tensor:
        current = self.first(x).expand(self.steps, -1, -1)  # (T, B, 3)
        return self.head(self.neurons(current)).mean(0)


def test_values_into_a_layer_of_neurons_into_a_head() -> None:
    """4 x 3 MACs. Above threshold all 3 neurons fire in each of 5 steps, below it none does: 15 spikes of fan-out 2."""
    model, loud, silent = Dense(5), torch.full((1, 4), 0.5), torch.full((3, 4), 0.01)
    cost = cost_of(model, loud)
    assert cost.layers == (
        LayerCost("first", "Linear", "values", dense=12, operations=12),
        LayerCost("head", "Linear", "spikes", dense=30, operations=30),
    )
    assert cost.firing == (Firing("neurons", neurons=3, steps=5, rate=1.0),)
    assert cost.parameters == 12 + 6 + 2
    both = cost_of(model, loud, silent)
    assert both.samples == 4
    assert both.layers[1] == LayerCost("head", "Linear", "spikes", dense=30, operations=30 / 4)
    assert both.firing == (Firing("neurons", neurons=3, steps=5, rate=0.25),)
    assert (both.silent, cost_of(model, silent).silent) == ((), ("neurons",))


class Convolutional(nn.Module):
    """Spikes as input: 2 channels of 4 x 4, to 3 channels by a padded kernel of 3, to a classifier after pooling."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(2, 3, 3, padding=1), nn.Linear(3, 10)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.conv(x).mean((2, 3)))
        return out


def test_a_spike_at_the_border_has_a_smaller_fan_out() -> None:
    """A corner reaches 2 x 2 positions, a side 2 x 3, the middle 3 x 3, each of 3 channels."""
    model, x = Convolutional(), torch.zeros(1, 2, 4, 4)
    for row, column, reached in ((0, 0, 4), (0, 1, 6), (2, 3, 6), (1, 2, 9)):
        x.zero_()[0, 1, row, column] = 1
        assert cost_of(model, x).layers[0].operations == 3 * reached
    x.fill_(1)
    everywhere = 2 * 3 * (4 * 4 + 8 * 6 + 4 * 9)  # corners, sides, middle of two channels
    cost = cost_of(model, x)
    assert cost.layers == (
        LayerCost("conv", "Conv2d", "spikes", dense=everywhere, operations=everywhere),
        LayerCost("head", "Linear", "values", dense=30, operations=30),
    )
    assert cost_of(model, 0.5 * x).layers[0] == LayerCost("conv", "Conv2d", "values", everywhere, everywhere)


class Attentive(nn.Module):
    """Tokens (B, L, D) that are spikes: q and k are, v is not; attention has no weights of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.value = nn.Linear(4, 6, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return spiking_linear_attention(x, x, self.value(x)).mean(1)


def test_attention_between_spikes() -> None:
    """7 spikes among 5 x 4: 7 x 6 accumulates in the projection, in k v and in q kv each; 5 x 4 x 6 if not spikes."""
    x = torch.zeros(1, 5, 4)
    x.view(-1)[[0, 3, 4, 8, 9, 10, 19]] = 1
    assert cost_of(Attentive(), x).layers == (
        LayerCost("value", "Linear", "spikes", dense=120, operations=42),
        LayerCost("Attentive", "attention k v", "spikes", dense=120, operations=42),
        LayerCost("Attentive", "attention q kv", "spikes", dense=120, operations=42),
    )


def test_energy_by_what_layers_take() -> None:
    layers = (LayerCost("a", "Linear", "values", 1000, 1000), LayerCost("b", "Linear", "spikes", 2000, 300))
    cost = Cost(1, 0, layers, ())
    assert (cost.accumulates, cost.multiply_accumulates, cost.dense) == (300, 1000, 3000)
    assert cost.energy_accumulates == pytest.approx(300 * 0.9e-12)
    assert cost.energy_multiply_accumulates == pytest.approx(1000 * 4.6e-12)
    assert cost.energy_dense == pytest.approx(3000 * 4.6e-12)
    assert [layer.energy for layer in layers] == pytest.approx([4.6e-9, 0.27e-9])
    assert cost.to_json()["layers"][1]["energy"] == pytest.approx(0.27e-9)  # type: ignore[index]


CONVOLUTIONS = [
    (size, kernel, step, pad, gap)
    for size, kernel, step, pad, gap in cartesian((5, 8), (1, 2, 3), (1, 2), (0, 1, 2), (1, 2))
    if size + 2 * pad > gap * (kernel - 1)
]


@pytest.mark.parametrize("transposed", [False, True])
def test_targets_are_what_a_convolution_of_ones_passes_back(transposed: bool) -> None:
    """The gradient of the sum of all outputs, where weights are 1, is the number of outputs that an input reaches."""
    for size, kernel, step, pad, gap in CONVOLUTIONS:
        x, weight = torch.ones(1, 1, size, requires_grad=True), torch.ones(1, 1, kernel)
        apply: Callable[..., Tensor] = functional.conv_transpose1d if transposed else functional.conv1d
        try:
            out = apply(x, weight, stride=step, padding=pad, dilation=gap)
        except RuntimeError:  # padding that leaves nothing
            continue
        out.sum().backward()
        found = targets(size, out.shape[-1], kernel, step, pad, gap, transposed=transposed)
        assert torch.equal(found, x.grad.flatten().double()), (size, kernel, step, pad, gap)  # type: ignore[union-attr]


class Calls(nn.Module):
    """A model that is a function of its input."""

    def __init__(self, function: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Any:
        return self.function(x)


W = torch.randn(6, 7)
PRODUCTS: dict[str, tuple[Callable[[Tensor], Any], tuple[int, ...], int, int]] = {
    "linear, no bias": (lambda x: functional.linear(x, W.t()), (2, 5, 6), 5 * 6 * 7, 7),
    "linear, strided": (lambda x: functional.linear(x.transpose(0, 1), W.t(), W[0]), (2, 5, 6), 5 * 6 * 7, 7),
    "matmul of batches": (lambda x: x @ W.expand(2, 6, 7), (2, 5, 6), 5 * 6 * 7, 7),
    "a vector": (lambda x: x @ W[:, 0], (2, 6), 6, 1),
    "einsum": (lambda x: torch.einsum("bij,jk->bik", x, W), (2, 5, 6), 5 * 6 * 7, 7),
    "weights on the left": (lambda x: W.t() @ x, (2, 6, 5), 7 * 6 * 5, 7),
    "spike_matmul": (lambda x: spike_matmul(x, W), (2, 5, 6), 5 * 6 * 7, 7),
    "grouped convolution": (lambda x: functional.conv1d(x, W.view(6, 1, 7)[..., :1], groups=6), (2, 6, 5), 6 * 5, 1),
    "transposed convolution": (
        lambda x: functional.conv_transpose2d(x, W.view(6, 7, 1, 1).expand(6, 7, 2, 2), stride=2),
        (2, 6, 3, 3), 6 * 9 * 7 * 4, 7 * 4,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("function", "shape", "macs", "fan_out"), PRODUCTS.values(), ids=PRODUCTS)
def test_products_however_they_are_called(
    function: Callable[[Tensor], Any], shape: tuple[int, ...], macs: int, fan_out: int
) -> None:
    values = cost_of(Calls(function), torch.randn(shape))
    assert (values.multiply_accumulates, values.accumulates) == (macs, 0)
    x = torch.zeros(shape)
    x.view(-1)[: 3 * x[0].numel() // 2 : 3] = 1
    spikes = cost_of(Calls(function), x)
    assert (spikes.multiply_accumulates, spikes.accumulates) == (0, float(x.sum()) * fan_out / shape[0])
    assert spikes.dense == macs


STEPS, STATES = 5, 16
WITHOUT_SPIKES = {
    "softmax attention": (
        Calls(lambda x: functional.scaled_dot_product_attention(x, x, x)), (2, 3, 4, 8), 2 * 3 * 4 * 4 * 8,
    ),
    "linear scan": (Calls(lambda x: linear_scan(0.5, x.transpose(0, 1))), (2, STEPS, 3), STEPS * 3),
    "attention in eval mode": (
        nn.MultiheadAttention(8, 2, batch_first=True).eval(), (2, 4, 8), 4 * 8 * 32 + 2 * 4 * 4 * 8,
    ),
    "a transformer's layer in eval mode": (
        nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval(), (2, 4, 8),
        4 * 8 * 32 + 2 * 4 * 4 * 8 + 2 * 4 * 8 * 16,
    ),
    # inner 16, rank 1: projections in and out, 4 taps over 5 steps and 3 before them, x and step projections, scan
    "mamba": (
        Mamba(8, STATES), (2, STEPS, 8),
        STEPS * (8 * 32 + 16 * 4 + 16 * (1 + 2 * STATES) + 16 + 16 * (4 * STATES + 2) + 16 * 8),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("model", "shape", "macs"), WITHOUT_SPIKES.values(), ids=WITHOUT_SPIKES)
def test_operations_on_values(model: nn.Module, shape: tuple[int, ...], macs: int) -> None:
    x = torch.randn(shape)
    with Meter(model) as meter, torch.no_grad():
        model(x, x, x) if isinstance(model, nn.MultiheadAttention) else model(x)
    assert meter.cost().multiply_accumulates == macs
    assert meter.cost().accumulates == 0


def test_a_layer_that_once_gets_values_takes_values() -> None:
    model, spikes, values = Calls(lambda x: x @ W), torch.ones(2, 6), torch.full((2, 6), 0.5)
    assert cost_of(model, spikes).layers[0].takes == "spikes"
    assert cost_of(model, spikes, values).layers == (LayerCost("Calls", "product", "values", 42, 42),)
    assert cost_of(model, torch.zeros(2, 6)).layers == (LayerCost("Calls", "product", "spikes", 42, 0),)


def test_weights_of_ones_are_no_spikes() -> None:
    model = fill(nn.Linear(4, 3, bias=False), 1.0)
    assert cost_of(model, torch.full((1, 4), 0.5)).layers[0].takes == "values"


def test_products_of_one_function_keep_apart() -> None:
    """The first multiplies spikes, the second values."""
    model = Calls(lambda x: (x @ W) @ W.t())
    layers = cost_of(model, torch.ones(1, 6), torch.ones(1, 6)).layers
    assert layers == (
        LayerCost("Calls", "product", "spikes", 42, 42),
        LayerCost("Calls", "product", "values", 42, 42),
    )


def test_spikes_are_counted_beyond_what_float32_can() -> None:
    """257^3 is odd and above 2^24, where float32 holds even numbers only."""
    cost = cost_of(Calls(lambda x: x[0] @ torch.randn(257, 257)), torch.ones(1, 257, 257))
    assert cost.accumulates == 257**3


def test_the_meter_leaves_nothing_behind() -> None:
    model, fast = Dense(2), torch.backends.mha.get_fastpath_enabled()
    cost_of(model, torch.ones(1, 4))
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    assert torch.backends.mha.get_fastpath_enabled() is fast


def test_a_meter_closes_after_an_error_and_counts_what_ran() -> None:
    model = Dense(2)
    with Meter(model) as meter:
        with pytest.raises(RuntimeError):
            model(torch.ones(1, 5))
        evaluate(model, [(torch.ones(1, 4), [0])])
    assert (meter.cost().samples, meter.cost().layers[0].operations) == (1, 12)
    with pytest.raises(ValueError, match="has not run"):
        Meter(model).cost()


def test_peak_memory_is_of_what_is_alive_at_once() -> None:
    """100 floats and a weight; the second of three results of 100 is gone before the third is there."""

    class Chain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(50))

        def forward(self, x: Tensor) -> Tensor:
            y = x + 1
            y = y * 2
            y = y + 3
            return y.view(10, 10)

    measured = measure_latency(Chain(), np.zeros((1, 100), np.float32), rounds=2)
    assert measured.peak_bytes == 4 * (100 + 50 + 2 * 100)
    assert (measured.batch, measured.rounds) == (1, 2)
    assert 0 < measured.seconds < math.inf
    with pytest.raises(ValueError, match="one round"):
        measure_latency(Chain(), np.zeros((1, 100), np.float32), rounds=0)
