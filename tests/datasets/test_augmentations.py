"""The laws of every augmentation: what it keeps, what it may change and by how much, and that a seed decides it all."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from neuroact import Events, NoPolarity
from neuroact.datasets import augmentations
from neuroact.datasets.augmentations import (
    GESTURES_MIRRORED,
    GESTURES_REVERSED,
    Affine,
    Augmentation,
    CutMix,
    DropPolarity,
    Elastic,
    EraseGrowing,
    EraseRandom,
    EraseRectangles,
    EventAugmentation,
    EventDrop,
    JitterTime,
    Mirror,
    Retime,
    ReverseTime,
    Rotate,
    Scale,
    Shear,
    Shift,
    TensorAugmentation,
    ZeroLowValues,
    affine,
    cut_mix,
    drop_polarity,
    elastic,
    erase_growing,
    erase_random,
    erase_rectangles,
    event_drop,
    jitter_time,
    retime,
    reverse_time,
    rotate,
    scale,
    shear,
    shift,
    zero_low_values,
)
from tests.conftest import random_events

ALL: list[EventAugmentation] = [
    DropPolarity(probability=1),
    Affine(),
    Elastic(),
    EraseGrowing(),
    EraseRandom(),
    EraseRectangles(),
    EventDrop(),
    JitterTime(),
    Mirror(probability=1, axes="xy"),
    Retime(),
    ReverseTime(probability=1),
    Rotate(),
    Scale(),
    Shear(),
    Shift(),
]
KEEP_ALL = (JitterTime, Mirror, Retime, ReverseTime)
each = pytest.mark.parametrize("step", ALL, ids=lambda step: step.kind)
seeds = st.integers(0, 10_000)


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def rows(events: Events) -> set[tuple[int, ...]]:
    return set(zip(events.t.tolist(), events.x.tolist(), events.y.tolist(), events.p.tolist(), strict=True))


def in_order(events: Events) -> bool:
    return bool((events.t[1:] >= events.t[:-1]).all())


@st.composite
def streams(draw: st.DrawFn) -> Events:
    """Few events, many of them alike, on a small sensor; time may run backwards."""
    event = st.tuples(st.integers(-50, 3000), st.integers(0, 12), st.integers(0, 8), st.integers(0, 1))
    drawn = draw(st.lists(event, max_size=40))
    if draw(st.booleans()):
        drawn.sort()
    t, x, y, p = zip(*drawn, strict=True) if drawn else ((), (), (), ())
    return Events(*(np.array(column, np.int64) for column in (t, x, y, p)), (13, 9))  # type: ignore[arg-type]


def test_every_augmentation_is_under_these_laws() -> None:
    classes = {value for value in vars(augmentations).values() if isinstance(value, type)}
    steps = {value for value in classes if issubclass(value, EventAugmentation)} - {EventAugmentation}
    assert steps == {type(step) for step in ALL}
    others = {value for value in classes if issubclass(value, Augmentation)} - steps
    assert others == {Augmentation, EventAugmentation, TensorAugmentation, ZeroLowValues, CutMix}
    kinds = [value.model_fields["kind"].default for value in steps | {ZeroLowValues, CutMix}]
    assert len(set(kinds)) == len(kinds)


@each
@given(events=streams(), seed=seeds)
def test_events_stay_on_the_sensor_in_the_span_and_in_order(step: EventAugmentation, events: Events, seed: int) -> None:
    before = {name: getattr(events, name).copy() for name in "txyp"}
    augmented = step.apply(events, generator(seed))
    for name, column in before.items():
        np.testing.assert_array_equal(getattr(events, name), column)
    assert augmented.sensor_size == events.sensor_size
    assert len(augmented) == len(events) if isinstance(step, KEEP_ALL) else len(augmented) <= len(events)
    if len(augmented):
        assert augmented.x.max() < 13
        assert augmented.y.max() < 9
        assert events.span[0] <= augmented.span[0] <= augmented.span[1] <= events.span[1]
    if in_order(events) or isinstance(step, JitterTime):
        assert in_order(augmented)
    assert step.apply(events, generator(seed)) == augmented


@each
def test_another_seed_is_another_sample_and_no_column_is_written(step: EventAugmentation) -> None:
    events = random_events(3000)
    for name in "txyp":
        getattr(events, name).flags.writeable = False
    results = [step.apply(events, generator(seed)) for seed in range(8)]
    fixed = isinstance(step, Mirror | ReverseTime)
    assert all(result == results[0] for result in results) == fixed
    assert any(result != events for result in results)


@each
def test_no_events_are_fine(step: EventAugmentation) -> None:
    empty = Events.empty((13, 9))
    assert step.apply(empty, generator()) == empty


@each
def test_probability_decides_how_often(step: EventAugmentation) -> None:
    events = random_events(300)
    never = step.model_copy(update={"probability": 0.0})
    assert all(never(events, 3, generator(seed)) == (events, 3) for seed in range(20))
    half = step.model_copy(update={"probability": 0.5})
    rng = generator(1)
    assert 60 < sum(half.chosen(rng) for _ in range(200)) < 140


@given(events=streams(), seed=seeds)
def test_erased_events_are_gone_and_others_as_they_were(events: Events, seed: int) -> None:
    for erase in (erase_random, erase_growing, erase_rectangles, drop_polarity, event_drop):
        assert rows(erase(events, generator(seed))) <= rows(events)


def test_random_erasure_takes_at_most_its_share_evenly() -> None:
    events = random_events(10_000)
    left = [len(erase_random(events, generator(seed))) for seed in range(200)]
    assert 8500 <= min(left) < 8600
    assert max(left) > 9900
    assert np.mean(left) == pytest.approx(9250, abs=80)
    kept = erase_random(events, generator(3), most=1.0)
    assert np.median(kept.t) == pytest.approx(np.median(events.t), rel=0.05)


def test_growing_erasure_grows_forward_or_backward_to_a_third() -> None:
    t = np.arange(50_000)
    events = Events(t, t % 64, t % 48, t % 2, (64, 48))  # type: ignore[arg-type]
    directions = set()
    for seed in range(12):
        kept = erase_growing(events, generator(seed))
        missing = 1 - np.histogram(kept.t, 10, (0, 50_000))[0] / 5_000
        expected = 0.35 * (np.arange(10) + 0.5) / 10
        forward = missing[-1] > missing[0]
        np.testing.assert_allclose(missing if forward else missing[::-1], expected, atol=0.03)
        directions.add(bool(forward))
    assert directions == {True, False}
    still = events.replace(t=np.zeros(50_000, np.int64))
    assert all(len(erase_growing(still, generator(seed), most=1.0)) == 50_000 for seed in range(4))


def test_two_rectangles_of_a_sixth_to_a_fifth_of_the_height_are_empty() -> None:
    y, x = np.divmod(np.arange(320 * 240), 320)
    events = Events(np.arange(x.size), x, y, x % 2, (320, 240))  # type: ignore[arg-type]
    for seed in range(8):
        one = erase_rectangles(events, generator(seed), count=1)
        gone = np.setdiff1d(np.arange(x.size), one.t)
        across, down = np.unique(x[gone]), np.unique(y[gone])
        for side in (across, down):
            assert 40 <= side.size <= 48
            assert side[-1] - side[0] + 1 == side.size
        assert gone.size == across.size * down.size
        assert 40 * 40 < x.size - len(erase_rectangles(events, generator(seed))) <= 2 * 48 * 48


def test_a_dropped_polarity_is_gone_and_the_other_whole() -> None:
    events = random_events(1000)
    left = set()
    for seed in range(12):
        kept = drop_polarity(events, generator(seed))
        assert len(set(kept.p.tolist())) == 1
        assert kept == events[events.p == kept.p[0]]
        left.add(int(kept.p[0]))
    assert left == {0, 1}
    with pytest.raises(NoPolarity):
        drop_polarity(events.replace(has_polarity=False), generator())


@given(events=streams(), seed=seeds, intervals=st.integers(1, 9))
def test_retiming_keeps_the_span_and_the_order_of_any_two_events(events: Events, seed: int, intervals: int) -> None:
    retimed = retime(events, generator(seed), intervals)
    assert retimed.span == events.span
    order = np.argsort(events.t, kind="stable")
    assert in_order(retimed[order])
    same = events.t[order][1:] == events.t[order][:-1]
    assert (np.diff(retimed.t[order])[same] == 0).all()
    np.testing.assert_array_equal(np.stack((retimed.x, retimed.y, retimed.p)), np.stack((events.x, events.y, events.p)))


def test_retiming_is_uneven_and_uses_every_curve(monkeypatch: pytest.MonkeyPatch) -> None:
    t = np.arange(0, 1_000_000, 100)
    zero = np.zeros(t.size, np.int64)
    events = Events(t, zero, zero, zero, (1, 1))  # type: ignore[arg-type]
    speeds = [np.diff(retime(events, generator(seed)).t) for seed in range(40)]
    assert sum(speed.max() > 1.5 * speed.min() for speed in speeds) > 30

    shapes = {}
    for curve in ("identity", "linear", "power", "exp", "cos"):
        monkeypatch.setattr("neuroact.datasets.augmentations.retiming.CURVES", (curve,))
        shapes[curve] = retime(events, generator(5), intervals=1).t / t[-1]
    s = t / t[-1]
    np.testing.assert_allclose(shapes["identity"], s, atol=1e-6)
    np.testing.assert_allclose(shapes["linear"], s, atol=1e-6)
    np.testing.assert_allclose(shapes["cos"], (1 - np.cos(np.pi * s)) / 2, atol=1e-6)
    k = np.log(shapes["power"][5000]) / np.log(s[5000])
    assert 0.5 <= k <= 2
    assert abs(k - 1) > 0.05
    np.testing.assert_allclose(shapes["power"], s**k, atol=1e-5)
    half = shapes["exp"][5000]  # (e^(k/2) - 1) / (e^k - 1) = 1 / (e^(k/2) + 1)
    exponent = 2 * np.log(1 / half - 1)
    assert 0.05 < abs(exponent) <= 2
    np.testing.assert_allclose(shapes["exp"], np.expm1(exponent * s) / np.expm1(exponent), atol=1e-3)


def test_linear_intervals_change_their_length() -> None:
    t = np.arange(0, 1_000_000, 100)
    zero = np.zeros(t.size, np.int64)
    events = Events(t, zero, zero, zero, (1, 1))  # type: ignore[arg-type]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("neuroact.datasets.augmentations.retiming.CURVES", ("linear",))
        speeds = np.diff(retime(events, generator(2)).t)
    kinds = np.unique(np.round(speeds, -1))
    assert 2 <= kinds.size <= 9
    assert speeds.max() / speeds.min() <= 4.2


@given(events=streams(), seed=seeds)
def test_a_shift_moves_all_by_the_same_whole_pixels(events: Events, seed: int) -> None:
    middle = events[(events.x >= 4) & (events.x < 9) & (events.y >= 3) & (events.y < 6)]
    moved = shift(middle, generator(seed), most=0.3)
    assert len(moved) == len(middle)
    for name, most in (("x", 4), ("y", 3)):
        steps = set((getattr(moved, name).astype(int) - getattr(middle, name)).tolist())
        assert len(steps) <= 1
        assert all(abs(step) <= most for step in steps)


def corner(position: tuple[int, int], size: tuple[int, int] = (101, 81)) -> Events:
    return Events([5], [position[0]], [position[1]], [1], size)  # type: ignore[arg-type]


MOVES: list[Callable[..., Events]] = [shift, scale, rotate, shear, affine, elastic]


@pytest.mark.parametrize("move", MOVES)
def test_what_leaves_the_sensor_is_dropped(move: Callable[..., Events]) -> None:
    events = random_events(4000, (101, 81))
    left = [len(move(events, generator(seed))) for seed in range(20)]
    assert min(left) < 4000
    assert min(left) > 2000
    lone = [len(move(corner((0, 0)), generator(seed))) for seed in range(40)]
    assert set(lone) == {0, 1}


def test_scale_and_rotation_are_about_the_centre() -> None:
    centre = corner((50, 40))
    factors, angles = [], []
    for seed in range(300):
        assert scale(centre, generator(seed)) == centre == rotate(centre, generator(seed))
        factors.append((int(scale(corner((90, 40)), generator(seed)).x[0]) - 50) / 40)
        turned = rotate(corner((90, 40)), generator(seed))
        along, across = int(turned.x[0]) - 50, int(turned.y[0]) - 40
        assert along**2 + across**2 == pytest.approx(1600, abs=60)
        angles.append(np.degrees(np.arctan2(across, along)))
    assert 0.8 <= min(factors) < 0.83
    assert 1.21 < max(factors) <= 1.25
    assert -15.8 < min(angles) < -13
    assert 13 < max(angles) < 15.8


def test_shear_moves_rows_sideways_about_the_middle_one() -> None:
    slants = []
    for seed in range(300):
        moved = [shear(corner((50, y)), generator(seed), most=0.2) for y in (20, 40, 60)]
        assert [int(event.y[0]) for event in moved] == [20, 40, 60]
        above, middle, below = (int(event.x[0]) - 50 for event in moved)
        assert middle == 0
        assert abs(above + below) <= 1
        slants.append(below / 20)
    assert -0.2 <= min(slants) < -0.17
    assert 0.17 < max(slants) <= 0.2


STILL = {"rotate": 0.0, "shear": 0.0, "smallest": 1.0, "largest": 1.0, "shift": 0.0}
"""An affine map that changes nothing."""


def test_affine_without_movement_changes_nothing() -> None:
    events = random_events(4000, (101, 81))
    assert affine(events, generator(), **STILL) == events


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"rotate": 20.0}, lambda a, x, y: (np.cos(a) * x - np.sin(a) * y, np.sin(a) * x + np.cos(a) * y)),
        ({"shear": 0.3}, lambda a, x, y: (x + a * y, y)),
        ({"smallest": 0.7, "largest": 1.4}, lambda a, x, y: (a * x, a * y)),
    ],
    ids=["rotation", "shear", "scale"],
)
def test_affine_is_one_map_about_the_centre(settings: dict[str, float], expected: Callable[..., object]) -> None:
    """Three crowds of events each go, on average, to less than a quarter of a pixel from where one map takes them."""
    places = np.array([(20, 0), (0, 15), (-12, -9)])
    crowd = np.repeat(places + np.array([50, 40]), 4000, 0)
    zeros = np.zeros(len(crowd), int)
    events = Events(zeros, crowd[:, 0], crowd[:, 1], zeros, (101, 81))  # type: ignore[arg-type]
    found = []
    for seed in range(30):
        moved = affine(events, generator(seed), **{**STILL, **settings})
        x, y = (np.array(axis, float).reshape(3, 4000).mean(1) for axis in (moved.x - 50.0, moved.y - 40.0))
        amount = {"rotate": np.arctan2(y[0], x[0]), "shear": x[1] / 15, "smallest": x[0] / 20}[next(iter(settings))]
        np.testing.assert_allclose((x, y), expected(amount, *places.T), atol=0.25)
        found.append(np.rad2deg(amount) if "rotate" in settings else amount)
    low, high = (settings["smallest"], settings["largest"]) if "smallest" in settings else (
        -max(settings.values()), max(settings.values()),
    )  # fmt: skip
    assert low - 0.05 <= min(found) < low + 0.2 * (high - low)
    assert high - 0.2 * (high - low) < max(found) <= high + 0.05


def test_affine_shifts_by_parts_of_pixels_and_leaves_no_stripes() -> None:
    crowd = Events(*np.array([[0] * 4000, [50] * 4000, [40] * 4000, [1] * 4000]), (101, 81))  # type: ignore[arg-type]
    offsets = [
        (np.mean(moved.x) - 50, np.mean(moved.y) - 40)
        for moved in (affine(crowd, generator(seed), **{**STILL, "shift": 0.1}) for seed in range(40))
    ]
    assert np.abs(np.array(offsets) - np.rint(offsets)).max() > 0.4
    assert 8 < np.abs(offsets).max(0)[0] <= 10.1
    assert 6 < np.abs(offsets).max(0)[1] <= 8.1
    full = np.indices((81, 101)).reshape(2, -1).repeat(20, 1)
    zeros = np.zeros(full.shape[1], int)
    events = Events(zeros, full[1], full[0], zeros, (101, 81))  # type: ignore[arg-type]
    larger = affine(events, generator(), **{**STILL, "smallest": 1.3, "largest": 1.3})
    counts = np.zeros((81, 101), int)
    np.add.at(counts, (larger.y, larger.x), 1)
    assert counts.min() > 0


def test_elastic_moves_neighbours_alike_and_corners_by_the_spread() -> None:
    """One cell of 101 x 101 pixels: between its corners, displacements are bilinear to within the rounding."""
    places = [(x, y) for x in (20, 50, 80) for y in (20, 50, 80)]
    x, y = np.array(places).T
    still = Events(np.zeros(9, int), x, y, np.ones(9, int), (101, 101))  # type: ignore[arg-type]
    displacements = []
    for seed in range(400):
        moved = elastic(still, generator(seed), spread=0.05, cells=1)
        change = np.stack([moved.x - x, moved.y - y], -1).reshape(3, 3, 2)  # column, row, (x, y)
        assert np.abs(change[0] + change[2] - 2 * change[1]).max() <= 2
        assert np.abs(change[:, 0] + change[:, 2] - 2 * change[:, 1]).max() <= 2
        displacements.append(change[1, 1])
    # The middle is the mean of four corners, whose spread is 5 % of 101 pixels.
    np.testing.assert_allclose(np.std(displacements, axis=0), 5.05 / 2, rtol=0.15)
    np.testing.assert_allclose(np.mean(displacements, axis=0), 0, atol=0.5)


@given(events=streams())
def test_mirroring_and_reversal_are_their_own_inverses(events: Events) -> None:
    mirror = Mirror()
    assert mirror.apply(mirror.apply(events, generator()), generator()) == events
    assert reverse_time(reverse_time(events)) == events
    assert reverse_time(events).span == events.span
    assert (reverse_time(events).p == 1 - events.p[::-1]).all()


def test_mirroring_turns_columns_and_labels() -> None:
    events = random_events(500)
    mirrored, label = Mirror(probability=1, swaps=GESTURES_MIRRORED)(events, 3, generator())
    np.testing.assert_array_equal(mirrored.x, 63 - events.x)
    np.testing.assert_array_equal(mirrored.y, events.y)
    assert label == 6
    relabelled = [Mirror(swaps=GESTURES_MIRRORED).relabel(label) for label in range(11)]
    assert relabelled == [0, 2, 1, 6, 5, 4, 3, 7, 8, 9, 10]
    assert [ReverseTime(swaps=GESTURES_REVERSED).relabel(k) for k in range(11)] == [0, 1, 2, 4, 3, 6, 5, 7, 8, 9, 10]
    assert Mirror(probability=0, swaps=GESTURES_MIRRORED)(events, 3, generator()) == (events, 3)


def test_reversal_leaves_out_what_has_no_name_backward() -> None:
    events = random_events(500)
    step = ReverseTime(probability=1, swaps=((0, 1),), never=frozenset({2}))
    assert step(events, 2, generator()) == (events, 2)
    assert step(events, 0, generator()) == (reverse_time(events), 1)
    grey = events.replace(p=np.zeros(500), has_polarity=False)
    assert (reverse_time(grey).p == 0).all()


def test_jitter_is_as_large_as_asked_and_events_keep_their_pixels() -> None:
    t = np.arange(0, 20_000_000, 2000)
    events = Events(t, t // 2000 % 100, t // 2000 // 100, t // 2000 % 2, (100, 100))  # type: ignore[arg-type]
    jittered = jitter_time(events, generator(), sigma_us=700)
    place = jittered.y.astype(int) * 100 + jittered.x
    assert sorted(place.tolist()) == list(range(10_000))
    assert (jittered.p == place % 2).all()
    assert (jittered.t - 2000 * place).std() == pytest.approx(700, rel=0.05)


def test_event_drop_does_one_of_four_and_never_all() -> None:
    t = np.arange(10_000)
    events = Events(t, t % 100, t // 100, t % 2, (100, 100))  # type: ignore[arg-type]
    kinds = {"identity": 0, "time": 0, "area": 0, "random": 0}
    for seed in range(200):
        kept = event_drop(events, generator(seed))
        gone = np.setdiff1d(t, kept.t)
        if not gone.size:
            kinds["identity"] += 1
        elif gone[-1] - gone[0] + 1 == gone.size:
            kinds["time"] += 1
            assert gone.size <= 9_001
        elif np.unique(gone % 100).size * np.unique(gone // 100).size == gone.size:
            kinds["area"] += 1
            assert max(np.unique(gone % 100).size, np.unique(gone // 100).size) <= 26
        else:
            kinds["random"] += 1
            assert 999 <= gone.size <= 9_000
    assert all(30 <= times <= 70 for times in kinds.values()), kinds
    assert len(event_drop(events, generator(), ways=("random",), most_random=1.0)) > 0
    single = random_events(1)
    assert all(len(event_drop(single, generator(seed))) == 1 for seed in range(50))


@given(events=streams(), other=streams(), seed=seeds)
def test_cut_mix_puts_a_stretch_of_one_into_the_other(events: Events, other: Events, seed: int) -> None:
    mixed, weight = cut_mix(events, other, generator(seed))
    assert 0 <= weight <= 1
    if not len(events) or not len(other):
        assert (mixed, weight) == (events, 0)
        return
    begun = other.replace(t=other.t - other.span[0] + events.span[0])
    assert rows(mixed) <= rows(events) | rows(begun)
    first, last = events.span
    if weight == 0:
        assert rows(mixed) == rows(events)
    if weight == 1:
        assert mixed == begun.between(first, last + 1)
    if len(mixed):
        assert first <= mixed.span[0] <= mixed.span[1] <= last
    if in_order(events) and in_order(other):
        assert in_order(mixed)


def test_the_weight_is_the_stretchs_share_of_time() -> None:
    t = np.arange(10_000)
    one = Events(t, t * 0, t * 0, t * 0, (4, 4))  # type: ignore[arg-type]
    other = Events(t + 777, t * 0 + 1, t * 0, t * 0, (4, 4))  # type: ignore[arg-type]
    weights = []
    for seed in range(100):
        mixed, weight = cut_mix(one, other, generator(seed))
        inside = mixed.t[mixed.x == 1]
        assert inside.size == pytest.approx(weight * 10_000)
        assert (np.diff(inside) == 1).all()
        np.testing.assert_array_equal(mixed.t, t)
        weights.append(weight)
    assert np.mean(weights) == pytest.approx(0.5, abs=0.1)
    assert min(weights) < 0.1 < 0.9 < max(weights)
    with pytest.raises(ValueError, match="different sensors"):
        cut_mix(one, random_events(5), generator())


@pytest.mark.parametrize("dtype", [np.float32, np.int32, np.uint8])
def test_low_values_become_zero(dtype: type) -> None:
    tensor = np.arange(24).reshape(2, 3, 4).astype(dtype) - np.array(0 if dtype is np.uint8 else 12, dtype)
    before = tensor.copy()
    low = zero_low_values(tensor, 5)
    assert low.dtype == dtype
    np.testing.assert_array_equal(tensor, before)
    np.testing.assert_array_equal(low != 0, np.abs(tensor.astype(int)) >= 5)
    np.testing.assert_array_equal(low[low != 0], tensor[low != 0])
    np.testing.assert_array_equal(ZeroLowValues(threshold=5)(tensor, generator()), low)
    assert ZeroLowValues(threshold=5, probability=0)(tensor, generator()) is tensor


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: EraseRandom(most=1.5),
        lambda: EraseRectangles(smallest=0.3),
        lambda: Scale(smallest=2),
        lambda: Mirror(swaps=((1, 2), (2, 3))),
        lambda: Mirror(swaps=((1, 1),)),
        lambda: ReverseTime(swaps=((1, 2), (1, 3))),
        lambda: EventDrop(ways=()),
        lambda: Retime(intervals=0),
        lambda: Rotate(most=-1),
        lambda: Shear(most=-0.1),
        lambda: Elastic(spread=-0.1),
        lambda: Elastic(cells=0),
        lambda: Affine(smallest=2.0),
        lambda: Shift(probability=2),
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: Callable[[], Augmentation]) -> None:
    with pytest.raises(ValidationError):
        wrong()
