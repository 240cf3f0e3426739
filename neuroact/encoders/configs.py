"""Encoders as frozen settings: what the command line parses, a store records and JSON carries.

This is the edge: nothing that computes imports it, so the pure functions do without pydantic.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, model_validator

from neuroact.encoders.adaptive import AdaptiveFrames
from neuroact.encoders.base import Accumulator
from neuroact.encoders.filter_configs import Micros
from neuroact.encoders.frames import EventFrames
from neuroact.encoders.points import PointCloud
from neuroact.encoders.spikes import SpikeTrain, step_count
from neuroact.encoders.surface import TimeSurface
from neuroact.encoders.voxel import VoxelGrid
from neuroact.encoders.window import Window

Shape = tuple[int, ...]


class Encoder(BaseModel, ABC):
    """One encoder and its settings. `kind` names it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @property
    @abstractmethod
    def dtype(self) -> np.dtype[Any]:
        """Of the tensors."""

    @property
    def needs_count(self) -> bool:
        """Whether the window must know how many events it holds before the first is added."""
        return False

    @abstractmethod
    def shape(self, sensor_size: tuple[int, int], window: Window) -> Shape:
        """Of the tensor of one window of a sensor of `(width, height)` pixels."""

    @abstractmethod
    def accumulator(self, sensor_size: tuple[int, int], window: Window) -> Accumulator:
        """An encoding of `window`, ready for its first events. Raises `ValueError` if it lacks a count it needs."""


class VoxelConfig(Encoder):
    """Settings of `voxel_grid`."""

    kind: Literal["voxel"] = "voxel"
    bins: PositiveInt = 5
    split_polarity: bool = False

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.float32)

    def shape(self, sensor_size: tuple[int, int], window: Window) -> Shape:
        width, height = sensor_size
        return (self.bins, 2, height, width) if self.split_polarity else (self.bins, height, width)

    def accumulator(self, sensor_size: tuple[int, int], window: Window) -> Accumulator:
        return VoxelGrid(sensor_size, window, self.bins, split_polarity=self.split_polarity)


class FramesConfig(Encoder):
    """Settings of `event_frames`."""

    kind: Literal["frames"] = "frames"
    frames: PositiveInt = 8
    by: Literal["time", "count"] = "time"
    mode: Literal["count", "binary"] = "count"

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.int32 if self.mode == "count" else np.uint8)

    @property
    def needs_count(self) -> bool:
        return self.by == "count"

    def shape(self, sensor_size: tuple[int, int], window: Window) -> Shape:
        width, height = sensor_size
        return (self.frames, 2, height, width)

    def accumulator(self, sensor_size: tuple[int, int], window: Window) -> Accumulator:
        return EventFrames(sensor_size, window, self.frames, by=self.by, mode=self.mode)


class AdaptiveFramesConfig(Encoder):
    """Settings of `adaptive_frames`, with a fixed number of frames: models take no other."""

    kind: Literal["adaptive_frames"] = "adaptive_frames"
    frames: PositiveInt = 8
    threshold: Annotated[float, Field(ge=0, le=200)] = 50.0
    minimum_events: PositiveInt = 100_000

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.int32)

    @property
    def needs_count(self) -> bool:
        return True

    def shape(self, sensor_size: tuple[int, int], window: Window) -> Shape:
        width, height = sensor_size
        return (self.frames, 2, height, width)

    def accumulator(self, sensor_size: tuple[int, int], window: Window) -> Accumulator:
        return AdaptiveFrames(sensor_size, window, self.threshold, self.minimum_events, frames=self.frames)


class SurfaceConfig(Encoder):
    """Settings of `time_surface`, each window seen from its end."""

    kind: Literal["surface"] = "surface"
    tau_us: PositiveFloat = 50_000

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.float32)

    def shape(self, sensor_size: tuple[int, int], window: Window) -> Shape:
        width, height = sensor_size
        return (2, height, width)

    def accumulator(self, sensor_size: tuple[int, int], window: Window) -> Accumulator:
        return TimeSurface(sensor_size, window, self.tau_us)


class PointsConfig(Encoder):
    """Settings of `point_cloud`."""

    kind: Literal["points"] = "points"
    points: PositiveInt = 1024
    polarity: bool = False
    seed: int = 0

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.float32)

    def shape(self, sensor_size: tuple[int, int], window: Window) -> Shape:
        return (self.points, 4 if self.polarity else 3)

    def accumulator(self, sensor_size: tuple[int, int], window: Window) -> Accumulator:
        return PointCloud(sensor_size, window, self.points, polarity=self.polarity, seed=self.seed)


class SpikesConfig(Encoder):
    """Settings of `spike_train`: `steps` (16 if neither is given) or `step_us`."""

    kind: Literal["spikes"] = "spikes"
    steps: PositiveInt | None = None
    step_us: Micros | None = None
    max_spikes: Annotated[int, Field(ge=1, le=255)] = 1
    delays: tuple[PositiveInt, ...] = ()

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if self.steps is not None and self.step_us is not None:
            raise ValueError("give either steps or step_us, not both")
        return self

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.uint8)

    def shape(self, sensor_size: tuple[int, int], window: Window) -> Shape:
        width, height = sensor_size
        return (step_count(window, self.steps, self.step_us), 2 + 2 * len(self.delays), height, width)

    def accumulator(self, sensor_size: tuple[int, int], window: Window) -> Accumulator:
        return SpikeTrain(
            sensor_size, window, self.steps, step_us=self.step_us, max_spikes=self.max_spikes, delays=self.delays
        )


EncoderConfig = Annotated[
    VoxelConfig | FramesConfig | AdaptiveFramesConfig | SurfaceConfig | PointsConfig | SpikesConfig,
    Field(discriminator="kind"),
]
"""Any of the six, told apart by `kind`."""
