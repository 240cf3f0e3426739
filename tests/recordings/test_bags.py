"""ROS 1, ROS 2 and MCAP bags: encodings, messages, damage, hostile databases."""

import bz2
import sqlite3
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rosbags.rosbag1 import Writer as Writer1
from rosbags.rosbag2 import StoragePlugin
from rosbags.typesys import Stores

from neuroact import CorruptRecording, Events, LimitExceeded, UnknownFormat, open_recording
from neuroact.recordings import DamageWarning, libcaer
from tests.conftest import random_events
from tests.recordings import build_bags as bags
from tests.recordings.build_bags import ARRAY, PACKET, packet, ros1_bag, ros2_bag, types_of
from tests.recordings.build_words import rows
from tests.recordings.sample_files import SAMPLES, build, sample_events

EVENTS = random_events(300, (640, 480), start=0)
BASE = 1_700_000_000_000_000
"""µs"""
LATE = EVENTS.replace(t=EVENTS.t + BASE)
ROS1 = types_of(Stores.ROS1_NOETIC)
GOLDEN = "6b1e197064c22758df26b2fb4043a75aed0588fbb216e7d702683ebeb6c8ce00"


def libcaer_payload(events: Events) -> bytes:
    return b"".join(struct.pack("<Ii", 1 | p << 1 | y << 2 | x << 17, t) for t, x, y, p in rows(events))


def mono_payload(events: Events) -> bytes:
    return b"".join(struct.pack("<Q", t * 1000 | x << 32 | y << 48 | p << 63) for t, x, y, p in rows(events))


def compressed_payload(events: Events) -> bytes:
    words = []
    for t, x, y, p in rows(events):
        words += [t >> 12, 1 << 12 | t & 0xFFF, 2 << 12 | x, 3 << 12 | p << 11 | y]
    return struct.pack(f"<{len(words)}H", *words)


ENCODINGS: dict[str, Callable[[Events], bytes]] = {
    "libcaer": libcaer_payload,
    "mono": mono_payload,
    "libcaer_cmp": compressed_payload,
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("compiled", [True, False])
def test_encodings_that_count_from_a_time_base(
    tmp_path: Path, encoding: str, compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(libcaer, "SMALL", 0 if compiled else 1 << 20)
    parts = [EVENTS[:100], EVENTS[100:]]
    messages = [packet(ROS1, (640, 480), ENCODINGS[encoding](part), encoding, BASE * 1000) for part in parts]
    (tmp_path / "bag").write_bytes(ros1_bag(PACKET, messages))
    recording = open_recording(tmp_path / "bag")
    assert recording.read() == LATE
    assert recording.info.details["encoding"] == encoding


def test_vectors_of_libcaer_words(tmp_path: Path) -> None:
    words = [0x0001, 0x1002, 0x2005, 0x4807, 0x5081, 0x6801, 0x7000, 0x3803]
    message = packet(ROS1, (640, 480), struct.pack("<8H", *words), "libcaer_cmp")
    (tmp_path / "bag").write_bytes(ros1_bag(PACKET, [message]))
    recording = open_recording(tmp_path / "bag")
    events = recording.read()
    assert events.t.tolist() == [4098] * 5
    assert events.x.tolist() == [5] * 5
    assert events.y.tolist() == [7, 14, 15, 26, 3]
    assert events.p.tolist() == [1] * 5
    assert recording.report.skipped["other words"].count == 1


def test_libcaers_clock_wraps_inside_a_message_and_invalid_events_are_skipped(tmp_path: Path) -> None:
    payload = struct.pack("<IiIiIi", 3, 2**31 - 1, 1, 0, 0, 1)
    (tmp_path / "bag").write_bytes(ros1_bag(PACKET, [packet(ROS1, (640, 480), payload, "libcaer")]))
    recording = open_recording(tmp_path / "bag")
    events = recording.read()
    assert events.t.tolist() == [2**31 - 1, 2**31]
    assert events.p.tolist() == [1, 0]
    assert recording.report.skipped["events marked invalid"].count == 1


@pytest.mark.parametrize("compression", [None, Writer1.CompressionFormat.BZ2, Writer1.CompressionFormat.LZ4])
def test_compressed_chunks(tmp_path: Path, compression: Any) -> None:
    events = sample_events(2000)
    (tmp_path / "bag").write_bytes(ros1_bag(PACKET, bags.packets(events, ROS1), compression, 1000))
    assert open_recording(tmp_path / "bag").read() == events


def test_an_odd_byte_in_a_message_does_not_shift_the_next(tmp_path: Path) -> None:
    words = bags.evt3_words(sample_events())
    messages = [packet(ROS1, (32, 24), part, "evt3") for part in (words[:100] + b"\xff", words[100:])]
    (tmp_path / "bag").write_bytes(ros1_bag(PACKET, messages))
    recording = open_recording(tmp_path / "bag")
    with pytest.warns(DamageWarning, match="1 bytes that are no whole word"):
        assert recording.read() == sample_events()


def test_a_message_in_another_encoding_and_another_topic_are_counted(tmp_path: Path) -> None:
    events = sample_events()
    messages = [*bags.packets(events, ROS1), packet(ROS1, (32, 24), b"12345678", "mono")]
    (tmp_path / "bag").write_bytes(ros1_bag(PACKET, messages))
    recording = open_recording(tmp_path / "bag")
    with pytest.warns(DamageWarning, match="1 messages in another encoding"):
        assert recording.read() == events


@pytest.mark.parametrize("encoding", ["jpeg", "", "trigger"])
def test_unknown_encodings_are_refused(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "bag").write_bytes(ros1_bag(PACKET, [packet(ROS1, (32, 24), b"1234", encoding)]))
    with pytest.raises(UnknownFormat, match="encoding"):
        open_recording(tmp_path / "bag")


@pytest.mark.parametrize("name", ["ros1", "ros2", "mcap"])
def test_a_bag_without_events_says_what_it_holds(tmp_path: Path, name: str) -> None:
    storage = StoragePlugin.SQLITE3 if name == "ros2" else StoragePlugin.MCAP
    data = ros1_bag(PACKET, []) if name == "ros1" else ros2_bag(PACKET, [], storage)
    (tmp_path / "bag").write_bytes(data)
    with pytest.raises(UnknownFormat, match=r"/chatter holds std_msgs/String"):
        open_recording(tmp_path / "bag")


@pytest.mark.parametrize("name", ["ros1 packets", "mcap lz4", "mcap zstd"])
def test_a_damaged_chunk_is_skipped_and_the_next_ones_read(tmp_path: Path, name: str) -> None:
    events = sample_events(1000)
    data = bytearray(build(name, events))
    at = len(data) // 2
    data[at : at + 40] = bytes(40)
    (tmp_path / "bag").write_bytes(data)
    recording = open_recording(tmp_path / "bag")
    with pytest.warns(DamageWarning):
        kept = recording.read()
    assert set(recording.report.dropped) <= {"damaged chunks", "damaged messages", "damaged records"}
    assert 500 < len(kept) < 1000
    assert kept.t[-1] == events.t[-1]


def test_chunks_that_expand_too_far_are_refused(tmp_path: Path) -> None:
    zeros = bz2.compress(bytes(1 << 25))
    fields = [b"op=\x05", b"compression=bz2", b"size=" + struct.pack("<I", 1 << 25)]
    header = b"".join(struct.pack("<I", len(field)) + field for field in fields)
    record = struct.pack("<I", len(header)) + header + struct.pack("<I", len(zeros)) + zeros
    (tmp_path / "bomb.bag").write_bytes(b"#ROSBAG V2.0\n" + record)
    with pytest.raises(LimitExceeded, match="expansion"):
        open_recording(tmp_path / "bomb.bag")


def test_damaged_pages_of_a_database_cost_their_messages(tmp_path: Path) -> None:
    events = sample_events(4000)
    data = bytearray(SAMPLES["ros2 arrays"].build(events))
    page = 4096
    for number in range(8, 12):
        data[number * page : number * page + 200] = bytes(200)
    (tmp_path / "bag.db3").write_bytes(data)
    recording = open_recording(tmp_path / "bag.db3")
    with pytest.warns(DamageWarning, match="damaged"):
        kept = recording.read()
    assert 2000 < len(kept) < 4000
    assert kept.t[-1] == events.t[-1]
    assert np.isin(kept.t, events.t).all()


def test_a_cut_database_says_where(tmp_path: Path) -> None:
    data = build("ros2 arrays", sample_events(4000))
    (tmp_path / "bag.db3").write_bytes(data[: len(data) * 3 // 4])
    recording = open_recording(tmp_path / "bag.db3")
    with pytest.warns(DamageWarning, match=f"cut at byte {len(data) * 3 // 4}"):
        assert 0 < len(recording.read()) < 4000


VIEWS = [
    "CREATE TABLE topics(id, name, type); CREATE VIEW messages AS "
    "WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n) SELECT id, 1 AS topic_id, '' AS data FROM n",
    "CREATE TABLE unrelated(id)",
    "CREATE TABLE messages(id INTEGER PRIMARY KEY, topic_id, data AS (zeroblob(100000000))); "
    f"CREATE TABLE topics(id, name, type); INSERT INTO topics VALUES (1, '/e', '{ARRAY}'); "
    "INSERT INTO messages VALUES (1, 1)",
]


@pytest.mark.parametrize("script", VIEWS)
def test_hostile_databases_are_refused(tmp_path: Path, script: str) -> None:
    database = sqlite3.connect(tmp_path / "hostile.db3")
    database.executescript(script)
    database.close()
    with pytest.raises((CorruptRecording, UnknownFormat)):
        open_recording(tmp_path / "hostile.db3")


def test_a_database_whose_tables_have_no_names(tmp_path: Path) -> None:
    data = build("ros2 packets", sample_events())
    (tmp_path / "bag.db3").write_bytes(data.replace(b"CREATE TABLE topics", b"CREATE T\x80BLE topics"))
    with pytest.raises(CorruptRecording, match="cannot be read"):  # SQLite's own message quotes what is no text
        open_recording(tmp_path / "bag.db3")


def test_nothing_is_left_beside_a_database(tmp_path: Path) -> None:
    (tmp_path / "bag.db3").write_bytes(build("ros2 packets", sample_events()))
    before = (tmp_path / "bag.db3").stat().st_mtime_ns
    open_recording(tmp_path / "bag.db3").read()
    assert [path.name for path in tmp_path.iterdir()] == ["bag.db3"]
    assert (tmp_path / "bag.db3").stat().st_mtime_ns == before


@pytest.mark.parametrize("name", ["ros1_evt3_640x480.bag", "ros2_evt3_640x480.db3"])
def test_real_bags(shared: Path, name: str) -> None:
    recording = open_recording(shared / "recordings" / name)
    events = recording.read()
    assert len(events) == 343_474
    assert events.sensor_size == (640, 480)
    assert events.checksum() == GOLDEN
