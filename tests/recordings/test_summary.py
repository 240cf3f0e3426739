"""summarise: every figure against plain numpy, on our own recordings and on the real ones."""

from pathlib import Path

import numpy as np
import pytest

from neuroact import CorruptRecording, Events, TruncatedRecording, open_recording, write_recording
from neuroact.recordings import summary
from neuroact.recordings.summary import summarise
from tests.conftest import random_events


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "random.raw"
    write_recording(random_events(20_000), path)
    return path


def test_the_figures_are_those_of_the_events(file: Path) -> None:
    events = random_events(20_000)
    found = summarise(open_recording(file))
    assert (found.events, found.first_t, found.last_t) == (20_000, events.t[0], events.t[-1])
    assert found.bytes == file.stat().st_size
    assert found.duration == events.t[-1] - events.t[0]
    assert found.mean_rate == pytest.approx(20_000 / (found.duration / 1e6))
    assert found.peak_rate == pytest.approx(np.bincount(events.t // 1000).max() * 1e3)
    assert found.on_share == pytest.approx(events.p.mean())
    assert found.hot_pixels == 0
    assert not found.report.damaged


@pytest.mark.parametrize("chunk", [1, 13, 19_999])
def test_the_pieces_do_not_matter(file: Path, monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    recording = open_recording(file)
    whole = summarise(recording)
    chunks = recording.chunks
    monkeypatch.setattr(recording, "chunks", lambda: chunks(events=chunk))
    assert summarise(recording).to_json() == whole.to_json()


@pytest.mark.parametrize("order", ["sorted", "reversed", "shuffled"])
def test_the_peak_does_not_depend_on_the_order_within_a_few_seconds(
    tmp_path: Path, order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = random_events(3_000)
    index = {"sorted": slice(None), "reversed": slice(None, None, -1)}.get(order)
    disordered = events[np.random.default_rng(1).permutation(3_000) if index is None else index]
    write_recording(disordered, tmp_path / "disordered.csv")
    found = summarise(open_recording(tmp_path / "disordered.csv", sensor_size=(64, 48)))
    assert found.peak_rate == pytest.approx(np.bincount(events.t // 1000).max() * 1e3)
    assert (found.first_t, found.last_t) == events.span


def test_memory_for_rates_is_bounded(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summary, "OPEN_BINS", 2)
    kept: list[int] = []
    add = summary._Counts._add_rate

    def watched(self: summary._Counts, t: np.ndarray) -> None:
        add(self, t)
        kept.append(len(self._bins))

    monkeypatch.setattr(summary._Counts, "_add_rate", watched)
    summarise(open_recording(file))
    assert max(kept) <= 2


def test_no_events_and_no_time_give_none_instead_of_a_division(tmp_path: Path) -> None:
    write_recording(Events.empty((8, 6)), tmp_path / "empty.raw")
    empty = summarise(open_recording(tmp_path / "empty.raw"))
    assert (empty.events, empty.first_t, empty.mean_rate, empty.peak_rate, empty.on_share) == (
        0,
        None,
        None,
        None,
        None,
    )
    write_recording(Events([5, 5], [1, 1], [1, 1], [0, 1], (8, 6)), tmp_path / "instant.raw")  # type: ignore[arg-type]
    instant = summarise(open_recording(tmp_path / "instant.raw"))
    assert (instant.events, instant.duration, instant.mean_rate, instant.on_share) == (2, 0, None, 0.5)


def test_the_peak_is_never_below_the_mean(tmp_path: Path) -> None:
    events = Events([0, 1, 2, 3], [0] * 4, [0] * 4, [1] * 4, (8, 6))  # type: ignore[arg-type]
    write_recording(events, tmp_path / "short.raw")
    found = summarise(open_recording(tmp_path / "short.raw"))
    assert found.peak_rate == found.mean_rate == pytest.approx(4e6 / 3)


def test_sensors_beyond_the_map_have_no_count_of_hot_pixels(file: Path) -> None:
    found = summarise(open_recording(file, sensor_size=(4096, 2048)))
    assert found.hot_pixels is None
    assert found.events == 20_000


def test_damage_is_in_the_report_without_a_warning_and_strict_raises(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])
    found = summarise(open_recording(file))
    assert found.report.truncated_at is not None
    assert found.to_json()["damaged"] is True
    with pytest.raises((TruncatedRecording, CorruptRecording)):
        summarise(open_recording(file, strict=True))
