"""Where a simulated figure acts: a place with things in it, its light, and a camera that may move."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from neuroact.datasets.simulation.actions import Action, Bar, Manner
from neuroact.datasets.simulation.scenes import CYCLE, Capsule, Clothes, Point, Scene, paint


@dataclass(frozen=True, slots=True)
class Thing:
    """A shape in the background that stands, or sways by `reach` in `x` and `y`, `per_s` times a second."""

    bar: Bar
    tone: float
    reach: Point = (0.0, 0.0)
    per_s: float = 0.0
    phase: float = 0.0

    @property
    def moves(self) -> bool:
        """Whether it ever does."""
        return self.per_s > 0.0 and self.reach != (0.0, 0.0)

    def capsule(self, t: float) -> Capsule:
        """Where it is at `t` seconds."""
        x0, y0, x1, y1, radius = self.bar
        swing = math.sin(CYCLE * (self.per_s * t + self.phase)) if self.moves else 0.0
        x, y = self.reach[0] * swing, self.reach[1] * swing
        return x0 + x, y0 + y, x1 + x, y1 + y, radius, self.tone


@dataclass(frozen=True, slots=True)
class Hand:
    """What holds the camera: two slow oscillations in each direction, as `(reach, per_s, phase)`; none for a tripod."""

    across: tuple[tuple[float, float, float], ...] = ()
    down: tuple[tuple[float, float, float], ...] = ()

    @property
    def still(self) -> bool:
        """Whether the camera stands on a tripod."""
        return not (self.across or self.down)

    def shift(self, t: float) -> Point:
        """How far the picture is moved at `t` seconds."""
        x, y = (
            sum(reach * math.sin(CYCLE * (per_s * t + phase)) for reach, per_s, phase in waves)
            for waves in (self.across, self.down)
        )
        return x, y


@dataclass
class Stage(Scene):
    """A figure that does an action in a place.

    - `background`: its brightness, and `things` in it, from back to front.
    - `clothes`, `furniture`: brightness of the figure and of the things that the action needs.
    """

    action: Action
    manner: Manner
    clothes: Clothes
    background: float = 0.35
    furniture: float = 0.5
    things: Sequence[Thing] = ()
    hand: Hand = Hand()
    _backdrop: NDArray[np.float32] | None = field(default=None, init=False, repr=False)

    def capsules(self, t: float) -> Sequence[Capsule]:
        """Things, furniture, figure."""
        shapes = [thing.capsule(t) for thing in self.things] + self._furniture() + self._figure(t)
        x, y = self.hand.shift(t)
        return [(x0 + x, y0 + y, x1 + x, y1 + y, radius, tone) for x0, y0, x1, y1, radius, tone in shapes]

    def draw(self, sensor_size: tuple[int, int], t: float) -> NDArray[np.float32]:
        """As `Scene.draw`; what never moves is painted once."""
        if not self.hand.still or any(thing.moves for thing in self.things):
            return super().draw(sensor_size, t)
        width, height = sensor_size
        if self._backdrop is None or self._backdrop.shape != (height, width):
            self._backdrop = np.full((height, width), self.background, np.float32)
            _paint(self._backdrop, [thing.capsule(t) for thing in self.things] + self._furniture())
        frame = self._backdrop.copy()
        _paint(frame, self._figure(t))
        return frame

    def _figure(self, t: float) -> list[Capsule]:
        return self.action.move(self.manner, t).capsules(self.clothes)

    def _furniture(self) -> list[Capsule]:
        return [(*bar, self.furniture) for bar in self.action.things(self.manner)]


def _paint(frame: NDArray[np.float32], shapes: Sequence[Capsule]) -> None:
    paint(frame, np.array(shapes, np.float64).reshape(-1, 6))
