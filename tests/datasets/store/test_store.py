"""What is written comes back, in any order, in any process."""

import json
import multiprocessing
import os
import pickle
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuroact import Events, StoreError
from neuroact.datasets import Store, convert, open_store
from neuroact.datasets.conversion.folder_store import convert_folder
from neuroact.datasets.conversion.single_store import convert_single
from neuroact.datasets.conversion.watching import Silent
from neuroact.datasets.sources import Collection, collect
from neuroact.datasets.store import shards
from neuroact.datasets.store.request import Compression, ConvertRequest
from tests.datasets.builders import converted, in_process, write_nmnist, write_recordings


def equal(one: Any, other: Any) -> bool:
    return bool(one == other) if isinstance(one, Events) else np.array_equal(one, other)


@pytest.mark.parametrize("compression", ["zstd", "blosc2", "gzip", "none"])
def test_events_come_back_as_they_were(tmp_path: Path, compression: Compression) -> None:
    written = write_recordings(tmp_path / "in", ["a.raw", "b.raw", "c.raw"], events=30_000)
    store = converted(tmp_path / "in", tmp_path / "out", compression=compression)
    assert len(store) == 3
    for sample, (name, events) in zip(store, written.items(), strict=True):
        assert (sample.source, sample.label, sample.data) == (name, None, events)
        assert (sample.start, sample.stop) == (events.t[0], events.t[-1] + 1)


@pytest.mark.parametrize("compression", ["zstd", "blosc2", "gzip", "none"])
def test_tensors_come_back_whatever_the_compression(tmp_path: Path, compression: Compression) -> None:
    write_recordings(tmp_path / "in", ["a.raw", "b.raw"])
    expected = converted(tmp_path / "in", tmp_path / "default", to="voxel", windows=3)
    store = converted(tmp_path / "in", tmp_path / "out", to="voxel", windows=3, compression=compression)
    assert [sample.data.shape for sample in store] == [(5, 48, 64)] * 6  # type: ignore[union-attr]
    assert all(np.any(sample.data) for sample in store)  # type: ignore[arg-type]
    assert all(equal(one.data, other.data) for one, other in zip(store, expected, strict=True))


def test_indices_are_those_of_a_sequence(tmp_path: Path) -> None:
    write_nmnist(tmp_path / "in", 2)
    store = converted(tmp_path / "in", tmp_path / "out")
    assert [sample.label for sample in store] == [0, 0, 1, 1, 7, 7] * 2
    assert [sample.split for sample in store] == ["test"] * 6 + ["train"] * 6
    assert store[-1].source == store[11].source == "Train/7/00002.bin"
    for index in (12, -13):
        with pytest.raises(IndexError, match=f"sample {index} of a store of 12"):
            store[index]


def test_shards_roll_over_and_samples_stay_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "SHARD_SAMPLES", 7)
    monkeypatch.setattr("neuroact.datasets.store.store.OPEN_FILES", 2)
    written = write_recordings(tmp_path / "in", ["a.raw", "b.raw"])
    store = converted(tmp_path / "in", tmp_path / "out", windows=10)
    assert [record.shards for record in store.records] == [
        {"shard-00000-000.h5": 7, "shard-00000-001.h5": 3},
        {"shard-00000-001.h5": 4, "shard-00000-002.h5": 6},
    ]
    for index, events in enumerate(written.values()):
        assert Events.concatenate([store[10 * index + k].data for k in range(10)]) == events  # type: ignore[misc]
    assert len(store._open) == 2


def test_large_tensors_close_a_shard_by_its_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "SHARD_BYTES", 5 * 48 * 64 * 4 * 2)
    write_recordings(tmp_path / "in", ["a.raw", "b.raw", "c.raw"])
    store = converted(tmp_path / "in", tmp_path / "out", to="voxel")
    assert [list(record.shards) for record in store.records] == [["shard-00000-000.h5"]] * 2 + [["shard-00000-001.h5"]]


def test_a_new_shape_begins_a_new_shard(tmp_path: Path) -> None:
    write_recordings(tmp_path / "in", ["a.raw", "b.raw"])
    write_recordings(tmp_path / "in", ["c.raw"], events=900)
    store = converted(tmp_path / "in", tmp_path / "out", to={"kind": "spikes", "step_us": 1000})  # type: ignore[arg-type]
    assert len({sample.data.shape for sample in store}) == 3  # type: ignore[union-attr]
    assert len({name for record in store.records for name in record.shards}) == 3


def test_real_events_take_at_most_two_and_a_half_bytes(shared: Path, tmp_path: Path) -> None:
    for name in ("evt2_640x480.raw", "evt3_1280x720.raw", "dvs_320x240.es"):
        convert(shared / "recordings" / name, out := tmp_path / f"{name}.h5")
        assert out.stat().st_size / len(open_store(out)[0].data) <= 2.5  # type: ignore[arg-type]


def _read(store: Store, indices: list[int], send: Callable[[Any], None]) -> None:
    samples = [store[index] for index in indices]
    send((samples, store._owner == os.getpid()))


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_workers_read_beside_each_other(tmp_path: Path, method: str) -> None:
    write_recordings(tmp_path / "in", [f"{index}.raw" for index in range(6)])
    store = converted(tmp_path / "in", tmp_path / "out", windows=4)
    here = [store[index] for index in range(24)]  # files are open when the processes begin
    context = multiprocessing.get_context(method)
    orders = [list(range(24)), list(range(23, -1, -1))]
    pipes = [context.Pipe() for _ in orders]
    workers = [
        context.Process(target=_read, args=(store, order, theirs.send))
        for order, (_, theirs) in zip(orders, pipes, strict=True)
    ]
    for worker in workers:
        worker.start()
    for order, (ours, _) in zip(orders, pipes, strict=True):
        assert ours.poll(60)
        there, with_own_files = ours.recv()
        assert with_own_files
        for index, sample in zip(order, there, strict=True):
            assert (sample.source, sample.start) == (here[index].source, here[index].start)
            assert sample.data == here[index].data
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    assert store[0].data == here[0].data


def test_a_pickled_store_takes_no_open_file_along(tmp_path: Path) -> None:
    write_recordings(tmp_path / "in", ["a.raw", "b.raw"])
    store = converted(tmp_path / "in", tmp_path / "out")
    before = store[0]
    copy = pickle.loads(pickle.dumps(store))
    store.close()
    assert copy[0].data == before.data == store[0].data


def test_what_is_no_store_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.h5").write_text("not HDF5")
    for name, message in (
        ("nowhere", "no such store"),
        ("folder", "no store.json"),
        ("text.h5", "cannot be opened as HDF5"),
    ):
        with pytest.raises(StoreError, match=message):
            open_store(tmp_path / name)


DAMAGE: list[tuple[str, Callable[[str], str], str]] = [
    (
        "store.json",
        lambda text: text.replace('"layout": 3', '"layout": 9'),
        "layout 9; this neuroact reads layouts 2 and 3",
    ),
    ("store.json", lambda text: text[:50], "not a description of a converted store"),
    ("store.json", lambda text: text.replace('"kind"', '"kinds"'), "not a description of a converted store"),
    ("manifest.jsonl", lambda text: text[:-9], "not a manifest"),
    ("manifest.jsonl", lambda text: text.replace('"samples"', '"simples"'), "not a manifest"),
]


@pytest.mark.parametrize(
    ("name", "damage", "message"), DAMAGE, ids=lambda value: value if isinstance(value, str) else ""
)
def test_damaged_descriptions_are_store_errors(
    tmp_path: Path, name: str, damage: Callable[[str], str], message: str
) -> None:
    write_recordings(tmp_path / "in", ["a.raw", "b.raw"])
    converted(tmp_path / "in", tmp_path / "out")
    path = tmp_path / "out" / name
    path.write_text(damage(path.read_text()))
    with pytest.raises(StoreError, match=message):
        open_store(tmp_path / "out")


def test_a_missing_or_cut_shard_is_a_store_error(tmp_path: Path) -> None:
    write_recordings(tmp_path / "in", ["a.raw", "b.raw"])
    store = converted(tmp_path / "in", tmp_path / "out")
    shard = tmp_path / "out" / "shard-00000-000.h5"
    shard.write_bytes(shard.read_bytes()[:3000])
    with pytest.raises(StoreError, match=r"shard-00000-000\.h5"):
        store[0]
    shard.unlink()
    with pytest.raises(StoreError, match=r"shard-00000-000\.h5"):
        store[1]


def test_an_unfinished_store_says_how_to_finish_it(tmp_path: Path) -> None:
    write_recordings(tmp_path / "in", ["a.raw", "b.raw"])
    converted(tmp_path / "in", tmp_path / "out")
    (tmp_path / "out" / "manifest.jsonl").unlink()
    with pytest.raises(StoreError, match="run the same command again"):
        open_store(tmp_path / "out")


def with_light(root: Path, light: str) -> Collection:
    """The recordings of a folder, and what their data set might say of the first."""
    known = collect([root])
    first, *others = known.sources
    return replace(known, sources=(replace(first, attributes={"light": light}), *others))


def test_attributes_of_recordings_are_kept(tmp_path: Path) -> None:
    write_recordings(tmp_path / "in", ["a.raw", "b.raw"])
    convert_folder(
        with_light(tmp_path / "in", "dim"), tmp_path / "out", ConvertRequest(), in_process, Silent(), resume=False
    )
    assert [record.attributes for record in open_store(tmp_path / "out").records] == [{"light": "dim"}, {}]
    alone = replace(with_light(tmp_path / "in", "dim"), single=True)
    convert_single(
        replace(alone, sources=alone.sources[:1]), tmp_path / "one.h5", ConvertRequest(), Silent(), resume=False
    )
    assert open_store(tmp_path / "one.h5").records[0].attributes == {"light": "dim"}


def test_other_attributes_are_another_store(tmp_path: Path) -> None:
    """Or it would go on with some recordings of the old ones and some of the new."""
    write_recordings(tmp_path / "in", ["a.raw", "b.raw"])
    for light, refused in (("dim", False), ("dim", False), ("bright", True)):
        with pytest.raises(StoreError, match="other names, labels or attributes") if refused else nullcontext():
            convert_folder(
                with_light(tmp_path / "in", light),
                tmp_path / "out",
                ConvertRequest(),
                in_process,
                Silent(),
                resume=False,
            )


def made_by_layout_2(root: Path, out: Path) -> None:
    """A store as it was before attributes were kept."""
    converted(root, out)
    description = json.loads((out / "store.json").read_text())
    (out / "store.json").write_text(json.dumps(description | {"layout": 2, "neuroact": "0.0.9"}))
    records = [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()]
    for record in records:
        del record["attributes"]
    (out / "manifest.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))


def test_a_store_of_layout_2_opens_and_is_not_continued(tmp_path: Path) -> None:
    written = write_recordings(tmp_path / "in", ["a.raw", "b.raw"])
    made_by_layout_2(tmp_path / "in", tmp_path / "out")
    store = open_store(tmp_path / "out")
    assert [sample.data for sample in store] == list(written.values())
    assert [record.attributes for record in store.records] == [{}, {}]
    with pytest.raises(StoreError, match=r"layout 2 by neuroact 0\.0\.9; this one writes layout 3\. It can be read"):
        converted(tmp_path / "in", tmp_path / "out")


def test_the_description_holds_the_request(tmp_path: Path) -> None:
    write_recordings(tmp_path / "in", ["a/1.raw", "b/1.raw"])
    store = converted(tmp_path / "in", tmp_path / "out", to="voxel", window=1000)
    written = json.loads((tmp_path / "out" / "store.json").read_text())
    assert written["request"]["to"] == {"kind": "voxel", "bins": 5, "split_polarity": False}
    assert (store.request.window, store.request.stride, store.classes) == (1000, 1000, ("a", "b"))
