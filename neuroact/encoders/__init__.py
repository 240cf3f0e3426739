"""Encoders: events to voxel grids, frames, time surfaces, point clouds and spike trains; and filters before them.

Each function is a streaming accumulator or filter used once. `configs` and `filter_configs` have both as settings.
"""

from neuroact.encoders.adaptive import AdaptiveFrames, adaptive_frames
from neuroact.encoders.base import Accumulator, Filter
from neuroact.encoders.filters import Chain, Crop, Downsample, Flip, Polarity, crop, downsample, flip, polarity
from neuroact.encoders.frames import EventFrames, event_frames
from neuroact.encoders.noise import (
    BackgroundActivity,
    HotPixels,
    PixelSurvey,
    Refractory,
    background_activity,
    hot_pixels,
    refractory,
)
from neuroact.encoders.points import PointCloud, point_cloud
from neuroact.encoders.resize import Resize, resize
from neuroact.encoders.spikes import SpikeTrain, spike_train
from neuroact.encoders.stabilising import SACCADES, Stabilise, stabilise
from neuroact.encoders.surface import TimeSurface, time_surface
from neuroact.encoders.transforms import Transform, as_transform
from neuroact.encoders.voxel import VoxelGrid, voxel_grid
from neuroact.encoders.window import Window

__all__ = [
    "SACCADES",
    "Accumulator",
    "AdaptiveFrames",
    "BackgroundActivity",
    "Chain",
    "Crop",
    "Downsample",
    "EventFrames",
    "Filter",
    "Flip",
    "HotPixels",
    "PixelSurvey",
    "PointCloud",
    "Polarity",
    "Refractory",
    "Resize",
    "SpikeTrain",
    "Stabilise",
    "TimeSurface",
    "Transform",
    "VoxelGrid",
    "Window",
    "adaptive_frames",
    "as_transform",
    "background_activity",
    "crop",
    "downsample",
    "event_frames",
    "flip",
    "hot_pixels",
    "point_cloud",
    "polarity",
    "refractory",
    "resize",
    "spike_train",
    "stabilise",
    "time_surface",
    "voxel_grid",
]
