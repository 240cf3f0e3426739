"""Lava's simulator on the network that `benchmarks.emulator` wrote down: `python3.10 emulator_lava.py NETWORK.npz`.

For a Python with lava-nc 0.10.0, which has nothing of ours. Compiling the network and filling its pipeline are left out
of the time; spikes other than the emulator's end it.
"""

import json
import sys
import time

import numpy as np
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc import io
from lava.proc.conv.process import Conv
from lava.proc.dense.process import Dense
from lava.proc.lif.process import LIF
from lava.utils.weightutils import SignMode

WEIGHTS = {"num_weight_bits": 8, "weight_exp": 0}


def main(path: str) -> None:
    """Ports are (W, H, C) with time last; what is stored is (T, C, H, W)."""
    given = np.load(path)
    layers = int(given["layers"])
    spikes = np.pad(given["spikes"], [(0, layers)] + [(0, 0)] * 3).transpose(3, 2, 1, 0).astype(np.int32)
    steps = spikes.shape[-1]
    source = io.source.RingBuffer(data=spikes)
    port = source.s_out
    for place in range(layers):
        weight, (current_decay, decay, threshold) = given[f"{place}/weight"], given[f"{place}/neurons"].tolist()
        if weight.ndim == 4:
            step, pad = (tuple(given[f"{place}/{name}"][::-1].tolist()) for name in ("stride", "padding"))
            turned = weight[:, :, ::-1, ::-1].transpose(0, 3, 2, 1)  # its convolution is one, and ours a correlation
            synapses = Conv(weight=turned, input_shape=port.shape, stride=step, padding=pad, **WEIGHTS)
        else:
            synapses = Dense(weights=weight, sign_mode=SignMode.MIXED, **WEIGHTS)
            port = port.transpose([2, 1, 0]).flatten() if len(port.shape) == 3 else port
        neurons = LIF(
            shape=synapses.a_out.shape, du=current_decay - 1, dv=decay, vth=threshold, bias_mant=0, bias_exp=6
        )
        port.connect(synapses.s_in)
        synapses.a_out.connect(neurons.a_in)
        port = neurons.s_out
    sink = io.sink.RingBuffer(shape=port.shape, buffer=steps)
    port.connect(sink.a_in)
    settings = Loihi2SimCfg(select_tag="fixed_pt")
    source.run(condition=RunSteps(num_steps=layers), run_cfg=settings)
    begin = time.perf_counter()
    source.run(condition=RunSteps(num_steps=steps - layers), run_cfg=settings)
    seconds = time.perf_counter() - begin
    out = sink.data.get()[..., layers:].T
    source.stop()
    if not np.array_equal(out, given["expected"]):
        sys.exit("its spikes are not the emulator's")
    print(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    main(sys.argv[1])
