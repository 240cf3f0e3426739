"""HDF5: hostile files, damage, index structures, filters, and our own files."""

import io
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import numpy as np
import pytest

from neuroact import CorruptRecording, Events, LimitExceeded, NeuroactError, UnknownFormat, open_recording
from neuroact.recordings import DamageWarning, Limits
from neuroact.recordings import neuroact_hdf5 as ours
from neuroact.recordings.neuroact_hdf5 import write_neuroact_hdf5
from tests.conftest import random_events
from tests.recordings.build_hdf5 import CHUNK, compound_events, hdf5_file
from tests.recordings.sample_files import SAMPLES, sample_events

BLOSC = [(cname, shuffle) for cname in ("lz4", "lz4hc", "zlib", "zstd") for shuffle in (0, 1, 2)]
FILTERS: dict[str, dict[str, Any]] = {
    "none": {},
    "gzip": {"compression": "gzip", "shuffle": True},
    "lzf": {"compression": "lzf"},
    "fletcher32": {"compression": "gzip", "fletcher32": True},
    "zstd": {**hdf5plugin.Zstd(clevel=5)},
    **{f"blosc {cname} {shuffle}": {**hdf5plugin.Blosc(cname=cname, shuffle=shuffle)} for cname, shuffle in BLOSC},
}
SECRET = b"what only the owner of this machine may read" * 20


def columns_file(events: Events, **options: Any) -> bytes:
    """`/events/{t,x,y,p}` with some way of storing them."""

    def fill(file: Any) -> None:
        for name in "txyp":
            file.create_dataset(f"events/{name}", data=getattr(events, name), **options)

    return hdf5_file(fill)


@pytest.mark.parametrize("name", FILTERS)
def test_filters_are_undone_as_libhdf5_undoes_them(name: str, tmp_path: Path) -> None:
    events = random_events(3001, (300, 200))
    path = tmp_path / "filtered.h5"
    for chunk in (7, 1000, 3001):
        path.write_bytes(columns_file(events, chunks=(chunk,), **FILTERS[name]))
        with h5py.File(path) as file:
            assert np.array_equal(file["events/t"][:], events.t)
        recording = open_recording(path, sensor_size=(300, 200))
        assert recording.read() == events
        assert not recording.report.damaged


@pytest.mark.parametrize("libver", ["earliest", "v108", "v110", "latest"])
@pytest.mark.parametrize("compression", [None, "gzip"])
@pytest.mark.parametrize(("chunk", "maxshape"), [((3000,), None), ((1,), None), ((1,), (None,)), ((16,), (9000,))])
def test_every_index_of_chunks_is_read(
    tmp_path: Path, libver: str, compression: str | None, chunk: tuple[int], maxshape: tuple[int | None] | None
) -> None:
    events = random_events(3000, (64, 48))

    def fill(file: Any) -> None:
        table = events.to_structured()
        file.create_dataset("events", data=table, chunks=chunk, maxshape=maxshape, compression=compression)

    path = tmp_path / "indexed.h5"
    path.write_bytes(hdf5_file(fill, libver=libver))
    assert open_recording(path, sensor_size=(64, 48)).read() == events


def external(file: Any) -> None:
    file["events/x"] = file["events/y"] = file["events/p"] = np.zeros(100, np.uint8)
    file.create_dataset("events/t", (100,), np.uint8, external=[("secret.txt", 0, 100)])


def external_link(file: Any) -> None:
    file["events"] = h5py.ExternalLink("other.h5", "/events")


def soft_link(file: Any) -> None:
    file["real"] = np.zeros((10, 4))
    file["events"] = h5py.SoftLink("/real")


def virtual(file: Any) -> None:
    layout = h5py.VirtualLayout((100, 4), np.uint8)
    layout[:] = h5py.VirtualSource("other.h5", "events", (100, 4))
    file.create_virtual_dataset("events", layout)


def references(file: Any) -> None:
    file.create_dataset("events", (10,), [("t", h5py.ref_dtype), ("x", "u2"), ("y", "u2"), ("p", "u1")])


def vlen(file: Any) -> None:
    file.create_dataset("events/t", (10,), h5py.vlen_dtype(np.int64))
    for name in "xyp":
        file[f"events/{name}"] = np.zeros(10)


def texts(file: Any) -> None:
    for name in "txyp":
        file.create_dataset(f"events/{name}", (10,), h5py.string_dtype())


def huge_chunk(file: Any) -> None:
    for name in "txyp":
        file.create_dataset(f"events/{name}", (1 << 31,), "u8", chunks=(1 << 28,), compression="gzip")


def many_events(file: Any) -> None:
    for name in "txyp":
        file.create_dataset(f"events/{name}", (1 << 50,), "u8", chunks=(1 << 10,))


def bomb(file: Any) -> None:
    """4 MiB of zeros in 4 KB."""
    for name in "txyp":
        data = np.zeros(1 << 19, np.int64)
        file.create_dataset(f"events/{name}", data=data, chunks=(1 << 19,), compression="gzip")


def nothing(file: Any) -> None:
    file["pictures"] = np.zeros(3)


HOSTILE: list[tuple[Callable[[Any], None], type[NeuroactError], str]] = [
    (external, CorruptRecording, "another file"),
    (external_link, CorruptRecording, "link to another file"),
    (soft_link, CorruptRecording, "soft link"),
    (virtual, CorruptRecording, "view of other files"),
    (references, CorruptRecording, "reference"),
    (vlen, CorruptRecording, "variable-length"),
    (texts, CorruptRecording, "text"),
    (huge_chunk, LimitExceeded, "chunk"),
    (many_events, LimitExceeded, "number of rows"),
    (bomb, LimitExceeded, "expands more than"),
    (nothing, UnknownFormat, "pictures"),
]


@pytest.mark.parametrize(("fill", "error", "message"), HOSTILE, ids=lambda case: getattr(case, "__name__", ""))
@pytest.mark.parametrize("libver", ["earliest", "v110"])
def test_hostile_files_are_refused(
    fill: Callable[[Any], None], error: type[NeuroactError], message: str, libver: str, tmp_path: Path
) -> None:
    (tmp_path / "secret.txt").write_bytes(SECRET)
    path = tmp_path / "hostile.h5"
    path.write_bytes(hdf5_file(fill, libver=libver))
    with pytest.raises(error, match=message):
        open_recording(path, sensor_size=(256, 256)).read()


def test_a_raised_limit_reads_what_the_default_refuses(tmp_path: Path) -> None:
    path = tmp_path / "zeros.h5"
    path.write_bytes(hdf5_file(bomb))
    assert len(open_recording(path, limits=Limits().scaled(4)).read()) == 1 << 19


def test_a_bomb_inside_a_small_chunk_loses_that_chunk_alone(tmp_path: Path) -> None:
    """The chunk says 64 elements, its gzip stream holds 64 MB."""
    events = sample_events()
    buffer = io.BytesIO(columns_file(events, chunks=(CHUNK,), compression="gzip"))
    with h5py.File(buffer, "r+") as file:
        file["events/t"].id.write_direct_chunk((CHUNK,), zlib.compress(bytes(1 << 26)))
    path = tmp_path / "bomb.h5"
    path.write_bytes(buffer.getvalue())
    recording = open_recording(path, sensor_size=events.sensor_size)
    with pytest.warns(DamageWarning):
        kept = recording.read()
    mask = np.ones(len(events), bool)
    mask[CHUNK : 2 * CHUNK] = False
    assert kept == events[mask]
    assert recording.report.dropped["events in damaged chunks"].count == CHUNK


def test_chunks_side_by_side_are_read_as_far_as_the_shortest_goes(tmp_path: Path) -> None:
    """A table whose columns lie in two chunks: the second chunk of t and p expands to half its rows."""
    events = sample_events()
    buffer = io.BytesIO(SAMPLES["hdf5 mvsec"].build(events))
    with h5py.File(buffer, "r+") as file:
        table = file["davis/left/events"]
        half = np.ascontiguousarray(table[CHUNK : CHUNK + CHUNK // 2, 2:])
        table.id.write_direct_chunk((CHUNK, 2), zlib.compress(half.tobytes()))
    path = tmp_path / "short.h5"
    path.write_bytes(buffer.getvalue())
    recording = open_recording(path, sensor_size=events.sensor_size)
    with pytest.warns(DamageWarning):
        kept = recording.read()
    mask = np.ones(len(events), bool)
    mask[CHUNK + CHUNK // 2 : 2 * CHUNK] = False
    assert kept == events[mask]
    assert recording.report.dropped["events in damaged chunks"].count == CHUNK // 2


def test_rows_that_were_only_declared_take_no_time(tmp_path: Path) -> None:
    def fill(file: Any) -> None:
        for name in "txyp":
            file.create_dataset(f"events/{name}", (1 << 39,), "u1", chunks=(64,))
            file[f"events/{name}"][1 << 30 : (1 << 30) + 64] = 1

    path = tmp_path / "sparse.h5"
    path.write_bytes(hdf5_file(fill))
    recording = open_recording(path, sensor_size=(4, 4))
    with pytest.warns(DamageWarning):
        assert len(recording.read()) == 64
    assert recording.report.dropped["events never written"].count == (1 << 39) - 64


def test_a_user_block_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "block.h5"
    events = sample_events()
    with h5py.File(path, "w", userblock_size=512) as file:
        file["events"] = events.to_structured()
    assert open_recording(path, sensor_size=events.sensor_size).read() == events


def test_columns_of_unequal_length_are_read_as_far_as_all_go(tmp_path: Path) -> None:
    def fill(file: Any) -> None:
        for name, rows in zip("txyp", (10, 8, 9, 10), strict=True):
            file[f"events/{name}"] = np.ones(rows, np.uint8)

    path = tmp_path / "uneven.h5"
    path.write_bytes(hdf5_file(fill))
    recording = open_recording(path)
    with pytest.warns(DamageWarning, match="2 events with columns missing"):
        assert len(recording.read()) == 8


def test_what_we_write_we_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ours, "CHUNK", 1000)
    events = random_events(4500, (640, 480), start=1_605_537_493_718_345)
    pieces = [events[:1], events[1:1], events[1:2500], events[2500:]]
    write_neuroact_hdf5(tmp_path / "ours.h5", pieces, events.sensor_size)
    recording = open_recording(tmp_path / "ours.h5")
    assert recording.read() == events
    assert recording.info.details["layout"] == "neuroact"
    assert recording.info.sensor_from == "header"
    assert recording.info.events == 4500


@pytest.mark.parametrize("polarity", [True, False])
def test_no_events_and_no_polarity_survive(tmp_path: Path, polarity: bool) -> None:
    empty = Events.empty((9, 7), has_polarity=polarity)
    one = Events([5], [8], [6], [0], (9, 7), polarity)  # type: ignore[arg-type]
    write_neuroact_hdf5(tmp_path / "none.h5", [empty], (9, 7))
    write_neuroact_hdf5(tmp_path / "one.h5", [one], (9, 7))
    assert open_recording(tmp_path / "none.h5").read() == Events.empty((9, 7))
    assert open_recording(tmp_path / "one.h5").read().has_polarity is polarity


def test_our_index_of_milliseconds_is_dsecs(tmp_path: Path) -> None:
    t = np.array([0, 500, 2100, 5000, 5000, 7100, 7200, 7200, 8100, 9000])
    zeros = np.zeros(10, np.uint8)
    events = Events(t + 123_456, zeros, zeros, zeros, (1, 1))  # type: ignore[arg-type]
    write_neuroact_hdf5(tmp_path / "index.h5", [events[:4], events[4:]], (1, 1))
    with h5py.File(tmp_path / "index.h5") as file:
        assert file["ms_to_idx"][:].tolist() == [0, 2, 2, 3, 3, 3, 5, 5, 8, 9]
        assert file["t_offset"][()] == 123_456
        assert file["events/t"][:].tolist() == t.tolist()


def test_a_leap_in_time_leaves_the_index_out_and_late_events_do_not_move_it(tmp_path: Path) -> None:
    zeros = np.zeros(3, np.uint8)
    leap = Events([0, 1 << 60, 5], zeros, zeros, zeros, (1, 1))  # type: ignore[arg-type]
    write_neuroact_hdf5(tmp_path / "leap.h5", [leap], (1, 1))
    late = Events([0, 3000, 100], zeros, zeros, zeros, (1, 1))  # type: ignore[arg-type]
    write_neuroact_hdf5(tmp_path / "late.h5", [late], (1, 1))
    assert open_recording(tmp_path / "leap.h5").read() == leap
    with h5py.File(tmp_path / "leap.h5") as first, h5py.File(tmp_path / "late.h5") as second:
        assert "ms_to_idx" not in first
        assert second["ms_to_idx"][:].tolist() == [0, 1, 1, 1]


def test_a_missing_last_byte_loses_one_event_where_libhdf5_refuses_the_file(tmp_path: Path) -> None:
    events = sample_events()
    path = tmp_path / "cut.h5"
    path.write_bytes(compound_events(events)[:-1])
    with pytest.raises(OSError, match="truncated"), h5py.File(path):
        pass
    recording = open_recording(path, sensor_size=events.sensor_size)
    with pytest.warns(DamageWarning, match="cut at byte"):
        assert recording.read() == events[:-1]


def test_tonic_cache(shared: Path) -> None:
    path = shared / "recordings" / "dvs128_gesture_tonic_cache.hdf5"
    events = open_recording(path).read()
    with h5py.File(path) as file:
        stored = file["data/0"][:]
    assert len(events) == 213_025
    assert events.sensor_size == (128, 128)
    assert all(np.array_equal(getattr(events, name), stored[name]) for name in "txyp")


def test_real_recordings_take_less_than_two_and_a_half_bytes_an_event(shared: Path, tmp_path: Path) -> None:
    """Over all of them: dense Prophesee streams take 1.6 to 2.2, sparse ones of a DAVIS 3."""
    stored = events = 0
    for name in ("evt2_640x480.raw", "evt3_1280x720.raw", "dvs_320x240.es", "davis240c_imu_240x180.aedat"):
        recording = open_recording(shared / "recordings" / name)
        write_neuroact_hdf5(tmp_path / name, recording.chunks(), recording.sensor_size)
        events += recording.report.events
        stored += (tmp_path / name).stat().st_size
        assert open_recording(tmp_path / name).read().checksum() == recording.read().checksum()
    assert stored <= 2.5 * events
