"""Recording: chunks of every kind, memory that is used again, and what damage becomes."""

from pathlib import Path

import numpy as np
import pytest

from neuroact import CorruptRecording, Events, Recording, TruncatedRecording, open_recording, write_recording
from neuroact.recordings import DamageWarning
from neuroact.recordings.columns import BATCH, Columns, Spares
from tests.conftest import random_events
from tests.recordings.build_words import raw_file

MANY = 5 * BATCH + 1000
WAYS: list[dict[str, int]] = [{}, {"events": 50_000}, {"events": BATCH}, {"events": 2 * MANY}, {"duration": 400_000}]


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> tuple[Recording, Events]:
    """A recording of several batches, and its events."""
    events = random_events(MANY, (640, 480))
    path = tmp_path_factory.mktemp("large") / "large.raw"
    write_recording(events, path, "evt2")
    return open_recording(path), events


@pytest.mark.parametrize("how", WAYS)
def test_chunks_that_are_let_go_hold_all_events(large: tuple[Recording, Events], how: dict[str, int]) -> None:
    recording, events = large
    position = 0
    for chunk in recording.chunks(**how):
        assert chunk == events[position : position + len(chunk)]
        position += len(chunk)
    assert position == MANY


@pytest.mark.parametrize("how", WAYS)
def test_chunks_that_are_kept_are_never_written_again(large: tuple[Recording, Events], how: dict[str, int]) -> None:
    recording, events = large
    assert Events.concatenate(list(recording.chunks(**how))) == events


@pytest.mark.parametrize("name", "txyp")
def test_one_view_of_one_column_keeps_its_chunk(large: tuple[Recording, Events], name: str) -> None:
    recording, events = large
    kept = [getattr(chunk, name)[3:9][::2] for chunk in recording.chunks(events=100_000)]
    for number, column in enumerate(kept):
        start = 100_000 * number
        assert np.array_equal(column, getattr(events, name)[start + 3 : start + 9 : 2])


def test_memory_is_lent_again_only_when_nobody_looks() -> None:
    spares = Spares(10)
    first = spares.take()
    view = memoryview(first.y)[2:]
    second = spares.take()
    assert second is not first
    assert spares.take() is second
    view.release()
    assert spares.take() is first
    assert spares.take(besides=first) is second


def test_few_spares_are_kept() -> None:
    spares = Spares(10)
    taken = [(columns := spares.take(), columns.t[:1]) for _ in range(10)]
    assert len({id(columns) for columns, _ in taken}) == 10
    assert len(spares._lent) == Spares.MOST


def test_columns_grow_and_are_trimmed() -> None:
    columns = Columns(2)
    columns.append(*(np.array([7, 9]),) * 4)
    columns.grow(50)
    columns.append(*(np.array([1]),) * 4)
    columns.trim()
    assert columns.capacity == columns.size == 3
    assert columns.events((10, 10), True).t.tolist() == [7, 9, 1]


def test_read_takes_vectors_beyond_the_expected_number(tmp_path: Path) -> None:
    words = [0x8000, 0x3000] + [0x4FFF, 0x4FFF, 0x50FF, 0x3000] * 10_000
    path = tmp_path / "vectors.raw"
    path.write_bytes(raw_file("EVT3", words))
    events = open_recording(path).read()
    assert len(events) == 320_000
    assert np.array_equal(events.x, np.tile(np.arange(32), 10_000))


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"events": 5, "duration": 5}, "not both"),
        ({"events": 0}, "at least one event"),
        ({"duration": 0}, "at least 1 µs"),
    ],
)
def test_misuse_is_a_value_error(large: tuple[Recording, Events], how: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        large[0].chunks(**how)


def test_durations_are_cut_at_the_first_late_event_and_silence_is_empty(tmp_path: Path) -> None:
    events = Events([10, 19, 20, 18, 55], [0, 1, 2, 3, 4], [0] * 5, [1] * 5, (8, 8))  # type: ignore[arg-type]
    path = tmp_path / "time.csv"
    path.write_text("t,x,y,p\n" + "".join(f"{t},{x},0,1\n" for t, x in zip(events.t, events.x, strict=True)))
    recording = open_recording(path, sensor_size=(8, 8))
    assert [chunk.x.tolist() for chunk in recording.chunks(duration=10)] == [[0, 1], [2, 3], [], [], [4]]
    assert recording.slice(18, 21).x.tolist() == [1, 2, 3]


def test_damage_is_warned_of_or_raised(tmp_path: Path) -> None:
    path = tmp_path / "damaged.raw"
    path.write_bytes(raw_file("EVT2", [0x80000000, 1, 100 << 11]))
    with pytest.warns(DamageWarning, match="1 events outside the sensor"):
        assert len(open_recording(path).read()) == 1
    with pytest.raises(CorruptRecording) as corrupt:
        open_recording(path, strict=True).read()
    assert corrupt.value.offset == path.stat().st_size - 4


def test_a_strict_cut_file_gives_its_events_before_the_error(tmp_path: Path) -> None:
    path = tmp_path / "cut.raw"
    path.write_bytes(raw_file("EVT2", [0x80000000, 1, 2]) + b"\x01")
    seen = 0
    with pytest.raises(TruncatedRecording) as cut:  # noqa: PT012  (what came before the error is the point)
        for chunk in open_recording(path, strict=True).chunks():
            seen += len(chunk)
    assert seen == cut.value.events_recovered == 2
    assert cut.value.offset == path.stat().st_size - 1
