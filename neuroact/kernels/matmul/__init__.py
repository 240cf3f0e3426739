"""Spikes times weights."""

from neuroact.kernels.matmul.product import spike_matmul

__all__ = ["spike_matmul"]
