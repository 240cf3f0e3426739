"""Packets expanded ahead: the same events, report and errors as without, whatever the file holds."""

import itertools
import random
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neuroact import Events, LimitExceeded, NeuroactError
from neuroact.recordings import Limits, Report, aedat4_ahead, aedat4_packets, words
from neuroact.recordings.lz4_library import FrameExpander
from neuroact.recordings.opening import open_source
from neuroact.recordings.reader import Source
from tests.conftest import random_events
from tests.recordings.build_aedat import compress4, events4, flatbuffer, header4, packet4, stream4
from tests.recordings.build_words import rows
from tests.recordings.test_lz4_library import KINDS, frame_of
from tests.recordings.test_word_borders import pieces

SIZE = (32, 24)
HEADER = header4(stream4(0, "EVTS", SIZE) + stream4(2, "IMUS"))
SMALL = 1000
"""Bytes in `Source.block_bytes` that give stretches of 2000: a few packets each."""
Outcome = tuple[Events, Report] | str
"""Of a pass: what it gave, or its error."""


@pytest.fixture(autouse=True)
def no_thread_stays() -> Iterator[None]:
    yield
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("neuroact-expander")]


def packets_of(events: Events, kinds: list[dict[str, object]]) -> list[bytes]:
    """Packets of 50 events each, of the given kinds of frames in turn, and an IMU packet after every fourth."""
    packets = []
    for start, kind in zip(range(0, len(events), 50), itertools.cycle(kinds), strict=False):
        payload = frame_of(events4(rows(events[start : start + 50])), kind)
        packets.append(struct.pack("<ii", 0, len(payload)) + payload)
        if start % 200 == 150:
            packets.append(packet4(flatbuffer(b"IMUS", 0, b""), "lz4", stream=2))
    return packets


def outcome(path: Path, cores: int, *, ahead: bool = True, limits: Limits | None = None, **how: int) -> Outcome:
    """A pass on so many cores; `ahead`: whether packets may be expanded before their turn."""
    source = Source(path, limits or Limits(), block_bytes=SMALL)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aedat4_ahead, "cores", lambda: cores)
        if not ahead:
            patch.setattr(aedat4_ahead, "library", lambda: None)
        try:
            return pieces(open_source(source), **how)
        except NeuroactError as error:
            return str(error)


@pytest.fixture
def nothing_is_left_to_the_walk(monkeypatch: pytest.MonkeyPatch) -> None:
    """The walk cannot expand: what was not expanded ahead makes the test fail."""
    monkeypatch.delattr(aedat4_packets, "expand")


@pytest.mark.usefixtures("nothing_is_left_to_the_walk")
@pytest.mark.parametrize("cores", [1, 2, 5])
@pytest.mark.parametrize("kind", KINDS)
def test_frames_of_every_kind_are_expanded_ahead(
    tmp_path: Path, kind: str, cores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames: list[int] = []
    expand = FrameExpander.expand
    monkeypatch.setattr(FrameExpander, "expand", lambda self, *where: frames.append(where[0]) or expand(self, *where))
    events = random_events(3000, SIZE)
    path = tmp_path / "file.aedat4"
    path.write_bytes(HEADER + b"".join(packets_of(events, [KINDS[kind]])))
    expanded, report = outcome(path, cores)
    assert expanded == events
    assert (report.events, report.skipped["IMU packets"].count, report.damaged) == (3000, 15, False)
    assert len(frames) == 60, "only those of the stream that is read"


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kinds=st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=3),
    seed=st.integers(0, 1 << 32),
    damages=st.integers(0, 6),
    cut=st.one_of(st.just(0), st.integers(1, 4000)),
    compiled=st.booleans(),
    how=st.one_of(st.just({}), st.builds(lambda size: {"events": size}, st.integers(1, 400))),
)
def test_damaged_and_cut_files(
    tmp_path: Path, kinds: list[str], seed: int, damages: int, cut: int, compiled: bool, how: dict[str, int]
) -> None:
    rng = random.Random(seed)
    data = bytearray(
        HEADER + b"".join(packets_of(random_events(1500, SIZE, seed=seed), [KINDS[kind] for kind in kinds]))
    )
    for _ in range(damages):
        place = rng.randrange(len(HEADER), len(data))
        data[place : place + rng.choice([0, 1, 4, 30])] = rng.randbytes(rng.choice([0, 1, 4, 30]))
    path = tmp_path / "file.aedat4"
    path.write_bytes(data[: len(data) - cut])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(words, "SMALL_FILE", 0 if compiled else words.SMALL_FILE)
        without = outcome(path, 1, ahead=False, **how)
        assert outcome(path, 1, **how) == without
        assert outcome(path, 3, **how) == without


def test_what_is_found_after_damage_was_expanded_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packets = packets_of(random_events(3000, SIZE), [{"block_checksum": True}])
    broken = bytearray(packets[3])
    broken[200] ^= 0xFF
    packets[3] = bytes(broken)
    path = tmp_path / "file.aedat4"
    path.write_bytes(HEADER + b"".join(packets))
    tried = []
    expand = aedat4_packets.expand
    monkeypatch.setattr(
        aedat4_packets,
        "expand",
        lambda payload, *rest, **how: tried.append(len(payload)) or expand(payload, *rest, **how),
    )
    events, report = outcome(path, 3)
    assert len(events) == 2950
    assert report.dropped["damaged packets"].count == 1
    assert tried == [len(broken) - 8]


@pytest.mark.parametrize("cores", [1, 3])
def test_a_flatbuffer_that_is_not_as_long_as_it_says(tmp_path: Path, cores: int) -> None:
    first, second, third, fourth = (events4([(time, 1, 2, 1)]) for time in (1, 2, 3, 4))
    wrong = [second + b"\0", third[:-1], b"", b"abc"]
    payloads = [compress4(data, "lz4") for data in (first, *wrong, fourth)]
    path = tmp_path / "file.aedat4"
    path.write_bytes(HEADER + b"".join(struct.pack("<ii", 0, len(payload)) + payload for payload in payloads))
    events, report = outcome(path, cores)
    assert events.t.tolist() == [1, 4]
    assert report.dropped["damaged packets"].count == 4


@pytest.mark.parametrize("cores", [1, 3])
@pytest.mark.parametrize("name", ["ROOM", "STRETCH"])
def test_what_finds_no_room_is_left_to_the_walk(
    tmp_path: Path, cores: int, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = random_events(3000, SIZE)
    path = tmp_path / "file.aedat4"
    path.write_bytes(HEADER + b"".join(packets_of(events, [{}])) + packet4(events4(rows(events)), "lz4"))
    monkeypatch.setattr(aedat4_ahead, name, 1)
    assert outcome(path, cores)[0] == Events.concatenate([events, events])


def test_memory_that_is_used_again_forgets_what_it_held(tmp_path: Path) -> None:
    packets = packets_of(random_events(1000, SIZE), [{}])
    path = tmp_path / "packets"
    path.write_bytes(b"".join(packets))
    stretch = aedat4_ahead.Stretch(Source(path, block_bytes=SMALL), None)
    with path.open("rb", buffering=0) as file:
        for start in (0, len(b"".join(packets[:10]))):
            stretch.read(file, start)
            assert not stretch.expanded
            stretch.expand()
            assert list(stretch.expanded) == list(stretch.frames)
            assert min(stretch.expanded) == start


def test_memory_is_not_lost_when_the_walk_goes_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packets = packets_of(random_events(3000, SIZE), [{}])
    path = tmp_path / "packets"
    path.write_bytes(b"".join(packets))
    monkeypatch.setattr(aedat4_ahead, "cores", lambda: 3)
    with path.open("rb", buffering=0) as file:
        ahead = aedat4_ahead.Ahead(Source(path, block_bytes=SMALL), file, path.stat().st_size, None)
        for number in range(10):
            start = len(b"".join(packets[: 3 * number]))
            assert ahead.stretch_at(start).start == start
            assert len(ahead._waiting) == 3
        ahead.close()


def test_an_empty_frame_where_the_room_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events = random_events(50, SIZE)
    data = events4(rows(events))
    path = tmp_path / "file.aedat4"
    path.write_bytes(HEADER + packet4(data, "lz4") + packet4(b"", "lz4"))
    monkeypatch.setattr(aedat4_ahead, "STRETCH", 1)
    monkeypatch.setattr(aedat4_ahead, "ROOM", 1)
    read, report = pieces(open_source(Source(path, block_bytes=len(data))))
    assert read == events
    assert report.dropped["damaged packets"].count == 1


@pytest.mark.parametrize("cores", [1, 3])
def test_a_packet_beyond_the_limit_is_refused_in_its_turn(
    tmp_path: Path, cores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    packets = packets_of(random_events(1000, SIZE), [{}])
    large = packet4(flatbuffer(b"EVTS", 0, bytes(3000)), "lz4")
    path = tmp_path / "file.aedat4"
    path.write_bytes(HEADER + b"".join(packets) + large + b"".join(packets))
    limits = Limits(expanded_bytes=2500)
    monkeypatch.setattr(aedat4_ahead, "cores", lambda: cores)
    chunks = open_source(Source(path, limits, block_bytes=SMALL)).chunks(events=10)
    before: list[Events] = []
    with pytest.raises(LimitExceeded, match="expands to more than 2500") as info:
        before.extend(chunks)
    assert len(before) >= 98
    assert info.value.offset == len(HEADER + b"".join(packets))
    assert outcome(path, cores, limits=limits) == outcome(path, 1, ahead=False, limits=limits)


@pytest.mark.parametrize("cores", [1, 3])
def test_an_error_of_the_system_comes_after_the_events_before_it(
    tmp_path: Path, cores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file.aedat4"
    packets = packets_of(random_events(3000, SIZE), [{}])
    path.write_bytes(HEADER + b"".join(packets))
    fails = len(HEADER) + 10_000

    class FailingFile:
        """A file that cannot be read from `fails` on."""

        def __init__(self, path: Path) -> None:
            self._file = path.open("rb", buffering=0)

        def seek(self, position: int, whence: int = 0) -> int:
            return self._file.seek(position, whence)

        def readinto(self, buffer: memoryview) -> int | None:
            if self._file.tell() >= fails:
                raise OSError("the disk is gone")
            return self._file.readinto(buffer)

        def close(self) -> None:
            self._file.close()

    monkeypatch.setattr(aedat4_packets, "open_binary", FailingFile)
    monkeypatch.setattr(aedat4_ahead, "cores", lambda: cores)
    chunks = open_source(Source(path, block_bytes=SMALL)).chunks(events=1)
    before: list[Events] = []
    with pytest.raises(OSError, match="the disk is gone"):
        before.extend(chunks)
    assert len(before) > 10_000 * 3000 / len(b"".join(packets)) - 50


def test_an_abandoned_pass_leaves_no_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file.aedat4"
    path.write_bytes(HEADER + b"".join(packets_of(random_events(3000, SIZE), [{}])))
    monkeypatch.setattr(aedat4_ahead, "cores", lambda: 3)
    chunks = open_source(Source(path, block_bytes=SMALL)).chunks(events=10)
    next(chunks)
    assert any(thread.name.startswith("neuroact-expander") for thread in threading.enumerate())
    chunks.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize(("cores", "packets"), [(1, 60), (3, 1)])
def test_one_core_or_a_small_file_starts_no_thread(
    tmp_path: Path, cores: int, packets: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file.aedat4"
    path.write_bytes(HEADER + b"".join(packets_of(random_events(50 * packets, SIZE), [{}])))
    monkeypatch.setattr(aedat4_ahead, "ThreadPoolExecutor", None)
    assert len(outcome(path, cores)[0]) == 50 * packets
