"""The widths of Loihi's numbers."""

DECAY_SHIFT = 12
"""Decays count in 4096ths."""
CURRENT_SHIFT = 6
"""Weights, biases and thresholds stand this many bits above the lowest of a state."""
STATE_END = 1 << 23
"""One above the largest potential, and the largest current."""
