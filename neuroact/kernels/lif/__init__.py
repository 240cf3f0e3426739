"""Leaky integrate-and-fire neurons."""

from neuroact.kernels.lif.scan import lif_scan

__all__ = ["lif_scan"]
