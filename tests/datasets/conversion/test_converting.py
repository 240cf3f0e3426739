"""convert: what samples hold, what damage leaves, what is refused."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neuroact
from neuroact import CorruptRecording, EncodingError, Events, NoPolarity, StoreError, UnknownFormat, write_recording
from neuroact.datasets import convert, open_store
from neuroact.datasets.conversion import encoding
from neuroact.datasets.store.request import KINDS, Settings
from neuroact.encoders.configs import FramesConfig, SpikesConfig, VoxelConfig
from neuroact.encoders.filter_configs import parse_filter
from neuroact.encoders.resize import resize
from neuroact.encoders.window import Window
from tests.conftest import random_events
from tests.datasets.builders import contents, converted, write_nmnist, write_recordings


@pytest.fixture
def recording(tmp_path: Path) -> tuple[Path, Events]:
    """An EVT2 file of 3,000 events over some 60 ms, and what is in it."""
    return tmp_path / "a.raw", write_recordings(tmp_path, ["a.raw"], events=3000)["a.raw"]


def encoded(config: Any, events: Events, window: Window) -> Any:
    accumulator = config.accumulator(events.sensor_size, window)
    if len(events):
        accumulator.add(events)
    return accumulator.result()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "events"])
def test_a_whole_recording_is_what_the_encoder_makes_of_it(
    tmp_path: Path, recording: tuple[Path, Events], kind: str
) -> None:
    path, events = recording
    convert(path, tmp_path / "out.h5", to=kind)
    [sample] = open_store(tmp_path / "out.h5")
    expected = encoded(KINDS[kind], events, Window.of(events))
    assert np.any(expected)
    assert np.array_equal(sample.data, expected)  # type: ignore[arg-type]
    assert (sample.start, sample.stop, sample.source) == (events.t[0], events.t[-1] + 1, "a.raw")


WINDOWS: list[tuple[Settings, int, int]] = [
    ({"window": 10_000}, 10_000, 10_000),
    ({"window": 10_000, "stride": 4_000}, 10_000, 4_000),
    ({"window": 3_000, "stride": 7_000}, 3_000, 7_000),
]


@pytest.mark.parametrize(
    "to", [VoxelConfig(bins=3), FramesConfig(by="count", frames=3), SpikesConfig(step_us=500)], ids=str
)
@pytest.mark.parametrize(("settings", "width", "stride"), WINDOWS)
def test_windows_are_encoded_one_by_one(
    tmp_path: Path, recording: tuple[Path, Events], to: Any, settings: Settings, width: int, stride: int
) -> None:
    path, events = recording
    result = convert(path, tmp_path / "out.h5", to=to, **settings)
    store = open_store(tmp_path / "out.h5")
    starts = range(int(events.t[0]), int(events.t[-1]) + 1, stride)
    assert [(sample.start, sample.stop) for sample in store] == [(start, start + width) for start in starts]
    inside = np.zeros(len(events), bool)
    for sample in store:
        part = events.between(sample.start, sample.stop)
        inside |= (events.t >= sample.start) & (events.t < sample.stop)
        assert np.array_equal(sample.data, encoded(to, part, Window(sample.start, sample.stop, len(part))))  # type: ignore[arg-type]
    assert result.records[0].events_between == (~inside).sum()


@pytest.mark.parametrize("stride", [4_000, 10_000])
def test_windows_of_events_hold_them_all(tmp_path: Path, recording: tuple[Path, Events], stride: int) -> None:
    path, events = recording
    convert(path, tmp_path / "out.h5", window=10_000, stride=stride)
    for sample in open_store(tmp_path / "out.h5"):
        assert sample.data == events.between(sample.start, sample.stop)


def test_memory_for_events_does_not_decide_what_comes_out(
    tmp_path: Path, recording: tuple[Path, Events], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, _ = recording
    convert(path, tmp_path / "a.h5", to="voxel", windows=3)
    monkeypatch.setattr("neuroact.datasets.conversion.stream.KEPT_IN_MEMORY", 0)
    convert(path, tmp_path / "b.h5", to="voxel", windows=3)
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_time_counts_from_the_first_event_if_asked(tmp_path: Path, recording: tuple[Path, Events]) -> None:
    path, events = recording
    convert(path, tmp_path / "out.h5", time_origin="zero", windows=2)
    store = open_store(tmp_path / "out.h5")
    assert store[0].start == 0
    assert np.array_equal(np.concatenate([sample.data.t for sample in store]), events.t - events.t[0])  # type: ignore[union-attr]


def test_filters_come_before_windows_and_size_last(tmp_path: Path, recording: tuple[Path, Events]) -> None:
    path, events = recording
    names = ["crop:8,0,40,48", "refractory:1ms"]
    result = convert(path, tmp_path / "out.h5", filters=[parse_filter(name) for name in names], size=(10, 6))
    cropped = neuroact.encoders.crop(events, 8, 0, 40, 48)
    expected = resize(neuroact.encoders.refractory(cropped, 1000), (10, 6))
    assert 0 < len(expected) < len(cropped)
    assert open_store(tmp_path / "out.h5")[0].data == expected
    assert result.records[0].events_filtered == len(events) - len(expected)


def test_hot_pixels_are_looked_for_in_the_whole_recording(tmp_path: Path) -> None:
    events = random_events(3000)
    events.x[::3] = 5
    events.y[::3] = 6
    write_recording(events, tmp_path / "a.raw", format="evt2")
    convert(tmp_path / "a.raw", tmp_path / "out.h5", filters=[parse_filter("hot_pixels")])
    data = open_store(tmp_path / "out.h5")[0].data
    assert isinstance(data, Events)
    assert not ((data.x == 5) & (data.y == 6)).any()
    assert len(data) > 1900


def test_the_record_tells_what_was_read(tmp_path: Path, recording: tuple[Path, Events]) -> None:
    path, _ = recording
    [record] = convert(path, tmp_path / "out.h5").records
    assert record.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (record.bytes, record.format, record.sensor_size) == (path.stat().st_size, "evt2", (64, 48))
    assert (record.state, record.reason, record.samples, record.events_read) == ("done", None, 1, 3000)
    assert open_store(tmp_path / "out.h5").records == (record,)


def test_a_cut_recording_is_partial_and_keeps_what_precedes_the_cut(
    tmp_path: Path, recording: tuple[Path, Events]
) -> None:
    path, events = recording
    path.write_bytes(path.read_bytes()[:-2])
    result = convert(path, tmp_path / "out.h5")
    assert not result.sound
    assert result.records[0].state == "partial"
    assert "cut at byte" in str(result.records[0].reason)
    assert open_store(tmp_path / "out.h5")[0].data == events[:-1]


def test_time_that_runs_back_too_far_is_counted(tmp_path: Path) -> None:
    events = random_events(300)
    events.t[200] -= 1500
    (tmp_path / "a.csv").write_text(
        "t,x,y,p\n"
        + "".join(f"{t},{x},{y},{p}\n" for t, x, y, p in zip(events.t, events.x, events.y, events.p, strict=True))
    )
    [record] = convert(tmp_path / "a.csv", tmp_path / "out.h5", window=500).records
    assert (record.state, record.events_late, record.events_read) == ("partial", 1, 300)
    assert "1 events came too late for their window" in str(record.reason)
    assert sum(len(sample.data) for sample in open_store(tmp_path / "out.h5")) == 299  # type: ignore[arg-type]


def es_header(kind: int) -> bytes:
    """An Event Stream of generic (0) or colour (4) events, without any."""
    return b"Event Stream" + bytes([2, 0, 0, kind]) + (b"" if kind == 0 else bytes([64, 0, 48, 0]))


BAD: list[tuple[str, bytes, str]] = [
    ("generic.es", es_header(0), "NoPolarity"),
    ("colour.es", es_header(4), "NoPolarity"),
    ("empty.raw", b"", "UnknownFormat at byte 0: the file is empty"),
    ("zeros.dat", b"\0" * 64, "UnknownFormat at byte 0"),
    ("header.dat", b"% Width 640\n% Height 99999999\n% Version 2\n\x0c\x08", "LimitExceeded"),
]


@pytest.mark.parametrize(("name", "content", "reason"), BAD, ids=[name for name, _, _ in BAD])
def test_bad_recordings_fail_by_name_and_the_others_go_on(
    tmp_path: Path, name: str, content: bytes, reason: str
) -> None:
    written = write_recordings(tmp_path / "in", ["a.raw", "z.raw"])
    (tmp_path / "in" / name).write_bytes(content)
    store = converted(tmp_path / "in", tmp_path / "out")
    assert [sample.data for sample in store] == list(written.values())
    [failed] = [record for record in store.records if record.state == "failed"]
    assert failed.source == name
    assert str(failed.reason).startswith(reason)
    assert failed.sha256 == hashlib.sha256(content).hexdigest()


SINGLE: list[tuple[bytes, type[Exception]]] = [(es_header(0), NoPolarity), (b"\0" * 64, UnknownFormat)]


@pytest.mark.parametrize(("content", "error"), SINGLE)
def test_a_bad_single_recording_raises_and_leaves_no_file(
    tmp_path: Path, content: bytes, error: type[Exception]
) -> None:
    (tmp_path / "a.bad").write_bytes(content)
    with pytest.raises(error):
        convert(tmp_path / "a.bad", tmp_path / "out.h5")
    assert [path.name for path in tmp_path.iterdir()] == ["a.bad"]


def test_an_error_halfway_keeps_what_precedes_it(
    tmp_path: Path, recording: tuple[Path, Events], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, events = recording
    chunks = neuroact.Recording.chunks

    def breaking(self: neuroact.Recording) -> Any:
        for number, chunk in enumerate(chunks(self, events=500)):
            if number == 4:
                raise CorruptRecording(self.path, "gone to pieces", offset=77)
            yield chunk

    monkeypatch.setattr(neuroact.Recording, "chunks", breaking)
    [record] = convert(path, tmp_path / "out.h5", windows=2).records
    assert (record.state, record.reason) == ("partial", "CorruptRecording at byte 77: gone to pieces")
    store = open_store(tmp_path / "out.h5")
    assert Events.concatenate([sample.data for sample in store]) == events[:2000]  # type: ignore[misc]


def test_an_error_of_ours_stops_one_recording_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_recordings(tmp_path / "in", ["a.raw", "b.raw"])
    encode = encoding.encode_recording

    def mistaken(source: Any, *rest: Any) -> Any:
        if source.name == "a.raw":
            raise IndexError("a bug")
        return encode(source, *rest)

    monkeypatch.setattr(encoding, "encode_recording", mistaken)
    store = converted(tmp_path / "in", tmp_path / "out")
    assert [(record.state, record.reason) for record in store.records] == [
        ("failed", "IndexError: a bug"),
        ("done", None),
    ]


def test_a_recording_without_events_gives_no_sample(tmp_path: Path) -> None:
    write_recordings(tmp_path / "in", ["a.raw"])
    write_recording(Events.empty((64, 48)), tmp_path / "in" / "b.raw", format="evt2")
    for to in ("events", "voxel"):
        store = converted(tmp_path / "in", tmp_path / to, to=to)
        assert [(record.samples, record.state, record.reason) for record in store.records] == [
            (1, "done", None),
            (0, "done", "no events"),
        ]
    with pytest.raises(EncodingError, match="no events, so there is nothing to write"):
        convert(tmp_path / "in" / "b.raw", tmp_path / "b.h5")


def test_a_sample_beyond_what_a_chunk_holds_is_refused_before_memory_is_taken(
    tmp_path: Path, recording: tuple[Path, Events]
) -> None:
    with pytest.raises(EncodingError, match="at most 2146435072 can be stored"):
        convert(recording[0], tmp_path / "out.h5", to=VoxelConfig(bins=10**6))


def test_labels_and_the_sensor_of_nmnist(tmp_path: Path) -> None:
    events = write_nmnist(tmp_path / "in", 2)
    store = converted(tmp_path / "in", tmp_path / "out", to="spikes")
    assert [sample.data.shape for sample in store] == [(16, 2, 34, 34)] * 12  # type: ignore[union-attr]
    assert [sample.label for sample in store] == [0, 0, 1, 1, 7, 7] * 2
    assert store.classes == tuple("0123456789")
    assert converted(tmp_path / "in", tmp_path / "events")[5].data == events[5]


OTHER_REQUESTS: list[tuple[Settings, str]] = [
    ({"to": "spikes"}, 'request.to.kind was "voxel", now "spikes"'),
    ({"to": "voxel", "window": 100}, "request.window was null, now 100"),
    ({"to": "voxel", "compression": "gzip"}, 'request.compression was "blosc2", now "gzip"'),
]


@pytest.mark.parametrize(("settings", "message"), OTHER_REQUESTS)
@pytest.mark.parametrize("single", [True, False])
def test_another_request_into_the_same_place_names_the_difference(
    tmp_path: Path, settings: Settings, message: str, single: bool
) -> None:
    write_recordings(tmp_path / "in", ["a.raw", "b.raw"])
    source = tmp_path / "in" / "a.raw" if single else tmp_path / "in"
    if single:
        convert(source, tmp_path / "out", to="voxel")
    else:
        converted(source, tmp_path / "out", to="voxel")
    before = contents(tmp_path)
    with pytest.raises(StoreError, match=message):
        convert(source, tmp_path / "out", **settings)
    assert contents(tmp_path) == before


def test_other_sources_into_the_same_place_are_a_difference(tmp_path: Path) -> None:
    write_recordings(tmp_path / "in", ["a.raw", "b.raw"])
    converted(tmp_path / "in", tmp_path / "out")
    write_recordings(tmp_path / "in", ["c.raw"])
    with pytest.raises(StoreError, match=r"the sources were 2 recordings of \d+ bytes, now 3 recordings"):
        converted(tmp_path / "in", tmp_path / "out")


def test_a_finished_single_store_is_left_alone(tmp_path: Path, recording: tuple[Path, Events]) -> None:
    path, _ = recording
    first = convert(path, tmp_path / "out.h5")
    before = (tmp_path / "out.h5").stat()
    second = convert(path, tmp_path / "out.h5", resume=True)
    assert (second.records, second.finished_before) == (first.records, 1)
    assert (tmp_path / "out.h5").stat().st_mtime_ns == before.st_mtime_ns


PLACES: list[tuple[str, str, str]] = [
    ("in/a.raw", "in", "is a folder; one recording goes into a file"),
    ("in", "in/a.raw", "is a file; several recordings go into a folder"),
    ("in", ".", "holds other files"),
    ("in/a.raw", "in/b.raw", "cannot be opened as HDF5"),
    ("in/a.raw", "other.h5", "not a converted store"),
    ("in/a.raw", "in/a.raw/out.h5", "a.raw is a file, not a folder"),
    ("in", "in/a.raw/out", "cannot be written: Not a directory"),
]


@pytest.mark.parametrize(("source", "out", "message"), PLACES)
def test_places_that_will_not_do_stay_as_they_are(tmp_path: Path, source: str, out: str, message: str) -> None:
    write_recordings(tmp_path / "in", ["a.raw", "b.raw"])
    write_recording(random_events(10), tmp_path / "other.h5", format="hdf5")
    before = contents(tmp_path)
    with pytest.raises(StoreError, match=message):
        convert(tmp_path / source, tmp_path / out)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("source", ["in", "in/a.raw"])
def test_there_must_be_something_to_resume(tmp_path: Path, source: str) -> None:
    write_recordings(tmp_path / "in", ["a.raw", "b.raw"])
    with pytest.raises(StoreError, match="nothing to resume"):
        convert(tmp_path / source, tmp_path / "out", resume=True)
