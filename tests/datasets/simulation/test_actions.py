"""The actions move as people can, and pairs of them are the same movement backwards or mirrored."""

import math

import numpy as np
import pytest

from neuroact.datasets.simulation.actions import ACTIONS, STANDING, Action, Manner, leg_between
from neuroact.datasets.simulation.scenes import LEG, Clothes, Pose
from neuroact.datasets.simulation.simulated import record
from neuroact.datasets.simulation.simulated_camera import PixelModel
from neuroact.datasets.simulation.stage import Hand, Stage, Thing

BY_NAME = {action.name: action for action in ACTIONS}
MANNERS = [Manner(), Manner(facing=-1, phase=0.3, tempo=1.3, reach=1.1, height=0.65, place=(0.2, 0.1), stoop=0.1)]
TIMES = np.linspace(0.0, 3.0, 61)
SIZE = (64, 48)
QUIET = PixelModel(mismatch=0.0, leak_hz=0.0, shot_hz=0.0)
CLOTHES = Clothes(0.7, 0.8, 0.9)


def stage(name: str, manner: Manner, **others: object) -> Stage:
    return Stage(BY_NAME[name], manner, CLOTHES, **others)  # type: ignore[arg-type]


def ankles(pose: Pose) -> list[tuple[float, float]]:
    shins = [capsule for capsule in pose.capsules(Clothes(0.1, 0.2, 0.9)) if capsule[5] >= 0.9 * 0.8 - 1e-9]
    return [(shin[2], shin[3]) for shin in shins[1::2]]


def test_names_are_different() -> None:
    assert len(BY_NAME) == len(ACTIONS) == 12


@pytest.mark.parametrize("manner", MANNERS)
@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
def test_knees_and_elbows_bend_as_they_can(action: Action, manner: Manner) -> None:
    for t in TIMES:
        pose = action.move(manner, float(t))
        for thigh, shin in zip(pose.thighs, pose.shins, strict=True):
            assert -0.02 <= pose.facing * (thigh - shin) <= 2.5  # a shin never swings before its thigh
        for upper, fore in zip(pose.upper_arms, pose.forearms, strict=True):
            assert pose.facing * (fore - upper) >= -1e-9  # seen from the side, elbows bend forward
            assert abs(fore - upper) < 2.5


@pytest.mark.parametrize("manner", MANNERS)
@pytest.mark.parametrize("name", ["sit down", "stand up", "squat", "turn arms clockwise", "raise arms"])
def test_feet_stay_on_the_floor(name: str, manner: Manner) -> None:
    floor = manner.place[1] + STANDING * manner.height
    for t in TIMES:
        for x, y in ankles(BY_NAME[name].move(manner, float(t))):
            assert y == pytest.approx(floor, abs=0.012)
            assert x == pytest.approx(manner.place[0], abs=0.08)


def test_a_jumper_leaves_the_floor_and_a_squatter_does_not() -> None:
    def highest(name: str) -> float:
        manner = Manner()
        floor = manner.place[1] + STANDING * manner.height
        return max(floor - max(y for _, y in ankles(BY_NAME[name].move(manner, float(t)))) for t in TIMES)

    assert highest("jump") == pytest.approx(0.15 * 0.75, abs=0.01)
    assert highest("squat") < 0.01


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
def test_nothing_jumps_from_one_place_to_another(action: Action) -> None:
    times = np.arange(0.0, 3.0, 0.004)
    shapes = np.array([action.move(Manner(), float(t)).capsules(0.5) for t in times])
    assert np.abs(np.diff(shapes[:, :, :4], axis=0)).max() < 0.02


@pytest.mark.parametrize(
    ("forth", "back"),
    [("raise arms", "lower arms"), ("sit down", "stand up"), ("turn arms clockwise", "turn arms counter-clockwise")],
)
def test_the_one_of_a_pair_is_the_other_backwards(forth: str, back: str) -> None:
    manner = MANNERS[1]
    for t in (0.0, 0.4, 1.3, 2.9):
        assert np.array_equal(stage(back, manner).draw(SIZE, t), stage(forth, manner).draw(SIZE, 3.0 - t))
    moving = stage(forth, manner).draw(SIZE, 1.3)
    assert not np.array_equal(moving, stage(forth, manner).draw(SIZE, 3.0 - 1.3))


@pytest.mark.parametrize(("left", "right"), [("walk left", "walk right"), ("wave left arm", "wave right arm")])
def test_the_one_of_a_pair_is_the_mirror_image_of_the_other(left: str, right: str) -> None:
    # Walkers cross the whole frame; the arm of somebody in the middle is at its own side.
    manner = Manner(place=(0.0, 0.08), phase=0.2)
    for t in (0.7, 1.5, 2.1):
        one, other = (BY_NAME[name].move(manner, t) for name in (left, right))
        assert one.mirrored() == other
        assert one != other


def test_clockwise_is_clockwise_on_the_screen() -> None:
    manner = Manner(phase=0.0)
    angles = [BY_NAME["turn arms clockwise"].move(manner, t).upper_arms[1] for t in (0.0, 0.1)]
    assert angles[0] == pytest.approx(0.0)
    assert math.sin(angles[1]) < 0  # from straight down to the left


@pytest.mark.parametrize("pair", [("raise arms", "lower arms"), ("turn arms clockwise", "turn arms counter-clockwise")])
def test_where_something_moved_is_the_same_for_both_of_a_pair(pair: tuple[str, str]) -> None:
    def activity(name: str, part: slice) -> np.ndarray:
        events = record(stage(name, Manner(phase=0.1)), 3_000_000, sensor_size=SIZE, pixel=QUIET, frame_us=5_000)
        late = events[events.t >= 1_500_000] if part.start else events
        return np.histogram2d(late.y, late.x, (12, 16), ((0, 48), (0, 64)))[0]

    def alike(one: np.ndarray, other: np.ndarray) -> float:
        return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])

    whole = alike(*(activity(name, slice(0, 1)) for name in pair))
    assert whole > 0.97


def test_a_knee_joins_hip_and_ankle() -> None:
    for facing in (-1, 1):
        thigh, shin = leg_between((0.0, 0.0), (0.1, 0.25), facing, 0.75)
        knee = 0.5 * LEG * 0.75 * math.sin(thigh), 0.5 * LEG * 0.75 * math.cos(thigh)
        ankle = knee[0] + 0.5 * LEG * 0.75 * math.sin(shin), knee[1] + 0.5 * LEG * 0.75 * math.cos(shin)
        assert ankle == pytest.approx((0.1, 0.25))
        assert facing * (knee[0] - 0.05) > 0  # in front of the line from hip to ankle


def test_a_still_stage_is_painted_as_a_moving_one_would_be() -> None:
    things = [Thing((-0.3, 0.0, 0.3, 0.0, 0.02), 0.8), Thing((0.1, -0.3, 0.1, 0.3, 0.03), 0.1)]
    nearly = Hand(((1e-12, 1.0, 0.0),), ())
    for name in ("sit down", "raise arms"):
        still, held = (stage(name, Manner(), things=things, hand=hand) for hand in (Hand(), nearly))
        for t in (0.0, 1.5, 2.5):
            assert still.draw(SIZE, t) == pytest.approx(held.draw(SIZE, t), abs=1e-6)


def test_things_sway_and_the_camera_moves_everything() -> None:
    swaying = Thing((0.0, -0.4, 0.0, -0.4, 0.05), 0.9, reach=(0.2, 0.0), per_s=1.0)
    x0, x1 = (swaying.capsule(t)[0] for t in (0.0, 0.25))
    assert (x0, x1) == pytest.approx((0.0, 0.2))
    hand = Hand(((0.1, 1.0, 0.25),), ((0.05, 1.0, 0.25),))
    still = stage("squat", Manner(), things=[swaying]).capsules(0.0)
    held = stage("squat", Manner(), things=[swaying], hand=hand).capsules(0.0)
    assert np.array(held) - np.array(still) == pytest.approx(np.tile([0.1, 0.05, 0.1, 0.05, 0.0, 0.0], (len(held), 1)))
