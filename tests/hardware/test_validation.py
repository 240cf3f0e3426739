"""Each thing that Lava takes without a word, one at a time; and that what is sound passes."""

from typing import Any

import numpy as np
import pytest

from neuroact.errors import ExportError
from neuroact.hardware.network import Conv, Dense, Flatten, Network, Neurons
from neuroact.hardware.validation import ExportWarning, check
from tests.hardware.networks import NEURONS, convolution, dense, everything, whole

SOUND = {
    "even, both signs": [-256, 254, 0], "odd, both signs": [-128, 127, 3], "odd, none negative": [255, 1, 0],
    "odd, all negative": [-255, -1, -7], "a power of two beside a 0": [-128, 0, -3], "-255 as the least": [-255, -128],
}  # fmt: skip
UNSOUND = {
    "odd, both signs": ([-129, 2], "nine bits"), "odd, above 127": ([129, -2], "nine bits"),
    "odd, a 0 and below": ([0, -129], "nine bits"), "too large": ([256, -2], r"within \[-256, 254\]"),
    "too small": ([2, -258], r"within \[-256, 254\]"), "256": ([256, 0], r"within \[0, 255\]"),
    "-256": ([-256, -1], r"within \[-255, -1\]"), "all 0": ([0, 0], "all weights are 0"),
    "-1": ([-1, -1], "power of two"), "-128": ([-128, -3], "power of two"), "-4": ([-4, -4], "power of two"),
}  # fmt: skip
"""What lava-dl's loader and lava-nc's synapses computed otherwise than given, or stored in more than 8 bits."""

DENSE: dict[str, tuple[dict[str, Any], str]] = {
    "float weights": ({"weight": whole(6, 10) / 2}, "weight is float64, which Lava would truncate"),
    "a bias of 14 bits": ({"bias": np.full(6, 4096)}, r"biases are within \[-4096, 4095\]"),
    "a bias of 14 bits below": ({"bias": np.full(6, -4097)}, r"biases are within"),
    "a bias for each input": ({"bias": np.zeros(10, int)}, r"bias is \(10,\), not \(6,\)"),
    "a delay of 63": ({"delay": np.full((6, 10), 63)}, r"delays are within \[0, 62\]"),
    "a delay of -1": ({"delay": np.full((6, 10), -1)}, r"delays are within"),
    "recurrent weights of nine bits": ({"recurrent": whole(6, 6, most=254) + 1}, "nine bits|within"),
    "recurrent weights of another shape": ({"recurrent": whole(6, 10)}, r"recurrent is \(6, 10\), not \(6, 6\)"),
    "a threshold of 18 bits": ({"neurons": Neurons(1, 1, 131072)}, "17 bits"),
    "a threshold below 0": ({"neurons": Neurons(1, 1, -1)}, "17 bits"),
    "a decay above 4096": ({"neurons": Neurons(4097, 1, 1)}, r"iDecay is within \[0, 4096\]"),
    "a decay below 0": ({"neurons": Neurons(1, np.full(6, -1), 1)}, r"vDecay is within \[0, 4096\]"),
    "a decay for each input": ({"neurons": Neurons(1, np.full(10, 1), 1)}, "one number or 6"),
}
WINDOWS: dict[str, tuple[dict[str, Any], str]] = {
    "groups that do not divide": ({"weight": whole(5, 1, 3, 5)}, "2 groups cannot share 5"),
    "a stride of 0": ({"stride": (0, 1)}, "stride must be at least 1"),
    "a negative padding": ({"padding": (0, -1)}, "padding must be at least 0"),
    "a decay for each neuron": ({"neurons": Neurons(1, np.full(96, 1), 1)}, "one number or 4"),
}
FLAT, DEEP = Dense(whole(3, 84), NEURONS), Conv(whole(2, 2, 1, 1), NEURONS)
ORDERS: dict[str, tuple[tuple[Any, ...], str]] = {
    "flatten in front of nothing": ((DEEP, Flatten()), "layer 2: Lava flattens in front of a dense layer"),
    "flatten in front of another": ((DEEP, Flatten(), Flatten(), FLAT), "layer 2: Lava flattens in front of a dense"),
    "flatten at the input": ((Flatten(), FLAT), "layer 1: Lava does not flatten the input"),
    "no flatten": ((DEEP, FLAT), r"layer 2: weights \(3, 84\) do not take"),
    "no neurons": ((), "no layer with neurons"),
}


def test_what_is_sound_passes() -> None:
    check(everything())


@pytest.mark.parametrize("weights", SOUND.values(), ids=SOUND)
def test_weights_that_lava_keeps(weights: list[int]) -> None:
    check(Network((len(weights),), (Dense(np.array([weights]), NEURONS),)))


@pytest.mark.parametrize(("weights", "problem"), UNSOUND.values(), ids=UNSOUND)
def test_weights_that_lava_changes(weights: list[int], problem: str) -> None:
    with pytest.raises(ExportError, match=f"^layer 1: .*{problem}"):
        check(Network((len(weights),), (Dense(np.array([weights]), NEURONS),)))


def test_a_recurrent_layers_weights_are_scaled_as_one() -> None:
    odd, large = np.full((2, 2), 3), np.array([[-200, 200], [2, 2]])
    check(Network((2,), (Dense(odd, NEURONS, recurrent=odd),)))
    with pytest.raises(ExportError, match="nine bits"):
        check(Network((2,), (Dense(odd, NEURONS, recurrent=large),)))


@pytest.mark.parametrize(("changes", "problem"), DENSE.values(), ids=DENSE)
def test_a_dense_layer_is_refused(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(ExportError, match=f"^layer 1: .*({problem})"):
        check(dense(**changes))


@pytest.mark.parametrize(("changes", "problem"), WINDOWS.values(), ids=WINDOWS)
def test_a_convolution_is_refused(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(ExportError, match=f"layer 1: .*{problem}"):
        check(convolution(**changes))


@pytest.mark.parametrize(("layers", "problem"), ORDERS.values(), ids=ORDERS)
def test_layers_in_an_order_that_lava_does_not_build(layers: tuple[Any, ...], problem: str) -> None:
    with pytest.raises(ExportError, match=problem):
        check(Network((2, 7, 6), layers))


def test_every_layer_has_its_line() -> None:
    wrong = Dense(whole(10, 10), Neurons(5000, 5000, 1), bias=np.full(10, 5000))
    with pytest.raises(ExportError) as caught:
        check(Network((10,), (wrong, wrong)))
    lines = str(caught.value).splitlines()
    assert [line[:8] for line in lines] == ["layer 1:"] * 3 + ["layer 2:"] * 3


def test_warns_of_what_hardware_may_not_do() -> None:
    wide = Network((1, 1, 256), (Conv(whole(2, 1, 1, 2), NEURONS),))
    with pytest.warns(ExportWarning, match="layer 1: .* over 8 bits wide"):
        check(wide)
    with pytest.warns(ExportWarning, match="power of two steps, and the reset interval is 12"):
        check(Network((10,), dense().layers, reset_interval=12))
