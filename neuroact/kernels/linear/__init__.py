"""Diagonal linear recurrences."""

from neuroact.kernels.linear.scan import linear_scan

__all__ = ["linear_scan"]
