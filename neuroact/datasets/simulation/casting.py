"""Who does what, where and how in each recording of the synthetic set: all drawn from its seed.

A recording's own draws depend on the seed and its number alone, so that it is the same whichever process makes it and
however many others there are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

import numpy as np
from numpy.random import Generator

from neuroact.datasets.simulation.actions import ACTIONS, Manner
from neuroact.datasets.simulation.scenes import Clothes
from neuroact.datasets.simulation.stage import Hand, Stage, Thing

SUBJECTS = 20
SPLITS = {"train": range(1, 15), "val": range(15, 17), "test": range(17, 21)}
"""Subjects by split."""
FIRST_RECORDED = datetime(2026, 1, 5, 9, 0, 0)  # noqa: DTZ001  (a camera's local time)
APART = timedelta(seconds=10)
"""The recordings seem to be made one after the other, since their names hold a time."""
MOVING_CAMERA = 0.3
"""Share of recordings with a camera in somebody's hand."""
BRIGHTEST = 0.95


class Draw(IntEnum):
    """What is drawn from the seed, so that no two share their random numbers."""

    SUBJECT = 0
    PLACE = 1
    RECORDING = 2


@dataclass(frozen=True, slots=True)
class Subject:
    """Somebody's build and habits, the values of `Manner` that do not change from one recording to the next."""

    height: float
    breadth: float
    build: float
    tempo: float
    reach: float
    stoop: float
    takes: float


@dataclass(frozen=True, slots=True)
class Place:
    """Brightness of its background in average light, and what stands or sways there."""

    background: float
    things: tuple[Thing, ...]


@dataclass(frozen=True, slots=True)
class Shot:
    """One recording: what its name tells, and what is in it.

    - `label`: index into `ACTIONS`. `subject`: from 1. `place`: from 0.
    - `seed`: of the camera's pixels and noise.
    """

    label: int
    subject: int
    place: int
    moving: bool
    recorded: datetime
    stage: Stage
    seed: int

    @property
    def split(self) -> str:
        """Which of `SPLITS` the subject is in."""
        return next(name for name, subjects in SPLITS.items() if self.subject in subjects)

    @property
    def stem(self) -> str:
        """The path of its file below the set's folder, without a suffix, as DailyDVS-200 has it."""
        where = f"action_{self.label + 1}/C{self.label}P{self.subject}M{int(self.moving)}S{self.place}"
        return f"{where}_{self.recorded:%Y%m%d_%H_%M_%S}"


def shot(seed: int, number: int, *, duration: float = 3.0, aspect: float = 4 / 3) -> Shot:
    """The recording of that number, from 0.

    Every 12 in a row show every action once, every 20 every subject, and 240 every action by every subject.

    - `duration`: in s. `aspect`: width of the frame by its height.
    """
    random = _random(seed, Draw.RECORDING, number)
    label = number % len(ACTIONS)
    who = (number + number // 60) % SUBJECTS + 1  # after 60, the pairs (label, who) would come round again
    moving = bool(random.random() < MOVING_CAMERA)
    where = int(random.integers(len(PLACES)))
    place = PLACES[where](_random(seed, Draw.PLACE, where))
    light = float(random.uniform(0.75, 1.3))
    background = light * place.background
    stage = Stage(
        ACTIONS[label],
        _manner(random, subject(seed, who), duration, aspect),
        Clothes(*(_tone(random, background) for _ in range(3))),
        background,
        _tone(random, background),
        [_lit(thing, light) for thing in place.things],
        _hand(random) if moving else Hand(),
    )
    recorded = FIRST_RECORDED + number * APART
    return Shot(label, who, where, moving, recorded, stage, int(random.integers(1 << 62)))


def subject(seed: int, who: int) -> Subject:
    """The subject of that number, from 1."""
    random = _random(seed, Draw.SUBJECT, who)
    return Subject(
        height=random.uniform(0.62, 0.8),
        breadth=random.uniform(0.15, 0.2),
        build=random.uniform(0.85, 1.3),
        tempo=random.uniform(0.75, 1.3),
        reach=random.uniform(0.75, 1.1),
        stoop=random.uniform(0.0, 0.1),
        takes=random.uniform(0.9, 1.5),
    )


def _random(seed: int, draw: Draw, number: int) -> Generator:
    return np.random.default_rng([seed, draw, number])


def _manner(random: Generator, who: Subject, duration: float, aspect: float) -> Manner:
    takes = min(who.takes * random.uniform(0.9, 1.1), 0.8 * duration)
    height = who.height * random.uniform(0.97, 1.03)
    return Manner(
        duration=duration,
        place=(random.uniform(-0.25, 0.25) * aspect, 0.45 - 0.48 * height + random.uniform(-0.015, 0.015)),
        height=height,
        breadth=who.breadth,
        build=who.build,
        tempo=who.tempo * random.uniform(0.9, 1.1),
        reach=who.reach * random.uniform(0.95, 1.05),
        begin=random.uniform(0.05 * duration, 0.95 * duration - takes),
        takes=takes,
        phase=random.random(),
        facing=int(random.choice((-1, 1))),
        stoop=who.stoop,
        span=0.5 * aspect + 0.3 * height,
    )


def _hand(random: Generator) -> Hand:
    """Slow drift, and the tremor of a hand."""

    def waves() -> tuple[tuple[float, float, float], ...]:
        drift = random.uniform(0.01, 0.03), random.uniform(0.2, 0.5), random.random()
        tremor = random.uniform(0.0005, 0.0015), random.uniform(3.0, 6.0), random.random()
        return drift, tremor

    return Hand(waves(), waves())


def _tone(random: Generator, background: float) -> float:
    """Brighter or darker than the background, either as often: the sign of an edge tells nothing about the way."""
    ratio = random.uniform(1.7, 3.5)
    brighter = random.random() < 0.5
    return float(min(BRIGHTEST, background * ratio) if brighter else background / ratio)


def _lit(thing: Thing, light: float) -> Thing:
    return Thing(thing.bar, min(BRIGHTEST, light * thing.tone), thing.reach, thing.per_s, thing.phase)


def _curtain(random: Generator) -> Place:
    return Place(0.15, ())


def _white_wall(random: Generator) -> Place:
    return Place(0.45, ())


def _shelves(random: Generator) -> Place:
    boards = [Thing((-2.0, y, 2.0, y, 0.012), 0.45) for y in (-0.35, -0.1, 0.15)]
    books = [
        Thing((x, y - 0.13, x, y - 0.02, 0.018), float(random.uniform(0.12, 0.6)))
        for y in (-0.1, 0.15)
        for x in random.uniform(-0.65, 0.65, 5)
    ]
    return Place(0.3, (*boards, *books))


def _windows(random: Generator) -> Place:
    panes = [Thing((x, -0.32, x, -0.05, 0.1), 0.6) for x in (-0.5, -0.27, 0.35)]
    lamps = [Thing((x, -0.46, x + 0.03, -0.46, 0.02), 0.9) for x in random.uniform(-0.6, 0.6, 3)]
    return Place(0.25, (*panes, *lamps))


def _plants(random: Generator) -> Place:
    stems = [
        Thing(
            (x, 0.5, x + random.uniform(-0.08, 0.08), random.uniform(0.1, 0.3), 0.012),
            float(random.uniform(0.15, 0.6)),
            (random.uniform(0.005, 0.02), 0.0),
            random.uniform(0.15, 0.5),
            random.random(),
        )
        for x in random.uniform(-0.65, 0.65, 6)
    ]
    return Place(0.3, tuple(stems))


def _dusk(random: Generator) -> Place:
    lights = [
        Thing((x, y, x, y, 0.035), 0.1, (random.uniform(0.05, 0.15), 0.0), random.uniform(0.05, 0.15), random.random())
        for x, y in zip(random.uniform(-0.6, 0.6, 4), random.uniform(-0.45, -0.2, 4), strict=True)
    ]
    return Place(0.06, tuple(lights))


PLACES: tuple[Callable[[Generator], Place], ...] = (_curtain, _white_wall, _shelves, _windows, _plants, _dusk)
"""By the number that follows S in a name."""
