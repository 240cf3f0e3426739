"""Current-based leaky integrate-and-fire neurons in Loihi's integers."""

from neuroact.kernels.integer_cuba.scan import integer_cuba_lif_scan

__all__ = ["integer_cuba_lif_scan"]
