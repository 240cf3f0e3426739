"""Operations as NeuroBench counts them (Yik et al. 2025), layer by layer, on networks of each kind.

The counts are equal where both count the same thing, and that is all of these:

- accumulates of layers that take spikes, each spike with the fan-out that is left of it at a border;
- dense operations, which take every input for a value that is not 0;
- parameters, and with the buffers' bytes the footprint.

They differ in five ways, and each test below holds one of them to the number:

1. A value that is 0 takes no effective multiply-accumulate in NeuroBench, as on a chip that skips it. Ours takes one:
   hardware that multiplies does not look. After a ReLU, or a gate of spikes, that is most of the difference.
2. NeuroBench sees torch's linear and convolutional modules, where they are called as modules. We see every operation,
   so also attention, scans, and weights that a model multiplies by itself. `spiking_cnn` does that in all layers, so
   NeuroBench gets its layers one after the other, each called as a module.
3. -1 is a spike in NeuroBench, which is made for ternary ones too, and a value here.
4. A weight of 0 takes no operation in NeuroBench. Here it does: that a chip holds it or not is for what exports to it.
5. NeuroBench decides for each call of a layer whether it takes spikes, we for all calls together: a layer that takes
   values in any step must be able to multiply.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from neuroact.models import create
from neuroact.models.layers import ChipLayer, lif
from neuroact.training.cost import Cost, Meter

pytest.importorskip("neurobench", reason="neurobench is not installed (pip install --no-deps neurobench)")

from neurobench.metrics.static import Footprint, ParameterCount
from neurobench.metrics.utils.layers import single_layer_MACs
from neurobench.metrics.workload import SynapticOperations
from neurobench.models import TorchModel


class Dense(nn.Module):
    """Values `(B, 12)` that drive two layers of neurons for 5 steps."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.head = nn.Linear(12, 10), nn.Linear(10, 8), nn.Linear(8, 3)
        self.neurons, self.more_neurons = lif(), lif()
        with torch.no_grad():
            self.first.weight *= 4

    def forward(self, x: Tensor) -> Tensor:
        spikes = self.neurons(self.first(x).expand(5, -1, -1))  # (T, B, 10)
        return self.head(self.more_neurons(4 * self.second(spikes))).mean(0)


class AsModules(nn.Module):
    """A `spiking_cnn` with the same weights, whose synapses are called as modules instead of as functions."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        spikes = (x.transpose(0, 1) > 0).float()  # (T, B, C, H, W)
        for layer in self.model.layers:
            assert isinstance(layer, ChipLayer)
            if isinstance(layer.synapses, nn.Conv2d):
                arriving = layer.synapses(spikes.flatten(0, 1))  # (T B, C, H, W)
            else:
                arriving = layer.synapses(spikes.flatten(2))  # (T, B, D)
            spikes = layer.neurons(
                arriving.view(*spikes.shape[:2], *arriving.shape[-(3 if arriving.ndim > 3 else 1) :])
            )
        return spikes.mean(0)


def ann() -> nn.Module:
    """Convolutions with strides, dilation and groups."""
    return nn.Sequential(
        nn.Conv2d(2, 6, 3, padding=1), nn.ReLU(),
        nn.Conv2d(6, 8, 3, stride=2, padding=2, dilation=2, groups=2), nn.ReLU(),
        nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, 10), nn.ReLU(), nn.Linear(10, 4),
    )  # fmt: skip


def spikmamba() -> nn.Module:
    """With norms that have all of its neurons fire."""
    model = create("spikmamba", classes=5, preset="tiny", frames=4).train()
    for norm in model.modules():
        if isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d):
            nn.init.constant_(norm.weight, 3.0)
            norm.momentum = 1.0
    model(events(4))
    return model


def events(batch: int) -> Tensor:
    """`(B, T, C, H, W)` of 0 and 1, one in five."""
    return (torch.rand(batch, 4, 2, 16, 16) < 0.2).float()


@dataclass(frozen=True)
class Network:
    """A network, its input, the form in which NeuroBench sees its layers, and the kinds of products it never sees."""

    make: Callable[[], nn.Module]
    batch: Callable[[], Tensor]
    as_modules: Callable[[nn.Module], nn.Module] = lambda model: model
    unseen: frozenset[str] = frozenset()


NETWORKS = {
    "dense, of neurons": Network(Dense, lambda: torch.randn(3, 12)),
    "convolutions, of neurons": Network(
        lambda: create("spiking_cnn", classes=3, preset="tiny"), lambda: events(3), AsModules
    ),
    "convolutions, of values": Network(ann, lambda: torch.randn(3, 2, 9, 9)),
    # The product is Mamba's projection to step sizes, whose bias the scan adds.
    "attention and state spaces": Network(
        spikmamba, lambda: events(3), unseen=frozenset(("attention k v", "attention q kv", "product", "selective scan"))
    ),
}


@dataclass
class Theirs:
    """What NeuroBench counts in a layer, for all samples; `skipped`: multiplications of values that are 0."""

    spikes: bool
    effective: int
    dense: int
    skipped: int


def theirs(model: nn.Module, x: Tensor) -> tuple[dict[str, Theirs], dict[str, float]]:
    """Each layer that was called as a module, by its name in `model`, and the metric over all of them."""
    wrapped, metric = TorchModel(model), SynapticOperations()
    wrapped.register_hooks()
    with torch.no_grad():
        logits = wrapped(x)
    names = {module: name for name, module in model.named_modules()}
    layers = {
        names[hook.layer]: _layer(hook.layer, hook.inputs[0][0]) for hook in wrapped.connection_hooks if hook.inputs
    }
    totals = metric(wrapped, logits, (x, None))
    wrapped.cleanup_hooks()
    return layers, totals


def _layer(layer: nn.Module, x: Tensor) -> Theirs:
    effective, spikes = single_layer_MACs(x, layer)
    zeros, _ = single_layer_MACs((x == 0).float(), layer)
    return Theirs(spikes, effective, single_layer_MACs(x, layer, total=True)[0], 0 if spikes else zeros)


def ours(model: nn.Module, x: Tensor) -> Cost:
    with Meter(model) as meter, torch.no_grad():
        model(x)
    return meter.cost()


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_every_layer_takes_what_neurobench_counts(network: Network) -> None:
    """Differences 1 and 2 of the module's docstring."""
    torch.manual_seed(0)
    model = network.make().eval()
    x = network.batch()
    cost, (layers, totals) = ours(model, x), theirs(network.as_modules(model), x)
    named = {name.removeprefix("model.").removesuffix(".synapses"): layer for name, layer in layers.items()}
    seen = {layer.name: layer for layer in cost.layers if layer.name in named}
    unseen = [layer for layer in cost.layers if layer.name not in named]
    assert seen.keys() == named.keys()
    assert {layer.kind for layer in unseen} == network.unseen
    for name, layer in seen.items():
        their = named[name]
        assert (layer.takes == "spikes") == their.spikes, name
        assert layer.dense * len(x) == pytest.approx(their.dense, rel=1e-12), name
        assert layer.operations * len(x) == pytest.approx(their.effective + their.skipped, rel=1e-12), name
    firing = [layer for layer in seen.values() if layer.takes == "spikes"]
    assert all(0 < layer.operations < layer.dense for layer in firing), "without spikes nothing is compared"
    skipped = sum(layer.skipped for layer in named.values()) / len(x)
    added = {takes: sum(layer.operations for layer in unseen if layer.takes == takes) for takes in ("spikes", "values")}
    assert cost.accumulates == pytest.approx(totals["Effective_ACs"] + added["spikes"], rel=1e-12)
    assert cost.multiply_accumulates == pytest.approx(totals["Effective_MACs"] + skipped + added["values"], rel=1e-12)
    assert cost.dense == pytest.approx(totals["Dense"] + sum(layer.dense for layer in unseen), rel=1e-12)


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_parameters_and_footprint(network: Network) -> None:
    model = network.make().eval()
    parameters = ours(model, network.batch()).parameters
    assert parameters == ParameterCount()(TorchModel(model))
    buffers = sum(buffer.nbytes for buffer in model.buffers())
    assert 4 * parameters + buffers == Footprint()(TorchModel(model))


class TwoSteps(nn.Module):
    """Calls its layer for each step `(B, T, D)` by itself."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([self.layer(step) for step in x.unbind(1)]).sum(0)


def sparse() -> nn.Linear:
    """4 values to 3, through 5 weights; 7 are 0."""
    layer = nn.Linear(4, 3)
    with torch.no_grad():
        layer.weight.view(-1)[:7] = 0
        layer.weight.view(-1)[7:] = 2
    return layer


TERNARY = torch.tensor([[1.0, -1, 0, -1]])
SPIKES, VALUES = torch.tensor([[1.0, 0, 1, 0]]), torch.tensor([[0.5, 1, 1, 2]])
DIFFERENT: dict[str, tuple[Callable[[], nn.Module], Tensor, tuple[float, float], tuple[float, float]]] = {
    "3: -1 is a spike, or a value": (lambda: nn.Linear(4, 3), TERNARY, (9, 0), (0, 12)),
    "4: weights of 0": (sparse, torch.ones(1, 4), (5, 0), (12, 0)),
    "5: spikes in one step and values in another": (
        lambda: TwoSteps(nn.Linear(4, 3)), torch.stack([SPIKES, VALUES], 1), (6, 12), (0, 24),
    ),
}  # fmt: skip
"""Layer, input, and accumulates and multiply-accumulates as NeuroBench and as we count them."""


@pytest.mark.parametrize(("make", "x", "their", "our"), DIFFERENT.values(), ids=DIFFERENT)
def test_where_the_counts_differ(
    make: Callable[[], nn.Module], x: Tensor, their: tuple[float, float], our: tuple[float, float]
) -> None:
    model = nn.Sequential(make())
    cost, (_, totals) = ours(model, x), theirs(model, x)
    assert (totals["Effective_ACs"], totals["Effective_MACs"]) == their
    assert (cost.accumulates, cost.multiply_accumulates) == our
