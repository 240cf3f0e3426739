"""What holds for every AEDAT file: where it is cut into blocks changes nothing, and a cut file gives what precedes."""

import struct
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neuroact import Events, NeuroactError
from neuroact.recordings import DamageWarning, Recording, words
from neuroact.recordings.formats import reader_of
from neuroact.recordings.reader import Source
from tests.conftest import random_events
from tests.recordings.sample_files import SAMPLES, build, sample_events

NAMES = [name for name in SAMPLES if name.startswith("aedat")]
RECORDS = {"aedat1": 6, "aedat2 dvs128": 8, "aedat2 davis": 8}
"""Bytes of a record in formats where nothing tells that records are missing after the last one."""


def open_in_blocks(path: Path, name: str, block_bytes: int) -> Recording:
    return Recording(reader_of(name.split()[0])(Source(path, block_bytes=block_bytes)))


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 40), st.integers(0, 1 << 32), st.integers(1, 300), st.integers(1, 40), st.booleans())
def test_blocks_and_chunks_change_nothing(
    name: str, tmp_path: Path, count: int, seed: int, block_bytes: int, chunk: int, compiled: bool
) -> None:
    events = random_events(count, (32, 24), seed=seed)
    path = tmp_path / "blocks"
    path.write_bytes(build(name, events))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(words, "SMALL_FILE", 0 if compiled else words.SMALL_FILE)
        at_once, in_blocks = open_in_blocks(path, name, 1 << 19), open_in_blocks(path, name, block_bytes)
        expected = SAMPLES[name].reads_as(events)
        assert at_once.read() == expected
        chunks = list(in_blocks.chunks(events=chunk))
    assert Events.concatenate([Events.empty(expected.sensor_size), *chunks]) == expected
    assert in_blocks.report == at_once.report
    assert not at_once.report.damaged


def cuts(name: str, events: Events, folder: Path) -> Iterator[tuple[int, Recording, Events]]:
    """Every cut of a file that still opens: the cut, the recording and its events."""
    data = build(name, events)
    path = folder / "cut"
    for cut in range(len(data)):
        path.write_bytes(data[:cut])
        try:
            recording = open_in_blocks(path, name, 1 << 19)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DamageWarning)
                yield cut, recording, recording.read()
        except NeuroactError:
            assert cut < 500, "only a cut header is an error"


def silent_cuts(name: str, data: bytes) -> set[int]:
    """Where a file can be cut so that nothing tells that more was there."""
    if name in RECORDS:
        return set(range(len(data), 0, -RECORDS[name]))
    if name == "aedat3":
        starts = [data.index(b"#!END-HEADER\r\n") + 14]
        while starts[-1] < len(data):
            size, capacity = struct.unpack_from("<i8xi", data, starts[-1] + 4)
            starts.append(starts[-1] + 28 + size * capacity)
        return set(starts)
    return set()


@pytest.mark.parametrize("name", NAMES)
def test_every_cut_gives_what_precedes_it_and_says_so(name: str, tmp_path: Path) -> None:
    events = sample_events(90)
    whole, data = SAMPLES[name].reads_as(events), build(name, events)
    silent = silent_cuts(name, data)
    most = 0
    for cut, recording, read in cuts(name, events, tmp_path):
        report = recording.report
        assert read == whole[: len(read)].replace(sensor_size=read.sensor_size)
        assert not report.dropped
        assert len(read) >= most, f"fewer events at {cut} than at an earlier cut"
        most = len(read)
        if len(read) < len(whole) and cut not in silent and cut > 500:
            assert report.truncated_at is not None, f"the cut at {cut} is not reported"
            assert report.truncated_at <= cut
    assert most >= len(whole) - 1
