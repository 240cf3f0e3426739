"""The scans as modules of torch; what they remember is an argument and a result."""

from neuroact.kernels.nn.mamba import Mamba, MambaState

__all__ = ["Mamba", "MambaState"]
