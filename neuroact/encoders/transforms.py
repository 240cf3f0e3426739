"""Encoders and filters in the shape of tonic's transforms: structured arrays in, arrays out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroact.encoders.adaptive import adaptive_frames
from neuroact.encoders.filters import crop, downsample, flip, polarity
from neuroact.encoders.frames import event_frames
from neuroact.encoders.noise import background_activity, hot_pixels, refractory
from neuroact.encoders.points import point_cloud
from neuroact.encoders.spikes import spike_train
from neuroact.encoders.stabilising import stabilise
from neuroact.encoders.surface import time_surface
from neuroact.encoders.voxel import voxel_grid
from neuroact.errors import EncodingError
from neuroact.events import Events

ENCODERS: dict[str, Callable[..., NDArray[Any]]] = {
    function.__name__: function
    for function in (voxel_grid, event_frames, adaptive_frames, time_surface, point_cloud, spike_train)
}
FILTERS: dict[str, Callable[..., Events]] = {
    function.__name__: function
    for function in (crop, downsample, hot_pixels, background_activity, refractory, flip, polarity, stabilise)
}


def as_transform(name: str, *, sensor_size: tuple[int, int, int] | None = None, **options: Any) -> Transform:
    """An encoder or a filter of this package as a tonic transform.

    - `name`: of the function, such as `voxel_grid` or `refractory`.
    - `sensor_size`: `(width, height, 2)` as tonic gives it; None to infer it from the largest coordinates.
    - `options`: the function's other arguments.

    The transform takes a structured array with fields `x`, `y`, `t`, `p`: `t` in µs, `p` boolean, 0 and 1, or -1 and 1.
    Encoders return `(T, C, height, width)`: a voxel grid has C = 1 unless its polarities are split, a time surface
    T = 1; a point cloud stays `(N, 3|4)`. Filters return a structured array of the same dtype. What the transform is
    given is never changed.

    Raises `ValueError` for another name or a sensor without two polarities.
    """
    if name not in ENCODERS and name not in FILTERS:
        raise ValueError(f"there is no encoder or filter {name!r}; there are {', '.join([*ENCODERS, *FILTERS])}")
    if sensor_size is not None and (len(sensor_size) != 3 or sensor_size[2] != 2):
        raise ValueError(f"sensor_size must be (width, height, 2), not {sensor_size}")
    return Transform(name, sensor_size, options)


@dataclass(frozen=True)
class Transform:
    """What `as_transform` returns. It can be pickled, so it works in the workers of a DataLoader."""

    name: str
    sensor_size: tuple[int, int, int] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, events: NDArray[Any]) -> NDArray[Any]:
        """Raises `EncodingError` if the sensor's size is to be inferred from no events, and as the function does."""
        columns = Events.from_structured(events, self._size(events))
        if self.name in FILTERS:
            return structured_like(events, FILTERS[self.name](columns, **self.options))
        tensor = ENCODERS[self.name](columns, **self.options)
        if self.name == "voxel_grid" and tensor.ndim == 3:
            return tensor[:, np.newaxis]
        return tensor[np.newaxis] if self.name == "time_surface" else tensor

    def _size(self, events: NDArray[Any]) -> tuple[int, int]:
        if self.sensor_size is not None:
            return self.sensor_size[:2]
        if not events.size:
            raise EncodingError("no events to infer the sensor's size from: give sensor_size=(width, height, 2)")
        return int(events["x"].max()) + 1, int(events["y"].max()) + 1


def structured_like(array: NDArray[Any], events: Events) -> NDArray[Any]:
    """Events in the dtype of `array`, OFF written as -1 if the array has that."""
    result = np.empty(len(events), array.dtype)
    for name in "txy":
        result[name] = getattr(events, name)
    signed = array.size and array["p"].min() < 0
    result["p"] = np.where(events.p > 0, 1, -1) if signed else events.p
    return result
