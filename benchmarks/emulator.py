"""Integer networks on this machine: `python -m benchmarks.emulator [--lava PYTHON]`.

Lava's simulator needs a Python 3.10 with lava-nc 0.10.0, which is named here or left out. It gets the same network and
spikes, and must give the same output.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from numpy.random import Generator, default_rng
from numpy.typing import NDArray

from benchmarks.measure import Row, contest, python, report
from neuroact.hardware.emulator import emulate
from neuroact.hardware.network import Conv, Dense, Flatten, Layer, Network, Neurons
from neuroact.models.layers import ChipLayer
from neuroact.models.spiking_cnn import SpikingCNN

STEPS, FASTER = 21, 20.0
"""Of the large network, and how many times as fast as Lava."""
BATCH, BINS, DENSITY, RATE = 64, 16, 0.08, 50.0
"""Recordings, steps, the share of ones in N-MNIST's spike trains, and recordings a second to reach."""


def large(random: Generator) -> Network:
    """26,763 neurons that spike in each layer, for a sensor of 64 x 64."""
    neurons = {width: Neurons(2048, 400, threshold) for width, threshold in ((16, 500), (32, 1600), (128, 1600))}
    return Network(
        (2, 64, 64),
        (
            Conv(_weights(random, 16, 2, 3, 3), neurons[16], (2, 2), (1, 1)),
            Conv(_weights(random, 32, 16, 3, 3), neurons[32], (2, 2), (1, 1)),
            Conv(_weights(random, 32, 32, 3, 3), neurons[32], (2, 2), (1, 1)),
            Flatten(),
            Dense(_weights(random, 128, 2048), neurons[128]),
            Dense(_weights(random, 11, 128), neurons[32]),
        ),
    )


def _weights(random: Generator, *shape: int) -> NDArray[np.int64]:
    return 2 * random.integers(-127, 128, shape)


def small() -> Network:
    """The integers of `spiking_cnn`, preset "small", before it has learned."""
    torch.manual_seed(0)
    model = SpikingCNN(classes=10)
    layers: list[Layer] = []
    for place, layer in enumerate(model.layers):
        assert isinstance(layer, ChipLayer)  # noqa: S101
        integers = layer.integers
        neurons = Neurons(integers.current_decay, integers.decay, integers.threshold)
        if place < model.convolutions:
            layers.append(Conv(integers.weight.numpy(), neurons, (2, 2), (1, 1)))
            continue
        layers += [Flatten()] if place == model.convolutions else []
        layers.append(Dense(integers.weight.numpy(), neurons))
    return Network((2, 34, 34), tuple(layers))


def _spikes(random: Generator, network: Network, batch: int, steps: int, share: float) -> NDArray[np.uint8]:
    return (random.random((batch, steps, *network.shape)) < share).astype(np.uint8)


def run(which: str) -> None:
    """A contestant: one of the networks, once compiled."""
    random = default_rng(0)
    if which == "large":
        network = large(random)
        spikes = _spikes(random, network, 1, STEPS, 0.05)
    else:
        network = small()
        spikes = _spikes(random, network, BATCH, BINS, DENSITY)
    emulate(network, spikes)
    begin = time.perf_counter()
    emulate(network, spikes)
    print(json.dumps({"seconds": time.perf_counter() - begin}))


def write(path: Path) -> str:
    """What Lava is to run and to give. Returns how many spikes a neuron and step the layers have, for the table."""
    random = default_rng(0)
    network = large(random)
    spikes = _spikes(random, network, 1, STEPS, 0.05)
    found = emulate(network, spikes)
    parts: dict[str, NDArray[np.int64]] = {}
    layers = [layer for layer in network.layers if not isinstance(layer, Flatten)]
    for place, layer in enumerate(layers):
        neurons = layer.neurons
        parts |= {
            f"{place}/weight": layer.weight,
            f"{place}/neurons": np.array([neurons.current_decay, neurons.decay, neurons.threshold]),
        }
        if isinstance(layer, Conv):
            parts |= {f"{place}/stride": np.array(layer.stride), f"{place}/padding": np.array(layer.padding)}
    np.savez(path, layers=len(layers), spikes=spikes[0], expected=found.spikes[0], **parts)  # type: ignore[arg-type]
    counts = [int(count) for count in found.spike_counts[:, 0]]
    return " + ".join(map(str, counts))


def lava_row(lava: str | None) -> Row:
    """The large network beside Lava."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.npz"
        counts = write(path)
        commands = {"neuroact": python(Path(__file__), "large")}
        if lava:
            commands["lava"] = [lava, str(Path(__file__).with_name("emulator_lava.py")), str(path)]
        figures = contest(commands, 3)
    claim = f"26,763 neurons, {STEPS} steps, {counts} spikes"
    target = f"≥ {FASTER:g} × Lava's simulator"
    if "lava" not in figures or figures["lava"].failed:
        return Row(claim, target, "Lava is not there" if not lava else "Lava failed", False, figures)
    ratio = figures["lava"].seconds / figures["neuroact"].seconds
    return Row(claim, target, f"{ratio:.0f} ×, the same spikes", ratio >= FASTER, figures)


def batch_row() -> Row:
    """Recordings as N-MNIST's through the network for the chip."""
    figures = contest({"neuroact": python(Path(__file__), "small")}, 5)
    rate = BATCH / figures["neuroact"].seconds
    claim = f"{BATCH} recordings as N-MNIST's ({BINS} steps of 2x34x34) through `spiking_cnn`, all cores"
    return Row(claim, f"≥ {RATE:g} recordings/s", f"{rate:.0f} recordings/s", rate >= RATE, figures)


def main() -> None:
    """Prints and writes the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lava", metavar="PYTHON", help="a Python 3.10 with lava-nc 0.10.0")
    report("emulator", [lava_row(parser.parse_args().lava), batch_row()])


if __name__ == "__main__":
    run(sys.argv[1]) if sys.argv[1:] in (["large"], ["small"]) else main()
