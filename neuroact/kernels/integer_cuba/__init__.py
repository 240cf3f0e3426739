"""Current-based leaky integrate-and-fire neurons in Loihi's integers."""

from neuroact.kernels.integer_cuba.scan import IntegerScan, integer_cuba_lif_scan

__all__ = ["IntegerScan", "integer_cuba_lif_scan"]
