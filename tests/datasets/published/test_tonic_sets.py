"""tonic: its files to stores, our samples through its transforms, and never a network."""

import pickle
import socket
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuroact import Events, open_recording
from neuroact.datasets.published.tonic_sets import TonicSamples, from_tonic, save_recordings, tonic_set
from neuroact.datasets.sources import collect
from neuroact.errors import DatasetError, MissingExtra, RecordingNotFound
from tests.conftest import random_events
from tests.datasets.builders import converted, write_nmnist
from tests.datasets.published.test_ncaltech101 import write_ncaltech
from tests.datasets.published.test_pokerdvs import write_poker

tonic = pytest.importorskip("tonic")


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever opens a socket fails."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("something wants the network")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder as tonic keeps it, with two recordings a class and split."""
    write_nmnist(tmp_path / "NMNIST", 2)
    write_poker(tmp_path / "POKERDVS", each=2)
    write_ncaltech(tmp_path / "NCALTECH101" / "Caltech101", ("ant", "yin_yang"), (240, 180))
    return tmp_path


@pytest.mark.parametrize("name", ["NMNIST", "POKERDVS"])
@pytest.mark.parametrize("train", [True, False])
def test_tonic_and_a_store_hold_the_same(root: Path, name: str, train: bool) -> None:
    loaded = tonic_set(name, root, train=train)
    assert type(loaded) is getattr(tonic.datasets, name)
    store = converted(Path(f"tonic:{name}:{root}"), root / "store")
    ours = [(sample.data, sample.label) for sample in store if sample.split == ("train" if train else "test")]
    theirs = list(from_tonic(loaded))
    assert len(ours) == len(theirs) > 5
    for events, label in theirs:
        assert (events, label) in ours
    assert sorted(label for _, label in theirs) == sorted(label for _, label in ours)  # type: ignore[type-var]


def test_a_set_in_a_folder_of_its_own_is_found(root: Path) -> None:
    collection = collect([f"tonic:NCALTECH101:{root}"])
    assert [source.name for source in collection.sources] == [
        f"{name}/image_{number:04d}.bin" for name in ("ant", "yin_yang") for number in (1, 2)
    ]
    events, target = next(from_tonic(tonic_set("NCALTECH101", root), (240, 180)))
    assert target == "ant"
    assert len(events) == 100
    with pytest.raises(DatasetError, match="its recordings differ in size"):
        next(from_tonic(tonic_set("NCALTECH101", root)))


def test_a_set_of_tonic_can_be_split_like_ours(root: Path) -> None:
    assert len(collect([f"tonic:NMNIST@official:{root}"]).sources) == 12
    with pytest.raises(DatasetError, match="has no split 'random'; it has official"):
        collect([f"tonic:NMNIST@random:{root}"])


def test_files_that_are_absent_are_errors_and_no_download(root: Path) -> None:
    empty = root / "empty"
    empty.mkdir()
    for call in (lambda: collect([f"tonic:NMNIST:{empty}"]), lambda: tonic_set("NMNIST", empty)):
        with pytest.raises(RecordingNotFound, match="tonic keeps NMNIST there with save_to="):
            call()
    for path in (root / "NMNIST" / "Train").rglob("*.bin"):
        path.unlink()
    with pytest.raises(DatasetError, match="no recordings of the split train of N-MNIST"):
        tonic_set("NMNIST", root)
    for path in (root / "NMNIST").rglob("*.bin"):
        path.unlink()
    with pytest.raises(DatasetError, match="as N-MNIST has"):
        tonic_set("NMNIST", root)
    before = sorted(root.rglob("*"))
    with pytest.raises(DatasetError):
        tonic_set("NMNIST", root, train=False)
    assert sorted(root.rglob("*")) == before


@pytest.mark.parametrize(
    ("name", "message"), [("DVSGesture", "write it with .*save_recordings"), ("Nothing", "tonic has no such data set")]
)
def test_sets_that_are_not_read_from_the_disk_are_named(root: Path, name: str, message: str) -> None:
    with pytest.raises(DatasetError, match=f"tonic:{name}: .*{message}.*NMNIST, POKERDVS, NCALTECH101"):
        collect([f"tonic:{name}:{root}"])


def test_without_tonic_the_extra_is_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tonic", None)
    for call in (lambda: collect([f"tonic:NMNIST:{root}"]), lambda: tonic_set("NMNIST", root)):
        with pytest.raises(MissingExtra, match=r"pip install 'neuroact\[tonic\]'"):
            call()
    assert len(collect([f"nmnist:{root / 'NMNIST'}"]).sources) == 12


def test_a_loaded_set_goes_to_other_processes(root: Path) -> None:
    loaded = tonic_set("POKERDVS", root)
    again = pickle.loads(pickle.dumps(loaded))
    assert np.array_equal(again[3][0], loaded[3][0])


def test_samples_pass_through_transforms(root: Path) -> None:
    events = write_nmnist(root / "more", 1)
    store = converted(root / "more", root / "store")
    plain = TonicSamples(store)
    assert (len(plain), plain.sensor_size, plain.ordering) == (6, (34, 34, 2), ("x", "y", "t", "p"))
    array, label = plain[1]
    assert Events.from_structured(array, (34, 34)) == events[1]
    assert (label, store.classes[label]) == (1, "1")
    to_frame = tonic.transforms.ToFrame(sensor_size=plain.sensor_size, n_time_bins=4)
    frames, target = TonicSamples(store, transform=to_frame, target_transform=str)[1]
    assert frames.shape == (4, 2, 34, 34)
    assert frames.sum() == len(events[1]) - 1  # tonic's last bin ends before the last event
    assert target == "1"
    both = TonicSamples(store, transforms=lambda array, target: (array[:5], target + 10))
    assert (len(both[1][0]), both[1][1]) == (5, 11)
    sliced = tonic.SlicedDataset(plain, tonic.slicers.SliceByEventCount(100), metadata_path=None)
    assert {len(sliced[index][0]) for index in range(len(sliced))} == {100}


def test_tonic_takes_tensors_from_no_store(root: Path) -> None:
    store = converted(root / "NMNIST", root / "store", to="frames")
    with pytest.raises(DatasetError, match="convert with to='events'"):
        TonicSamples(store)


class Samples:
    """A data set of somebody's, with tonic's interface."""

    sensor_size = (64, 48, 2)

    def __init__(self, *samples: tuple[Any, Any]) -> None:
        self.samples = samples

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self.samples[index]


def test_whatever_tonic_loads_becomes_class_folders(tmp_path: Path) -> None:
    events = [random_events(50, seed=seed) for seed in range(3)]
    samples = Samples(*((part.to_structured(), target) for part, target in zip(events, (10, 9, 10), strict=True)))
    assert save_recordings(samples, tmp_path / "out") == 3
    collection = collect([tmp_path / "out"])
    assert [(source.name, source.label) for source in collection.sources] == [
        ("10/000000.h5", 1), ("10/000002.h5", 1), ("9/000001.h5", 0),
    ]  # fmt: skip
    assert collection.classes == ("9", "10")
    assert open_recording(collection.sources[1].path).read() == events[2]


@pytest.mark.parametrize("target", ["", "..", "a/b", ".hidden"])
def test_targets_that_name_no_folder_are_errors(tmp_path: Path, target: str) -> None:
    samples = Samples((random_events(5).to_structured(), target))
    with pytest.raises(DatasetError, match="cannot be the name of a folder"):
        save_recordings(samples, tmp_path / "out")
    assert not list(tmp_path.rglob("*.h5"))


def test_samples_that_are_no_events_are_errors() -> None:
    for wrong in (np.zeros((4, 2, 34, 34)), "text", np.zeros(3, [("x", int), ("t", int)])):
        with pytest.raises(DatasetError, match="sample 0 is no array of events"):
            next(from_tonic(Samples((wrong, 1))))
