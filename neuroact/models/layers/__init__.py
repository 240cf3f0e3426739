"""Layers that several models share."""

from neuroact.models.layers.chip import ChipLayer, Integers
from neuroact.models.layers.neurons import Library, Spikes, cuba, lif

__all__ = ["ChipLayer", "Integers", "Library", "Spikes", "cuba", "lif"]
