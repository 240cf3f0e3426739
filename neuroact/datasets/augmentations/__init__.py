"""Augmentations: pure functions of events and a random generator, and each as frozen settings."""

from neuroact.datasets.augmentations.base import Augmentation, EventAugmentation, TensorAugmentation
from neuroact.datasets.augmentations.cut_mix import CutMix, cut_mix
from neuroact.datasets.augmentations.drop_polarity import DropPolarity, drop_polarity
from neuroact.datasets.augmentations.erase_growing import EraseGrowing, erase_growing
from neuroact.datasets.augmentations.erase_random import EraseRandom, erase_random
from neuroact.datasets.augmentations.erase_rectangles import EraseRectangles, erase_rectangles
from neuroact.datasets.augmentations.event_drop import EventDrop, event_drop
from neuroact.datasets.augmentations.jitter_time import JitterTime, jitter_time
from neuroact.datasets.augmentations.low_values import ZeroLowValues, zero_low_values
from neuroact.datasets.augmentations.mirror import GESTURES_MIRRORED, Mirror
from neuroact.datasets.augmentations.retime import Retime, retime
from neuroact.datasets.augmentations.reverse_time import GESTURES_REVERSED, ReverseTime, reverse_time
from neuroact.datasets.augmentations.rotate import Rotate, rotate
from neuroact.datasets.augmentations.scale import Scale, scale
from neuroact.datasets.augmentations.shift import Shift, shift

__all__ = [
    "GESTURES_MIRRORED",
    "GESTURES_REVERSED",
    "Augmentation",
    "CutMix",
    "DropPolarity",
    "EraseGrowing",
    "EraseRandom",
    "EraseRectangles",
    "EventAugmentation",
    "EventDrop",
    "JitterTime",
    "Mirror",
    "Retime",
    "ReverseTime",
    "Rotate",
    "Scale",
    "Shift",
    "TensorAugmentation",
    "ZeroLowValues",
    "cut_mix",
    "drop_polarity",
    "erase_growing",
    "erase_random",
    "erase_rectangles",
    "event_drop",
    "jitter_time",
    "retime",
    "reverse_time",
    "rotate",
    "scale",
    "shift",
    "zero_low_values",
]
