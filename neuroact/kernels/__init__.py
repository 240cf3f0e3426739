"""Scans over time for spiking networks and state spaces, as single kernels on GPUs and CPUs."""

from neuroact.kernels.adaptive import adaptive_lif_scan
from neuroact.kernels.attention import spiking_linear_attention
from neuroact.kernels.backends import BACKENDS, Backend, which_backend
from neuroact.kernels.cuba import cuba_lif_scan
from neuroact.kernels.integer_cuba import integer_cuba_lif_scan
from neuroact.kernels.lif import lif_scan
from neuroact.kernels.linear import linear_scan
from neuroact.kernels.matmul import spike_matmul
from neuroact.kernels.memory import release_memory
from neuroact.kernels.neurons import pack_spikes, unpack_spikes
from neuroact.kernels.selective import selective_scan
from neuroact.kernels.surrogates import SURROGATES, Surrogate

__all__ = [
    "BACKENDS",
    "SURROGATES",
    "Backend",
    "Surrogate",
    "adaptive_lif_scan",
    "cuba_lif_scan",
    "integer_cuba_lif_scan",
    "lif_scan",
    "linear_scan",
    "pack_spikes",
    "release_memory",
    "selective_scan",
    "spike_matmul",
    "spiking_linear_attention",
    "unpack_spikes",
    "which_backend",
]
