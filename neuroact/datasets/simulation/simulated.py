"""Recordings that no camera made: a scene, seen by a simulated camera."""

from __future__ import annotations

from collections.abc import Iterator

from neuroact.datasets.simulation.scenes import Scene
from neuroact.datasets.simulation.simulated_camera import PixelModel, SimulatedCamera
from neuroact.events import Events

FRAME_US = 1_000
"""Between two frames nothing may move much farther than a pixel."""
PIECE = 1 << 14
"""Events in a piece of a stream: enough that handling it costs nothing beside making it."""


def record(
    scene: Scene,
    duration: int,
    *,
    sensor_size: tuple[int, int] = (320, 240),
    pixel: PixelModel | None = None,
    seed: int = 0,
    frame_us: int = FRAME_US,
) -> Events:
    """The events of `duration` µs of a scene, from t = 0 on, in time order. The same arguments give the same events.

    - `pixel`: what the camera's pixels are like. `seed`: of their mismatch and noise.
    - `frame_us`: µs between the frames that the camera is shown.

    `stream` gives the same events in pieces.
    """
    pieces = stream(scene, duration, sensor_size=sensor_size, pixel=pixel, seed=seed, frame_us=frame_us)
    return Events.concatenate([Events.empty(sensor_size), *pieces])


def stream(
    scene: Scene,
    duration: int,
    *,
    sensor_size: tuple[int, int] = (320, 240),
    pixel: PixelModel | None = None,
    seed: int = 0,
    frame_us: int = FRAME_US,
) -> Iterator[Events]:
    """The events of `record` in pieces of some `PIECE` events. Raises `ValueError` for times below 1 µs."""
    if duration < 1 or frame_us < 1:
        raise ValueError(f"a duration of {duration} µs in frames of {frame_us} µs; at least 1 µs each is needed")
    camera = SimulatedCamera(sensor_size, pixel, seed=seed)
    camera.see(scene.draw(sensor_size, 0.0), 0)
    piece, events = [Events.empty(sensor_size)], 0
    for t in range(frame_us, duration + frame_us, frame_us):
        t = min(t, duration)
        piece.append(camera.see(scene.draw(sensor_size, t / 1e6), t))
        events += len(piece[-1])
        if events >= PIECE:
            yield Events.concatenate(piece)
            piece, events = [Events.empty(sensor_size)], 0
    yield Events.concatenate(piece)
