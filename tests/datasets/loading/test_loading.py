"""The same samples from recordings and from a store, in any process, in any epoch."""

import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch.utils.data import DataLoader

from neuroact import DatasetError, Events, RecordingError, write_recording
from neuroact.datasets import Store
from neuroact.datasets.augmentations import CutMix, EraseRandom, Mirror, ReverseTime, Shift, ZeroLowValues
from neuroact.datasets.loading import Examples, load_recordings, load_store
from neuroact.datasets.loading.clips import StoreClips
from neuroact.datasets.sources import Collection, collect
from neuroact.encoders import VoxelGrid, Window, hot_pixels, polarity, resize
from neuroact.encoders.configs import Encoder, FramesConfig, PointsConfig, SpikesConfig, SurfaceConfig, VoxelConfig
from neuroact.encoders.filter_configs import HotPixelsFilter, PolarityFilter, RefractoryFilter
from neuroact.errors import CorruptRecording, EncodingError, TruncatedRecording
from neuroact.recordings import DamageWarning
from tests.conftest import random_events
from tests.datasets.builders import converted, nmnist_bytes, write_nmnist, write_recordings

ENCODERS: list[Encoder] = [
    VoxelConfig(bins=4, split_polarity=True),
    FramesConfig(frames=3),
    FramesConfig(frames=3, by="count", mode="binary"),
    SurfaceConfig(),
    PointsConfig(points=64, polarity=True),
    SpikesConfig(steps=6, max_spikes=3),
    SpikesConfig(step_us=700),
]
CUTS: list[dict[str, Any]] = [{}, {"windows": 3}, {"window": 900}, {"window": 1500, "stride": 400}]
RANDOM = (Mirror(swaps=((0, 1),)), EraseRandom(), ReverseTime(), Shift())


def nmnist(root: Path, each: int = 2) -> Collection:
    write_nmnist(root, each)
    return collect([root])


def same(one: Examples, other: Examples) -> bool:
    return len(one) == len(other) and all(
        np.array_equal(a.data, b.data) and np.array_equal(a.label, b.label) for a, b in zip(one, other, strict=True)
    )


@pytest.mark.parametrize("cut", CUTS, ids=str)
@pytest.mark.parametrize("encoder", ENCODERS, ids=str)
def test_recordings_and_stores_give_the_same_samples(tmp_path: Path, encoder: Encoder, cut: dict[str, Any]) -> None:
    filters = (RefractoryFilter(period_us=50),)
    settings = cut | {"filters": filters, "size": (24, 20), "time_origin": "zero"}
    found = nmnist(tmp_path / "in")
    raw = load_recordings(found, split="train", to=encoder, **settings)
    tensors = load_store(converted(tmp_path / "in", tmp_path / "tensors", to=encoder, **settings), split="train")
    events = load_store(converted(tmp_path / "in", tmp_path / "events", **settings), split="train", to=encoder)
    assert len(raw) == len(tensors) == len(events) >= 6
    for one, other, third in zip(raw, tensors, events, strict=True):
        assert one.data.dtype == other.data.dtype == encoder.dtype
        assert np.any(one.data)
        assert one.label == other.label == third.label
        np.testing.assert_array_equal(one.data, other.data)
        np.testing.assert_array_equal(one.data, third.data)
    assert list(raw.labels) == list(tensors.labels) == [example.label for example in raw]
    assert raw.names == tensors.names
    assert raw.classes == tensors.classes == tuple("0123456789")


def test_a_split_has_its_recordings_alone(tmp_path: Path) -> None:
    found = nmnist(tmp_path / "in")
    store = converted(tmp_path / "in", tmp_path / "out", windows=2)
    for examples in (
        load_recordings(found, split="test", windows=2, to="voxel"),
        load_store(store, split="test", to=VoxelConfig()),
    ):
        assert list(examples.labels) == [0, 0, 0, 0, 1, 1, 1, 1, 7, 7, 7, 7]
        assert {name[:5] for name in examples.names} == {"Test/"}
    for load in (
        lambda: load_recordings(found, split="val", to="voxel"),
        lambda: load_store(store, split="val", to=VoxelConfig()),
    ):
        with pytest.raises(DatasetError, match="the split 'val'; there are test, train"):
            load()


def test_filters_apply_to_the_events_of_a_store(tmp_path: Path) -> None:
    found = nmnist(tmp_path / "in")
    filters = (PolarityFilter(keep="on"), HotPixelsFilter())
    store = converted(tmp_path / "in", tmp_path / "out")
    examples = load_store(store, to=VoxelConfig(), filters=filters, size=(17, 17))
    assert len(examples) == len(found.sources)
    for example, sample in zip(examples, store, strict=True):
        assert isinstance(sample.data, Events)
        expected = resize(hot_pixels(polarity(sample.data, "on")), (17, 17))
        grid = VoxelGrid((17, 17), Window(sample.start, sample.stop))
        grid.add(expected)
        np.testing.assert_array_equal(example.data, grid.result())


def test_a_span_is_all_there_is_of_a_recording(tmp_path: Path) -> None:
    write_recordings(tmp_path, ["a.raw"])
    found = collect([tmp_path])
    source = found.sources[0]
    events = random_events(500, seed=0)
    span = (int(events.t[100]), int(events.t[300]))
    part = Collection((type(source)(source.path, source.size, "a", span=span),), (), False, (), ())
    inside = events.between(*span)
    for origin in ("camera", "zero"):
        example = load_recordings(part, to=FramesConfig(frames=1), time_origin=origin)[0]
        assert example.data.sum() == len(inside) == 200
        assert example.label == -1


def test_what_a_sample_becomes_is_a_function_of_seed_epoch_and_index(tmp_path: Path) -> None:
    found = nmnist(tmp_path / "in")
    one, other = (load_recordings(found, to="voxel", augment=RANDOM, seed=3) for _ in range(2))
    backward = [other[index] for index in reversed(range(len(other)))][::-1]
    for a, b in zip(one, backward, strict=True):
        np.testing.assert_array_equal(a.data, b.data)
        assert a.label == b.label
    assert not same(one, load_recordings(found, to="voxel", augment=RANDOM, seed=4))
    other.set_epoch(1)
    assert not same(one, other)
    for index in range(len(one)):
        np.testing.assert_array_equal(one[1, index].data, other[index].data)
        np.testing.assert_array_equal(other[0, index].data, one[index].data)
    with pytest.raises(ValueError, match="an epoch is 0 or more, not -1"):
        one.set_epoch(-1)


def test_views_of_a_sample_are_augmented_apart(tmp_path: Path) -> None:
    examples = load_recordings(nmnist(tmp_path / "in"), to="voxel", augment=RANDOM, mix=CutMix(), seed=3)
    for index in range(len(examples)):
        views = [examples[2, index, view].data for view in range(3)]
        np.testing.assert_array_equal(views[0], examples[2, index].data)
        np.testing.assert_array_equal(views[1], examples[2, index, 1].data)
        assert len({view.tobytes() for view in views}) == 3


def test_indices_are_those_of_a_sequence(tmp_path: Path) -> None:
    examples = load_recordings(nmnist(tmp_path / "in"), to="voxel")
    np.testing.assert_array_equal(examples[-1].data, examples[11].data)
    np.testing.assert_array_equal(examples[np.int64(3)].data, examples[3].data)  # type: ignore[index]
    for index in (12, -13):
        with pytest.raises(IndexError, match=f"sample {index} of 12"):
            examples[index]


@pytest.mark.parametrize(("kind", "method"), [("recordings", "fork"), ("store", "fork"), ("store", "spawn")])
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_workers_change_nothing(tmp_path: Path, kind: str, method: str) -> None:
    found = nmnist(tmp_path / "in")
    store = converted(tmp_path / "in", tmp_path / "out")
    examples = (
        load_recordings(found, to="spikes", augment=RANDOM, mix=CutMix(), seed=1)
        if kind == "recordings"
        else load_store(store, to=SpikesConfig(), augment=RANDOM, mix=CutMix(), seed=1)
    )
    examples.set_epoch(2)
    _ = examples[0]  # a store's file is open when the workers begin
    here = list(DataLoader(examples, batch_size=5))
    there = list(DataLoader(examples, batch_size=5, num_workers=2, multiprocessing_context=method))
    assert [len(data) for data, _ in here] == [5, 5, 2]
    for (one, label), (other, other_label) in zip(here, there, strict=True):
        assert one.equal(other)
        assert label.equal(other_label)
    assert label.shape == (2, 10)


def test_workers_that_outlive_an_epoch_are_told_of_it_by_the_index(tmp_path: Path) -> None:
    examples = load_recordings(nmnist(tmp_path / "in"), to="voxel", augment=RANDOM)
    for epoch in (0, 1):
        batches = DataLoader(examples, batch_size=4, sampler=[(epoch, index) for index in range(12)])
        examples.set_epoch(5)
        assert all(
            np.array_equal(data[k], examples[epoch, 4 * batch + k].data)
            for batch, (data, _) in enumerate(batches)
            for k in range(4)
        )


def test_mixed_samples_have_the_weights_of_their_classes(tmp_path: Path) -> None:
    found = nmnist(tmp_path / "in")
    mixed = load_recordings(found, to=FramesConfig(frames=1), mix=CutMix(probability=1))
    plain = load_recordings(found, to=FramesConfig(frames=1), mix=CutMix(probability=0))
    two = 0
    for index, (one, other) in enumerate(zip(mixed, plain, strict=True)):
        assert isinstance(one.label, np.ndarray)
        assert one.label.dtype == np.float32
        assert one.label.shape == (10,)
        assert one.label.sum() == pytest.approx(1)
        assert set(np.flatnonzero(one.label)) <= {0, 1, 7}
        assert list(np.flatnonzero(other.label)) == [mixed.labels[index]]
        two += np.count_nonzero(one.label) == 2
    assert two > 3
    write_recordings(tmp_path / "unlabelled", ["a.raw"])
    with pytest.raises(DatasetError, match="without a label cannot be mixed"):
        load_recordings(collect([tmp_path / "unlabelled"]), to="voxel", mix=CutMix())


def test_recordings_of_two_sensors_are_not_mixed_unless_brought_to_one(tmp_path: Path) -> None:
    for name, sensor in (("wave/a.raw", (64, 48)), ("walk/b.raw", (40, 30))):
        (tmp_path / name).parent.mkdir()
        write_recording(random_events(100, sensor), tmp_path / name)
    found = collect([tmp_path])
    mixed = load_recordings(found, to="voxel", mix=CutMix(probability=1))
    with pytest.raises(DatasetError, match=r"[ab]\.raw of \(\d+, \d+\) and \S*[ab]\.raw of .* sensors differ"):
        _ = [mixed[epoch, 0] for epoch in range(20)]
    assert len(list(load_recordings(found, to="voxel", mix=CutMix(probability=1), size=(32, 24)))) == 2


def test_augmentations_act_where_they_belong(tmp_path: Path) -> None:
    found = nmnist(tmp_path / "in")
    plain = load_recordings(found, to=FramesConfig(frames=1))
    augmented = load_recordings(
        found, to=FramesConfig(frames=1), augment=(ZeroLowValues(threshold=2), Mirror(probability=1, swaps=((0, 7),)))
    )
    for one, other in zip(plain, augmented, strict=True):
        expected = one.data[..., ::-1]
        np.testing.assert_array_equal(other.data, np.where(expected < 2, 0, expected))
        assert other.label == {0: 7, 1: 1, 7: 0}[int(one.label)]
    store = converted(tmp_path / "in", tmp_path / "out", to="voxel")
    low = load_store(store, augment=[ZeroLowValues(threshold=0.5)])
    assert set(np.abs(low[0].data[(low[0].data != 0)]) >= 0.5) == {True}


def test_kept_samples_are_the_same_and_are_not_encoded_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = nmnist(tmp_path / "in")
    plain = load_recordings(found, to="voxel")
    size = plain[0].data.nbytes
    read: list[int] = []
    kept = load_recordings(found, to="voxel", cache_bytes=4 * size + 1, augment=[ZeroLowValues(threshold=0.3)])
    clip = kept._clips.clip
    monkeypatch.setattr(kept._clips, "clip", lambda index: (read.append(index), clip(index))[1], raising=True)
    low = load_recordings(found, to="voxel", augment=[ZeroLowValues(threshold=0.3)])
    assert same(kept, low)
    assert same(kept, low)
    assert read == [*range(12), *range(4, 12)]
    assert kept._kept_tensors.bytes == 4 * size
    unaugmented = load_recordings(found, to="voxel", cache_bytes=1 << 20)
    unaugmented[0].data[:] = 7
    unaugmented[0].data[:] = 7
    np.testing.assert_array_equal(unaugmented[0].data, plain[0].data)
    copy = pickle.loads(pickle.dumps(unaugmented))
    assert copy._kept_tensors.bytes == 0
    assert same(copy, plain)


@pytest.mark.parametrize("random", [{"augment": RANDOM}, {"mix": CutMix(probability=0.5)}], ids=["augment", "mix"])
def test_what_is_random_before_the_encoder_has_its_events_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, random: dict[str, Any]
) -> None:
    found = nmnist(tmp_path / "in")
    plain = load_recordings(found, to="voxel", **random)
    sizes = [plain._clips.clip(index).data.nbytes for index in range(12)]
    kept = load_recordings(found, to="voxel", cache_bytes=sum(sizes[:4]) + min(sizes[4:]) - 1, **random)
    read: list[int] = []
    clip = kept._clips.clip
    monkeypatch.setattr(kept._clips, "clip", lambda index: (read.append(index), clip(index))[1], raising=True)
    for epoch in range(3):
        plain.set_epoch(epoch)
        kept.set_epoch(epoch)
        read.clear()
        assert same(kept, plain)
        assert set(range(4, 12)) <= set(read)
        assert epoch == 0 or not set(read) & set(range(4))
    assert kept._kept_clips.bytes == sum(sizes[:4])
    monkeypatch.undo()
    copy = pickle.loads(pickle.dumps(kept))
    assert copy._kept_clips.bytes == 0
    assert same(copy, plain)


def damage(root: Path) -> Collection:
    """Four recordings: sound, cut inside an event, with an event off the sensor, empty."""
    folder = root / "Train" / "3"
    folder.mkdir(parents=True)
    events = random_events(100, (34, 34))
    whole = nmnist_bytes(events)
    off = nmnist_bytes(Events(events.t, events.x + 40, events.y, events.p, (80, 34)))
    for number, content in enumerate((whole, whole[:-7], whole[:-5] + off[:5], b"")):
        (folder / f"{number:05d}.bin").write_bytes(content)
    return collect([root])


def test_damage_is_an_error_unless_it_is_to_be_kept(tmp_path: Path) -> None:
    found = damage(tmp_path / "in")
    strict = load_recordings(found, to=FramesConfig(frames=1))
    assert strict[0].data.sum() == 100
    for index, error in ((1, TruncatedRecording), (2, CorruptRecording), (3, EncodingError)):
        with pytest.raises(error, match=rf"0000{index}\.bin"):
            strict[index]
    lenient = load_recordings(found, to=FramesConfig(frames=1), damaged="keep")
    for index, events in ((1, 98), (2, 99), (3, 0)):
        with pytest.warns(DamageWarning, match=rf"0000{index}\.bin"):
            assert lenient[index].data.sum() == events
    store = converted(tmp_path / "in", tmp_path / "out", to=FramesConfig(frames=1))
    with pytest.raises(DatasetError, match=r"of 3 recordings, part or all is missing; the first is .*00001\.bin"):
        load_store(store)
    with pytest.warns(DamageWarning, match="of 3 recordings"):
        kept = load_store(store, damaged="keep")
    assert [int(example.data.sum()) for example in kept] == [100, 98, 99]


def test_events_too_late_for_their_window_are_damage(tmp_path: Path) -> None:
    events = random_events(2000)
    late = Events.concatenate([events[500:], events[:500]])
    (tmp_path / "a.bin").write_bytes(nmnist_bytes(late.replace(t=late.t * 10)))
    found = collect([tmp_path])
    with pytest.raises(EncodingError, match=r"a\.bin: \d+ events came too late"):
        load_recordings(found, to="voxel", window=20_000)
    with pytest.warns(DamageWarning, match="came too late"):
        examples = load_recordings(found, to="voxel", window=20_000, damaged="keep")
    with pytest.warns(DamageWarning, match="came too late"):
        assert np.any(examples[0].data)


def test_a_recording_that_cannot_be_read_at_all_is_always_an_error(tmp_path: Path) -> None:
    write_recordings(tmp_path, ["a.raw", "b.raw"])
    found = collect([tmp_path])
    (tmp_path / "b.raw").unlink()
    examples = load_recordings(found, to="voxel", damaged="keep")
    assert np.any(examples[0].data)
    with pytest.raises(RecordingError, match=r"b\.raw: no such file"):
        examples[1]


def test_what_cannot_be_had_is_said_at_once(tmp_path: Path) -> None:
    found = nmnist(tmp_path / "in")
    tensors = converted(tmp_path / "in", tmp_path / "tensors", to="voxel")
    events = converted(tmp_path / "in", tmp_path / "events")

    def refused(message: str, load: Any, *arguments: Any, **settings: Any) -> None:
        with pytest.raises(ValueError, match=message):
            load(*arguments, **settings)

    refused("name an encoder with to=", load_recordings, found)
    refused("holds events: name an encoder", load_store, events)
    refused("holds tensors already", load_store, tensors, to=VoxelConfig())
    refused("filters and a size need events", load_store, tensors, size=(8, 8))
    refused("filters and a size need events", load_store, tensors, filters=[HotPixelsFilter()])
    refused("cannot be augmented as events", load_store, tensors, augment=RANDOM)
    refused("cannot be augmented as events", load_store, tensors, mix=CutMix())
    refused("CutMix goes to mix=", load_recordings, found, to="voxel", augment=[CutMix()])
    one_too_many = [Mirror(swaps=((1, 10),))]
    refused("Mirror gives labels beyond the 10 classes", load_recordings, found, to="voxel", augment=one_too_many)
    refused("a seed is 0 or more", load_recordings, found, to="voxel", seed=-1)
    refused("give either window or windows", load_recordings, found, to="voxel", window=5, windows=5)


def test_nothing_is_warned_of_and_no_recording_is_opened_before_it_is_needed(tmp_path: Path) -> None:
    found = damage(tmp_path / "in")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for source in found.sources:
            source.path.unlink()
        assert len(load_recordings(found, to="voxel", windows=3, damaged="keep")) == 12


def test_samples_of_a_store_are_those_of_their_rows(tmp_path: Path) -> None:
    write_nmnist(tmp_path / "in", 3)
    store: Store = converted(tmp_path / "in", tmp_path / "out", window=1000)
    clips = StoreClips(store, "train", "raise")
    rows = [index for index, sample in enumerate(store) if sample.split == "train"]
    assert len(rows) == clips.labels.size < len(store)
    for place, row in enumerate(rows):
        clip, sample = clips.clip(place), store[row]
        assert clip.data == sample.data
        assert (clip.window.start, clip.window.stop) == (sample.start, sample.stop)
        assert (clips.labels[place], clips.names[place]) == (sample.label, sample.source)
