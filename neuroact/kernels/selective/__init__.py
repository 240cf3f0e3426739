"""Selective state spaces: Mamba's S6."""

from neuroact.kernels.selective.scan import selective_scan

__all__ = ["selective_scan"]
