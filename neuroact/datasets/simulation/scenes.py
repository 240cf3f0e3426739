"""What a simulated camera looks at: moving shapes of one brightness each, in front of a background.

A scene is drawn from capsules (line segments with a radius and round ends), enough for bars and for figures made of
limbs. Positions are in units of the frame's height, with the origin at its centre and y downwards, so that a scene
looks the same on every sensor.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuroact.jit import loop

Point = tuple[float, float]
Capsule = tuple[float, float, float, float, float, float]
"""`x0, y0, x1, y1, radius, brightness`."""

CYCLE = 2 * math.pi
LEG = 0.48
"""From hip to ankle, in units of a figure's height."""


class Scene(ABC):
    """Something that moves. `background` is its brightness where nothing stands, from 0 to 1."""

    background: float = 0.35

    @abstractmethod
    def capsules(self, t: float) -> Sequence[Capsule]:
        """The shapes at `t` seconds, from back to front."""

    def draw(self, sensor_size: tuple[int, int], t: float) -> NDArray[np.float32]:
        """Brightness as `(height, width)` float32 from 0 to 1 at `t` seconds, with smooth edges a pixel wide."""
        width, height = sensor_size
        frame = np.full((height, width), self.background, np.float32)
        paint(frame, np.array(self.capsules(t), np.float64).reshape(-1, 6))
        return frame


class Clothes(NamedTuple):
    """Brightness of a figure's parts, from 0 to 1: head and forearms, trunk and upper arms, legs."""

    skin: float
    shirt: float
    trousers: float


@dataclass(frozen=True)
class Pose:
    """A figure at one moment. Angles are in radians from straight down, positive towards the right of the frame.

    - `hip`: where it stands. `height`: from head to heel, in units of the frame's height.
    - `breadth`: from shoulder to shoulder in units of `height`: 0 for a figure seen from the side.
    - `thighs`, `shins`, `upper_arms`, `forearms`: the angle of each, far side first.
    - `lean`: of the trunk, from straight up, positive towards the right.
    - `facing`: 1 to the right, -1 to the left, 0 towards the camera; the feet point that way.
    - `build`: how thick limbs and trunk are.
    """

    hip: Point
    height: float
    breadth: float = 0.0
    thighs: tuple[float, float] = (-0.08, 0.08)
    shins: tuple[float, float] = (-0.08, 0.08)
    upper_arms: tuple[float, float] = (-0.15, 0.15)
    forearms: tuple[float, float] = (-0.1, 0.1)
    lean: float = 0.0
    facing: int = 0
    build: float = 1.0

    def capsules(self, brightness: float | Clothes) -> list[Capsule]:
        """Limbs, trunk and head, far side darker and behind."""
        clothes = brightness if isinstance(brightness, Clothes) else Clothes(brightness, brightness, brightness)
        size, (x, y) = self.height, self.hip
        half = 0.5 * self.breadth * size
        aside = half * math.cos(self.lean), half * math.sin(self.lean)
        top = self._up((x, y), 0.30)
        arms, legs = [], []
        for side, shade in ((-1, 0.8), (1, 1.0)):
            i = int(side > 0)
            shoulder = top[0] + side * aside[0], top[1] + side * aside[1]
            hip = x + 0.5 * side * half, y
            upper_arm = self._limb(shoulder, self.upper_arms[i], 0.17, 0.032, shade * clothes.shirt)
            forearm = self._limb(upper_arm[2:4], self.forearms[i], 0.17, 0.032, shade * clothes.skin)
            thigh = self._limb(hip, self.thighs[i], LEG / 2, 0.045, shade * clothes.trousers)
            shin = self._limb(thigh[2:4], self.shins[i], LEG / 2, 0.045, shade * clothes.trousers)
            foot = self._limb(shin[2:4], 0.5 * math.pi * self.facing, 0.07, 0.03, shade * clothes.skin)
            arms.append([upper_arm, forearm])
            legs.append([thigh, shin, foot] if self.facing else [thigh, shin])
        low, high = self._up((x, y), 0.02), self._up((x, y), 0.28)
        trunk: Capsule = (*low, *high, 0.07 * size * self.build, clothes.shirt)
        # The neck straightens half of what the trunk leans.
        chin, brow = (self._up(self._up((x, y), 0.33), up, 0.5) for up in (0.10, 0.11))
        head: Capsule = (*chin, *brow, 0.065 * size, clothes.skin)
        return [*legs[0], *arms[0], *legs[1], trunk, head, *arms[1]]

    def mirrored(self) -> Pose:
        """The same figure with left and right exchanged, at the other side of the frame."""
        seen_from_front = self.breadth > 0.0

        def other(angles: tuple[float, float]) -> tuple[float, float]:
            far, near = -angles[0], -angles[1]
            return (near, far) if seen_from_front else (far, near)

        return replace(
            self,
            hip=(-self.hip[0], self.hip[1]),
            thighs=other(self.thighs),
            shins=other(self.shins),
            upper_arms=other(self.upper_arms),
            forearms=other(self.forearms),
            lean=-self.lean,
            facing=-self.facing,
        )

    def _up(self, start: Point, length: float, share: float = 1.0) -> Point:
        """The point `length` up along the trunk, or along a `share` of its lean."""
        angle, length = share * self.lean, length * self.height
        return start[0] + length * math.sin(angle), start[1] - length * math.cos(angle)

    def _limb(self, start: Point, angle: float, length: float, radius: float, tone: float) -> Capsule:
        length = length * self.height
        stop = start[0] + length * math.sin(angle), start[1] + length * math.cos(angle)
        return (*start, *stop, radius * self.height * self.build, tone)


@loop
def paint(frame: NDArray[np.float32], capsules: NDArray[np.float64]) -> None:
    """Lays capsules, `(n, 6)`, over a frame in order; a pixel is covered by 0.5 - its distance from the edge."""
    height, width = frame.shape
    for k in range(capsules.shape[0]):
        x0 = capsules[k, 0] * height + 0.5 * (width - 1)
        y0 = capsules[k, 1] * height + 0.5 * (height - 1)
        along_x = capsules[k, 2] * height + 0.5 * (width - 1) - x0
        along_y = capsules[k, 3] * height + 0.5 * (height - 1) - y0
        radius = capsules[k, 4] * height
        squared = along_x * along_x + along_y * along_y
        reach = radius + 1.0
        outer = (radius + 0.5) ** 2
        inner = (radius - 0.5) ** 2 if radius > 0.5 else -1.0
        top = max(0, int(min(y0, y0 + along_y) - reach))
        bottom = min(height, int(max(y0, y0 + along_y) + reach) + 2)
        left = max(0, int(min(x0, x0 + along_x) - reach))
        right = min(width, int(max(x0, x0 + along_x) + reach) + 2)
        for y in range(top, bottom):
            for x in range(left, right):
                from_x, from_y = x - x0, y - y0
                share = 0.0
                if squared > 0.0:
                    share = min(1.0, max(0.0, (from_x * along_x + from_y * along_y) / squared))
                off_x, off_y = from_x - share * along_x, from_y - share * along_y
                distance = off_x * off_x + off_y * off_y  # squared, as most pixels are well inside or outside
                if distance <= inner:
                    frame[y, x] = np.float32(capsules[k, 5])
                elif distance < outer:
                    cover = min(1.0, radius + 0.5 - math.sqrt(distance))
                    frame[y, x] += np.float32(cover * (capsules[k, 5] - frame[y, x]))
