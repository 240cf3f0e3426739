"""Current-based leaky integrate-and-fire neurons."""

from neuroact.kernels.cuba.scan import cuba_lif_scan

__all__ = ["cuba_lif_scan"]
