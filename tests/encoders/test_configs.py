"""Settings of encoders: what they build, what they promise of it, and JSON."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from neuroact.encoders import (
    Window,
    adaptive_frames,
    event_frames,
    point_cloud,
    spike_train,
    time_surface,
    voxel_grid,
)
from neuroact.encoders.configs import (
    AdaptiveFramesConfig,
    Encoder,
    EncoderConfig,
    FramesConfig,
    PointsConfig,
    SpikesConfig,
    SurfaceConfig,
    VoxelConfig,
)
from tests.encoders.streams import disordered

ADAPTER: TypeAdapter[Any] = TypeAdapter(EncoderConfig)
SAME = [
    (VoxelConfig(), voxel_grid, {}),
    (VoxelConfig(bins=9, split_polarity=True), voxel_grid, {"bins": 9, "split_polarity": True}),
    (FramesConfig(), event_frames, {}),
    (FramesConfig(frames=3, by="count", mode="binary"), event_frames, {"frames": 3, "by": "count", "mode": "binary"}),
    (AdaptiveFramesConfig(), adaptive_frames, {"frames": 8}),
    (
        AdaptiveFramesConfig(frames=3, threshold=20, minimum_events=90), adaptive_frames,
        {"frames": 3, "threshold": 20, "minimum_events": 90},
    ),
    (SurfaceConfig(), time_surface, {}),
    (SurfaceConfig(tau_us=123.5), time_surface, {"tau_us": 123.5}),
    (PointsConfig(), point_cloud, {}),
    (PointsConfig(points=77, polarity=True, seed=5), point_cloud, {"points": 77, "polarity": True, "seed": 5}),
    (SpikesConfig(), spike_train, {}),
    (SpikesConfig(steps=5, max_spikes=3), spike_train, {"steps": 5, "max_spikes": 3}),
    (SpikesConfig(step_us=700), spike_train, {"step_us": 700}),
    (SpikesConfig(steps=6, delays=(1, 3)), spike_train, {"steps": 6, "delays": (1, 3)}),
]  # fmt: skip
"""Settings, the function of the same meaning, and its arguments."""


@pytest.mark.parametrize(
    ("config", "function", "arguments"), SAME, ids=lambda value: getattr(value, "__name__", repr(value)[:60])
)
def test_settings_and_function_do_the_same(config: Encoder, function: Any, arguments: dict[str, Any]) -> None:
    events = disordered(800)
    window = Window.of(events)
    accumulator = config.accumulator(events.sensor_size, window)
    accumulator.add(events)
    tensor = accumulator.result()
    assert np.array_equal(tensor, function(events, **arguments))
    assert tensor.shape == config.shape(events.sensor_size, window)
    assert tensor.dtype == config.dtype


@pytest.mark.parametrize("config", [config for config, _, _ in SAME], ids=repr)
def test_settings_survive_json(config: Encoder) -> None:
    assert ADAPTER.validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize("config", [config for config, _, _ in SAME], ids=repr)
def test_a_count_is_needed_where_it_says_so(config: Encoder) -> None:
    window = Window(0, 100)
    if config.needs_count:
        with pytest.raises(ValueError, match="how many events"):
            config.accumulator((4, 4), window)
    else:
        assert config.accumulator((4, 4), window).result().shape == config.shape((4, 4), window)


def test_a_step_may_have_a_unit() -> None:
    assert SpikesConfig(step_us="1.5ms").step_us == 1500  # type: ignore[arg-type]


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        VoxelConfig().bins = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "voxels"},
        {"kind": "voxel", "bins": 0},
        {"kind": "voxel", "bin": 5},
        {"kind": "frames", "by": "size"},
        {"kind": "adaptive_frames", "threshold": 201},
        {"kind": "adaptive_frames", "frames": 0},
        {"kind": "surface", "tau_us": 0},
        {"kind": "points", "points": -1},
        {"kind": "spikes", "steps": 4, "step_us": 4},
        {"kind": "spikes", "max_spikes": 256},
        {"kind": "spikes", "delays": [0]},
    ],
    ids=repr,
)
def test_wrong_settings(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ADAPTER.validate_python(wrong)


def test_functions_do_without_pydantic_and_few_events_without_numba() -> None:
    code = """
import sys
from neuroact.encoders import voxel_grid
from neuroact import Events
voxel_grid(Events([0, 1], [0, 1], [0, 1], [0, 1], (2, 2)))
assert not {"pydantic", "numba", "typer", "torch"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
