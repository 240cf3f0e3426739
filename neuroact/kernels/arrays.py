"""Tensors as the numpy arrays that compiled loops take. They share their memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

BFLOAT16_ONE = 0x3F80


def array(tensor: Tensor) -> NDArray[Any]:
    """The tensor's memory."""
    return tensor.detach().numpy()


def parameter_array(parameter: float | Tensor, dtype: Any) -> NDArray[Any]:
    """A parameter's values `(C,)`, of which a number has one."""
    return array(parameter) if isinstance(parameter, Tensor) else np.full(1, parameter, dtype)


def nothing(dtype: Any) -> NDArray[Any]:
    """Stands for an array that a loop is not given."""
    return np.empty((0, 0), dtype)


def values_or_bits(tensor: Tensor) -> tuple[NDArray[Any], NDArray[np.uint16]]:
    """A `(T, N)` tensor as an array of floats, or if it is bfloat16, which numpy lacks, as one of its bits."""
    if tensor.dtype == torch.bfloat16:
        return nothing(np.float32), array(tensor.view(torch.uint16))
    return array(tensor), nothing(np.uint16)


def spike_arrays(spikes: Tensor, x: Tensor) -> tuple[Any, NDArray[Any], NDArray[np.uint16], NDArray[np.uint8]]:
    """What a loop writes for a spike, and where: floats, their bits, or bytes; two of the three are empty."""
    real = np.float64 if x.dtype == torch.float64 else np.float32
    if spikes.dtype == torch.bfloat16:
        return np.uint16(BFLOAT16_ONE), nothing(real), array(spikes.view(torch.uint16)), nothing(np.uint8)
    if spikes.dtype == torch.uint8:
        return np.uint16(1), nothing(real), nothing(np.uint16), array(spikes)
    return np.uint16(1), array(spikes), nothing(np.uint16), nothing(np.uint8)
