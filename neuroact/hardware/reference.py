"""The integer network step by step in the chip's own time, in plain int64, for the emulator to be tested against.

    B batch    T steps of the input    n step of the chip    k = 1..L layer of neurons, 0 the input

    a[n] = sum over j of W_ij s_j[n - 1 - delay_ij]          what reaches layer k, s the spikes of layer k - 1
    u[n] = dec(u[n-1], iDecay) + 64 a[n]                      turned once by 2^24 into (-2^23, 2^23]
    h[n] = dec(v[n-1], vDecay) + u[n] + 64 bias               held within -2^23 + 1 .. 2^23 - 1
    s[n] = 1 if h[n] > 64 vThMant else 0
    v[n] = 0 if s[n] else h[n]

    dec(x, d) = sign(x) ((|x| (4096 - d)) >> 12)

Layer k sees the input of step t in step n = t + k, so the chip runs T + L steps. States are reset before the steps k,
k + R, k + 2 R and so on, R being the reset interval.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neuroact.hardware.network import Conv, Dense, Flatten, Integers, Network, Neurons

END = 1 << 23


def emulate_reference(
    network: Network, spikes: NDArray[np.uint8]
) -> tuple[list[NDArray[np.uint8]], list[NDArray[np.int64]]]:
    """Spikes and potentials after the reset of each layer of neurons, both `(B, T, ...)`, in the steps of the input."""
    batch, steps = spikes.shape[:2]
    end = steps + network.latency
    sent = np.zeros((end, batch, *network.shape), np.int64)  # by the layer before, in steps of the chip
    sent[:steps] = spikes.swapaxes(0, 1)
    found, potentials = [], []
    k = 0
    for layer, shape in zip(network.layers, network.shapes(), strict=True):
        if isinstance(layer, Flatten):
            sent = sent.reshape(end, batch, *shape)
            continue
        k += 1
        sent, v = _run(layer, sent, shape, k, network.reset_interval)
        found.append(sent[k : k + steps].swapaxes(0, 1).astype(np.uint8))
        potentials.append(v[k : k + steps].swapaxes(0, 1))
    return found, potentials


def _run(
    layer: Dense | Conv, sent: Integers, shape: tuple[int, ...], k: int, interval: int | None
) -> tuple[Integers, Integers]:
    end, batch = sent.shape[:2]
    spikes, potentials = np.zeros((2, end, batch, *shape), np.int64)
    u = v = np.zeros((batch, *shape), np.int64)
    bias = _aligned(0 if layer.bias is None else layer.bias, shape)
    for n in range(end):
        if interval is not None and n % interval == k % interval:
            u = v = np.zeros_like(u)
        a = _arriving(layer, sent, n, shape)
        if isinstance(layer, Dense) and layer.recurrent is not None and n:
            a = a + spikes[n - 1] @ layer.recurrent.T
        u, v, spikes[n] = _step(layer.neurons, shape, a, u, v, bias)
        potentials[n] = v
    return spikes, potentials


def _step(
    neurons: Neurons, shape: tuple[int, ...], a: Integers, u: Integers, v: Integers, bias: Integers
) -> tuple[Integers, Integers, NDArray[np.bool_]]:
    u = _leaked(u, _aligned(neurons.current_decay, shape)) + (a << 6)
    u = np.where(u > END, u - 2 * END, np.where(u <= -END, u + 2 * END, u))
    h = np.clip(_leaked(v, _aligned(neurons.decay, shape)) + u + (bias << 6), 1 - END, END - 1)
    s = h > neurons.threshold << 6
    return u, np.where(s, 0, h), s


def _leaked(x: Integers, decay: Integers) -> Integers:
    leaked: Integers = np.sign(x) * ((np.abs(x) * (4096 - decay)) >> 12)
    return leaked


def _aligned(value: int | Integers, shape: tuple[int, ...]) -> Integers:
    """A number for all, or one for each neuron or channel, so that it spreads over `(B, *shape)`."""
    array = np.asarray(value, np.int64)
    return array.reshape(-1, *(1,) * (len(shape) - 1)) if array.ndim else array


def _arriving(layer: Dense | Conv, sent: Integers, n: int, shape: tuple[int, ...]) -> Integers:
    """`(B, *shape)`: what reaches the neurons in step n."""
    a = np.zeros((sent.shape[1], *shape), np.int64)
    if isinstance(layer, Conv):
        return a if n == 0 else _convolved(layer, sent[n - 1], a)
    delay = np.zeros_like(layer.weight) if layer.delay is None else layer.delay
    for d in np.unique(delay):
        if n - 1 - d >= 0:
            a += sent[n - 1 - d] @ np.where(delay == d, layer.weight, 0).T
    return a


def _convolved(layer: Conv, s: Integers, a: Integers) -> Integers:
    """Fills `a` `(B, O, H', W')`, which is all zeros, from spikes `(B, I, H, W)`."""
    (down, right), (rows, columns), (far, wide) = layer.stride, layer.padding, layer.dilation
    padded = np.pad(s, ((0, 0), (0, 0), (rows, rows), (columns, columns)))
    inputs, outputs = s.shape[1] // layer.groups, a.shape[1] // layer.groups
    for group in range(layer.groups):
        weight = layer.weight[group * outputs : (group + 1) * outputs]
        part = padded[:, group * inputs : (group + 1) * inputs]
        for i, j in np.ndindex(*weight.shape[2:]):
            seen = part[:, :, i * far :, j * wide :][:, :, : a.shape[2] * down : down, : a.shape[3] * right : right]
            a[:, group * outputs : (group + 1) * outputs] += np.einsum("oc,bchw->bohw", weight[:, :, i, j], seen)
    return a
