"""What holds for every container: pieces and chunks change nothing, and a cut file gives what precedes the cut."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neuroact import Events, NeuroactError, open_recording
from neuroact.recordings import DamageWarning, Recording, words
from neuroact.recordings.formats import reader_of
from neuroact.recordings.reader import Source
from tests.conftest import random_events
from tests.recordings.sample_files import SAMPLES, build, sample_events

FAMILIES = ("hdf5", "npy", "npz", "text", "ros1", "ros2", "mcap")
NAMES = [name for name in SAMPLES if name.startswith(FAMILIES)]
STREAMED = [name for name in NAMES if name.startswith(("text", "ros1 packets", "mcap"))]
"""Formats whose decoders take blocks of bytes."""
PREFIX = [name for name in NAMES if name.startswith(("npy", "text ", "ros1", "mcap", "hdf5 compound"))]
"""Formats of which something is left when the end is missing."""


def open_in_blocks(path: Path, name: str, block_bytes: int) -> Recording:
    source = Source(path, block_bytes=block_bytes, sensor_size=(32, 24))
    reader = reader_of(name.split()[0])(source)
    reader.settle_sensor_size((32, 24), "argument")
    return Recording(reader)


@pytest.mark.parametrize("name", NAMES)
def test_samples_hold_their_events(name: str, tmp_path: Path) -> None:
    path = tmp_path / "sample"
    for count in (1, 2, 200):
        events = sample_events(200)[:count]
        path.write_bytes(build(name, events))
        recording = open_recording(path)
        assert recording.read() == SAMPLES[name].reads_as(events)
        assert not recording.report.damaged
        assert recording.info.events in (None, count)


@pytest.mark.parametrize("name", NAMES)
def test_chunks_change_nothing(name: str, tmp_path: Path) -> None:
    path = tmp_path / "chunks"
    path.write_bytes(build(name, sample_events()))
    recording = open_recording(path)
    whole = recording.read()
    for size in (1, 7, 64, 199, 1000):
        chunks = list(recording.chunks(events=size))
        assert Events.concatenate(chunks) == whole
        assert [len(chunk) for chunk in chunks[:-1]] == [size] * (len(chunks) - 1)


@pytest.mark.parametrize("name", STREAMED)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 30), st.integers(0, 1 << 32), st.integers(1, 200), st.booleans())
def test_blocks_change_nothing(
    name: str, tmp_path: Path, count: int, seed: int, block_bytes: int, compiled: bool
) -> None:
    events = random_events(count, (32, 24), seed=seed)
    path = tmp_path / "blocks"
    path.write_bytes(build(name, events))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(words, "SMALL_FILE", 0 if compiled else words.SMALL_FILE)
        in_blocks = open_in_blocks(path, name, block_bytes)
        assert in_blocks.read() == events.replace(sensor_size=(32, 24))
        assert not in_blocks.report.damaged


@pytest.mark.parametrize("name", NAMES)
def test_cuts_give_a_prefix_or_a_typed_error(name: str, tmp_path: Path) -> None:
    check_cuts(name, tmp_path, step=1 + len(build(name, sample_events(30))) // 300)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_cut_gives_a_prefix_or_a_typed_error(name: str, tmp_path: Path) -> None:
    check_cuts(name, tmp_path, step=1)


def check_cuts(name: str, folder: Path, step: int) -> None:
    data = build(name, sample_events(30))
    path = folder / "cut"
    path.write_bytes(data)
    whole = open_in_blocks(path, name, 1 << 19).read()
    most = 0
    for cut in range(len(data) % step, len(data), step):
        path.write_bytes(data[:cut])
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DamageWarning)
                part = open_in_blocks(path, name, 1 << 19).read()
        except NeuroactError:
            continue
        assert part == whole[: len(part)], f"cut at byte {cut}"
        most = max(most, len(part))
    if name in PREFIX:
        assert most >= 15


@pytest.mark.parametrize("name", ["text openeb", "npy structured", "ros1 arrays", "mcap lz4"])
def test_a_cut_is_told(name: str, tmp_path: Path) -> None:
    data = build(name, sample_events())
    path = tmp_path / "cut"
    path.write_bytes(data[: len(data) * 3 // 4 + 1])
    recording = open_in_blocks(path, name, 1 << 19)
    with pytest.warns(DamageWarning, match="cut at byte"):
        part = recording.read()
    assert 0 < len(part) < 200
    assert recording.report.truncated_at is not None


def test_events_outside_the_sensor_and_without_a_time_are_counted(tmp_path: Path) -> None:
    t = np.array([0.5, np.nan, 1.5, 1e300, 1.25, -np.inf])
    x = np.array([1, 1, -1, 1, 31, 1])
    np.savez(tmp_path / "odd.npz", t=t, x=x, y=x, p=np.ones(6))
    recording = open_recording(tmp_path / "odd.npz", sensor_size=(32, 32))
    with pytest.warns(DamageWarning):
        events = recording.read()
    assert events.t.tolist() == [500_000, 1_250_000]
    dropped = {reason: tally.count for reason, tally in recording.report.dropped.items()}
    assert dropped == {"events outside the sensor": 1, "events without a time": 3}


def test_time_running_backwards_is_kept_and_counted_across_blocks(tmp_path: Path) -> None:
    events = random_events(70_000, (32, 24))
    t = events.t.copy()
    t[65_536:] -= 5_000_000  # at a border between two blocks of an HDF5 dataset
    np.save(tmp_path / "back.npy", events.replace(t=t).to_structured())
    recording = open_recording(tmp_path / "back.npy")
    assert np.array_equal(recording.read().t, t)
    assert recording.report.backward_steps == 1
    assert recording.report.largest_backward_step == int(t[65_535] - t[65_536])
