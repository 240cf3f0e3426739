"""Writing AEDAT 4: what comes back, the table of packets, and readers of others."""

import struct
from itertools import pairwise
from pathlib import Path

import lz4.frame
import numpy as np
import pytest

from neuroact import EncodingError, Events, NoPolarity, open_recording
from neuroact.recordings import flatbuffers
from neuroact.recordings.aedat4_header import read_aedat4_header
from neuroact.recordings.aedat4_writer import EVENTS_PER_PACKET, write_aedat4
from neuroact.recordings.flatbuffers import INT32, INT64, UINT32, Table
from neuroact.recordings.reader import Source
from tests.conftest import random_events

SIZE = (640, 480)
START = 1_605_537_493_718_345


def written(folder: Path, *chunks: Events, size: tuple[int, int] = SIZE) -> Path:
    path = folder / "written.aedat4"
    write_aedat4(path, chunks, size)
    return path


def table_of(path: Path) -> list[Table]:
    """The definitions in the table of packets."""
    data = path.read_bytes()
    buffer = lz4.frame.decompress(data[read_aedat4_header(Source(path)).table :])
    assert flatbuffers.identifier(buffer) == b"FTAB"
    start, count = flatbuffers.root(buffer).vector(0)
    places = [start + 4 * index for index in range(count)]
    return [Table(buffer, place + flatbuffers.number(UINT32, buffer, place)) for place in places]


@pytest.mark.parametrize("count", [0, 1, EVENTS_PER_PACKET, EVENTS_PER_PACKET + 1, 30_000])
def test_what_is_written_is_read(tmp_path: Path, count: int) -> None:
    events = random_events(count, SIZE, start=START)
    recording = open_recording(written(tmp_path, events[: count // 3], events[count // 3 :]))
    assert recording.read() == events
    assert not recording.report.damaged
    assert (recording.info.camera, recording.sensor_size) == ("neuroact", SIZE)


def test_the_table_names_every_packet(tmp_path: Path) -> None:
    events = random_events(20_000, SIZE, start=START)
    path = written(tmp_path, events)
    data, table = path.read_bytes(), table_of(path)
    assert [entry.scalar(2, INT64, 0) for entry in table] == [8192, 8192, 3616]
    first = 0
    for entry in table:
        position, count = entry.scalar(0, INT64, 0), entry.scalar(2, INT64, 0)
        place = entry.field(1)
        assert place is not None
        assert entry.buffer[place : place + 8] == data[position - 8 : position]
        times = events.t[first : first + count]
        assert (entry.scalar(3, INT64, 0), entry.scalar(4, INT64, 0)) == (times[0], times[-1])
        first += count


def test_64_bit_fields_are_aligned(tmp_path: Path) -> None:
    table = table_of(written(tmp_path, random_events(20_000, SIZE)))
    assert {(entry.field(index) or 0) % 8 for entry in table for index in (0, 2, 3, 4)} == {0}
    assert {(entry.field(1) or 0) % 4 for entry in table} == {0}
    assert all(after.position - before.position == 48 for before, after in pairwise(table))


def test_the_first_header_is_written_again_in_place(tmp_path: Path) -> None:
    path = written(tmp_path, random_events(10, SIZE))
    data = path.read_bytes()
    header = flatbuffers.root(data[14:])
    assert header.scalar(0, INT32, 0) == 1
    assert header.scalar(1, INT64, -1) == read_aedat4_header(Source(path)).table < len(data)
    assert struct.unpack_from("<I", data, 14)[0] + 18 == read_aedat4_header(Source(path)).payload


@pytest.mark.parametrize(
    ("events", "size", "problem"),
    [
        (random_events(5, SIZE), (40_000, 480), "32767"),
        (random_events(5, SIZE).replace(x=[0, 1, 640, 2, 3]), SIZE, "event 2.*outside"),
        (random_events(5, SIZE).replace(t=[0, 1, 5, 2, 9]), SIZE, "event 3.*backwards"),
        (random_events(5, SIZE).replace(p=[0, 1, 2, 0, 1]), SIZE, "event 2: polarity 2"),
    ],
)
def test_what_the_format_cannot_hold(tmp_path: Path, events: Events, size: tuple[int, int], problem: str) -> None:
    with pytest.raises(EncodingError, match=problem):
        written(tmp_path, events, size=size)


def test_a_stream_without_polarity(tmp_path: Path) -> None:
    with pytest.raises(NoPolarity):
        written(tmp_path, random_events(3, SIZE).replace(has_polarity=False))


def test_readers_of_others_agree(tmp_path: Path) -> None:
    aedat = pytest.importorskip("aedat")
    evutils = pytest.importorskip("evutils.io")
    events = random_events(20_000, SIZE, start=START)
    path = written(tmp_path, events)
    decoder = aedat.Decoder(str(path))
    assert decoder.id_to_stream() == {0: {"type": "events", "width": 640, "height": 480}}
    theirs = np.concatenate([packet["events"] for packet in decoder])
    reader = evutils.EventReader(path)
    others = reader.read_all()
    reader.close()
    for name, their_name in zip("txyp", ("t", "x", "y", "on"), strict=True):
        assert np.array_equal(theirs[their_name], getattr(events, name))
        assert np.array_equal(others[name], getattr(events, name))
