"""export_nir: networks for the other simulators and chips, in the Neuromorphic Intermediate Representation.

    dt step, s    w weight    b bias    d_u, d_v decays, iDecay and vDecay    theta threshold, vThMant    I current

NIR (Pedersen et al. 2024) states dynamics in continuous time, which its readers step by Euler's rule:

    I[t] = (1 - dt / tau_syn) I[t-1] + dt / tau_syn w_in (sum of W s_in[t])
    h[t] = (1 - dt / tau_mem) v[t-1] + dt / tau_mem (v_leak + r I[t])
    s[t] = 1 if h[t] > v_threshold else 0,    v[t] = 0 if s[t] else h[t]

With tau_syn = 4096 dt / d_u, tau_mem = 4096 dt / d_v, w_in = tau_syn / dt, r = tau_mem / dt, weights of w / 64 and
v_threshold = theta / 64, a step is that of the chip but for its rounding and the ends of its 24 bits: I and v are the
chip's u and v over 4096. So the spikes are those of the network in floating point, and the chip's only nearly.

What NIR says otherwise than the chip: (1) Layers take no time, so no bias is integrated before the input arrives.
(2) The chip adds b to the potential. Where currents do not last, that is a bias of the synapses; else it is
v_leak = b / 64 tau_mem / dt, which not all readers know. (3) A decay of 0 has no time constant; one so long that
1 - dt / tau is 1 in floating point stands for it. (4) Nothing resets all states; the interval is in the metadata.

Two readings of `nir` 1.0 shape the rest. It takes the kernels' second dimension for the input's channels, so groups are
written out, with weights of 0 between them. And it takes kernels for square, so others get zeros around them.
"""

from __future__ import annotations

from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from neuroact.atomic import whole_file
from neuroact.errors import ExportError, MissingExtra, UnsupportedLayer
from neuroact.hardware.network import UNITY, Conv, Dense, Flatten, Integers, Network, Neurons
from neuroact.hardware.quantise import quantise

DT = 1e-4
"""Seconds. snnTorch steps by this much, whatever a graph says."""
UNIT = 64
"""The chip's weights and thresholds for a weight and a threshold of 1."""
ENDLESS = 2.0**60
"""Steps of a time constant that floating point cannot tell from an endless one."""

Pair = tuple[int, int]


def export_nir(model: nn.Module | Network, path: Path) -> None:
    """Write a network to the file `path` as a NIR graph, whole or not at all.

    - `model`: what `quantise` takes without further arguments, or an integer network.

    The graph's metadata hold `dt`, `weight_unit`, by which weights are whole numbers, and `reset_interval` where there
    is one; those of neurons `iDecay`, `vDecay` and `vThMant`.

    Raises `UnsupportedLayer` for delays, which NIR has for whole neurons only, `ExportError` for kernels that cannot be
    made square, what `quantise` raises for a model, and `MissingExtra` without nir.
    """
    package = _package()
    graph = _graph(package, _network(model))
    with whole_file(path) as temporary:
        package.write(str(temporary), graph)


def _package() -> Any:
    try:
        return import_module("nir")
    except ImportError as error:
        raise MissingExtra("nir", "nir") from error


def _network(model: nn.Module | Network) -> Network:
    return model if isinstance(model, Network) else quantise(model).network


def _graph(nir: Any, network: Network) -> Any:
    nodes: dict[str, Any] = {"input": nir.Input(np.array(network.shape))}
    chain, loops = ["input"], []
    before = network.shape
    for place, (layer, shape) in enumerate(zip(network.layers, network.shapes(), strict=True), 1):
        if isinstance(layer, Flatten):
            # Counted from the end, the dimensions are the same with a batch before them.
            nodes[f"flatten{place}"] = nir.Flatten(np.array(before), -len(before), -1)
            chain.append(f"flatten{place}")
        else:
            bias, leak = _biases(layer)
            # snnTorch finds the parts of a recurrent layer by what stands before the point.
            synapses, neurons = f"synapses{place}", f"layer{place}.neurons"
            nodes[synapses] = _synapses(nir, place, layer, before, bias)
            nodes[neurons] = _neurons(nir, layer.neurons, leak, shape)
            chain += [synapses, neurons]
            if isinstance(layer, Dense) and layer.recurrent is not None:
                nodes[f"layer{place}.recurrent"] = nir.Affine(layer.recurrent / UNIT, np.zeros(shape))
                loops += [(neurons, f"layer{place}.recurrent"), (f"layer{place}.recurrent", neurons)]
        before = shape
    nodes["output"] = nir.Output(np.array(before))
    chain.append("output")
    metadata = {"dt": DT, "weight_unit": 1 / UNIT, "producer": "neuroact"}
    if network.reset_interval is not None:
        metadata["reset_interval"] = network.reset_interval
    return nir.NIRGraph(nodes, [*pairwise(chain), *loops], metadata=metadata)


def _biases(layer: Dense | Conv) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What is added to the current in each step, and to the potential, `(O,)` each."""
    size = len(layer.weight)
    bias = np.zeros(size) if layer.bias is None else layer.bias / UNIT
    passing = np.broadcast_to(np.equal(layer.neurons.current_decay, UNITY), size)
    return np.where(passing, bias, 0.0), np.where(passing, 0.0, bias)


def _synapses(nir: Any, place: int, layer: Dense | Conv, before: tuple[int, ...], bias: NDArray[np.float64]) -> Any:
    if isinstance(layer, Dense):
        if layer.delay is not None and layer.delay.any():
            raise UnsupportedLayer([(f"layer {place}", "dense", "NIR has no delays of single synapses", "")])
        return nir.Affine(layer.weight / UNIT, bias)
    weight, stride, padding = _square(place, layer, _written_out(layer.weight, layer.groups), before[1:])
    return nir.Conv2d(before[1:], weight / UNIT, stride, padding, layer.dilation, 1, bias)


def _written_out(weight: Integers, groups: int) -> Integers:
    """`(O, I / groups, kH, kW)` to `(O, I, kH, kW)`, with 0 between the groups."""
    outputs, inputs = weight.shape[0] // groups, weight.shape[1]
    every = np.zeros((len(weight), groups * inputs, *weight.shape[2:]), np.int64)
    for group in range(groups):
        rows = slice(group * outputs, (group + 1) * outputs)
        every[rows, group * inputs : (group + 1) * inputs] = weight[rows]
    return every


def _square(place: int, layer: Conv, weight: Integers, sides: tuple[int, ...]) -> tuple[Integers, Pair, Pair]:
    """A square kernel with the same output, and the stride and padding that it needs.

    - `sides`: (H, W) of the input.
    """
    kernel = (weight.shape[2], weight.shape[3])
    rooms = [
        side + 2 * padding - dilation * (taps - 1) - 1
        for side, padding, dilation, taps in zip(sides, layer.padding, layer.dilation, kernel, strict=True)
    ]
    # Where the kernel has one place only, any stride will do.
    steps = [
        max(step, room + gap + 1) if room < step else step
        for room, step, gap in zip(rooms, layer.stride, layer.dilation, strict=True)
    ]
    for side in (max(kernel), max(kernel) + 1):
        rows, columns = (
            _zeros_ahead(side - taps, room, step, dilation)
            for taps, room, step, dilation in zip(kernel, rooms, steps, layer.dilation, strict=True)
        )
        if rows is not None and columns is not None:
            around = ((rows, side - kernel[0] - rows), (columns, side - kernel[1] - columns))
            padding = (layer.padding[0] + layer.dilation[0] * rows, layer.padding[1] + layer.dilation[1] * columns)
            return np.pad(weight, ((0, 0), (0, 0), *around)), (steps[0], steps[1]), padding
    raise ExportError(
        f"layer {place}: nir takes kernels for square, and zeros cannot make {kernel[0]} x {kernel[1]} so"
    )


def _zeros_ahead(zeros: int, room: int, stride: int, dilation: int) -> int | None:
    """How many of the zeros that lengthen a kernel stand before its taps; None if the output would change its length.

    Padding grows on both sides by what stands before, so as many behind leave all as it was; one more or fewer does if
    the kernel goes no further over the rest of `room`, the steps of one that it has.
    """
    for before in (zeros // 2, zeros - zeros // 2):
        if 0 <= room % stride + dilation * (2 * before - zeros) < stride:
            return before
    return None


def _neurons(nir: Any, neurons: Neurons, leak: NDArray[np.float64], shape: tuple[int, ...]) -> Any:
    """- `leak`: what is added to the potential in each step, `(O,)`."""

    def spread(values: Any) -> NDArray[np.float64]:
        """`(O,)` or one for all, to all neurons."""
        column = np.asarray(values, np.float64).reshape(-1, *(1,) * (len(shape) - 1))
        return np.broadcast_to(column, shape).copy()

    of_current, of_potential = (_steps(decay) for decay in (neurons.current_decay, neurons.decay))
    return nir.CubaLIF(
        tau_syn=spread(DT * of_current), tau_mem=spread(DT * of_potential), r=spread(of_potential),
        v_leak=spread(leak * of_potential), v_threshold=spread(neurons.threshold / UNIT), v_reset=spread(0),
        w_in=spread(of_current),
        metadata={"iDecay": neurons.current_decay, "vDecay": neurons.decay, "vThMant": neurons.threshold},
    )  # fmt: skip


def _steps(decay: int | Integers) -> NDArray[np.float64]:
    """A time constant in steps."""
    given = np.asarray(decay, np.float64)
    return np.where(given > 0, UNITY / np.maximum(given, 1), ENDLESS)
