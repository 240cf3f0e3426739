"""The network for the chip: its integers are the chip's, and the chip's equations give its spikes."""

import itertools
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from neuroact.kernels.surrogates import spike
from neuroact.models.layers import ChipLayer, Integers
from neuroact.models.layers.quantised import integer_cuba_scan, quantised_spikes
from neuroact.models.spiking_cnn import SpikingCNN

SIZES = {"size": (10, 9), "widths": (3, 4), "hidden": 20, "voters": 3, "classes": 4}
DECAYS = [(0.5, 0.5), (0.0, 0.0), (0.71, 0.93), (0.9, 0.2), (0.3, 0.9997)]
WEIGHTS = {
    "both signs": [-0.3, 0.2, 0.017, 0.0],
    "one sign": [0.4, 0.1, 0.003, 0.4],
    "no positive": [-0.25, -0.5, 0.0, -0.1],
    "tiny": [1e-7, -1e-7, 3e-8, 0.0],
    "none": [0.0, 0.0, 0.0, 0.0],
}


def network(*, quantised: bool = True, **arguments: Any) -> SpikingCNN:
    torch.manual_seed(0)
    return SpikingCNN(**{**SIZES, **arguments}, quantised=quantised).eval()


def events(batch: int = 3, steps: int = 25, density: float = 0.3) -> Tensor:
    """Counts of events: mostly none, and at some places more than one."""
    rates = torch.full((batch, steps, 2, *SIZES["size"]), density)  # type: ignore[misc]
    return torch.poisson(rates, generator=torch.Generator().manual_seed(1))


def leaked(x: NDArray[np.int64], d: int) -> NDArray[np.int64]:
    """dec(x, d) = sign(x) ((|x| (4096 - d)) >> 12)"""
    return np.sign(x) * ((np.abs(x) * (4096 - d)) >> 12)


def chip_neurons(a: NDArray[np.int64], layer: Integers) -> NDArray[np.int64]:
    """Spikes `(T, ...)` for sums of weights `(T, ...)`."""
    u, v, spikes = np.zeros_like(a[0]), np.zeros_like(a[0]), []
    for a_t in a:
        u = leaked(u, layer.current_decay) + (a_t << 6)
        u = np.where(u > 2**23, u - 2**24, np.where(u < -(2**23), u + 2**24, u))
        v = np.clip(leaked(v, layer.decay) + u, 1 - 2**23, 2**23 - 1)
        s = v > layer.threshold << 6
        v = np.where(s, 0, v)
        spikes.append(s.astype(np.int64))
    return np.stack(spikes)


def chip_convolution(s: NDArray[np.int64], weight: NDArray[np.int64], pooling: bool) -> NDArray[np.int64]:
    """4 x 4 with stride 2 and a border of 1, `(T, B, C, H, W)` to `(T, B, O, H // 2, W // 2)`.

    With pooling 5 x 5 with a border of 2, to `(T, B, O, H, W)`.
    """
    side, border, stride = (5, 2, 1) if pooling else (4, 1, 2)
    padded = np.pad(s, ((0, 0), (0, 0), (0, 0), (border, border), (border, border)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (side, side), axis=(3, 4))[:, :, :, ::stride, ::stride]
    return np.einsum("tbchwij,ocij->tbohw", windows, weight)


def chip(model: SpikingCNN, x: Tensor) -> list[NDArray[np.int64]]:
    """The spikes of each layer, before they are pooled, from the integers alone."""
    s = (x.numpy().swapaxes(0, 1) > 0).astype(np.int64)
    spikes = []
    for layer in model.layers:
        integers: Integers = layer.integers  # type: ignore[assignment]
        weight = integers.weight.numpy()
        dense = weight.ndim == 2
        a = s.reshape(*s.shape[:2], -1) @ weight.T if dense else chip_convolution(s, weight, model.pooling)
        s = chip_neurons(a, integers)
        spikes.append(s)
        if model.pooling and not dense:
            height, width = (side // 2 * 2 for side in s.shape[3:])
            s = s[..., 0:height:2, 0:width:2] | s[..., 1:height:2, 0:width:2]
            s |= spikes[-1][..., 0:height:2, 1:width:2] | spikes[-1][..., 1:height:2, 1:width:2]
    return spikes


@pytest.mark.parametrize("pooling", [False, True], ids=["strided", "pooled"])
@pytest.mark.parametrize(("current_decay", "decay"), DECAYS)
def test_spikes_are_the_chips_spike_for_spike(current_decay: float, decay: float, pooling: bool) -> None:
    model, x = network(current_decay=current_decay, decay=decay, pooling=pooling), events()
    expected = chip(model, x)
    assert all(0.005 < s.mean() < 0.995 for s in expected)
    seen: list[Tensor] = []
    for layer in model.layers:
        layer.register_forward_hook(lambda _module, _inputs, spikes: seen.append(spikes))
    for learning in (False, True):  # the path that has gradients, and the one that has not
        seen.clear()
        with torch.set_grad_enabled(learning):
            logits = model(x)
        for ours, chips in zip(seen, expected, strict=True):
            assert np.array_equal(ours.detach().numpy(), chips)
        counts = expected[-1].reshape(25, 3, 4, 3).sum((0, 3))  # (B, L)
        np.testing.assert_allclose(logits.detach().numpy(), counts / 25, rtol=1e-6)


def test_the_float_network_is_another_one() -> None:
    """What the test above finds is not what floating point would have given anyway."""
    model, x = network(quantised=False, current_decay=0.71, decay=0.93), events()
    assert not np.array_equal(model.output_spikes(x).detach().numpy(), chip(model, x)[-1])


@pytest.mark.parametrize("threshold", [0.0, 3.0, 70.0, 131071.0])
@pytest.mark.parametrize("most", [3, 200, 40_000, 100_000])
def test_the_scan_is_the_chips_beyond_24_bits_too(most: int, threshold: float) -> None:
    a = np.random.default_rng(0).integers(-most, most + 1, (40, 50))
    for d_u, d_v in [(0, 0), (4096, 4096), (7, 4000), (1900, 1), (4095, 300)]:
        integers = Integers(torch.zeros(()), d_u, d_v, int(threshold))
        spikes, _ = integer_cuba_scan(
            torch.from_numpy(a).float(), current_decay=d_u, decay=d_v, threshold=torch.tensor(threshold)
        )
        assert np.array_equal(spikes.numpy(), chip_neurons(a, integers))


def test_spikes_are_those_that_lava_gave(shared: Path) -> None:
    given = np.load(shared / "lava_golden" / "dense3.npz")
    s = torch.from_numpy(given["x"].T).float()  # (T, C)
    with h5py.File(shared / "lava_golden" / "dense3.net") as file:
        for index in ("1", "2", "3"):
            layer = file["layer"][index]
            d_u, d_v, theta = (int(layer["neuron"][key][()]) for key in ("iDecay", "vDecay", "vThMant"))
            a = s @ torch.from_numpy(layer["weight"][()]).float().T
            s, _ = integer_cuba_scan(a, current_decay=d_u, decay=d_v, threshold=torch.tensor(float(theta)))
    assert s.any()
    assert np.array_equal(s.numpy(), given["out"].T)


def test_a_potential_at_the_threshold_does_not_spike() -> None:
    a = torch.tensor([[5.0], [1.0]])
    spikes, _ = integer_cuba_scan(a, current_decay=4096, decay=0, threshold=torch.tensor(5.0))
    assert spikes.flatten().tolist() == [0, 1]


@pytest.mark.parametrize("d_u", [0, 1000, 4096])
@pytest.mark.parametrize("d_v", [0, 333, 4096])
def test_the_way_back_follows_the_integers(d_u: int, d_v: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gradients are those of a loop over the integers, rounding passed over, with the same surrogate."""
    generator = torch.Generator().manual_seed(0)
    monkeypatch.setenv("NEUROACT_BACKEND", "reference")  # which takes float64 without compiling for it
    a = torch.randint(-150, 200, (20, 60), generator=generator).double().requires_grad_()
    scale, threshold = torch.tensor(100.0, dtype=torch.float64), torch.tensor(90.0, dtype=torch.float64)
    weights = torch.linspace(-1, 1, a.numel(), dtype=torch.float64).reshape(a.shape)

    def whole(exact: Tensor) -> Tensor:
        return exact + (exact.trunc() - exact).detach()

    u = v = torch.zeros(60, dtype=torch.float64)
    loop = []
    for a_t in a:
        u = whole(u * (4096 - d_u) / 4096) + 64 * a_t
        h = whole(v * (4096 - d_v) / 4096) + u
        s = spike((h - 64 * threshold - 0.5) / (64 * scale))
        v = (1 - s) * h
        loop.append(s)
    expected = torch.autograd.grad((weights * torch.stack(loop)).sum(), a)[0]
    ours = quantised_spikes(a, scale, current_decay=d_u, decay=d_v, threshold=threshold)
    assert torch.equal(ours, torch.stack(loop))
    torch.testing.assert_close(torch.autograd.grad((weights * ours).sum(), a)[0], expected, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("weights", WEIGHTS.values(), ids=WEIGHTS)
def test_integers_are_what_the_chip_takes(weights: list[float]) -> None:
    layer = ChipLayer(nn.Linear(4, 1, bias=False), current_decay=0.75, decay=0.9, threshold=1.25)
    with torch.no_grad():
        layer.synapses.weight.copy_(torch.tensor(weights))
    integers = layer.integers
    assert (integers.current_decay, integers.decay) == (1024, 410)
    assert integers.weight.dtype == torch.int64
    assert not (integers.weight % 2).any()
    assert -254 <= integers.weight.min() <= integers.weight.max() <= 254
    assert 0 <= integers.threshold <= 131071
    largest = max(abs(weight) for weight in weights)
    if largest > 1e-3:  # all eight bits are used, and one scale turns weights and threshold into integers
        assert integers.weight.abs().max() == 254
        assert integers.threshold == round(1.25 * 254 / largest)
        nearest = np.array(weights) * 254 / largest
        assert np.abs(integers.weight[0].numpy() - nearest).max() <= 1 + 1e-4
    else:  # the threshold has run out of bits
        assert integers.threshold == 131071


def test_the_integers_are_those_of_the_float_network_that_it_continues() -> None:
    model, quantised = network(quantised=False), network()
    quantised.load_state_dict(model.state_dict())
    for ours, theirs in zip(model.layers, quantised.layers, strict=True):
        assert torch.equal(ours.integers.weight, theirs.integers.weight)  # type: ignore[union-attr]
        assert ours.integers[1:] == theirs.integers[1:]  # type: ignore[index]


def test_lower_precision_around_it_leaves_the_integers_alone() -> None:
    model, x = network(), events()
    with torch.autocast("cpu", torch.bfloat16):
        spikes = model.output_spikes(x)
    assert torch.equal(spikes, model.output_spikes(x))


def test_dropout_spares_evaluation_and_drops_a_neuron_at_all_steps() -> None:
    model, x = network(quantised=False, dropout=0.5), events()
    assert torch.equal(model(x), model(x))
    seen: list[Tensor] = []
    model.layers[-1].register_forward_hook(lambda _module, inputs, _spikes: seen.append(inputs[0]))
    model.train()(x)
    model.eval()(x)
    dropped, kept = seen
    assert set(dropped.unique().tolist()) == {0, 2}
    assert set(kept.unique().tolist()) == {0, 1}
    often = kept.sum(0) > 12
    assert (dropped.sum(0)[often] == 0).any()


def test_what_arrives_is_whole_though_dropout_scales_spikes() -> None:
    layer = network().layers[-1].train()
    s = (torch.rand((25, 3, 20), generator=torch.Generator().manual_seed(2)) < 0.3).float()
    integers: Integers = layer.integers  # type: ignore[assignment]
    a = np.rint(s.numpy().astype(int) @ integers.weight.numpy().T / 0.7).astype(int)
    expected = chip_neurons(a, integers)
    assert expected.any()
    assert np.array_equal(layer(s / 0.7).detach().numpy(), expected)


@pytest.mark.parametrize("quantised", [False, True])
def test_it_learns(quantised: bool) -> None:
    """Two movements that differ in nothing but their direction in time."""
    torch.manual_seed(1)
    model = SpikingCNN(
        classes=2, size=(6, 6), widths=(8,), hidden=32, voters=4, current_decay=0.7, decay=0.7, quantised=quantised
    )
    x = torch.zeros(16, 6, 2, 6, 6)
    for n, t in itertools.product(range(16), range(6)):
        row = n // 2 % 5
        x[n, t, :, row : row + 2, t if n % 2 else 5 - t] = 1
    labels = torch.arange(16) % 2
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(25):
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(x), labels).backward()
        optimiser.step()
    assert (model.eval()(x).argmax(1) == labels).float().mean() > 0.9


def test_quantised_it_compiles_without_a_break() -> None:
    model, x = network(), events(2, 4)
    compiled = torch.compile(model, fullgraph=True, backend="eager")
    assert torch.equal(compiled(x), model(x))
    assert model(x).any()


@pytest.mark.parametrize(("current_decay", "decay"), [*DECAYS, (0.0, 0.9), (0.9, 0.95)])
def test_each_layer_fires_before_it_has_learned(current_decay: float, decay: float) -> None:
    torch.manual_seed(0)
    model = SpikingCNN(
        classes=3, size=(32, 32), widths=(8, 8, 8), hidden=40, current_decay=current_decay, decay=decay
    ).eval()
    rates: list[float] = []
    for layer in model.layers:
        layer.register_forward_hook(lambda _module, _inputs, spikes: rates.append(spikes.mean().item()))
    model((torch.rand(4, 12, 2, 32, 32) < 0.05).float())
    assert len(rates) == 5
    assert all(0.01 < rate < 0.4 for rate in rates)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"size": (3, 9)}, "3 x 9"),
        ({"widths": (3, 0)}, "at least 1"),
        ({"voters": 0}, "at least 1"),
        ({"dropout": 1.0}, "dropout"),
        ({"decay": 1.1}, "decay"),
        ({"current_decay": -0.1}, "current_decay"),
        ({"threshold": 0.0}, "threshold"),
        ({"neuron": "snntorch"}, "snntorch"),
        ({"neuron": "norse", "quantised": False}, "norse"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(arguments: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        network(**arguments)


def test_synapses_with_a_bias_are_refused() -> None:
    with pytest.raises(ValueError, match="bias"):
        ChipLayer(nn.Linear(2, 2), current_decay=0.5, decay=0.5, threshold=1.0)


@pytest.mark.parametrize("shape", [(2, 5, 2, 9, 10), (2, 5, 3, 10, 9), (2, 0, 2, 10, 9), (5, 2, 10, 9)], ids=str)
def test_input_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="must be"):
        network()(torch.zeros(shape))
