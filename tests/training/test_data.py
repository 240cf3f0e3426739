"""What is learned from and validated on, and the batches of ranks."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuroact.datasets.loading.order import epoch_order
from neuroact.datasets.store.request import Settings
from neuroact.errors import DatasetError
from neuroact.training.configs import DataConfig
from neuroact.training.data import Batches, held_out, load_parts
from tests.datasets.builders import converted, write_recordings

PEOPLE = {f"{number}.raw": f"person {number % 4}" for number in range(12)}
HELD_OUT: dict[str, tuple[list[str], dict[str, str | None], float, int]] = {
    "whole people": (list(PEOPLE), {**PEOPLE}, 0.25, 3),
    "people, rounded up": (list(PEOPLE), {**PEOPLE}, 0.3, 6),
    "whole recordings where nobody is named": (["a"] * 4 + ["b"] * 4, {"a": None, "b": None}, 0.1, 4),
    "all parts of a recording": (["a#1", "a#2", "b#1", "b#2"], {}, 0.1, 2),
    "never everything": (["a", "b"], {}, 0.9, 1),
}
SHARED = [(8, 1, 1), (8, 2, 1), (8, 4, 1), (8, 2, 2), (8, 1, 4), (6, 3, 2)]
"""Samples of a batch, ranks, parts."""


def config(source: object, **settings: Any) -> DataConfig:
    return DataConfig.model_validate({"source": str(source), "encoder": {"kind": "spikes", "steps": 2}} | settings)


@pytest.mark.parametrize(("names", "subjects", "share", "count"), HELD_OUT.values(), ids=HELD_OUT)
def test_what_belongs_together_is_held_out_together(
    names: list[str], subjects: dict[str, str | None], share: float, count: int
) -> None:
    drawn = set()
    for seed in range(8):
        held = held_out(names, subjects, share, seed)
        assert held.sum() == count
        groups = np.array([subjects.get(name) or name.partition("#")[0] for name in names])
        assert not set(groups[held]) & set(groups[~held])
        assert (held == held_out(names, subjects, share, seed)).all()
        drawn.add(held.tobytes())
    assert len(drawn) > 1


def test_recordings_of_a_single_person_are_parted() -> None:
    names = ["a#1", "a#2", "b#1", "b#2"]
    held = held_out(names, dict.fromkeys(names, "x"), 0.1, 0)
    assert held.tolist() in ([True, True, False, False], [False, False, True, True])


def test_one_recording_cannot_be_parted() -> None:
    with pytest.raises(DatasetError, match="nothing to hold out"):
        held_out(["a#1", "a#2"], {"a#1": "x", "a#2": "x"}, 0.5, 0)


def test_training_samples_are_augmented_and_those_to_validate_on_are_not(root: Path) -> None:
    settings = {"hold_out": 0.25, "augment": [{"kind": "shift", "most": 0.5}]}
    training, validation = load_parts(config(f"nmnist:{root}", **settings), 0)
    assert (len(training), len(validation), training.kind) == (18, 6, "spikes")
    assert not set(training.positions) & set(validation.positions)
    place = int(training.positions[0])
    assert (training.examples[0, place].data != training.examples[1, place].data).any()
    assert (validation.examples[0, place].data == validation.examples[1, place].data).all()


def test_splits_are_taken_by_name(root: Path) -> None:
    with pytest.raises(
        DatasetError, match=r"'val'; there are test, train; data\.hold_out=0\.1 validates on a tenth of"
    ):
        load_parts(config(f"nmnist:{root}"), 0)


def test_a_store_is_split_as_its_recordings_are(root: Path, tmp_path: Path) -> None:
    store = converted(root, tmp_path / "store")
    of_recordings = load_parts(config(f"nmnist:{root}", hold_out=0.25), 3)
    of_store = load_parts(config(store.path, hold_out=0.25), 3)
    for one, other in zip(of_recordings, of_store, strict=True):
        assert (one.positions == other.positions).all()
        place = int(one.positions[0])
        assert (one.examples[place].data == other.examples[place].data).all()


@pytest.mark.parametrize(
    ("cut", "asked", "fits"),
    [
        ({}, {}, True), ({}, {"windows": 1}, True), ({"windows": 2}, {}, True), ({"windows": 2}, {"windows": 2}, True),
        ({"window": 500}, {"window": 500, "stride": 500}, True), ({}, {"windows": 2}, False),
        ({"window": 500}, {"window": 500, "stride": 250}, False), ({"windows": 2}, {"window": 500}, False),
    ],
)  # fmt: skip
def test_a_store_must_be_cut_as_asked(
    cut: Settings, asked: dict[str, int], fits: bool, root: Path, tmp_path: Path
) -> None:
    store = converted(root, tmp_path / "store", **cut)
    wanted = config(store.path, hold_out=0.25, **asked)
    if fits:
        assert len(load_parts(wanted, 0)[0])
    else:
        with pytest.raises(ValueError, match="cut into other windows than data"):
            load_parts(wanted, 0)


def test_recordings_without_a_label_are_refused(tmp_path: Path) -> None:
    write_recordings(tmp_path, ["a.raw", "b.raw"])
    with pytest.raises(DatasetError, match=r"a\.raw has no label"):
        load_parts(config(tmp_path, train="all", hold_out=0.5), 0)


def test_adaptive_frames_have_a_number_and_every_event(root: Path) -> None:
    encoder = {"kind": "adaptive_frames", "frames": 5, "minimum_events": 20}
    training, validation = load_parts(config(f"nmnist:{root}", encoder=encoder, hold_out=0.25), 0)
    counted, _ = load_parts(config(f"nmnist:{root}", hold_out=0.25, encoder={"kind": "frames", "frames": 1}), 0)
    place = int(training.positions[0])
    frames = np.asarray(training.examples[place].data)
    assert (frames.shape, training.kind, validation.kind) == ((5, 2, 34, 34), "adaptive_frames", "adaptive_frames")
    assert (frames.sum(0) == np.asarray(counted.examples[place].data)[0]).all()
    assert (frames.sum((1, 2, 3))[:4] > 0).all()


def test_recordings_need_an_encoder(root: Path) -> None:
    with pytest.raises(ValueError, match=r"data\.encoder is missing"):
        load_parts(config(f"nmnist:{root}", encoder=None, hold_out=0.5), 0)


@pytest.mark.parametrize(("batch", "ranks", "parts"), SHARED)
def test_ranks_and_parts_share_the_same_batches(batch: int, ranks: int, parts: int) -> None:
    positions = np.arange(100, 100 + 3 * batch + 1)
    of_ranks = []
    for rank in range(ranks):
        batches = Batches(positions, batch=batch, rank=rank, ranks=ranks, parts=parts, shuffle=True, seed=5)
        batches.begin(2)
        assert batches.steps == 3
        of_ranks.append(list(batches))
    assert {len(micro) for mine in of_ranks for micro in mine} == {batch // ranks // parts}
    order = positions[epoch_order(positions.size, seed=5, epoch=2)]
    for step in range(3):
        together = [key for mine in of_ranks for micro in mine[step * parts : (step + 1) * parts] for key in micro]
        assert together == [(2, place, 0) for place in order[step * batch : (step + 1) * batch]]


@pytest.mark.parametrize("step", range(4))
def test_an_epoch_can_begin_at_any_step(step: int) -> None:
    batches = Batches(np.arange(25), batch=8, ranks=2, rank=1, parts=2, shuffle=True)
    batches.begin(1)
    whole = list(batches)
    batches.begin(1, step)
    assert list(batches) == whole[2 * step :]


def test_every_sample_is_validated_on_once() -> None:
    batches = [Batches(np.arange(50, 63), batch=4, rank=rank, ranks=2) for rank in range(2)]
    assert sorted(key for mine in batches for micro in mine for key in micro) == [(0, p, 0) for p in range(50, 63)]


def test_the_second_views_of_a_batch_follow_the_first_in_the_same_order() -> None:
    one, two = (Batches(np.arange(25), batch=8, parts=2, views=views, shuffle=True) for views in (1, 2))
    assert one.steps == two.steps
    for first, both in zip(one, two, strict=True):
        assert both == first + [(epoch, index, 1) for epoch, index, _ in first]
