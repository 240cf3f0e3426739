"""Cores against what Intel's compiler logged, and what does not fit."""

from itertools import pairwise

import numpy as np
import pytest

from neuroact.hardware.network import Conv, Dense, Flatten, Layer, Network
from neuroact.hardware.resources import resources
from neuroact.models import create
from tests.hardware.networks import NEURONS, everything, whole


def dense(*sizes: int) -> Network:
    layers = tuple(Dense(np.ones((many, inputs), np.int64), NEURONS) for inputs, many in pairwise(sizes))
    return Network(sizes[:1], layers)


def pilot_net() -> Network:
    """The convolutions of PilotNet, whose outputs are 24 x 99 x 32, 36 x 49 x 15, ...; then dense layers."""
    convolutions: list[Layer] = [
        Conv(whole(24, 3, 3, 3), NEURONS, (2, 2)), Conv(whole(36, 24, 3, 3), NEURONS, (2, 2)),
        Conv(whole(48, 36, 3, 3), NEURONS, (2, 2)), Conv(whole(64, 48, 3, 3), NEURONS, (1, 2)),
        Conv(whole(64, 64, 3, 3), NEURONS),
    ]  # fmt: skip
    return Network((3, 199, 65), (*convolutions, Flatten(), *dense(64 * 20 * 1, 100, 50, 10, 1).layers))


LOGGED = {
    "MNIST": (dense(784, 128, 64, 10), [3, 1, 1], 0),
    "Oxford": (dense(200, 256, 200), [3, 2], 1),
    "PilotNet, dense": (dense(2560, 100, 50, 10, 1), [12, 1, 1, 1], 2),
}
"""The network, its cores in the log, and how far an estimate may be off."""


@pytest.mark.parametrize(("network", "cores", "off"), LOGGED.values(), ids=LOGGED)
def test_cores_are_about_those_of_intels_compiler(network: Network, cores: list[int], off: int) -> None:
    found = [layer.cores for layer in resources(network).layers]
    assert [layer.layer for layer in resources(network).layers] == list(range(1, 1 + len(cores)))
    assert all(one is not None and abs(one - other) <= off for one, other in zip(found, cores, strict=True)), found


def test_what_the_docstring_says_of_the_logs() -> None:
    assert [layer.cores for layer in resources(dense(200, 256, 200)).layers] == [2, 2]
    assert [layer.cores for layer in resources(dense(2560, 100, 50, 10, 1)).layers] == [10, 1, 1, 1]
    neurons = [24 * 99 * 32, 36 * 49 * 15, 48 * 24 * 7, 64 * 22 * 4, 64 * 20 * 2]
    assert [-(-many // 2560) for many in neurons] == [30, 11, 4, 3, 1]
    found = [layer for layer in resources(pilot_net()).layers if layer.kind == "conv"]
    assert (found[0].neurons, found[0].cores) == (neurons[0], 30)


def test_a_convolution_stores_its_kernel_once_a_core() -> None:
    one = resources(Network((2, 34, 34), (Conv(whole(24, 2, 4, 4), NEURONS, (2, 2), (1, 1)),))).layers[0]
    assert (one.neurons, one.cores, one.words) == (24 * 17 * 17, 3, 24 * 2 * 16 * 8 // 64)
    assert one.axons == -(-2 * 34 * 34 // 3)
    large = resources(Network((512, 4, 4), (Conv(np.ones((64, 512, 4, 4), np.int64), NEURONS),))).layers[0]
    assert (large.neurons, large.cores) == (64, 5)
    assert large.words <= 16_000


def test_recurrent_synapses_count_too() -> None:
    found = resources(everything()).layers
    assert [layer.kind for layer in found] == ["conv", "conv", "dense_rec", "dense"]
    assert [layer.layer for layer in found] == [1, 2, 4, 5]
    assert found[2].axons == 18 + 5


@pytest.mark.parametrize(
    ("network", "problem"),
    [
        (dense(16_001, 2), "takes 16,000 inputs"),
        (dense(13_000, 2), "a neuron's synapses fill more than 12,000"),
        (
            Network((4096, 6, 6), (Conv(np.ones((1, 4096, 6, 6), np.int64), NEURONS),)),
            "one channel's kernel fills 18,432 words",
        ),
    ],
)
def test_layers_that_do_not_fit_say_why(network: Network, problem: str) -> None:
    found = resources(network)
    assert problem in found.layers[0].problem
    assert (found.layers[0].cores, found.cores, found.chips) == (None, None, None)


def test_chips_are_counted_and_models_taken() -> None:
    assert resources(create("spiking_cnn", classes=10, preset="tiny")).chips == 1
    found = resources(Network((1, 600, 600), (Conv(whole(2, 1, 1, 1), NEURONS),)))
    assert (found.cores, found.chips) == (282, 3)
    assert found.to_json()["cores"] == 282
