"""write_recording: which format, which events are refused, and whole files or none."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from neuroact import EncodingError, Events, NoPolarity, open_recording, write_recording
from neuroact.recordings import WRITERS
from neuroact.recordings.writing import FORMAT_OF_SUFFIX
from tests.conftest import random_events
from tests.recordings.build_words import dat, es, evt2, evt3
from tests.recordings.sample_files import sample_events

CHECKED = ("evt2", "evt3", "dat", "es")
BUILDERS = {"evt2": evt2, "evt3": evt3, "dat": dat, "es": es}
HEADER_ENDS = {"evt2": b"% end\n", "evt3": b"% end\n", "dat": b"% end\n", "es": b"Event Stream"}


@pytest.mark.parametrize("suffix", FORMAT_OF_SUFFIX)
def test_the_extension_decides_and_all_comes_back(suffix: str, tmp_path: Path) -> None:
    events = sample_events()
    path = tmp_path / f"out{suffix.upper()}"
    write_recording(events, path)
    assert open_recording(path).read() == events
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("format", WRITERS)
def test_chunks_write_the_same_file_as_all_at_once(format: str, tmp_path: Path) -> None:
    events = sample_events()
    whole, pieces = tmp_path / "whole", tmp_path / "pieces"
    write_recording(events, whole, format)
    write_recording((events[a:b] for a, b in ((0, 1), (1, 1), (1, 77), (77, 200))), pieces, format)
    assert open_recording(pieces, format=None).read() == events
    if format in CHECKED:
        assert pieces.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("format", CHECKED)
def test_files_are_as_the_plain_builders_make_them(format: str, tmp_path: Path) -> None:
    events = sample_events()
    path = tmp_path / "out"
    write_recording(events, path, format)
    end = HEADER_ENDS[format]
    assert path.read_bytes().partition(end)[2] == BUILDERS[format](events).partition(end)[2]


def altered(name: str, at: int, value: int) -> Events:
    events = sample_events()
    column = getattr(events, name).copy()
    column[at] = value
    return events.replace(**{name: column})


@pytest.mark.parametrize("format", CHECKED)
@pytest.mark.parametrize(
    ("events", "message"),
    [
        (altered("t", 7, 0), "event 7: t = 0 µs is before"),
        (altered("t", 0, -1), "event 0: t = -1 µs is before 0"),
        (altered("t", 199, 1 << 40), "event 199: t = 1099511627776"),
        (altered("x", 100, 32), r"event 100: pixel \(32, "),
        (altered("y", 150, 24), r"event 150: pixel \(.*, 24\)"),
        (altered("p", 3, 2), "event 3: polarity 2"),
    ],
)
def test_the_first_event_that_does_not_fit_is_named(format: str, events: Events, message: str, tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_text("what was there before")
    for chunks in (events, (events[i : i + 60] for i in range(0, 200, 60))):
        with pytest.raises(EncodingError, match=message):
            write_recording(chunks, path, format)
    assert path.read_text() == "what was there before"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("format", CHECKED)
def test_streams_without_polarity_are_refused(format: str, tmp_path: Path) -> None:
    with pytest.raises(NoPolarity):
        write_recording(random_events(3).replace(has_polarity=False), tmp_path / "out", format)


@pytest.mark.parametrize(("format", "side"), [("evt2", 2048), ("evt3", 2048), ("dat", 16384), ("es", 16384)])
def test_the_largest_sensor(format: str, side: int, tmp_path: Path) -> None:
    corner = np.array([side - 1])
    events = Events(np.array([5]), corner, corner, np.array([1]), (side, side))  # type: ignore[arg-type]
    write_recording(events, tmp_path / "out", format)
    assert open_recording(tmp_path / "out").read() == events
    with pytest.raises(EncodingError, match="pixels a side"):
        write_recording(events.replace(sensor_size=(1 << 16, side)), tmp_path / "out", format)


def test_a_recording_is_rewritten_in_another_format(tmp_path: Path) -> None:
    events = random_events(20_000, (640, 480))
    write_recording(events, tmp_path / "a.raw")
    write_recording(open_recording(tmp_path / "a.raw").chunks(), tmp_path / "b.dat")
    assert open_recording(tmp_path / "b.dat").read() == events


@pytest.mark.parametrize("format", CHECKED)
def test_no_events(format: str, tmp_path: Path) -> None:
    write_recording([], tmp_path / "out", format, sensor_size=(7, 5))
    assert open_recording(tmp_path / "out").read() == Events.empty((7, 5))


def test_no_chunk_and_no_size_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="sensor_size"):
        write_recording([], tmp_path / "out.raw")


@pytest.mark.parametrize(("name", "format"), [("out.mp3", None), ("out", None), ("out.raw", "evt9")])
def test_unknown_formats_list_the_known_ones(name: str, format: str | None, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"evt2, evt3.*\.raw"):
        write_recording(random_events(1), tmp_path / name, format)


def test_a_source_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def chunks() -> Iterator[Events]:
        yield random_events(10)
        raise RuntimeError("the camera is gone")

    with pytest.raises(RuntimeError, match="camera"):
        write_recording(chunks(), tmp_path / "out.raw")
    assert not list(tmp_path.iterdir())
