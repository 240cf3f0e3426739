"""DAT: both versions, its clock, its header, and what the package writes."""

import struct
from pathlib import Path

import numpy as np
import pytest

from neuroact import CorruptRecording, EncodingError, Events, UnknownFormat, open_recording, write_recording
from neuroact.recordings import DamageWarning
from tests.conftest import random_events
from tests.recordings.peers import read_with_evutils

HEADER = b"% Version 2\n% Height 48\n% Width 64\n% end\n"


def save(path: Path, events: list[tuple[int, int]], header: bytes = HEADER, layout: tuple[int, int] = (12, 8)) -> Path:
    path.write_bytes(header + bytes(layout) + b"".join(struct.pack("<II", *event) for event in events))
    return path


def place(x: int, y: int, p: int) -> int:
    return p << 28 | y << 14 | x


@pytest.mark.parametrize("kind", [0, 12])
def test_both_kinds_of_dvs_events(kind: int, tmp_path: Path) -> None:
    path = save(tmp_path / "kind.dat", [(5, place(63, 47, 1)), (6, place(1, 2, 0))], layout=(kind, 8))
    events = open_recording(path).read()
    assert [getattr(events, name).tolist() for name in "txyp"] == [[5, 6], [63, 1], [47, 2], [1, 0]]


def test_the_clock_wraps_after_32_bits_and_small_steps_back_stay(tmp_path: Path) -> None:
    late = (1 << 32) - 10
    path = save(tmp_path / "wrap.dat", [(time, 0) for time in (100, 90, 1 << 31, late, 5, 3)])
    recording = open_recording(path)
    assert recording.read().t.tolist() == [100, 90, 1 << 31, late, (1 << 32) + 5, (1 << 32) + 3]
    report = recording.report
    assert (report.wraps, report.backward_steps, report.largest_backward_step) == (1, 2, 10)


def test_events_outside_the_sensor_are_dropped_and_located(tmp_path: Path) -> None:
    path = save(tmp_path / "outside.dat", [(1, place(0, 0, 0)), (2, place(64, 0, 0)), (3, place(0, 48, 0))])
    recording = open_recording(path)
    with pytest.warns(DamageWarning, match=f"2 events outside the sensor .first at byte {len(HEADER) + 2 + 8}."):
        assert len(recording.read()) == 1


def test_a_chronocam_file_without_a_size_is_304_by_240(tmp_path: Path) -> None:
    header = b"% Data file containing N9Chronocam7Event2dE events.\n% Version 2\n"
    recording = open_recording(save(tmp_path / "old.dat", [(1, 0)], header, (0, 8)))
    assert recording.info.format == "dat"
    assert (recording.sensor_size, recording.info.sensor_from) == ((304, 240), "camera")


def test_without_a_size_and_a_camera_the_data_tell(tmp_path: Path) -> None:
    recording = open_recording(save(tmp_path / "plain.dat", [(1, place(9, 4, 1))], b"% Version 2\n"))
    assert (recording.sensor_size, recording.info.sensor_from) == ((10, 5), "data")


@pytest.mark.parametrize(
    ("layout", "error", "message"),
    [
        ((14, 8), UnknownFormat, "external triggers"),
        ((40, 24), UnknownFormat, "optical flow"),
        ((99, 8), UnknownFormat, "unknown"),
        ((12, 7), CorruptRecording, "7 bytes"),
        ((12, 0), CorruptRecording, "0 bytes"),
    ],
)
def test_other_events_are_refused_by_name(
    layout: tuple[int, int], error: type[Exception], message: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=message):
        open_recording(save(tmp_path / "other.dat", [], layout=layout))


def test_bare_events_are_read_if_the_format_is_named(tmp_path: Path) -> None:
    path = tmp_path / "bare.dat"
    path.write_bytes(struct.pack("<II", 7, place(3, 4, 1)))
    assert open_recording(path, format="dat").read().x.tolist() == [3]


def test_written_files_are_read_by_us_and_by_evutils(tmp_path: Path) -> None:
    events = random_events(3000, (640, 480), start=(1 << 32) - 200_000)
    path = tmp_path / "written.dat"
    write_recording((events[i : i + 999] for i in range(0, 3000, 999)), path)
    assert open_recording(path).read() == events
    theirs = read_with_evutils(path)
    assert all(np.array_equal(getattr(theirs, name), getattr(events, name)) for name in "xyp")
    assert np.array_equal(theirs.t, events.t)


def test_times_beyond_32_bits_are_refused(tmp_path: Path) -> None:
    events = Events([1, 1 << 32], [0, 0], [0, 0], [0, 0], (8, 8))  # type: ignore[arg-type]
    with pytest.raises(EncodingError, match="event 1: t = 4294967296"):
        write_recording(events, tmp_path / "late.dat")
