"""Augmentations: pure functions of events and a random generator, and each as frozen settings."""

from neuroact.datasets.augmentations.affine import Affine, affine
from neuroact.datasets.augmentations.base import Augmentation, EventAugmentation, TensorAugmentation
from neuroact.datasets.augmentations.dropping import EventDrop, event_drop
from neuroact.datasets.augmentations.elastic import Elastic, elastic
from neuroact.datasets.augmentations.growing_erasure import EraseGrowing, erase_growing
from neuroact.datasets.augmentations.jitter import JitterTime, jitter_time
from neuroact.datasets.augmentations.low_values import ZeroLowValues, zero_low_values
from neuroact.datasets.augmentations.mirroring import GESTURES_MIRRORED, Mirror
from neuroact.datasets.augmentations.mixing import CutMix, cut_mix
from neuroact.datasets.augmentations.one_polarity import DropPolarity, drop_polarity
from neuroact.datasets.augmentations.random_erasure import EraseRandom, erase_random
from neuroact.datasets.augmentations.rectangles import EraseRectangles, erase_rectangles
from neuroact.datasets.augmentations.retiming import Retime, retime
from neuroact.datasets.augmentations.reversal import GESTURES_REVERSED, ReverseTime, reverse_time
from neuroact.datasets.augmentations.rotating import Rotate, rotate
from neuroact.datasets.augmentations.scaling import Scale, scale
from neuroact.datasets.augmentations.shearing import Shear, shear
from neuroact.datasets.augmentations.shifting import Shift, shift

__all__ = [
    "GESTURES_MIRRORED",
    "GESTURES_REVERSED",
    "Affine",
    "Augmentation",
    "CutMix",
    "DropPolarity",
    "Elastic",
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
    "Shear",
    "Shift",
    "TensorAugmentation",
    "ZeroLowValues",
    "affine",
    "cut_mix",
    "drop_polarity",
    "elastic",
    "erase_growing",
    "erase_random",
    "erase_rectangles",
    "event_drop",
    "jitter_time",
    "retime",
    "reverse_time",
    "rotate",
    "scale",
    "shear",
    "shift",
    "zero_low_values",
]
