"""Networks that recognise actions from events, spiking ones above all: `create` makes one by name."""

from neuroact.models.registry import FAMILIES, Family, create, family
from neuroact.models.spikepoint import SpikePoint
from neuroact.models.spiking_cnn import SpikingCNN
from neuroact.models.spikmamba import SpikMamba
from neuroact.models.vtn import VTN

__all__ = ["FAMILIES", "VTN", "Family", "SpikMamba", "SpikePoint", "SpikingCNN", "create", "family"]
