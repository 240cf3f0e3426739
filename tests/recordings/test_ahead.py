"""Decoding on several cores: the same events and the same report as on one, whatever the file holds."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from neuroact import Events, open_recording
from neuroact.recordings import DamageWarning, Report, ahead, words
from neuroact.recordings.evt3 import Evt3Reader
from neuroact.recordings.opening import open_source
from neuroact.recordings.reader import Source
from neuroact.recordings.words import CLOCK
from tests.conftest import random_events
from tests.recordings.sample_files import SAMPLES, build, sample_events
from tests.recordings.test_word_borders import pieces

FORMATS = ("evt2", "evt2.1", "evt3", "dat")
NAMES = [name for name in SAMPLES if name.split()[0] in FORMATS]
SMALL = 40
"""Bytes in `Source.block_bytes` that give blocks of 120."""


@pytest.fixture(autouse=True)
def three_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "cores", lambda: 3)


@pytest.fixture
def guesses(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bool]]:
    """Whether each guess at a state was right, as they are checked."""
    results: list[bool] = []
    compare = ahead.Block.began_at

    def began_at(block: ahead.Block, state: NDArray[np.void]) -> bool:
        results.append(compare(block, state))
        return results[-1]

    monkeypatch.setattr(ahead.Block, "began_at", began_at)
    yield results
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("neuroact-decoder")]


def both_ways(path: Path, name: str, **how: int) -> tuple[tuple[Events, Report], tuple[Events, Report]]:
    """Events and report as decoded on one core and on three."""
    source = Source(path, sensor_size=(32, 24), block_bytes=SMALL)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(words, "cores", lambda: 1)
        on_one = pieces(open_source(source, name.split()[0]), **how)
    return on_one, pieces(open_source(source, name.split()[0]), **how)


@pytest.mark.parametrize("name", NAMES)
def test_as_on_one_core(name: str, tmp_path: Path, guesses: list[bool]) -> None:
    path = tmp_path / f"file{SAMPLES[name].suffix}"

    @settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(
        count=st.integers(100, 300),
        seed=st.integers(0, 1 << 32),
        noise=st.one_of(st.just(b""), st.binary(max_size=400)),
        lead_in=st.sampled_from([ahead.ALIGNMENT, words.LEAD_IN]),
        how=st.one_of(st.just({}), st.builds(lambda size: {"events": size}, st.integers(1, 40))),
        compiled=st.booleans(),
    )
    def examples(count: int, seed: int, noise: bytes, lead_in: int, how: dict[str, int], compiled: bool) -> None:
        data = build(name, random_events(count, (32, 24), seed=seed))
        path.write_bytes(data + noise + data[-200:])
        with pytest.MonkeyPatch.context() as patch:
            for reader in words.WordReader.__subclasses__():
                patch.setattr(reader, "lead_in", lead_in)
            patch.setattr(words, "SMALL_FILE", 0 if compiled else words.SMALL_FILE)
            on_one, on_three = both_ways(path, name, **how)
        assert on_three == on_one

    examples()
    assert True in guesses


def test_wrong_guesses_are_decoded_again(tmp_path: Path, guesses: list[bool], monkeypatch: pytest.MonkeyPatch) -> None:
    """A row and a time that were said long ago: no lead-in tells them."""
    monkeypatch.setattr(Evt3Reader, "lead_in", ahead.ALIGNMENT)
    path = tmp_path / "still.raw"
    still = Events.empty((32, 24))
    columns = 0x2000 | np.arange(1000, dtype="<u2") % 32
    start = np.array([0x8001, 0x6002, 0x0007], "<u2")
    path.write_bytes(build("evt3", still) + start.tobytes() + columns.tobytes())
    on_one, on_three = both_ways(path, "evt3")
    assert on_three == on_one
    assert (on_three[0].y == 7).all()
    assert (on_three[0].t == 0x1002).all()
    assert len(on_three[0]) == 1000
    assert False in guesses


def test_steps_back_between_blocks_are_counted(tmp_path: Path, guesses: list[bool]) -> None:
    path = tmp_path / "back.dat"
    t = 1000 * 15 - 1000 * (np.arange(15 * 30) // 15) + 20_000  # 15 events to a block
    path.write_bytes(build("dat", random_events(450, (32, 24)).replace(t=t)))
    on_one, on_three = both_ways(path, "dat")
    assert on_three == on_one
    assert on_three[1].backward_steps == 29
    assert on_three[1].largest_backward_step == 1000
    assert len(guesses) >= 30


@pytest.mark.parametrize("name", NAMES)
def test_dense_blocks_overflow_their_columns(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "BATCH", 4)
    path = tmp_path / f"file{SAMPLES[name].suffix}"
    path.write_bytes(build(name, sample_events()))
    on_one, on_three = both_ways(path, name)
    assert on_three == on_one
    with monkeypatch.context() as patch:
        patch.setattr(ahead, "LARGEST", 100)
        on_one, on_three = both_ways(path, name)
    assert on_three == on_one


def test_read_gives_the_same(tmp_path: Path, guesses: list[bool]) -> None:
    path = tmp_path / "file.raw"
    events = sample_events()
    path.write_bytes(build("evt3", events))
    source = Source(path, sensor_size=events.sensor_size, block_bytes=SMALL)
    assert open_source(source, "evt3").read() == events
    assert len(guesses) > 3


def test_a_file_that_becomes_shorter_ends_early(tmp_path: Path, guesses: list[bool]) -> None:
    path = tmp_path / "file.dat"
    events = random_events(3000, (32, 24))
    path.write_bytes(build("dat", events))
    chunks = open_source(Source(path, sensor_size=(32, 24), block_bytes=SMALL), "dat").chunks()
    read = [next(chunks)]
    os.truncate(path, path.stat().st_size // 2)
    with pytest.warns(DamageWarning, match="cut at byte"):
        read += chunks
    joined = Events.concatenate(read)
    assert joined == events[: len(joined)]
    assert 1400 < len(joined) < 1600


def test_an_error_in_a_thread_reaches_the_caller(
    tmp_path: Path, guesses: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file.dat"
    path.write_bytes(build("dat", sample_events()))
    read = ahead.Block._read

    def failing(block: ahead.Block, start: int, size: int) -> NDArray[np.uint8]:
        if start > 1000:
            raise OSError("the disk is gone")
        return read(block, start, size)

    monkeypatch.setattr(ahead.Block, "_read", failing)
    with pytest.raises(OSError, match="the disk is gone"):
        open_source(Source(path, sensor_size=(32, 24), block_bytes=SMALL), "dat").read()
    chunks = open_source(Source(path, sensor_size=(32, 24), block_bytes=SMALL), "dat").chunks()
    before: list[Events] = []
    with pytest.raises(OSError, match="the disk is gone"):
        before.extend(chunks)
    assert 105 <= sum(map(len, before)) <= 140  # all events before the block that fails, 8 bytes each


def test_an_abandoned_pass_leaves_no_thread(tmp_path: Path, guesses: list[bool]) -> None:
    path = tmp_path / "file.dat"
    path.write_bytes(build("dat", sample_events()))
    chunks = open_source(Source(path, sensor_size=(32, 24), block_bytes=SMALL), "dat").chunks()
    next(chunks)
    assert any(thread.name.startswith("neuroact-decoder") for thread in threading.enumerate())
    chunks.close()  # type: ignore[attr-defined]


def test_what_does_not_bear_on_events_comes_first_in_a_state() -> None:
    assert [name for name, _ in CLOCK[: ahead.COUNTERS]] == ["last", "backward", "largest"]


@pytest.mark.parametrize("suffix", ["raw", "dat"])
def test_real_recordings(suffix: str, shared: Path) -> None:
    checked = 0
    for path in sorted((shared / "recordings").glob(f"*.{suffix}")):
        recording = open_recording(path)
        if isinstance(recording._reader, words.WordReader) and recording._reader.lead_in:
            events, report = pieces(recording)
            blocks = Source(path, sensor_size=recording.sensor_size, block_bytes=1000)
            assert pieces(open_source(blocks, recording.info.format)) == (events, report)
            checked += 1
    assert checked
