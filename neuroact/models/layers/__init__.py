"""Layers that several models share."""

from neuroact.models.layers.neurons import Library, Spikes, cuba, lif

__all__ = ["Library", "Spikes", "cuba", "lif"]
