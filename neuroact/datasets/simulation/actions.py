"""Twelve actions of a simulated figure, in pairs that are hard to tell apart from where something moved.

Of the pairs lower/raise arms, stand up/sit down and turn counter-clockwise/clockwise the one is the other played
backwards, frame by frame; walk left/right and wave left/right are mirror images. So a sum of frames, which knows no
order in time, holds next to nothing of which of the two it was, but for the waving arm.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from neuroact.datasets.simulation.scenes import CYCLE, LEG, Point, Pose

STANDING = 0.995 * LEG
"""From hip to ankle of a figure that stands at ease."""
SEAT = 0.5 * LEG
"""From a seated figure's ankle up to its hip, and from its ankle back to its hip."""

Angles = tuple[float, float]
Move = Callable[["Manner", float], Pose]
"""The figure at a time in seconds."""
Bar = tuple[float, float, float, float, float]
"""A thing that stands about: `x0, y0, x1, y1, radius`."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How somebody does an action in one recording. Lengths are in units of the frame's height.

    - `duration`: of the recording in s.
    - `place`: where the hip is when the figure stands; the horizon of the frame is 0.
    - `height`, `breadth`, `build`: as in `Pose`.
    - `tempo`: how quickly, `reach`: how far movements go, 1 for the average.
    - `begin`, `takes`: when a movement that happens once begins, and how long it takes, in s.
    - `phase`: where movements that repeat begin, in turns.
    - `facing`: 1 to the right, -1 to the left, where an action is seen from the side.
    - `stoop`: how far the trunk leans forward at ease, in radians.
    - `span`: from the middle of the frame to where a walker is out of it.
    """

    duration: float = 3.0
    place: Point = (0.0, 0.08)
    height: float = 0.75
    breadth: float = 0.17
    build: float = 1.0
    tempo: float = 1.0
    reach: float = 1.0
    begin: float = 0.8
    takes: float = 1.4
    phase: float = 0.0
    facing: int = 1
    stoop: float = 0.03
    span: float = 0.95

    def share(self, t: float) -> float:
        """How much of a movement that happens once is done, from 0 to 1, without a jerk at its ends."""
        done = min(1.0, max(0.0, (t - self.begin) / self.takes))
        return done * done * (3.0 - 2.0 * done)

    def turns(self, t: float, per_s: float) -> float:
        """How often a movement that repeats `per_s` times a second at average tempo has been done."""
        return per_s * self.tempo * t + self.phase

    def sway(self, t: float) -> float:
        """Nobody stands quite still."""
        return 0.01 * math.sin(CYCLE * (0.45 * t + 1.7 * self.phase))


@dataclass(frozen=True, slots=True)
class Action:
    """Something to do: the figure at any time, and the things that it needs."""

    name: str
    description: str
    move: Move
    things: Callable[[Manner], list[Bar]] = lambda manner: []


def backwards(move: Move) -> Move:
    """The same movement from its end to its beginning."""
    return lambda manner, t: move(manner, manner.duration - t)


def mirrored(move: Move) -> Move:
    """The same movement with left and right exchanged."""
    return lambda manner, t: move(manner, t).mirrored()


def wave_left(manner: Manner, t: float) -> Pose:
    """The arm at the left of the frame is raised and waves."""
    swing = manner.reach * math.sin(CYCLE * manner.turns(t, 1.5))
    return _from_front(manner, t, (-2.1 + 0.1 * swing, 0.25), (-2.9 - 0.55 * swing, 0.15))


def raise_arms(manner: Manner, t: float) -> Pose:
    """Both arms go up sideways, once, from hanging to overhead."""
    angle = 0.15 + 2.7 * manner.share(t)
    return _from_front(manner, t, (-angle, angle), (-angle - 0.08, angle + 0.08))


def turn_arms_clockwise(manner: Manner, t: float) -> Pose:
    """Seen from the side, both stretched arms turn about the shoulders, clockwise for the camera."""
    angle = -CYCLE * manner.turns(t, 0.75)
    far, near = angle - 0.25, angle
    return _from_side(manner, t, (0.0, 0.0), manner.stoop, (far, near), (far, near))


def walk_right(manner: Manner, t: float) -> Pose:
    """Across the whole frame, about the middle of the recording."""
    speed = 2.0 * manner.span / min(2.0 * manner.takes, 0.95 * manner.duration)
    x = speed * (t - 0.5 * manner.duration)
    stride = 0.42 * manner.height * manner.reach
    turn = CYCLE * (0.5 * x / stride + manner.phase)
    legs = [_striding_leg(turn + half) for half in (0.0, math.pi)]
    arms = [0.4 * manner.reach * math.sin(turn + half) for half in (math.pi, 0.0)]
    bob = 0.012 * manner.height * math.cos(2.0 * turn)
    return Pose(
        (x, manner.place[1] + bob),
        manner.height,
        thighs=(legs[0][0], legs[1][0]),
        shins=(legs[0][1], legs[1][1]),
        upper_arms=(arms[0], arms[1]),
        forearms=(arms[0] + 0.35, arms[1] + 0.35),
        lean=manner.stoop + 0.04,
        facing=1,
        build=manner.build,
    )


def sit_down(manner: Manner, t: float) -> Pose:
    """From standing before a chair to sitting on it, with the trunk bent forward on the way."""
    share, facing = manner.share(t), manner.facing
    drop = STANDING - SEAT
    lean = manner.stoop + 0.6 * math.sin(math.pi * share)
    upper, fore = 0.05 + 0.35 * share, 0.2 + 1.0 * share
    arms = facing * upper, facing * fore
    return _from_side(manner, t, (-SEAT * share, drop * share), lean, (arms[0],) * 2, (arms[1],) * 2, still=True)


def squat(manner: Manner, t: float) -> Pose:
    """Down on bent knees and up again, arms stretched forward, the feet staying where they are."""
    depth = 0.5 - 0.5 * math.cos(CYCLE * manner.turns(t, 0.5))
    drop = 0.24 * manner.reach * depth
    arm = manner.facing * (0.1 + 1.4 * depth)
    return _from_side(
        manner, t, (-0.35 * drop, drop), manner.stoop + 0.5 * depth, (arm,) * 2, (arm + 0.1 * manner.facing,) * 2
    )


def jump(manner: Manner, t: float) -> Pose:
    """Bends the knees, leaves the floor with arms swung up, and lands in the knees again."""
    turn = manner.turns(t, 0.75) % 1.0
    facing = manner.facing
    bend = air = 0.0
    if turn < 0.4:
        bend = math.sin(math.pi * turn / 0.4)
    elif turn < 0.8:
        air = math.sin(math.pi * (turn - 0.4) / 0.4)
    else:
        bend = 0.5 * math.sin(math.pi * (turn - 0.8) / 0.2)
    swing = facing * (0.25 + 2.2 * air - 0.9 * bend)
    drop = (0.11 * bend - 0.15 * air) * manner.reach
    lean = manner.stoop + 0.35 * bend
    return _from_side(manner, t, (-0.4 * max(drop, 0.0), drop), lean, (swing,) * 2, (swing + 0.3 * facing,) * 2)


def chair(manner: Manner) -> list[Bar]:
    """What `sit_down` sits down on: seat, back and legs."""
    size, facing = manner.height, manner.facing
    ankle = manner.place[1] + STANDING * size
    front, back = (manner.place[0] - facing * reach * size for reach in (0.08, 0.36))
    seat, floor, top = ankle - (SEAT - 0.075) * size, ankle + 0.03 * size, ankle - 0.5 * size
    radius = 0.014 * size
    return [(front, seat, back, seat, radius), (back, top, back, floor, radius), (front, seat, front, floor, radius)]


ACTIONS = (
    Action("wave left arm", "Wave the arm at the left of the frame, held up.", wave_left),
    Action("wave right arm", "Wave the arm at the right of the frame, held up.", mirrored(wave_left)),
    Action("raise arms", "Raise both arms sideways from hanging to overhead, once.", raise_arms),
    Action("lower arms", "Lower both arms sideways from overhead to hanging, once.", backwards(raise_arms)),
    Action("turn arms clockwise", "Turn both stretched arms in circles, clockwise in the frame.", turn_arms_clockwise),
    Action(
        "turn arms counter-clockwise",
        "Turn both stretched arms in circles, counter-clockwise in the frame.",
        backwards(turn_arms_clockwise),
    ),
    Action("walk left", "Walk across the frame to the left.", mirrored(walk_right)),
    Action("walk right", "Walk across the frame to the right.", walk_right),
    Action("sit down", "Sit down on a chair and stay seated.", sit_down, chair),
    Action("stand up", "Stand up from a chair and stay standing.", backwards(sit_down), chair),
    Action("squat", "Bend the knees deeply and straighten them, again and again, feet on the floor.", squat),
    Action("jump", "Jump on the spot, again and again.", jump),
)
"""All actions; the label of a recording is an index into them."""


def _from_front(manner: Manner, t: float, upper_arms: Angles, forearms: Angles) -> Pose:
    return Pose(
        (manner.place[0] + manner.sway(t), manner.place[1]),
        manner.height,
        breadth=manner.breadth,
        upper_arms=upper_arms,
        forearms=forearms,
        lean=-manner.sway(t),
        build=manner.build,
    )


def _from_side(
    manner: Manner,
    t: float,
    shift: Point,
    lean: float,
    upper_arms: Angles,
    forearms: Angles,
    *,
    still: bool = False,
) -> Pose:
    """The hip is shifted, forward and down, in units of the figure's height; the feet go up with it, but not down."""
    size, facing, (x, y) = manner.height, manner.facing, manner.place
    hip = x + facing * shift[0] * size + (0.0 if still else manner.sway(t)), y + shift[1] * size
    ankle = x, y + (min(0.0, shift[1]) + STANDING) * size
    thigh, shin = leg_between(hip, ankle, facing, size)
    apart = 0.03  # the far leg shows a little
    return Pose(
        hip,
        size,
        thighs=(thigh - apart, thigh + apart),
        shins=(shin - apart, shin + apart),
        upper_arms=upper_arms,
        forearms=forearms,
        lean=facing * lean,
        facing=facing,
        build=manner.build,
    )


def leg_between(hip: Point, ankle: Point, facing: int, size: float) -> Angles:
    """Angles of the thigh and shin of a leg that joins a hip and an ankle with its knee bent forward."""
    across, down = ankle[0] - hip[0], ankle[1] - hip[1]
    straight = math.atan2(across, down)
    bend = math.acos(min(1.0, math.hypot(across, down) / (LEG * size)))
    return straight + facing * bend, straight - facing * bend


def _striding_leg(turn: float) -> Angles:
    """Angles of the thigh and shin of somebody who walks to the right."""
    thigh = 0.45 * math.sin(turn)
    bend = 0.2 + 0.5 * max(0.0, math.cos(turn))  # the knee bends while the leg swings forward
    return thigh, thigh - bend
