"""NIR graphs: what the package reads back is what was written, and spikes as the network does, here and in snnTorch."""

from __future__ import annotations

import io
import sys
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.nn import functional

from neuroact.cli.export import TARGETS, Wanted
from neuroact.errors import ExportError, MissingExtra, UnsupportedLayer
from neuroact.hardware.emulator import emulate
from neuroact.hardware.network import Conv, Dense, Flatten, Network, Neurons
from neuroact.hardware.nir import DT, export_nir
from neuroact.models import create
from tests.hardware.networks import NEURONS, convolution, dense, whole
from tests.training.tiny import tiny_config

nir = pytest.importorskip("nir")

STEPS = 60
PLAIN = Neurons(4096, 4096, 300)  # no state at all
SUMMING = Neurons(4096, 0, 900)  # without leak
LINGERING = Neurons(0, 4096, 900)
LEAKY = Neurons(1024, 128, 300)
MIXED = Neurons(np.array([4096, 0, 4096, 0, 0, 4096]), np.array([0, 0, 4096, 4096, 0, 0]), 900)
BIAS = np.array([5, 0, -3, 90, 60, -70])

# Decays of all or nothing lose nothing to the chip's rounding, so the graph's spikes are the chip's. Resets keep biases
# from being integrated before the input is there, which a graph has no time for.
EXACT: dict[str, Network] = {
    "no state": dense(neurons=PLAIN),
    "no leak": dense(neurons=SUMMING),
    "endless current": dense(neurons=LINGERING),
    "a decay for each neuron": dense(neurons=MIXED),
    "bias on what passes": replace(dense(neurons=SUMMING, bias=BIAS), reset_interval=STEPS),
    "bias on currents that last": replace(dense(neurons=LINGERING, bias=BIAS), reset_interval=STEPS),
    "bias of both kinds": replace(dense(neurons=MIXED, bias=BIAS), reset_interval=STEPS),
    "recurrent": dense(neurons=SUMMING, recurrent=whole(6, 6, most=60, seed=3)),
    "groups, a stride, a padding, a long kernel": convolution(neurons=replace(SUMMING, threshold=700)),
    "a high kernel, far taps": convolution(
        neurons=SUMMING, weight=whole(4, 1, 3, 1), dilation=(2, 3), padding=(2, 1), stride=(1, 2)
    ),
    "a kernel of an even and an odd side": convolution(neurons=SUMMING, weight=whole(4, 1, 3, 4)),
    "another with a room to spare": convolution(
        neurons=SUMMING, weight=whole(4, 1, 2, 3), padding=(0, 1), stride=(2, 1)
    ),
    "a pool over the width": convolution(
        neurons=replace(PLAIN, threshold=100), weight=whole(2, 1, 1, 6), stride=(1, 1), padding=(0, 0)
    ),
    "a decay for each channel": convolution(neurons=Neurons(np.array([4096, 0, 4096, 4096]), 0, 700)),
    "a chain": Network(
        (2, 7, 6),
        (
            Conv(whole(4, 2, 3, 3), SUMMING, padding=(1, 1)),
            Conv(whole(3, 4, 2, 2, seed=1), replace(PLAIN, threshold=50), stride=(2, 2)),
            Flatten(),
            Dense(whole(6, 27), replace(SUMMING, threshold=200)),
            Dense(whole(4, 6, seed=2), replace(PLAIN, threshold=50)),
        ),
    ),
}
# What snnTorch's importer takes: one decay and threshold a layer, no v_leak, and no recurrent layer, which it wires to
# a network of its own and then fails on.
LEAKING: dict[str, Network] = {
    "dense": Network((10,), (Dense(whole(20, 10), LEAKY), Dense(whole(6, 20, seed=1), LEAKY))),
    "conv": Network(
        (2, 7, 6),
        (
            Conv(whole(4, 1, 3, 5), LEAKY, (2, 1), (1, 2), groups=2),
            Conv(whole(3, 4, 3, 3, seed=1), NEURONS, padding=(1, 1)),
            Flatten(),
            Dense(whole(5, 72, seed=2), LEAKY),
        ),
    ),
}
# Norse takes more, but gives v_leak to the current too, and runs a recurrent layer otherwise.
IN_NORSE = LEAKING | {name: network for name, network in EXACT.items() if "last" not in name and "both" not in name}
del IN_NORSE["recurrent"]


def spikes_for(network: Network, recordings: int = 3, steps: int = STEPS) -> NDArray[np.uint8]:
    return (np.random.default_rng(4).random((recordings, steps, *network.shape)) < 0.25).astype(np.uint8)


def read_back(network: Network, folder: Path) -> Any:
    export_nir(network, folder / "network.nir")
    return nir.read(folder / "network.nir")


def run(graph: Any, spikes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Euler's rule on a chain, in float64; what a neuron sends to its own layer arrives a step later."""
    ahead = {source: end for source, end in graph.edges if "recurrent" not in source + end}
    loops = {source: graph.nodes[end] for source, end in graph.edges if "recurrent" in end}
    states: dict[str, dict[str, Any]] = {name: {} for name in graph.nodes}
    found = []
    for x in torch.from_numpy(spikes).double().unbind(1):  # (B, ...)
        name, value = "input", x
        while name != "output":
            name = ahead[name]
            if name in loops and "s" in states[name]:
                value = value + step(loops[name], states[name]["s"], {})
            value = step(graph.nodes[name], value, states[name])
        found.append(value)
    return torch.stack(found, 1).to(torch.uint8).numpy()


def step(node: Any, x: torch.Tensor, state: dict[str, Any]) -> torch.Tensor:
    def of(name: str) -> torch.Tensor:
        return torch.from_numpy(np.asarray(getattr(node, name), np.float64))

    if isinstance(node, nir.Affine):
        return functional.linear(x, of("weight"), of("bias"))
    if isinstance(node, nir.Conv2d):
        stride, padding, dilation = (tuple(map(int, getattr(node, name))) for name in ("stride", "padding", "dilation"))
        return functional.conv2d(x, of("weight"), of("bias"), stride, padding, dilation, int(node.groups))
    if isinstance(node, nir.Flatten):
        return x.flatten(int(node.start_dim), int(node.end_dim))
    if not isinstance(node, nir.CubaLIF):
        return x
    current = (1 - DT / of("tau_syn")) * state.get("current", 0) + DT / of("tau_syn") * of("w_in") * x
    v = (1 - DT / of("tau_mem")) * state.get("v", 0) + DT / of("tau_mem") * (of("v_leak") + of("r") * current)
    # Rounding in the last place would decide at a threshold that is met exactly.
    s = (v - of("v_threshold") > 1e-9).double()
    state.update(current=current, v=torch.where(s > 0, of("v_reset"), v), s=s)
    return s


@pytest.mark.parametrize("network", EXACT.values(), ids=EXACT)
def test_a_graph_without_rounding_spikes_as_the_chip(network: Network, tmp_path: Path) -> None:
    spikes = spikes_for(network)
    expected = emulate(network, spikes).spikes
    assert 0 < expected.mean() < 0.9
    np.testing.assert_array_equal(run(read_back(network, tmp_path), spikes), expected)


@pytest.mark.parametrize("network", LEAKING.values(), ids=LEAKING)
def test_snntorch_spikes_as_the_graph(network: Network, tmp_path: Path) -> None:
    pytest.importorskip("nirtorch")
    importer = pytest.importorskip("snntorch.import_nir")
    graph, spikes = read_back(network, tmp_path), spikes_for(network)
    expected = run(graph, spikes)
    assert 0 < expected.mean() < 0.9
    with redirect_stdout(io.StringIO()):  # it tells what it does
        module = importer.import_from_nir(nir.read(tmp_path / "network.nir"))
    np.testing.assert_array_equal(stepped(module, spikes), expected)


@pytest.mark.filterwarnings("ignore:nirtorch.load is being deprecated:DeprecationWarning")
@pytest.mark.parametrize("network", IN_NORSE.values(), ids=IN_NORSE)
def test_norse_spikes_as_the_graph(network: Network, tmp_path: Path) -> None:
    norse = pytest.importorskip("norse.torch")
    graph, spikes = read_back(network, tmp_path), spikes_for(network)
    module = norse.from_nir(nir.read(tmp_path / "network.nir"), dt=DT)
    np.testing.assert_array_equal(stepped(module, spikes), run(graph, spikes))


def stepped(module: Any, spikes: NDArray[np.uint8]) -> NDArray[np.float32]:
    state, found = None, []
    with torch.no_grad():
        for x in torch.from_numpy(spikes).float().unbind(1):
            s, state = module(x, state)
            found.append(s)
    return torch.stack(found, 1).numpy()


@pytest.mark.parametrize("network", LEAKING.values(), ids=LEAKING)
def test_a_leaking_graph_spikes_nearly_as_the_chip(network: Network, tmp_path: Path) -> None:
    spikes = spikes_for(network)
    expected = emulate(network, spikes).spikes
    found = run(read_back(network, tmp_path), spikes)
    assert (found != expected).mean() < 0.02


def test_integers_and_reset_can_be_read_back(tmp_path: Path) -> None:
    network = replace(LEAKING["conv"], reset_interval=32)
    graph = read_back(network, tmp_path)
    assert (graph.metadata["dt"], graph.metadata["reset_interval"]) == (1e-4, 32)
    last = network.layers[-1]
    assert isinstance(last, Dense)
    np.testing.assert_array_equal(graph.nodes["synapses4"].weight / graph.metadata["weight_unit"], last.weight)
    neurons = graph.nodes["layer4.neurons"]
    given = last.neurons
    assert [int(neurons.metadata[name]) for name in ("iDecay", "vDecay", "vThMant")] == [
        given.current_decay, given.decay, given.threshold,
    ]  # fmt: skip
    np.testing.assert_allclose(neurons.tau_syn, DT * 4096 / 1024)
    np.testing.assert_allclose(neurons.tau_mem, DT * 4096 / 128)


def test_a_model_is_quantised_first(tmp_path: Path) -> None:
    model = create("spiking_cnn", preset="tiny", classes=3)
    export_nir(model, tmp_path / "model.nir")
    graph = nir.read(tmp_path / "model.nir")
    np.testing.assert_array_equal(graph.nodes["synapses1"].weight * 64, model.layers[0].integers.weight)


def test_what_nir_cannot_say_is_refused(tmp_path: Path) -> None:
    cases: list[tuple[Network, type[Exception], str]] = [
        (dense(delay=whole(6, 10) % 5), UnsupportedLayer, "layer 1 .*delays"),
        (convolution(weight=whole(4, 1, 3, 4), stride=(1, 1)), ExportError, "3 x 4"),
    ]
    for network, error, message in cases:
        with pytest.raises(error, match=message):
            export_nir(network, tmp_path / "network.nir")
    assert not list(tmp_path.iterdir())


def test_without_nir_the_line_that_installs_it_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "nir", None)
    with pytest.raises(MissingExtra, match=r"pip install 'neuroact\[nir\]'"):
        export_nir(dense(), tmp_path / "network.nir")


def test_the_command_writes_what_the_function_does(tmp_path: Path) -> None:
    model = create("spiking_cnn", preset="tiny", classes=3)
    wanted = Wanted(model, tiny_config(tmp_path), ("a", "b", "c"), tmp_path / "model.nir", False, 0.0, False)
    record, text = TARGETS["nir"](wanted)
    assert text.startswith(f"{tmp_path}/model.nir\n")
    assert record["file"] == f"{tmp_path}/model.nir"
    assert len(nir.read(tmp_path / "model.nir").nodes) == 11
    for wrong, message in (({"resources": True}, "loihi"), ({"output": tmp_path / "model.net"}, r"in \.nir")):
        with pytest.raises(ValueError, match=message):
            TARGETS["nir"](replace(wanted, **wrong))
