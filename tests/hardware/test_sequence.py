"""Sequences of torch's layers with anybody's neurons: what the chip computes is what they compute, or is refused."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from neuroact.errors import ExportError, UnsupportedLayer
from neuroact.hardware.emulator import emulate
from neuroact.hardware.network import Conv, Dense, Flatten
from neuroact.hardware.quantise import quantise
from neuroact.hardware.validation import check
from neuroact.kernels.nn import LIF, PLIF, AdaptiveLIF, CubaLIF, DelayedResetLIF
from neuroact.models.layers import Spikes, cuba, lif

STEPS = 32
EACH = torch.linspace(0.3, 1.7, 12)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)


def spikes(*shape: int, rate: float = 0.3) -> Tensor:
    """`(T, B, ...)` of 0 and 1."""
    return (torch.rand(STEPS, 6, *shape, generator=torch.Generator().manual_seed(1)) < rate).float()


def on_the_chip(model: nn.Sequential, x: Tensor, **options: Any) -> Tensor:
    """Spikes `(T, B, ...)` of the integer network."""
    quantised = quantise(model, **options)
    check(quantised.network)
    sent = x.transpose(0, 1).to(torch.uint8).numpy()
    return torch.from_numpy(emulate(quantised.network, sent).spikes).transpose(0, 1).float()


def alike(one: Tensor, other: Tensor) -> float:
    """The share of equal spikes; some of both kinds are there."""
    assert 0.02 < float(other.mean()) < 0.98
    return float((one == other).double().mean())


def peer(library: str, name: str) -> Any:
    return pytest.importorskip(f"{library}.activation_based.neuron" if library == "spikingjelly" else library).__dict__[
        name
    ]


def node(name: str, **options: Any) -> Any:
    made = peer("spikingjelly", name)(**options)
    made.step_mode = "m"
    return made


def stepped(neuron: Any, *, synaptic: bool) -> nn.Module:
    """A neuron of snnTorch as `Spikes` runs it."""
    wrapped = Spikes(LIF(0.5, v_reset=0.0))
    wrapped.library, wrapped.neuron = "snntorch", neuron
    assert hasattr(neuron, "alpha") == synaptic
    return wrapped


NEURONS: dict[str, Callable[[], nn.Module]] = {
    "LIF": lambda: lif(decay=0.8, threshold=0.7),
    "integrate and fire": lambda: lif(decay=1.0),
    "without memory": lambda: lif(decay=0.0),
    "CubaLIF": lambda: cuba(current_decay=0.6, decay=0.9, threshold=1.3),
    "a factor on the input": lambda: Spikes(LIF(0.7, v_reset=0.0, input_scale=0.6)),
    "a value for each channel": lambda: Spikes(
        LIF(EACH / 2, v_threshold=EACH, v_reset=0.0, input_scale=2 - EACH, channels=12)
    ),
    "currents for each channel": lambda: Spikes(CubaLIF(EACH / 2, EACH / 3, v_reset=0.0, channels=12)),
    "learned": lambda: Spikes(LIF(0.7, v_reset=0.0, learnable=("decay", "v_threshold"), channels=12)),
    "PLIF": lambda: Spikes(PLIF(0.6, v_threshold=0.4, v_reset=0.0)),  # type: ignore[arg-type]
    "spikingjelly's IF": lambda: node("IFNode", v_threshold=0.8),
    "spikingjelly's LIF": lambda: node("LIFNode", tau=1.6, v_threshold=0.4),
    "spikingjelly's LIF, rest below 0": lambda: node("LIFNode", tau=1.6, v_threshold=0.2, v_reset=-0.2),
    "spikingjelly's LIF, input not decayed": lambda: node("LIFNode", tau=3.0, decay_input=False),
    "spikingjelly's PLIF": lambda: node("ParametricLIFNode", init_tau=1.6, v_threshold=0.4),
    "snnTorch's Leaky": lambda: stepped(
        peer("snntorch", "Leaky")(beta=0.8, threshold=0.7, reset_mechanism="zero"), synaptic=False
    ),
    "snnTorch's Synaptic": lambda: stepped(
        peer("snntorch", "Synaptic")(alpha=0.6, beta=0.7, reset_mechanism="zero", reset_delay=False), synaptic=True
    ),
}  # fmt: skip


@pytest.mark.parametrize("neurons", NEURONS.values(), ids=NEURONS)
def test_the_chip_spikes_as_they_do(neurons: Callable[[], nn.Module]) -> None:
    model, x = nn.Sequential(nn.Linear(20, 12, bias=False), neurons()), spikes(20)
    nn.init.normal_(model[0].weight, std=0.4)  # type: ignore[arg-type]
    if hasattr(model[1], "reset"):
        model[1].reset()
    with torch.no_grad():
        assert alike(on_the_chip(model, x), model(x)) > 0.985


def halves(strict: bool) -> nn.Sequential:
    """Weights in quarters of the threshold, so that potentials come to stand at it."""
    model = nn.Sequential(nn.Linear(6, 40, bias=False), lif(decay=1.0))
    if strict:
        leaky = peer("snntorch", "Leaky")(beta=1.0, reset_mechanism="zero")
        model[1] = stepped(leaky, synaptic=False)
    with torch.no_grad():
        model[0].weight.copy_(torch.randint(-4, 5, (40, 6)) / 4)  # type: ignore[operator]
    return model


@pytest.mark.parametrize("strict", [False, True], ids=["at the threshold", "above it"])
def test_weights_in_quarters_are_exact_at_the_threshold_too(strict: bool) -> None:
    model, x = halves(strict), spikes(6)
    with torch.no_grad():
        expected = model(x)
    assert alike(on_the_chip(model, x), expected) == 1
    with torch.no_grad():
        assert alike(halves(not strict)(x), expected) < 0.95


class OverSteps(nn.Module):
    """A layer for one step, at every step."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        flat = self.layer(x.flatten(0, 1))
        return flat.reshape(*x.shape[:2], *flat.shape[1:])


def by_step(model: nn.Sequential, x: Tensor) -> Tensor:
    """What a sequence computes of `(T, B, ...)`, whose layers but for neurons are for one step."""
    for module in model:
        if isinstance(module, nn.Sequential):
            x = by_step(module, x)
        else:
            x = module(x) if isinstance(module, Spikes) else OverSteps(module)(x)
    return x.detach()


def images() -> nn.Sequential:
    """Every kind of layer that has a form."""
    each = Spikes(LIF(torch.rand(8), v_threshold=torch.rand(8) + 0.3, v_reset=0.0, channels=8, channel_dim=2))
    model = nn.Sequential(
        nn.Conv2d(2, 8, (3, 5), stride=(2, 1), padding=(1, 2), groups=2), nn.BatchNorm2d(8), each,
        nn.MaxPool2d(2, stride=(2, 1), padding=1), nn.Dropout2d(0.5),
        nn.Sequential(nn.Conv2d(8, 6, 3, dilation=(1, 2)), nn.BatchNorm2d(6, affine=False), lif()),
        nn.Flatten(), nn.Dropout(0.5), nn.Linear(6 * 1 * 6, 16), nn.BatchNorm1d(16), lif(decay=0.9),
    )  # fmt: skip
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d):
            nn.init.uniform_(module.running_mean, -0.3, 0.3)  # type: ignore[arg-type]
            nn.init.uniform_(module.running_var, 0.02, 0.3)  # type: ignore[arg-type]
            if module.affine:
                nn.init.uniform_(module.weight, 0.5, 1.5)
                nn.init.uniform_(module.bias, -0.5, 0.5)
    return model.eval()


def test_every_kind_of_layer_at_once() -> None:
    model, x = images(), spikes(2, 10, 9)
    quantised = quantise(model, shape=(2, 10, 9), steps=STEPS)
    assert [type(layer) for layer in quantised.network.layers] == [Conv, Conv, Conv, Flatten, Dense]
    assert (quantised.network.reset_interval, quantised.network.latency) == (STEPS, 4)
    assert [loss.layer for loss in quantised.losses] == [1, 3, 5]
    assert alike(on_the_chip(model, x, shape=(2, 10, 9), steps=STEPS), by_step(model, x)) > 0.98


def test_the_largest_of_spikes_is_pooled_without_loss() -> None:
    model = nn.Sequential(nn.Conv2d(3, 3, 1, groups=3, bias=False), lif(decay=0.0), nn.MaxPool2d(3, 2, 1, 1))
    nn.init.ones_(model[0].weight)  # type: ignore[arg-type]
    x = spikes(3, 9, 8, rate=0.1)
    assert alike(on_the_chip(model, x, shape=(3, 9, 8)), by_step(model, x)) == 1


def test_a_map_at_the_input_is_flattened_by_the_host() -> None:
    model, x = nn.Sequential(nn.Flatten(), nn.Linear(24, 5, bias=False), lif(threshold=0.3)), spikes(2, 3, 4)
    for shape in ((2, 3, 4), None):
        quantised = quantise(model, shape=shape)
        assert (quantised.network.shape, len(quantised.network.layers)) == ((24,), 1)
    assert alike(on_the_chip(model, x.flatten(2), shape=(2, 3, 4)), by_step(model, x)) > 0.98


@pytest.mark.parametrize("most", [1.0, 1000.0])
def test_a_read_out_sums_up_over_time(most: float) -> None:
    model = nn.Sequential(nn.Linear(20, 12, bias=False), lif(decay=0.5, threshold=0.01), nn.Linear(12, 3))
    nn.init.uniform_(model[2].weight, -most, most)  # type: ignore[arg-type]
    with torch.no_grad():
        model[2].weight[0].abs_()  # type: ignore[operator, index]
    quantised = quantise(model, steps=STEPS)
    check(quantised.network)
    assert (quantised.reads, quantised.network.reset_interval) == ("potentials", STEPS)
    x = torch.ones(STEPS, 2, 20)
    ran = emulate(quantised.network, x.transpose(0, 1).to(torch.uint8).numpy())
    assert not ran.spikes.any()
    assert quantised.unit is not None
    with torch.no_grad():
        expected = model(x).mean(0)
    np.testing.assert_allclose(ran.potentials[:, -1] * quantised.unit, expected, atol=0.01 * most)


def test_all_that_can_arrive_does_not_fill_a_read_out() -> None:
    model = nn.Sequential(nn.Linear(1, 400, bias=False), lif(decay=0.0, threshold=0.01), nn.Linear(400, 1))
    for layer in (model[0], model[2]):
        nn.init.ones_(layer.weight)  # type: ignore[arg-type]
    quantised = quantise(model, steps=64)
    ran = emulate(quantised.network, np.ones((1, 64, 1), np.uint8))
    assert not ran.spikes.any()
    assert ran.potentials[0, -1, 0] > 0.7 * 131071 * 64, "far from what there is room for"
    assert quantised.unit is not None
    assert ran.potentials[0, -1, 0] * quantised.unit == pytest.approx(400, rel=0.02)


LINEAR, FIRE = nn.Linear(4, 4, bias=False), lif()
REFUSED: dict[str, tuple[list[nn.Module], list[tuple[str, str, str, str]]]] = {
    "a soft reset": ([LINEAR, Spikes(LIF(0.5))], [("1", "Spikes", "subtracts the threshold", "v_reset=0")]),
    "a reset that comes late": (
        [LINEAR, Spikes(DelayedResetLIF(0.5))],  # type: ignore[arg-type]
        [("1", "Spikes", "subtracts the threshold", "v_reset=0")],
    ),
    "a reset to another": (
        [LINEAR, Spikes(LIF(0.5, v_reset=-0.5))], [("1", "Spikes", "resets to -0.5", "v_reset=0")],
    ),
    "an adaptive threshold": (
        [LINEAR, AdaptiveLIF(0.5, 0.5, 0.1)], [("1", "AdaptiveLIF", "its threshold adapts", "LIF")],
    ),
    "LayerNorm": (
        [LINEAR, nn.LayerNorm(4), FIRE], [("1", "LayerNorm", "divides by the spread", "BatchNorm")],
    ),
    "mean pooling": (
        [nn.Conv2d(1, 2, 1), FIRE, nn.AvgPool2d(2), nn.Conv2d(2, 2, 1), FIRE],
        [("2", "AvgPool2d", "no spike", "convolution")],
    ),
    "pooled currents": (
        [nn.Conv2d(1, 2, 1), nn.MaxPool2d(2), FIRE], [("1", "MaxPool2d", "largest of currents", "behind the neurons")],
    ),
    "real numbers at the end": ([LINEAR, FIRE, LINEAR], [("2", "Linear", "no neurons behind", "how many steps")]),
    "real numbers inside": ([LINEAR, nn.ReLU(), LINEAR, FIRE], [
        ("1", "ReLU", "real numbers", "neurons"), ("2", "Linear", "no neurons are between", "one layer of both"),
    ]),
    "neurons first": ([FIRE, LINEAR, FIRE], [("0", "Spikes", "no synapses are in front", "")]),
    "a norm behind neurons": (
        [LINEAR, FIRE, nn.BatchNorm1d(4), LINEAR, FIRE], [("2", "BatchNorm1d", "no synapses", "behind its layer")],
    ),
    "a norm of the batch at hand": (
        [LINEAR, nn.BatchNorm1d(4, track_running_stats=False), FIRE],
        [("1", "BatchNorm1d", "by the batch at hand", "track_running_stats=True")],
    ),
    "a bias that lasts": ([nn.Linear(4, 4), cuba()], [("1", "Spikes", "goes through the current", "current_decay=0")]),
    "channels of another dimension": (
        [LINEAR, Spikes(LIF(torch.rand(4), v_reset=0.0, channels=4, channel_dim=-2))],
        [("1", "Spikes", "channel_dim is -2", "")],
    ),
    "channels of another number": (
        [LINEAR, Spikes(LIF(torch.rand(3), v_reset=0.0, channels=3))], [("1", "Spikes", "each of 3 channels", "")],
    ),
    "other padding": (
        [nn.Conv2d(1, 2, 3, padding=1, padding_mode="circular"), FIRE], [("0", "Conv2d", "circular", "zeros")],
    ),
    "no flattening": ([nn.Conv2d(1, 4, 1), FIRE, LINEAR, FIRE], [("2", "Linear", "is a map", "nn.Flatten")]),
    "many at once": (
        [nn.Sequential(nn.Conv3d(1, 2, 1), nn.LayerNorm(4)), FIRE, nn.GELU(), LINEAR, Spikes(LIF(0.5))],
        [("0.0", "Conv3d", "", ""), ("0.1", "LayerNorm", "", ""), ("2", "GELU", "", ""), ("4", "Spikes", "", "")],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("modules", "refused"), REFUSED.values(), ids=REFUSED)
def test_what_has_no_form_is_named(modules: list[nn.Module], refused: list[tuple[str, str, str, str]]) -> None:
    shape = (1, 4, 4) if isinstance(modules[0], nn.Conv2d) else None
    with pytest.raises(UnsupportedLayer) as caught:
        quantise(nn.Sequential(*modules), shape=shape)
    found = [(layer.name, layer.kind) for layer in caught.value.layers]
    assert found == [(name, kind) for name, kind, *_ in refused]
    for layer, (*_, reason, rewrite) in zip(caught.value.layers, refused, strict=True):
        assert reason in layer.reason
        assert rewrite in layer.rewrite
    assert len(str(caught.value).splitlines()) == len(refused)


def test_neurons_of_others_that_the_chip_has_not() -> None:
    soft = (node("LIFNode", v_reset=None), peer("snntorch", "Leaky")(beta=0.5))
    for neurons in (*soft, peer("snntorch", "Synaptic")(alpha=0.5, beta=0.5, reset_mechanism="zero")):
        with pytest.raises(UnsupportedLayer, match=r"subtracts the threshold|drops the current"):
            quantise(nn.Sequential(LINEAR, neurons))


def test_split_writes_what_comes_before_the_first_that_has_no_form() -> None:
    model = nn.Sequential(LINEAR, FIRE, nn.Dropout(), LINEAR, nn.LayerNorm(4), FIRE, nn.Linear(4, 2))
    quantised = quantise(model, split=True)
    assert [loss.name for loss in quantised.losses] == ["0"]
    assert [refusal.name for refusal in quantised.host] == ["3", "4", "5", "6"]
    assert "divides by the spread" in quantised.host[1].reason
    with pytest.raises(UnsupportedLayer):
        quantise(nn.Sequential(nn.LayerNorm(4), LINEAR, FIRE), split=True)


def test_split_leaves_flattening_to_the_host_if_the_dense_layer_is() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 1, bias=False), FIRE, nn.Flatten(), nn.Linear(32, 2))
    quantised = quantise(model, shape=(1, 4, 4), split=True)
    assert quantised.network.shapes() == [(2, 4, 4)]
    assert [refusal.name for refusal in quantised.host] == ["2", "3"]


def test_biases_need_to_know_when_to_start_anew() -> None:
    with pytest.raises(ExportError, match="say after how many steps"):
        quantise(nn.Sequential(nn.Linear(4, 4), FIRE))
    assert quantise(nn.Sequential(LINEAR, FIRE)).network.reset_interval is None


def test_the_shape_of_images_must_be_known() -> None:
    with pytest.raises(UnsupportedLayer, match="say its shape"):
        quantise(nn.Sequential(nn.Conv2d(1, 2, 1), FIRE))


def test_code_of_ones_own_is_not_guessed_at() -> None:
    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inside = nn.Sequential(nn.Linear(4, 4), lif())

    with pytest.raises(UnsupportedLayer, match=r"inside.0 \(Linear\)"):
        quantise(Own())
