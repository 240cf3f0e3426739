"""EVT3: words one by one, the clock, vectors, and what the package writes."""

from pathlib import Path

import evt3
import numpy as np
import pytest

from neuroact import Events, open_recording, write_recording
from neuroact.recordings import DamageWarning
from neuroact.recordings.opening import open_source
from neuroact.recordings.reader import Source
from tests.conftest import random_events
from tests.recordings.build_words import raw_file
from tests.recordings.peers import read_with_evutils

ROW, COLUMN, BASE, VECT_12, VECT_8, LOW, HIGH, TRIGGER = (kind << 12 for kind in (0, 2, 3, 4, 5, 6, 8, 10))
ON = 1 << 11
START = [HIGH | 1, LOW | 5, ROW | 7]
T = 4096 + 5

CASES = {
    "an event": ([*START, COLUMN | ON | 9], [(T, 9, 7, 1)]),
    "row and time stay": ([*START, COLUMN | 9, COLUMN | 8], [(T, 9, 7, 0), (T, 8, 7, 0)]),
    "a new high zeroes low": ([*START, HIGH | 2, COLUMN], [(8192, 0, 7, 0)]),
    "the same high keeps low": ([*START, HIGH | 1, COLUMN], [(T, 0, 7, 0)]),
    "low alone may fall": ([*START, COLUMN, LOW | 3, COLUMN], [(T, 0, 7, 0), (T - 2, 0, 7, 0)]),
    "wrap": ([HIGH | 4095, ROW, COLUMN, HIGH, COLUMN], [(4095 << 12, 0, 0, 0), (1 << 24, 0, 0, 0)]),
    "half the range is a wrap": ([HIGH | 2048, COLUMN, HIGH, COLUMN], [(2048 << 12, 0, 0, 0), (1 << 24, 0, 0, 0)]),
    "less is a glitch": ([HIGH | 2047, COLUMN, HIGH, COLUMN], [(2047 << 12, 0, 0, 0), (0, 0, 0, 0)]),
    "vectors": (
        [*START, BASE | ON | 20, VECT_12 | 0b100000000001, VECT_12 | 0, VECT_8 | 0b10000001],
        [(T, 20, 7, 1), (T, 31, 7, 1), (T, 44, 7, 1), (T, 51, 7, 1)],
    ),
    "a camera's vectors": (
        [*START, BASE | ON | 20, VECT_12 | 0b100000000001, VECT_12 | 0b10, VECT_8 | 0xF80, COLUMN | 3, VECT_8 | 1],
        [(T, 20, 7, 1), (T, 31, 7, 1), (T, 33, 7, 1), (T, 51, 7, 1), (T, 3, 7, 0), (T, 52, 7, 1)],
    ),
    "no vectors of a camera": (
        [*START, BASE, VECT_12 | 1, COLUMN | 5, VECT_8 | 1, BASE, VECT_12 | 1, VECT_12 | 1, COLUMN | 7],
        [(T, x, 7, 0) for x in (0, 5, 12, 0, 12, 7)],
    ),
    "a full vector": ([*START, BASE, VECT_12 | 0xFFF, VECT_8 | 0xFFF], [(T, x, 7, 0) for x in range(20)]),
    "a column keeps the base": (
        [*START, BASE | ON | 8, COLUMN | 3, VECT_8 | 1],
        [(T, 3, 7, 0), (T, 8, 7, 1)],
    ),
    "other words": ([*START, 0xE014, 0xF015, 0x7000, 0xE0FF, TRIGGER | 1, COLUMN], [(T, 0, 7, 0)]),
    "before the first time": ([ROW | 3, COLUMN, LOW | 5, HIGH | 1, COLUMN], [(4096, 0, 0, 0)]),
    "the slave camera's bit of a row": ([*START, ROW | 1 << 11 | 6, COLUMN], [(T, 0, 6, 0)]),
}


@pytest.mark.parametrize("case", CASES)
def test_words(case: str, tmp_path: Path) -> None:
    words, rows = CASES[case]
    path = tmp_path / "case.raw"
    path.write_bytes(raw_file("EVT3", words))
    events = open_recording(path).read()
    assert list(zip(*(getattr(events, name).tolist() for name in "txyp"), strict=True)) == rows


def test_report_counts_what_is_no_event(tmp_path: Path) -> None:
    path = tmp_path / "report.raw"
    words = [COLUMN, *START, TRIGGER, 0xE014, COLUMN | 64, COLUMN | 63, BASE | 50, VECT_12 | 0xFFF, VECT_8 | 0xFF]
    words += [ROW | 48, COLUMN, VECT_8 | 1, ROW, LOW | 1, COLUMN, HIGH | 3000, HIGH | 1]
    path.write_bytes(raw_file("EVT3", words))
    payload = path.stat().st_size - 2 * len(words)
    recording = open_recording(path)
    with pytest.warns(DamageWarning, match="9 events outside the sensor"):
        events = recording.read()
    assert events.x.tolist() == [63, *range(50, 64), 0]
    report = recording.report.to_json()
    assert report["dropped"] == {"events outside the sensor": [9, payload + 12]}
    assert report["skipped"] == {
        "words before the first timestamp": [1, payload],
        "triggers": [1, payload + 8],
        "other words": [1, payload + 10],
    }
    assert (report["backward_steps"], report["largest_backward_step"], report["wraps"]) == (1, 4, 1)


def test_vectors_of_a_camera_may_leave_the_sensor(tmp_path: Path) -> None:
    path = tmp_path / "edge.raw"
    path.write_bytes(raw_file("EVT3", [*START, BASE | 40, VECT_12 | 0xFFF, VECT_12 | 0xFFF, VECT_8 | 0xFF, COLUMN]))
    with pytest.warns(DamageWarning, match="8 events outside the sensor"):
        assert open_recording(path).read().x.tolist() == [*range(40, 64), 0]
    source = Source(path, sensor_size=(72, 8))
    assert open_source(source, "evt3").read().x.tolist() == [*range(40, 72), 0]


def test_coordinates_keep_no_other_bits_of_their_words(tmp_path: Path) -> None:
    path = tmp_path / "row.raw"
    path.write_bytes(raw_file("EVT3", [*START, ROW | 1 << 11 | 6, TRIGGER, COLUMN | 64, ROW | 1 << 11 | 9, COLUMN | 5]))
    with pytest.warns(DamageWarning, match="1 events outside the sensor"):
        events = open_recording(path).read()
    assert (events.x.tolist(), events.y.tolist()) == ([5], [9])
    large = open_source(Source(path, sensor_size=(16_000, 3000)), "evt3").read()
    assert (large.x.tolist(), large.y.tolist()) == ([64, 5], [6, 9])


def test_an_event_outside_the_sensor_changes_neither_time_nor_base(tmp_path: Path) -> None:
    path = tmp_path / "outside.raw"
    path.write_bytes(raw_file("EVT3", [*START, COLUMN, BASE | 8, LOW | 3, COLUMN | 64, LOW | 5, COLUMN, VECT_8 | 1]))
    recording = open_recording(path)
    with pytest.warns(DamageWarning, match="1 events outside the sensor"):
        assert recording.read().x.tolist() == [0, 0, 8]
    assert recording.report.backward_steps == 0


def test_columns_without_end(tmp_path: Path) -> None:
    path = tmp_path / "columns.raw"
    path.write_bytes(raw_file("EVT3", START + [COLUMN | x for x in range(64)] * 40))
    expected = [*range(64)] * 40
    assert open_recording(path).read().x.tolist() == expected
    assert [x for chunk in open_recording(path).chunks(events=8) for x in chunk.x.tolist()] == expected


def test_vectors_may_reach_columns_that_no_word_can_name(tmp_path: Path) -> None:
    path = tmp_path / "wide.raw"
    vectors = [VECT_12 | 0xFFF, VECT_12 | 0xFFF, VECT_8 | 0xFF]
    path.write_bytes(raw_file("EVT3", [*START, BASE | ON | 2010, *vectors, COLUMN, BASE | 2030, *vectors, VECT_12 | 1]))
    events = open_source(Source(path, sensor_size=(3000, 48)), "evt3").read()
    assert events.x.tolist() == [*range(2010, 2042), 0, *range(2030, 2063)]
    assert events.p.tolist() == [1] * 32 + [0] * 34


def test_steps_back_are_counted_wherever_they_are(tmp_path: Path) -> None:
    path = tmp_path / "back.raw"
    late = [COLUMN, LOW | 4, ROW, COLUMN, LOW | 9, COLUMN, COLUMN]
    path.write_bytes(raw_file("EVT3", [*START, *late, *late, HIGH | 1, HIGH, COLUMN]))
    recording = open_recording(path)
    assert (recording.read().t - 4096).tolist() == [5, 4, 9, 9, 9, 4, 9, 9, -4096]
    assert (recording.report.backward_steps, recording.report.largest_backward_step) == (3, 4105)


@pytest.mark.parametrize("start", [0, 4096, 1 << 24, (1 << 24) + 12345, 50_000_000])
def test_written_files_keep_absolute_times_through_wraps_and_pauses(start: int, tmp_path: Path) -> None:
    events = random_events(3000, (1280, 720), start=start)
    t = events.t.copy()
    t[1000:] += 20_000_000
    t[2000:] += 5_000
    events = events.replace(t=t)
    path = tmp_path / "written.raw"
    write_recording((events[i : i + 700] for i in range(0, 3000, 700)), path)
    assert open_recording(path).info.format == "evt3"
    assert open_recording(path).read() == events
    for theirs in (read_with_evutils(path), evt3.decode_file(str(path))):
        assert np.array_equal(theirs.t, events.t)
        assert np.array_equal(theirs.x, events.x)
        assert np.array_equal(theirs.y, events.y)
        assert np.array_equal(theirs.p, events.p)


def test_every_time_high_of_a_pause_is_written(tmp_path: Path) -> None:
    path = tmp_path / "pause.raw"
    write_recording(Events([4094 << 12, 4098 << 12], [0, 0], [0, 0], [0, 0], (8, 8)), path)  # type: ignore[arg-type]
    words = np.frombuffer(path.read_bytes().split(b"% end\n")[1], "<u2")
    assert [word & 0xFFF for word in words.tolist() if word >> 12 == 8] == [4094, 4095, 0, 1, 2]
