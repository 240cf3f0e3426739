"""Low values set to zero: what only one or two events tell of is left out.

The one of EventTransAct's five that acts on frames. How much a pixel of a frame holds is known only after encoding, so
this is an augmentation of tensors; dropping events of pixels with few of them would depend on the window instead of the
frame, and could not reach a voxel grid's shares.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import PositiveFloat

from neuroact.datasets.augmentations.base import TensorAugmentation


def zero_low_values(tensor: NDArray[Any], threshold: float) -> NDArray[Any]:
    """A copy of a tensor in which magnitudes below `threshold` are 0 (EventTransAct), in the tensor's own unit.

    - `tensor`: frames, a voxel grid, a time surface or a spike train of any shape and dtype.
    """
    return np.where(np.abs(tensor) < threshold, 0, tensor).astype(tensor.dtype)


class ZeroLowValues(TensorAugmentation):
    """Settings of `zero_low_values`. The threshold has no default: what is low depends on the encoder."""

    kind: Literal["zero_low_values"] = "zero_low_values"
    threshold: PositiveFloat

    def apply(self, tensor: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
        return zero_low_values(tensor, self.threshold)
