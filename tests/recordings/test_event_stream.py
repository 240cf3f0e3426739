"""Event Stream: every type byte by byte, its headers, and what the package writes."""

import struct
from dataclasses import replace
from pathlib import Path

import event_stream
import numpy as np
import pytest

from neuroact import (
    CorruptRecording,
    EncodingError,
    Events,
    LimitExceeded,
    NoPolarity,
    UnknownFormat,
    open_recording,
    write_recording,
)
from neuroact.recordings import DamageWarning, Limits
from tests.conftest import random_events

GENERIC, DVS, ATIS, DISPLAY, COLOR = range(5)
FF, FE = b"\xff", b"\xfe"


def save(path: Path, kind: int, body: bytes, version: tuple[int, int, int] = (2, 0, 0)) -> Path:
    size = b"" if kind in (GENERIC, DISPLAY) else struct.pack("<HH", 64, 48)
    path.write_bytes(b"Event Stream" + bytes((*version, kind)) + size + body)
    return path


def dvs(head: int, x: int, y: int) -> bytes:
    return struct.pack("<BHH", head, x, y)


CASES: dict[str, tuple[int, bytes, list[tuple[int, int, int, int]]]] = {
    "rows from the bottom": (DVS, dvs(3 << 1 | 1, 5, 0), [(3, 5, 47, 1)]),
    "overflow and reset": (
        DVS,
        FF + FE + dvs(126 << 1, 5, 47) + FF * 2 + dvs(0, 1, 47),
        [(253, 5, 0, 0), (507, 1, 0, 0)],
    ),
    "resynchronised": (DVS, FE * 5 + dvs(2, 1, 47), [(1, 1, 0, 0)]),
    "atis": (ATIS, dvs(5 << 2 | 2, 3, 47) + dvs(1 << 2 | 1, 3, 47) + dvs(1 << 2, 4, 47), [(5, 3, 0, 1), (7, 4, 0, 0)]),
    "atis overflows": (ATIS, b"\xfd\xfe\xff\xfc" + dvs(62 << 2, 0, 47), [(63 * 6 + 62, 0, 0, 0)]),
    "color": (
        COLOR,
        FF + dvs(253, 3, 40) + b"\xff\xfe\x00" + FE + dvs(1, 2, 47) + b"abc",
        [(507, 3, 7, 0), (508, 2, 0, 0)],
    ),
    "display": (DISPLAY, b"\x05\x03\x00\xff" + FF + b"\x01\x02\x09\x00", [(5, 3, 9, 0), (260, 2, 0, 0)]),
    "generic": (
        GENERIC,
        b"\x05\x06abc" + FF + b"\x01\x00" + FE + b"\x02\x01\x02" + b"\xff" * 128,
        [(5, 0, 0, 0), (260, 0, 0, 0), (262, 0, 0, 0)],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_bytes(case: str, tmp_path: Path) -> None:
    kind, body, rows = CASES[case]
    recording = open_recording(save(tmp_path / "case.es", kind, body))
    events = recording.read()
    assert list(zip(*(getattr(events, name).tolist() for name in "txyp"), strict=True)) == rows
    assert events.has_polarity == recording.info.has_polarity == (kind in (DVS, ATIS))
    assert recording.info.y_flipped == (kind != GENERIC)
    assert not recording.report.damaged


@pytest.mark.parametrize(("kind", "tail"), [(DVS, b""), (ATIS, b""), (COLOR, b"rgb")])
def test_events_outside_the_sensor_are_dropped_and_time_goes_on(kind: int, tail: bytes, tmp_path: Path) -> None:
    body = dvs(4, 0, 48) + tail + dvs(4, 64, 0) + tail + dvs(4, 0, 0) + tail
    recording = open_recording(save(tmp_path / "outside.es", kind, body))
    with pytest.warns(DamageWarning, match=r"2 events outside the sensor \(first at byte 20\)"):
        assert recording.read().t.tolist() == [{DVS: 6, ATIS: 3, COLOR: 12}[kind]]


def test_threshold_crossings_are_counted_not_damage(tmp_path: Path) -> None:
    recording = open_recording(save(tmp_path / "atis.es", ATIS, dvs(0, 0, 0) + dvs(1, 0, 0) + dvs(3, 99, 99)))
    assert len(recording.read()) == 1
    assert recording.report.to_json()["skipped"] == {"threshold crossings": [2, 25]}


def test_generic_events_may_be_larger_than_a_block_but_not_than_the_limit(tmp_path: Path) -> None:
    size = 3_000_000
    sizes = bytes(
        (size & 0x7F) << 1 | 1 if shift == 0 else (size >> shift & 0x7F) << 1 | (shift < 21) for shift in (0, 7, 14, 21)
    )
    path = save(tmp_path / "large.es", GENERIC, b"\x05" + sizes + b"\xab" * size + b"\x02\x00")
    assert open_recording(path).read().t.tolist() == [5, 7]
    recording = open_recording(path, limits=replace(Limits(), packet_bytes=size - 1))
    with pytest.warns(DamageWarning, match=r"events larger than the limit \(first at byte 16\)"):
        recording.read()


def test_a_size_without_end_is_given_up(tmp_path: Path) -> None:
    recording = open_recording(save(tmp_path / "endless.es", GENERIC, b"\x05" + b"\x01" * 40))
    with pytest.warns(DamageWarning, match="larger than the limit"):
        recording.read()


def test_a_generic_event_without_all_its_data_is_cut(tmp_path: Path) -> None:
    recording = open_recording(save(tmp_path / "cut.es", GENERIC, b"\x05\x00" + b"\x05\xc8abc"))
    with pytest.warns(DamageWarning, match="cut at byte 18"):
        assert recording.read().t.tolist() == [5]


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (b"Event Stream\x02\x00\x00", CorruptRecording, "cut"),
        (b"Event Stream\x02\x00\x00\x01\x05", CorruptRecording, "cut"),
        (b"Event Stream\x01\x00\x00\x01", UnknownFormat, "version 1"),
        (b"Event Stream\x02\x00\x00\x05", UnknownFormat, "type 5"),
        (b"Event Stream\x02\x00\x00\x01\x00\x00\x05\x00", LimitExceeded, "0x5"),
        (b"Event Stream\x02\x00\x00\x01\xff\xff\xff\xff", LimitExceeded, "65535x65535"),
    ],
)
def test_broken_headers(data: bytes, error: type[Exception], message: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.es"
    path.write_bytes(data)
    with pytest.raises(error, match=message):
        open_recording(path)


def test_something_else_that_is_called_es_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.es"
    path.write_bytes(b"not a stream of events")
    with pytest.raises(CorruptRecording, match="does not begin"):
        open_recording(path, format="es")


def test_written_files_are_read_by_us_and_by_event_stream(tmp_path: Path) -> None:
    events = random_events(3000, (640, 480), start=100_000)
    t = events.t.copy()
    t[1500:] += 1_000_000
    events = events.replace(t=t)
    path = tmp_path / "written.es"
    write_recording((events[i : i + 999] for i in range(0, 3000, 999)), path)
    assert open_recording(path).read() == events
    with event_stream.Decoder(str(path)) as decoder:
        assert (decoder.width, decoder.height) == (640, 480)
        theirs = np.concatenate(list(decoder))
    assert np.array_equal(theirs["t"], events.t)
    assert np.array_equal(theirs["x"], events.x)
    assert np.array_equal(479 - theirs["y"], events.y)
    assert np.array_equal(theirs["on"], events.p == 1)


def test_what_es_cannot_hold_is_refused(tmp_path: Path) -> None:
    late = Events([1 << 32], [0], [0], [0], (8, 8))  # type: ignore[arg-type]
    with pytest.raises(EncodingError, match="event 0"):
        write_recording(late, tmp_path / "late.es")
    with pytest.raises(NoPolarity):
        write_recording(random_events(5).replace(has_polarity=False), tmp_path / "color.es")
