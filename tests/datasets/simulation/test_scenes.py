"""What the scenes draw, and what a simulated camera makes of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from neuroact.datasets.simulation import simulated
from neuroact.datasets.simulation.scenes import CYCLE, Capsule, Scene, paint
from neuroact.datasets.simulation.simulated import record, stream
from neuroact.datasets.simulation.simulated_camera import PixelModel
from neuroact.events import Events

SIZE = (64, 48)
QUIET = PixelModel(mismatch=0.0, leak_hz=0.0, shot_hz=0.0)


@dataclass(frozen=True)
class RotatingBar(Scene):
    """A bar that turns about the centre, `turns_per_s` times a second."""

    turns_per_s: float = 1.0
    length: float = 0.8
    radius: float = 0.03
    brightness: float = 0.9
    phase: float = 0.0

    def capsules(self, t: float) -> Sequence[Capsule]:
        angle = CYCLE * (self.turns_per_s * t + self.phase)
        x, y = 0.5 * self.length * math.cos(angle), 0.5 * self.length * math.sin(angle)
        return [(-x, -y, x, y, self.radius, self.brightness)]


def test_frames_are_brightness_and_change_smoothly() -> None:
    scene = RotatingBar()
    frames = [scene.draw(SIZE, t) for t in (0.3, 0.301, 0.4)]
    for frame in frames:
        assert frame.shape == SIZE[::-1]
        assert frame.dtype == np.float32
        assert 0.0 <= frame.min() < frame.max() <= 1.0
    near, far = (np.abs(frame - frames[0]).mean() for frame in frames[1:])
    assert 0 < near < 0.1 * far


def test_a_capsule_covers_its_area() -> None:
    frame = np.zeros((100, 160), np.float32)
    paint(frame, np.array([[-0.3, 0.1, 0.4, -0.2, 0.06, 1.0]]))
    length, radius = 100 * np.hypot(0.7, 0.3), 6.0
    assert frame.sum() == pytest.approx(2 * radius * length + np.pi * radius**2, rel=0.005)


def test_shapes_beyond_the_frame_are_cut_at_its_border() -> None:
    frame = np.zeros((20, 30), np.float32)
    paint(frame, np.array([[-9.0, 0.0, 9.0, 0.0, 0.1, 0.5], [5.0, 5.0, 6.0, 6.0, 0.1, 1.0]]))
    assert frame[10, 0] == frame[10, -1] == pytest.approx(0.5)
    assert frame[0].max() == 0.0


def test_later_capsules_stand_in_front() -> None:
    frame = np.zeros((20, 20), np.float32)
    dot = [0.0, 0.0, 0.0, 0.0, 0.2]
    paint(frame, np.array([[*dot, 0.9], [*dot, 0.3]]))
    assert frame[10, 10] == pytest.approx(0.3)


def test_a_bright_bar_fires_on_ahead_and_off_behind() -> None:
    events = record(RotatingBar(turns_per_s=0.5, phase=0.25), 60_000, sensor_size=SIZE, pixel=QUIET)
    # Clockwise on the screen from straight down: the lower half sweeps to the left, the upper to the right.
    lower = events.y > 30
    assert events.x[lower & (events.p == 1)].mean() < events.x[lower & (events.p == 0)].mean() - 2
    upper = events.y < 18
    assert events.x[upper & (events.p == 1)].mean() > events.x[upper & (events.p == 0)].mean() + 2


def test_record_is_stream_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulated, "PIECE", 1_000)
    arguments = {"sensor_size": SIZE, "seed": 3, "frame_us": 700}
    pieces = list(stream(RotatingBar(turns_per_s=3.0), 100_000, **arguments))  # type: ignore[arg-type]
    assert len(pieces) > 3
    assert min(map(len, pieces[:-1])) >= 1_000
    assert Events.concatenate(pieces) == record(RotatingBar(turns_per_s=3.0), 100_000, **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [{"duration": 0}, {"duration": 5, "frame_us": 0}])
def test_no_time_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least 1 µs"):
        record(RotatingBar(), **wrong)  # type: ignore[arg-type]
