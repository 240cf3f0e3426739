"""The emulator is the chip as Lava simulates it, and the reference, to the bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.random import default_rng

from neuroact.hardware import emulator, synapses
from neuroact.hardware.emulator import Emulated, emulate
from neuroact.hardware.network import NEVER, Conv, Dense, Flatten, Network, Neurons
from neuroact.hardware.reference import emulate_reference
from tests.hardware.cases import CASES, golden, lava_case, random_network, random_spikes, weights

GOLDEN = ("dense3", "dense3_delay", "conv3", "conv3_bias")
ONE = Neurons(4096, 0, 5)
"""A neuron that adds up, and forgets nothing."""


def same(found: Emulated, expected: Emulated) -> None:
    for ours, theirs in ((found, expected), *zip(found.layers, expected.layers, strict=True)):
        assert np.array_equal(ours.spikes, theirs.spikes)
        assert np.array_equal(ours.potentials, theirs.potentials)
    assert np.array_equal(found.spike_counts, expected.spike_counts)
    assert np.array_equal(found.synaptic_operations, expected.synaptic_operations)


def agrees(network: Network, spikes: Any) -> Emulated:
    """With the reference in every layer; what the output is counted as, and its shapes and dtypes."""
    found = emulate(network, spikes, record=True)
    s, v = emulate_reference(network, spikes)
    assert len(found.layers) == len(s) == network.latency
    for layer, ours, theirs in zip(found.layers, s, v, strict=True):
        assert (layer.spikes.dtype, layer.potentials.dtype) == (np.uint8, np.int32)
        assert np.array_equal(layer.spikes, ours)
        assert np.array_equal(layer.potentials, theirs)
    assert np.array_equal(found.spike_counts, [layer.sum(tuple(range(1, layer.ndim)), dtype=int) for layer in s])
    assert np.array_equal(found.synaptic_operations, operations(network, [spikes, *s]))
    assert found.spikes is found.layers[-1].spikes
    return found


def operations(network: Network, spikes: list[Any]) -> list[Any]:
    """Synapses of weight 1 bring as much as there are operations."""
    found, before = [], spikes[0]
    for place, layer in enumerate(network.layers):
        if isinstance(layer, Flatten):
            before = before.reshape(*before.shape[:2], *network.shapes()[place])
            continue
        own = spikes[len(found) + 1]
        ones = np.ones_like(layer.weight)
        if isinstance(layer, Dense):
            brought = before.astype(int) @ ones.T
            if layer.recurrent is not None:
                brought = brought + own.sum(2, keepdims=True, dtype=int)
        else:
            shape = network.shapes()[place]
            neurons = Neurons(4096, 4096, NEVER)
            alone = Network(before.shape[2:], (Conv(ones, neurons, *_options(layer)),))
            brought = emulate_reference(alone, before)[1][0] // 64
            assert brought.shape[2:] == shape
        found.append(brought.sum(tuple(range(1, brought.ndim))))
        before = own
    return found


def _options(layer: Conv) -> Any:
    return layer.stride, layer.padding, layer.dilation, layer.groups


@pytest.mark.parametrize("name", CASES)
def test_lava_makes_the_same_of_our_networks(name: str) -> None:
    network, spikes, out = lava_case(name)
    assert 0.02 < out.mean() < 0.6
    assert np.array_equal(agrees(network, spikes).spikes, out)


@pytest.mark.parametrize("stem", GOLDEN)
def test_lava_made_the_same_of_the_golden_networks(stem: str, shared: Path) -> None:
    network, spikes, out = golden(shared / "lava_golden", stem)
    assert out.any()
    assert np.array_equal(agrees(network, spikes).spikes, out)


@settings(max_examples=80)
@given(
    seed=st.integers(0, 2**32), maps=st.booleans(), layers=st.integers(1, 4), biased=st.booleans(),
    interval=st.sampled_from([None, 1, 3, 8]), batch=st.integers(0, 3), steps=st.integers(0, 12),
    share=st.sampled_from([0.0, 0.1, 0.4, 1.0]), threshold=st.sampled_from([0, 300, 2048, NEVER]),
)  # fmt: skip
def test_random_networks(
    seed: int, maps: bool, layers: int, biased: bool, interval: int | None, batch: int, steps: int, share: float,
    threshold: int,
) -> None:  # fmt: skip
    random = default_rng(seed)
    network = random_network(random, maps=maps, layers=layers, biased=biased, interval=interval, threshold=threshold)
    agrees(network, random_spikes(random, network, batch, steps, share))


@settings(max_examples=30)
@given(
    seed=st.integers(0, 2**32), inputs=st.sampled_from([40, 700, 1500]), sign=st.sampled_from([1, -1, 0]),
    decay=st.sampled_from([0, 1, 4096]), bias=st.sampled_from([None, -4096, 4095]), recurrent=st.booleans(),
)  # fmt: skip
def test_states_that_run_out_of_their_bits(
    seed: int, inputs: int, sign: int, decay: int, bias: int | None, recurrent: bool
) -> None:
    random = default_rng(seed)
    signs = np.full((5, inputs), sign) if sign else random.choice([-1, 1], (5, inputs))
    layer = Dense(
        np.clip(256 * signs, -256, 254), Neurons(decay, random.integers(0, 3, 5), int(random.choice([0, 2048, NEVER]))),
        None if bias is None else np.full(5, bias), recurrent=np.full((5, 5), -256) if recurrent else None,
    )  # fmt: skip
    network = Network((inputs,), (layer,))
    found = agrees(network, random_spikes(random, network, 2, 40, 0.9))
    assert sign == 0 or np.abs(found.potentials).max() > 2**20 or found.spikes.any()


@pytest.mark.parametrize(("threshold", "weight"), [(2048, 128), (2050, 2), (4095, 9), (65_532, 254), (131_064, 254)])
def test_a_potential_at_a_large_threshold_does_not_spike(threshold: int, weight: int) -> None:
    """Rounding that puts a potential above where it stands shows only up there, where float32 is short of bits."""
    network = Network((1,), (Dense(np.array([[weight]]), Neurons(4096, 0, threshold)),))
    steps = threshold // weight
    found = agrees(network, np.ones((1, steps + 1, 1), np.uint8))
    assert threshold % weight == 0
    assert found.potentials[0, -2, 0] == 64 * threshold
    assert found.spikes[0, :, 0].tolist() == [0] * steps + [1]
    above = Network((1,), (Dense(np.array([[weight]]), Neurons(4096, 0, threshold - 1)),))
    assert emulate(above, np.ones((1, steps, 1), np.uint8)).spikes[0, -1, 0] == 1


def test_a_read_out_is_the_potential_of_neurons_that_do_not_spike() -> None:
    random = default_rng(0)
    layer = Dense(weights(random, 4, 9), Neurons(4096, 0, NEVER))
    spikes = random_spikes(random, Network((9,), (layer,)), 3, 20, 0.3)
    found = emulate(Network((9,), (layer,)), spikes)
    assert not found.spikes.any()
    assert np.array_equal(found.potentials, 64 * (spikes.astype(int) @ layer.weight.T).cumsum(1))


def mixed(biased: bool = True) -> tuple[Network, Any]:
    random = default_rng(5)
    convolution = Conv(weights(random, 4, 2, 3, 3), Neurons(2000, 300, 300), padding=(1, 1), stride=(2, 1))
    network = Network(
        (2, 7, 6),
        (
            convolution, Flatten(),
            Dense(weights(random, 9, 96), Neurons(900, 50, 700), delay=random.integers(0, 9, (9, 96))),
            Dense(weights(random, 6, 9), Neurons(900, 50, 300), random.integers(-40, 90, 6) if biased else None,
                  recurrent=weights(random, 6, 6)),
        ),
    )  # fmt: skip
    return network, random_spikes(random, network, 7, 15, 0.15)


@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("at_once", [1, 3000])
def test_a_recording_is_the_same_alone_and_in_any_batch(
    biased: bool, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, spikes = mixed(biased)
    whole = agrees(network, spikes)
    assert min(layer.spikes.mean() for layer in whole.layers) > 0.02
    for place in range(len(spikes)):
        alone = emulate(network, spikes[place : place + 1])
        assert np.array_equal(alone.spikes[0], whole.spikes[place])
        assert np.array_equal(alone.synaptic_operations[:, 0], whole.synaptic_operations[:, place])
    monkeypatch.setattr(emulator, "AT_ONCE", at_once)
    same(emulate(network, spikes, record=True), whole)


def test_sums_beyond_float32_are_taken_in_float64(monkeypatch: pytest.MonkeyPatch) -> None:
    network, spikes = mixed()
    expected = emulate(network, spikes, record=True)
    monkeypatch.setattr(synapses, "EXACT", 0)
    same(emulate(network, spikes, record=True), expected)


def test_windows_between_resets_are_recordings_of_their_own() -> None:
    random = default_rng(3)
    layers = (Dense(weights(random, 8, 10), Neurons(300, 20, 300)), Dense(weights(random, 5, 8), Neurons(20, 9, 300)))
    spikes = random_spikes(random, Network((10,), layers), 2, 24, 0.2)
    whole = emulate(Network((10,), layers, reset_interval=8), spikes)
    parts = [emulate(Network((10,), layers), spikes[:, start : start + 8]).spikes for start in (0, 8, 16)]
    assert np.array_equal(whole.spikes, np.concatenate(parts, 1))
    assert not np.array_equal(whole.spikes, emulate(Network((10,), layers), spikes).spikes)


def test_what_is_not_recorded_is_left_out_and_nothing_else() -> None:
    network, spikes = mixed()
    before = spikes.copy()
    strided = np.asfortranarray(spikes)
    arrays = [value for layer in network.layers if isinstance(layer, Dense) for value in (layer.bias, layer.recurrent)]
    for array in (strided, *(array for array in arrays if array is not None)):
        array.flags.writeable = False
    found = emulate(network, strided)
    assert found.layers == ()
    recorded = emulate(network, spikes, record=True)
    assert np.array_equal(found.spikes, recorded.spikes)
    assert np.array_equal(found.potentials, recorded.potentials)
    assert np.array_equal(spikes, before)
    assert found.spikes.shape == (7, 15, 6)
    assert found.spike_counts.shape == found.synaptic_operations.shape == (3, 7)


def dense(**changes: Any) -> Network:
    neurons = Neurons(**{"current_decay": 300, "decay": 70, "threshold": 90, **changes.pop("neurons", {})})
    layer = Dense(**{"weight": np.full((2, 3), 7), "neurons": neurons, **changes.pop("layer", {})})
    return Network(**{"shape": (3,), "layers": (layer,), **changes})


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (dense(layers=()), "no layer"),
        (dense(layers=(Flatten(),)), "no layer"),
        (dense(shape=(4,)), "do not take an input"),
        (dense(reset_interval=0), "reset_interval"),
        (dense(layer={"weight": np.full((2, 3), 256)}), "layer 0: weight"),
        (dense(layer={"weight": np.full((2, 3), -257)}), "weight"),
        (dense(layer={"recurrent": np.full((2, 2), 300)}), "recurrent"),
        (dense(layer={"delay": np.full((2, 3), 63)}), "delay"),
        (dense(layer={"delay": np.full((2, 3), -1)}), "delay"),
        (dense(layer={"delay": np.ones((2, 3), int), "recurrent": np.ones((2, 2), int)}), "no delays"),
        (dense(layer={"bias": np.full(2, 4096)}), "bias"),
        (dense(neurons={"current_decay": 4097}), "current_decay"),
        (dense(neurons={"decay": np.array([0, -1])}), "decay"),
        (dense(neurons={"threshold": -1}), "threshold"),
        (dense(neurons={"threshold": 131_072}), "threshold"),
    ],
)
def test_networks_that_the_chip_does_not_hold_are_refused(network: Network, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        emulate(network, np.zeros((1, 4, *network.shape), np.uint8))


@pytest.mark.parametrize(
    ("spikes", "message"),
    [
        (np.zeros((1, 4, 2), np.uint8), r"\(B, T, 3\)"),
        (np.zeros((4, 3), np.uint8), r"\(B, T, 3\)"),
        (np.zeros((1, 4, 3), np.int64), "int64"),
        (np.full((1, 4, 3), 2, np.uint8), "0 or 1"),
    ],
)
def test_spikes_of_another_form_are_refused(spikes: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        emulate(dense(), spikes)
