"""Leaky integrate-and-fire neurons whose threshold rises with each spike."""

from neuroact.kernels.adaptive.scan import adaptive_lif_scan

__all__ = ["adaptive_lif_scan"]
