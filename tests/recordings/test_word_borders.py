"""What holds for every format of words: no border changes an event, and a cut file gives exactly what precedes it."""

import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neuroact import Events, NeuroactError, Recording
from neuroact.recordings import DamageWarning, Report, words
from neuroact.recordings.opening import open_source
from neuroact.recordings.reader import Source
from tests.conftest import random_events
from tests.recordings.sample_files import SAMPLES, build, sample_events

FORMATS = ("evt2", "evt2.1", "evt3", "evt4", "dat", "es", "nmnist")
NAMES = [name for name in SAMPLES if name.split()[0] in FORMATS]
VARIANTS = Counter(name.split()[0] for name in NAMES)
RECORDS = {"evt2": 4, "evt2.1": 8, "evt2.1 legacy": 8, "evt3": 2, "evt3 vectors": 2, "dat": 8, "dat 1": 8, "nmnist": 5}
"""Bytes of a word or record, where all have the same."""
BLOCKS = [1, 2, 3, 4, 5, 7, 8, 13, 64, 257]


def pieces(recording: Recording, **how: int) -> tuple[Events, Report]:
    """All chunks joined, and the report."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DamageWarning)
        chunks = list(recording.chunks(**how))
    return Events.concatenate([Events.empty(recording.sensor_size), *chunks]), recording.report


def examples_of(name: str) -> int:
    """1,000 examples for each format, shared among its variants."""
    return 1000 // VARIANTS[name.split()[0]]


def check_borders(
    name: str, path: Path, count: int, seed: int, noise: bytes, block: int, how: dict[str, int], compiled: bool
) -> None:
    path.write_bytes(build(name, random_events(count, (32, 24), seed=seed)) + noise)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(words, "SMALL_FILE", 0 if compiled else words.SMALL_FILE)
        whole, report = pieces(open_source(Source(path, sensor_size=(32, 24)), name.split()[0]))
        in_blocks = open_source(Source(path, sensor_size=(32, 24), block_bytes=block), name.split()[0])
        if "duration" in how and (noise or report.wraps):
            how = {}  # random times are years apart: that would be millions of empty chunks
        assert pieces(in_blocks, **how) == (whole, report)
    if not noise:
        assert report.events == count
        assert not report.damaged


@pytest.mark.parametrize("name", NAMES)
def test_no_border_changes_an_event(name: str, tmp_path: Path) -> None:
    @settings(max_examples=examples_of(name), deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(
        count=st.one_of(st.integers(0, 20), st.integers(60, 70)),
        seed=st.integers(0, 1 << 32),
        noise=st.one_of(st.just(b""), st.binary(max_size=80)),
        block=st.sampled_from(BLOCKS),
        how=st.one_of(
            st.just({}),
            st.builds(lambda size: {"events": size}, st.integers(1, 40)),
            st.builds(lambda span: {"duration": span}, st.integers(1, 400)),
        ),
        compiled=st.booleans(),
    )
    def check(count: int, seed: int, noise: bytes, block: int, how: dict[str, int], compiled: bool) -> None:
        check_borders(name, tmp_path / f"file{SAMPLES[name].suffix}", count, seed, noise, block, how, compiled)

    check()


@pytest.mark.parametrize("name", NAMES)
def test_plain_and_compiled_loops_agree(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / f"file{SAMPLES[name].suffix}"
    noise = random_events(300, (256, 256), seed=1).t.astype("<u2").tobytes()
    path.write_bytes(build(name, sample_events()) + noise + bytes(range(256)) * 4)
    results = []
    for threshold in (1 << 40, 0):
        monkeypatch.setattr(words, "SMALL_FILE", threshold)
        results.append(pieces(open_source(Source(path), name.split()[0])))
    assert results[0] == results[1]


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("evt3 vectors", "es amd", "es generic")])
def test_an_odd_event_anywhere_in_a_dense_run(
    name: str, compiled: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(words, "SMALL_FILE", 0 if compiled else words.SMALL_FILE)
    path = tmp_path / f"dense{SAMPLES[name].suffix}"
    dense = random_events(100, (32, 24)).replace(t=6400 + np.arange(100) // 2)
    whole = SAMPLES[name].reads_as(dense).replace(sensor_size=(32, 24))
    for at in range(0, 100, 3):
        x, t = dense.x.copy(), dense.t.copy()
        x[at] = 33
        path.write_bytes(build(name, dense.replace(x=x)))
        read, report = pieces(open_source(Source(path, sensor_size=(32, 24)), name.split()[0]))
        assert read == whole[np.arange(100) != at]
        assert report.dropped["events outside the sensor"].count == 1
        if not name.startswith("es"):
            t[at:] -= 20
            path.write_bytes(build(name, dense.replace(t=t)))
            read, report = pieces(open_source(Source(path, sensor_size=(32, 24)), name.split()[0]))
            assert read == whole.replace(t=t)
            assert report.backward_steps == (at > 0)


@pytest.mark.parametrize("name", NAMES)
def test_every_cut_gives_exactly_the_prefix(name: str, tmp_path: Path) -> None:
    events = sample_events(24)
    data, whole = build(name, events), SAMPLES[name].reads_as(events)
    ends = [len(build(name, events[:count])) for count in range(len(events) + 1)]
    header, path = ends[0], tmp_path / f"cut{SAMPLES[name].suffix}"
    for cut in range(len(data)):
        path.write_bytes(data[:cut])
        if cut < header:
            check_cut_header(path)
            continue
        read, report = pieces(open_source(Source(path, sensor_size=whole.sensor_size), name.split()[0]))
        complete = sum(end <= cut for end in ends) - 1
        if name == "evt3 vectors":  # the group goes on after the word that holds the event
            assert complete <= len(read) <= complete + 1
        else:
            assert len(read) == complete
        assert read == whole[: len(read)]
        assert not report.dropped
        if name in RECORDS:
            torn = (cut - header) % RECORDS[name]
            assert report.truncated_at == (cut - torn if torn else None)
        elif cut in ends:
            assert report.truncated_at is None
        else:
            assert report.truncated_at is None or ends[complete] <= report.truncated_at < cut


def check_cut_header(path: Path) -> None:
    """Nothing of a header is taken for events, and nothing but a typed error comes of it."""
    try:
        read, _ = pieces(open_source(Source(path)))
    except NeuroactError:
        return
    assert len(read) == 0
