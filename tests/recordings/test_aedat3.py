"""AEDAT 3.0 and 3.1: packets, the clock, and what happens between damaged ones."""

import struct
from pathlib import Path

import pytest

from neuroact import Events, UnknownFormat, open_recording
from neuroact.recordings import DamageWarning, Recording
from tests.conftest import random_events
from tests.recordings import build_aedat as build
from tests.recordings.build_aedat import FRAME, IMU6, POLARITY, SPECIAL, event3, header3, packet3

HEADER = header3()


def opened(folder: Path, data: bytes) -> Recording:
    path = folder / "recording.aedat"
    path.write_bytes(data)
    return open_recording(path)


def events_at(*times: int) -> bytes:
    """A packet of events at pixel (1, 2), one for each time."""
    return packet3(POLARITY, [event3((t, 1, 2, 1)) for t in times], times[0] >> 31)


def reset_packet() -> bytes:
    return packet3(SPECIAL, [struct.pack("<Ii", 1 | 1 << 1, 0)])


@pytest.mark.parametrize(
    ("camera", "size"),
    [("DVS128", (128, 128)), ("DAVIS240C", (240, 180)), ("DAVIS346", (346, 260)), ("DAVIS640", (640, 480))],
)
def test_sensor_of_the_camera(tmp_path: Path, camera: str, size: tuple[int, int]) -> None:
    recording = opened(tmp_path, header3("3.1", camera) + events_at(5))
    assert (recording.info.camera, recording.sensor_size, recording.info.sensor_from) == (camera, size, "camera")


def test_version_3_0_counts_rows_from_the_bottom(tmp_path: Path) -> None:
    recording = opened(tmp_path, header3("3.0") + events_at(5))
    assert recording.info.y_flipped
    assert recording.read().y.tolist() == [125]
    assert not opened(tmp_path, HEADER + events_at(5)).info.y_flipped


def test_unknown_camera_takes_the_range_of_the_data(tmp_path: Path) -> None:
    data = header3("3.0", "Homebrew") + packet3(POLARITY, [event3((5, 30, 2, 1)), event3((6, 3, 8, 0))])
    recording = opened(tmp_path, data)
    assert (recording.sensor_size, recording.info.sensor_from) == ((31, 9), "data")
    assert recording.read().y.tolist() == [6, 0]


def test_overflows_of_the_clock(tmp_path: Path) -> None:
    times = [2**31 - 1, 2**31, 2**31 + 7, 5 << 31]
    recording = opened(tmp_path, HEADER + b"".join(events_at(t) for t in times))
    assert recording.read().t.tolist() == times
    assert recording.report.wraps == 5


def test_a_clock_set_to_zero_is_noted(tmp_path: Path) -> None:
    recording = opened(tmp_path, HEADER + events_at(900) + reset_packet() + events_at(3, 4))
    assert recording.read().t.tolist() == [900, 3, 4]
    assert recording.report.backward_steps == 1
    assert recording.report.notes == ["the camera's clock was set to zero 1 times; times are as stored"]


def test_other_packets_are_counted(tmp_path: Path) -> None:
    others = [
        packet3(SPECIAL, [bytes(8)] * 2),
        packet3(FRAME, [bytes(36 + 35)]),
        packet3(IMU6, [bytes(36)] * 3),
        packet3(4, [bytes(48)]),
        packet3(12, [bytes(8)] * 4),
        packet3(POLARITY, [event3((1, 1, 1, 1), valid=False)]),
        packet3(POLARITY, [event3((1, 1, 1, 1))] * 5, source=2),
    ]
    recording = opened(tmp_path, HEADER + events_at(1) + b"".join(others) + events_at(2))
    assert recording.read().t.tolist() == [1, 2]
    assert {kind: tally.count for kind, tally in recording.report.skipped.items()} == {
        "events marked invalid": 1,
        "special events": 2,
        "frames": 1,
        "IMU samples": 4,
        "other events": 4,
        "events of other cameras": 5,
    }


def test_events_that_cannot_be(tmp_path: Path) -> None:
    late = event3((1, 1, 2, 1))[:4] + struct.pack("<i", -1)
    outside = [event3((2, 128, 0, 1)), event3((2, 0, 128, 1)), event3((2, 0x7FFF, 0x7FFF, 1))]
    recording = opened(tmp_path, HEADER + packet3(POLARITY, [event3((1, 127, 127, 0)), late, *outside]))
    with pytest.warns(DamageWarning):
        assert recording.read() == Events([1], [127], [127], [0], (128, 128))  # type: ignore[arg-type]
    assert {reason: tally.count for reason, tally in recording.report.dropped.items()} == {
        "events outside the sensor": 3,
        "events with an impossible time": 1,
    }


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("type", 0x7F), ("type", -1), ("size", 0), ("size", -8), ("size", 9), ("size", 2**31 - 1),
        ("overflow", -1), ("capacity", -1), ("capacity", 1), ("capacity", 2**31 - 1), ("capacity", -(2**31)),
        ("number", -1), ("number", 2**31 - 1), ("valid", -1), ("valid", 4),
    ],
)  # fmt: skip
def test_a_damaged_packet_is_skipped_and_the_next_one_read(tmp_path: Path, field: str, value: int) -> None:
    place = {"type": 0, "size": 4, "overflow": 12, "capacity": 16, "number": 20, "valid": 24}[field]
    damaged = bytearray(events_at(10, 11, 12))
    struct.pack_into("<h" if field == "type" else "<i", damaged, place, value)
    recording = opened(tmp_path, HEADER + events_at(1, 2) + bytes(damaged) + events_at(20, 21))
    with pytest.warns(DamageWarning, match="1 damaged packets"):
        assert recording.read().t.tolist() == [1, 2, 20, 21]
    assert recording.report.dropped["damaged packets"].first_offset == len(HEADER + events_at(1, 2))
    assert recording.report.truncated_at is None


def test_bytes_that_were_lost_between_packets(tmp_path: Path) -> None:
    recording = opened(tmp_path, HEADER + events_at(1) + b"lost" * 9 + events_at(2) + b"\xff" * 3 + events_at(3))
    with pytest.warns(DamageWarning, match="2 damaged packets"):
        assert recording.read().t.tolist() == [1, 2, 3]


def test_compressed_packets_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UnknownFormat, match="SerializedTS"):
        opened(tmp_path, HEADER.replace(b"RAW", b"SerializedTS"))


def test_evutils_reads_the_same(tmp_path: Path) -> None:
    evutils = pytest.importorskip("evutils.io")
    events = random_events(500, (128, 128), start=2**31 - 5000)
    recording = opened(tmp_path, build.aedat3(events))
    assert recording.read() == events
    reader = evutils.EventReader(recording.path)
    theirs = reader.read_all()
    reader.close()
    for name in "txyp":
        assert theirs[name].astype(int).tolist() == getattr(events, name).tolist()
