"""Attention between spiking tokens."""

from neuroact.kernels.attention.linear import spiking_linear_attention

__all__ = ["spiking_linear_attention"]
