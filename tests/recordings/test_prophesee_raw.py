"""Prophesee headers: which encoding and which sensor they tell of, and payloads without one."""

from pathlib import Path

import numpy as np
import pytest

from neuroact import CorruptRecording, UnknownFormat, open_recording
from tests.conftest import random_events
from tests.recordings.build_words import evt2, evt3, evt4, evt21, raw_header

EVENTS = random_events(50)
BUILDERS = {"evt2": evt2, "evt2.1": evt21, "evt3": evt3, "evt4": evt4}


def payload(format: str) -> bytes:
    return BUILDERS[format](EVENTS).partition(b"% end\n")[2]


@pytest.mark.parametrize(
    ("header", "format"),
    [
        ("% format EVT3;height=48;width=64\n", "evt3"),
        ("% evt 3.0\n", "evt3"),
        ("% evt 2.0\n", "evt2"),
        ("% evt 2.1\n", "evt2.1"),
        ("% evt 4.0\n", "evt4"),
        ("% evt 2.0\n% format EVT3;width=64;height=48\n", "evt3"),
        ("% system_ID 49\n", "evt3"),
        ("% system_ID 21\n", "evt2"),
        ("% plugin_name hal_plugin_gen3_fx3\n", "evt2"),
    ],
)
def test_the_encoding(header: str, format: str, tmp_path: Path) -> None:
    path = tmp_path / "header.raw"
    path.write_bytes(header.encode() + payload(format))
    recording = open_recording(path)
    assert recording.info.format == format
    assert np.array_equal(recording.read().t, EVENTS.t)


@pytest.mark.parametrize(
    ("header", "sensor_size", "origin"),
    [
        ("% format EVT2;height=90;width=70\n% geometry 64x48\n", (70, 90), "header"),
        ("% evt 2.0\n% geometry 70x90\n", (70, 90), "header"),
        ("% evt 2.0\n% system_ID 21\n", (640, 480), "camera"),
        ("% evt 2.0\n% system_ID 48\n", (1280, 720), "camera"),
        ("% evt 2.0\n% plugin_name hal_plugin_gen41_evk3\n", (1280, 720), "camera"),
        ("% evt 2.0\n% sensor_name GenX320\n", (320, 320), "camera"),
        ("% evt 2.0\n", (64, 48), "data"),
        ("% evt 2.0\n% geometry wide\n", (64, 48), "data"),
    ],
)
def test_the_sensor(header: str, sensor_size: tuple[int, int], origin: str, tmp_path: Path) -> None:
    path = tmp_path / "sensor.raw"
    events = EVENTS.replace(x=np.r_[63, EVENTS.x[1:]], y=np.r_[47, EVENTS.y[1:]])
    path.write_bytes(header.encode() + evt2(events).partition(b"% end\n")[2])
    recording = open_recording(path)
    assert (recording.sensor_size, recording.info.sensor_from) == (sensor_size, origin)


@pytest.mark.parametrize("format", BUILDERS)
def test_a_payload_without_a_header_is_read_if_the_format_is_named(format: str, tmp_path: Path) -> None:
    path = tmp_path / "bare.raw"
    path.write_bytes(payload(format))
    assert open_recording(path, format=format, sensor_size=(64, 48)).read() == EVENTS
    with pytest.raises(UnknownFormat):
        open_recording(path)


def test_a_format_that_is_named_stands_against_the_header(tmp_path: Path) -> None:
    path = tmp_path / "wrong.raw"
    path.write_bytes(raw_header(EVENTS, "EVT3") + payload("evt2"))
    assert open_recording(path, format="evt2").read() == EVENTS


def test_encodings_that_are_not_read_are_named(tmp_path: Path) -> None:
    path = tmp_path / "histogram.raw"
    path.write_bytes(raw_header(EVENTS, "HISTO3D"))
    with pytest.raises(UnknownFormat, match="'HISTO3D' is not read; EVT2, EVT21, EVT3, EVT4 are"):
        open_recording(path)


def test_a_header_cut_in_its_first_line_is_no_payload(tmp_path: Path) -> None:
    path = tmp_path / "cut.raw"
    path.write_bytes(b"% format EVT3;hei")
    for name in (None, *BUILDERS):
        with pytest.raises(CorruptRecording, match="first line is cut"):
            open_recording(path, format=name)


def test_a_payload_that_begins_like_a_header_line_is_a_payload(tmp_path: Path) -> None:
    words = np.array([0x2025, 0x8000, 0x6001, 0x0003, 0x2004], "<u2").tobytes()
    path = tmp_path / "percent.raw"
    path.write_bytes(b"% evt 3.0\n" + words)
    assert open_recording(path).read().x.tolist() == [4]
    path.write_bytes(words)
    assert open_recording(path, format="evt3").read().x.tolist() == [4]
