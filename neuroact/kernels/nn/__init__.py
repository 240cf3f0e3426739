"""Kernels as modules of torch: `result, state = module(x, state)`, what they remember an argument and a result."""

from neuroact.kernels.nn.adaptive import AdaptiveLIF, AdaptiveLIFState
from neuroact.kernels.nn.cuba import CubaLIF, CubaLIFState
from neuroact.kernels.nn.delayed import DelayedResetCubaLIF, DelayedResetLIF
from neuroact.kernels.nn.lif import LIF, PLIF
from neuroact.kernels.nn.mamba import Mamba, MambaState
from neuroact.kernels.nn.snntorch import from_snntorch, to_snntorch
from neuroact.kernels.nn.spikingjelly import from_spikingjelly, to_spikingjelly

__all__ = [
    "LIF",
    "PLIF",
    "AdaptiveLIF",
    "AdaptiveLIFState",
    "CubaLIF",
    "CubaLIFState",
    "DelayedResetCubaLIF",
    "DelayedResetLIF",
    "Mamba",
    "MambaState",
    "from_snntorch",
    "from_spikingjelly",
    "to_snntorch",
    "to_spikingjelly",
]
