"""Networks that recognise actions from events, spiking ones above all: `create` makes one by name."""

from neuroact.models.registry import FAMILIES, Family, create, family

__all__ = ["FAMILIES", "Family", "create", "family"]
