"""N-MNIST's format: 5 bytes an event, the two overflow rules, and the sensor that is not in the file."""

from pathlib import Path

import numpy as np
import pytest
from tonic.io import events_struct, read_mnist_file

from neuroact import Events, UnknownFormat, open_recording
from neuroact.recordings import DamageWarning
from tests.conftest import random_events
from tests.recordings.build_words import nmnist


def save(path: Path, *records: tuple[int, int, int, int]) -> Path:
    t, x, y, p = (np.array(column) for column in zip(*records, strict=True))
    path.write_bytes(nmnist(Events(t, x, y, p, (256, 256))))
    return path


def test_an_event_fills_its_fields(tmp_path: Path) -> None:
    path = tmp_path / "one.bin"
    path.write_bytes(bytes((0x21, 0x12, 0x80 | 0x01, 0x02, 0x03)))
    events = open_recording(path).read()
    assert (events.x[0], events.y[0], events.p[0], events.t[0]) == (0x21, 0x12, 1, 0x010203)


def test_the_sensor_comes_from_the_data_or_the_caller(tmp_path: Path) -> None:
    path = save(tmp_path / "size.bin", (1, 9, 4, 0), (2, 3, 7, 1))
    recording = open_recording(path)
    assert (recording.sensor_size, recording.info.sensor_from) == ((10, 8), "data")
    recording = open_recording(path, sensor_size=(9, 8))
    assert recording.info.sensor_from == "argument"
    with pytest.warns(DamageWarning, match=r"1 events outside the sensor \(first at byte 0\)"):
        assert recording.read().x.tolist() == [3]


OVERFLOW = [(100, 1, 1, 0), (50, 200, 240, 0), (60, 2, 2, 1), (70, 3, 240, 0), (80, 2, 2, 1)]
"""Two records in row 240 that are no events if the sensor has no such row."""


@pytest.mark.parametrize("sensor_size", [None, (34, 34), (240, 180), (240, 240)])
def test_row_240_adds_8192_us_where_it_is_no_row(sensor_size: tuple[int, int] | None, tmp_path: Path) -> None:
    path = save(tmp_path / "overflow.bin", *OVERFLOW)
    recording = open_recording(path, sensor_size=sensor_size)
    events = recording.read()
    assert events.t.tolist() == [100, 60 + 8192, 80 + 2 * 8192]
    assert recording.sensor_size == (sensor_size or (3, 3))
    assert recording.report.wraps == 2
    assert not recording.report.damaged
    theirs = read_mnist_file(str(path), events_struct)
    assert theirs["t"].tolist() == events.t.tolist()


def test_row_240_is_a_row_of_a_sensor_that_has_it(tmp_path: Path) -> None:
    path = save(tmp_path / "tall.bs2", *OVERFLOW)
    assert open_recording(path, sensor_size=(346, 260)).read().t.tolist() == [100, 50, 60, 70, 80]


def test_row_240_is_a_row_if_an_event_lies_above_it(tmp_path: Path) -> None:
    recording = open_recording(save(tmp_path / "taller.bs2", *OVERFLOW, (90, 4, 241, 0)))
    assert recording.sensor_size == (201, 242)
    assert recording.read().t.tolist() == [100, 50, 60, 70, 80, 90]


def test_the_clock_wraps_after_23_bits_and_small_steps_back_stay(tmp_path: Path) -> None:
    last = (1 << 23) - 1
    path = save(tmp_path / "wrap.bin", *((time, 0, 0, 0) for time in (20, 10, last, 5)))
    recording = open_recording(path)
    assert recording.read().t.tolist() == [20, 10, last, last + 6]
    assert (recording.report.wraps, recording.report.backward_steps) == (1, 1)


def test_tonic_reads_the_same(tmp_path: Path) -> None:
    path = tmp_path / "tonic.bin"
    path.write_bytes(nmnist(random_events(2000, (34, 34))))
    assert np.array_equal(open_recording(path).read().to_structured(), read_mnist_file(str(path), events_struct))


def test_without_a_signature_the_name_is_needed_or_the_format(tmp_path: Path) -> None:
    path = save(tmp_path / "spikes.dat1", (200, 1, 1, 0))
    with pytest.raises(UnknownFormat):
        open_recording(path)
    assert len(open_recording(path, format="nmnist").read()) == 1


def test_no_event_is_a_sensor_of_one_pixel(tmp_path: Path) -> None:
    path = tmp_path / "short.bin"
    path.write_bytes(b"\x01\x02\x80")
    recording = open_recording(path)
    with pytest.warns(DamageWarning, match="cut at byte 0"):
        assert len(recording.read()) == 0
    assert recording.sensor_size == (1, 1)
