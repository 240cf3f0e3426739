"""What is wrong with an integer network, before Lava takes it without a word.

Lava's loader truncates float weights, ignores what it does not know, and scales weights by rules with gaps. What is
said here was found by giving its loader (lava-dl 0.6.0) and its fixed-point synapses (lava-nc 0.10.0) matrices of every
range, and comparing what they computed with what they were given:

- At least one weight below 0, and one of 0 or above: the largest eighth bit is the sign's, so weights are even and
  within [-256, 254], or any within [-128, 127]. Odd ones beyond that ask for a ninth bit.
- None below 0: any within [0, 255]. All below 0: any within [-255, -1], but if the least is -2^k it is put one
  place too far to the left.
- Nothing but 0: the scale of a dense layer is infinite, and the loader stops.

A recurrent layer's two matrices are scaled as one.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from neuroact.errors import ExportError
from neuroact.hardware.network import NEVER, UNITY, Conv, Dense, Flatten, Integers, Layer, Network, Neurons

BIAS_MOST = 2**12 - 1
"""Of 13 bits with a sign; the least is one further from 0."""
DELAY_MOST = 62
PORT_MOST = 255
"""Coordinates of a convolution's input have 8 bits: wider ones made Lava's compiler warn of dropped spikes."""


class ExportWarning(UserWarning):
    """A network that the simulator runs, and that hardware may not run alike."""


def check(network: Network) -> None:
    """Raises `ExportError`, one line for each problem, if Lava would not compute what `network` says.

    Warns with `ExportWarning` of what Lava's simulator computes but hardware may not.
    """
    if found := list(problems(network)):
        raise ExportError("\n".join(found))
    for doubt in doubts(network):
        warnings.warn(doubt, ExportWarning, stacklevel=2)


def problems(network: Network) -> Iterator[str]:
    """Lines `layer PLACE: PROBLEM`; the input is layer 0 of a file, so the first layer is 1."""
    if len(network.shape) not in (1, 3) or min(network.shape) < 1:
        yield f"layer 0: the input must be (C, H, W) or (N,), not {network.shape}"
        return
    if network.reset_interval is not None and network.reset_interval < 1:
        yield f"the reset interval must be at least 1, not {network.reset_interval}"
    if not network.latency:
        yield "there is no layer with neurons"
    sound = True
    for place, layer in enumerate(network.layers, 1):
        before = network.layers[place - 2] if place > 1 else None
        after = network.layers[place] if place < len(network.layers) else None
        for problem in _of_flatten(before, after) if isinstance(layer, Flatten) else _of_layer(layer):
            sound = False
            yield f"layer {place}: {problem}"
    shape = network.shape
    for place, layer in enumerate(network.layers if sound else (), 1):
        try:
            shape = Network(shape, (layer,)).shapes()[0]
        except ValueError as error:
            yield f"layer {place}: {str(error).removeprefix('layer 0: ')}"
            return


def doubts(network: Network) -> Iterator[str]:
    """What hardware may not run alike, in lines as those of `problems`."""
    if (interval := network.reset_interval) and interval & (interval - 1):
        yield f"hardware resets after a power of two steps, and the reset interval is {interval}"
    shapes = [network.shape, *network.shapes()]
    for place, layer in enumerate(network.layers, 1):
        if isinstance(layer, Conv) and max(shapes[place - 1][1:]) > PORT_MOST:
            yield (
                f"layer {place}: an input of {shapes[place - 1]} is over 8 bits wide, and Lava's compiler warns that "
                "spikes from beyond are dropped"
            )


def _of_flatten(before: Layer | None, after: Layer | None) -> Iterator[str]:
    if before is None:
        yield "Lava does not flatten the input; declare a flat one"
    if not isinstance(after, Dense):
        yield "Lava flattens in front of a dense layer alone"


def _of_layer(layer: Dense | Conv) -> Iterator[str]:
    dense = isinstance(layer, Dense)
    weight = layer.weight
    if weight.ndim != (2 if dense else 4):
        yield f"weights of shape {weight.shape}"
        return
    parts = {"weight": weight, "bias": layer.bias}
    shapes = {"weight": weight.shape, "bias": weight.shape[:1]}
    if isinstance(layer, Dense):
        parts |= {"delay": layer.delay, "recurrent": layer.recurrent}
        shapes |= {"delay": weight.shape, "recurrent": weight.shape[:1] * 2}
    given = {name: part for name, part in parts.items() if part is not None}
    for name, part in given.items():
        if part.dtype.kind not in "iu":
            yield f"{name} is {part.dtype}, which Lava would truncate; quantise it first"
            return
        if part.shape != shapes[name]:
            yield f"{name} is {part.shape}, not {shapes[name]}"
            return
        if not part.size:
            yield f"{name} is empty"
            return
    recurrent = given.get("recurrent")
    scaled_as_one = weight if recurrent is None else np.hstack((weight, recurrent))
    yield from _of_weights(scaled_as_one, dense=dense)
    if "bias" in given and outside(given["bias"], -BIAS_MOST - 1, BIAS_MOST):
        yield f"biases are within [{-BIAS_MOST - 1}, {BIAS_MOST}], 13 bits, not {spread(given['bias'])}"
    if "delay" in given and outside(given["delay"], 0, DELAY_MOST):
        yield f"delays are within [0, {DELAY_MOST}], not {spread(given['delay'])}"
    if isinstance(layer, Conv):
        yield from _of_window(layer)
    yield from _of_neurons(layer.neurons, weight.shape[0])


def _of_weights(weight: Integers, *, dense: bool) -> Iterator[str]:
    least, most = int(weight.min()), int(weight.max())
    if least == most == 0:
        if dense:
            yield "all weights are 0, and Lava's loader divides by the largest"
    elif least >= 0:
        if most > 255:
            yield f"weights without a negative one are within [0, 255], not {spread(weight)}"
    elif most < 0:
        if least < -255:
            yield f"weights that are all negative are within [-255, -1], not {spread(weight)}"
        elif dense and -least & (-least - 1) == 0:
            yield (
                f"all weights are negative and the least is {least}, a power of two, which Lava's loader scales "
                "wrongly; have another least one, or one of 0"
            )
    elif outside(weight, -256, 254):
        yield f"weights of both signs, or with a 0, are within [-256, 254], not {spread(weight)}"
    elif outside(weight, -128, 127) and (weight & 1).any():
        yield (
            f"weights of both signs, or with a 0, within {spread(weight)} are even: odd ones beyond [-128, 127] "
            "ask for nine bits"
        )


def _of_window(layer: Conv) -> Iterator[str]:
    if layer.groups < 1 or layer.weight.shape[0] % layer.groups:
        yield f"{layer.groups} groups cannot share {layer.weight.shape[0]} output channels"
    for name, pair, least in (
        ("stride", layer.stride, 1), ("padding", layer.padding, 0), ("dilation", layer.dilation, 1),
    ):  # fmt: skip
        if min(pair) < least:
            yield f"{name} must be at least {least}, not {pair}"


def _of_neurons(neurons: Neurons, many: int) -> Iterator[str]:
    for name, decay in (("iDecay", neurons.current_decay), ("vDecay", neurons.decay)):
        values = np.asarray(decay)
        if values.dtype.kind not in "iu":
            yield f"{name} is {values.dtype}, not whole numbers"
        elif values.shape not in ((), (many,)):
            yield f"{name} is {values.shape}: it may be one number or {many}"
        elif outside(values, 0, UNITY):
            yield f"{name} is within [0, {UNITY}], not {spread(values)}"
    if not isinstance(neurons.threshold, int | np.integer):
        yield f"vThMant is a whole number, not {neurons.threshold!r}"
    elif not 0 <= neurons.threshold <= NEVER:
        yield f"vThMant is within [0, {NEVER}], 17 bits, not {neurons.threshold}"


def outside(values: NDArray[np.integer], least: int, most: int) -> bool:
    """Whether any value is not in [least, most]."""
    return bool((values < least).any() or (values > most).any())


def spread(values: NDArray[np.integer]) -> str:
    """The least and the largest, as an interval."""
    return f"[{values.min()}, {values.max()}]"
