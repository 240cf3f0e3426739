# /// script
# requires-python = ">=3.10,<3.11"
# dependencies = [
#   "lava-nc==0.10.0",
#   "lava-dl==0.6.0",
#   "numpy==1.26.4",
#   "scipy==1.15.3",
#   "h5py==3.16.0",
#   "networkx==2.8.7",
#   "asteval==0.9.33",
# ]
# [tool.uv]
# # What Lava asks for and its simulator never imports; torch alone would be gigabytes.
# override-dependencies = [
#   "torch; sys_platform == 'never'",
#   "torchvision; sys_platform == 'never'",
#   "opencv-python-headless; sys_platform == 'never'",
#   "scikit-learn; sys_platform == 'never'",
#   "matplotlib; sys_platform == 'never'",
#   "pillow; sys_platform == 'never'",
#   "ninja; sys_platform == 'never'",
#   "pytest; sys_platform == 'never'",
#   "unittest2; sys_platform == 'never'",
# ]
# ///
"""Runs a network in Lava's own integer simulator: simulation.py NETWORK.net IN.npz OUT.npz

    B recordings    T steps    L layers of neurons    P steps between two resets

IN holds `spikes`, uint8 `(B, T, C, H, W)` or `(B, T, N)`, and `reset_interval`, 0 for none; OUT gets `spikes`, uint8
`(B, T, ...)`: those that Lava puts out L steps after the input that made them, and `potentials`, int32 `(B, ...)`: of
the last layer after its last step.

This file is a program for Python 3.10, the last that Lava runs on, and imports nothing of neuroact.

One simulation takes a process for each of Lava's objects and a second to start, so recordings follow each other in one
where nothing can pass from one to the next: all states are reset between them. Spikes that are under way at that moment
would pass, so a network with delays or recurrent synapses gets a simulation for each recording; and so does one with
bias that is not to be reset, which integrates its bias while the pipeline fills.
"""

from __future__ import annotations

import importlib.util
import multiprocessing
import os
import signal
import sys
import traceback
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

Spikes = NDArray[np.uint8]

MOST_VALUES = 1 << 26
"""Inputs of one simulation, which holds each in four bytes; recordings beyond that go into the next."""


def main(network: str, given: str, result: str) -> None:
    """Simulates, and writes `result` last and at once."""
    with np.load(given, allow_pickle=False) as arrays:
        spikes, reset_interval = arrays["spikes"], int(arrays["reset_interval"])
    warnings.filterwarnings("ignore", "Cannot import module .*sequential_modules")  # it would import torch
    netx = loader()
    say_what_fails()
    parts = [simulate(netx, network, chunk, reset_interval) for chunk in chunks(spikes, alone(network, reset_interval))]
    unfinished = Path(result).with_suffix(".part.npz")
    found, potentials = map(np.concatenate, zip(*parts, strict=True))
    np.savez_compressed(unfinished, spikes=found, potentials=potentials)
    unfinished.replace(result)


def alone(network: str, reset_interval: int) -> bool:
    """Whether each recording needs a simulation of its own."""
    with h5py.File(network, "r") as file:
        parts = {part for layer in file["layer"].values() for part in layer}
    return bool(parts & {"delay", "weight_rec"}) or ("bias" in parts and not reset_interval)


def chunks(spikes: Spikes, apart: bool) -> list[Spikes]:
    """Recordings that share a simulation, `(b, T, ...)` each."""
    most = 1 if apart else max(1, MOST_VALUES // max(1, spikes[0].size))
    return [spikes[begin : begin + most] for begin in range(0, len(spikes), most)]


def simulate(netx: ModuleType, network: str, spikes: Spikes, reset_interval: int) -> tuple[Spikes, NDArray[np.int32]]:
    """One simulation: `(b, T, ...)` in and out, and `(b, ...)` potentials after the last step of each recording."""
    from lava.magma.core.run_conditions import RunSteps
    from lava.magma.core.run_configs import Loihi2SimCfg
    from lava.proc.io.sink import RingBuffer as Sink
    from lava.proc.io.source import RingBuffer as Source

    recordings, steps = spikes.shape[:2]
    period = reset_interval or steps
    padded = -(-steps // period) * period  # a recording begins where a reset does
    resets = {"reset_interval": period} if reset_interval or recordings > 1 else {}
    # Lava's first step is 1, and layer l gets the first input at its step 2 + l: there it is to be reset.
    net = netx.Network(net_config=network, reset_offset=1, **resets)
    latency = len(net.layers)
    data = np.zeros((recordings, padded, *spikes.shape[2:]), np.int32)
    data[:, :steps] = spikes
    data = data.reshape(recordings * padded, *spikes.shape[2:])
    data = np.concatenate([data, np.zeros((latency, *data.shape[1:]), np.int32)])  # (b padded + L, C, H, W)
    source = Source(data=np.ascontiguousarray(data.T))  # (W, H, C, steps): Lava's order
    sink = Sink(shape=net.out.shape, buffer=len(data))
    source.s_out.connect(net.inp)
    net.out.connect(sink.a_in)
    potentials, done = [], 0
    try:
        for recording in range(recordings):
            end = recording * padded + steps + latency
            net.run(condition=RunSteps(num_steps=end - done), run_cfg=Loihi2SimCfg(select_tag="fixed_pt"))
            potentials.append(net.out_layer.neuron.v.get().T)  # (C, H, W)
            done = end
        out = sink.data.get().T  # (b padded + L, C, H, W)
    finally:
        net.stop()
    out = out[latency:].reshape(recordings, padded, *out.shape[1:])[:, :steps]  # (b, T, C, H, W)
    return np.ascontiguousarray(out, np.uint8), np.array(potentials, np.int32)


def loader() -> ModuleType:
    """lava-dl's reader of networks.

    It imports torch for two things that no network of ours has, resonating neurons and modules to train; what stands in
    for them says so if they are used.
    """

    def none_of_ours(*args: object, **kwargs: object) -> None:
        raise NotImplementedError("resonate-and-fire neurons are not simulated")

    folders = importlib.util.find_spec("lava.lib.dl")
    if folders is None or folders.submodule_search_locations is None:
        raise ImportError("lava-dl is not installed")
    root = Path(next(iter(folders.submodule_search_locations)))
    for name, folder in [
        ("lava.lib.dl.slayer", "slayer"), ("lava.lib.dl.slayer.neuron", "slayer/neuron"),
        ("lava.lib.dl.slayer.neuron.rf", ""), ("lava.lib.dl.netx.sequential_modules", ""),
    ]:  # fmt: skip
        stand_in = ModuleType(name)
        # Lava's compiler looks for models in the files of all modules beside the reader's, hence the name of one.
        stand_in.__file__ = str(root.joinpath(*name.split(".")[3:]).with_suffix(".py"))
        stand_in.__dict__["neuron_params"] = none_of_ours
        if folder:
            stand_in.__path__ = [str(root / folder)]
        sys.modules[name] = stand_in
    return importlib.import_module("lava.lib.dl.netx.hdf5")


def say_what_fails() -> None:
    """Has each of Lava's processes print what it fails with, and end this one.

    Lava itself keeps the error in the process that failed, and waits for it without end.
    """
    from lava.magma.runtime.message_infrastructure.multiprocessing import SystemProcess

    def run(process: Any) -> None:
        try:
            multiprocessing.Process.run(process)
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
            os.kill(multiprocessing.parent_process().pid, signal.SIGTERM)  # type: ignore[union-attr, arg-type]
            raise

    SystemProcess.run = run


if __name__ == "__main__":
    main(*sys.argv[1:])
