"""ECF chunks: the specification's examples, all three modes, and what no encoder writes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuroact import Events
from neuroact.recordings import ecf
from neuroact.recordings.ecf import BadChunk, decode_ecf
from tests.conftest import random_events
from tests.recordings.build_hdf5 import ecf_chunk

VECTORS = [
    ("06000000 e803000000000000 01 000b7000 00000000 00000000", [1000], [5], [7], [1]),
    ("08000000 e803000000000000 01 f4 f1 01 e200 b000 8200", [1000, 1020], [5, 6], [7, 7], [1, 1]),
    (
        "18000000 e803000000000000 06 e600 5401 9802 86",
        [1000] * 6, [10, 11, 13, 20, 21, 22], [7] * 6, [1] * 6,
    ),
    (
        "19000000 e803000000000000 06 e600 5701 1b01 2900 bd02 0002 0000",
        [1000] * 6, [10, 11, 13, 20, 21, 22], [7] * 6, [1] * 6,
    ),
]  # fmt: skip
MODES = ["packed", "pairs", "masks"]


@pytest.mark.parametrize(("chunk", "t", "x", "y", "p"), VECTORS)
def test_the_specifications_examples(chunk: str, t: list[int], x: list[int], y: list[int], p: list[int]) -> None:
    events = decode_ecf(bytes.fromhex(chunk), most=100)
    assert [events[name].tolist() for name in "txyp"] == [t, x, y, p]


def same(decoded: np.ndarray, events: Events) -> bool:  # type: ignore[type-arg]
    return all(np.array_equal(decoded[name], getattr(events, name)) for name in "txyp")


@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=300, deadline=None)
@given(st.integers(1, 70), st.integers(0, 1 << 32), st.sampled_from([0, 1, 300, 1 << 20, 1 << 50]), st.booleans())
def test_every_mode_gives_back_what_was_encoded(mode: str, count: int, seed: int, pause: int, compiled: bool) -> None:
    events = random_events(count, (4, 3) if seed % 2 else (2048, 2048), seed=seed)
    t = events.t // 7 + np.where(np.arange(count) > count // 2, pause, 0)
    events = events.replace(t=t)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ecf, "SMALL", 0 if compiled else 1 << 20)
        assert same(decode_ecf(ecf_chunk(events, mode), most=count), events)


def test_long_runs_take_the_long_form() -> None:
    zeros = np.zeros(3000, np.uint8)
    events = Events(zeros + 5, zeros, zeros, zeros, (1, 1))  # type: ignore[arg-type]
    for mode in MODES:
        assert same(decode_ecf(ecf_chunk(events, mode), most=3000), events)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("compiled", [True, False])
def test_every_cut_is_refused(mode: str, compiled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ecf, "SMALL", 0 if compiled else 1 << 20)
    chunk = ecf_chunk(random_events(50, (64, 48)), mode)
    for cut in range(len(chunk)):
        with pytest.raises(BadChunk):
            decode_ecf(chunk[:cut], most=50)


def test_counts_beyond_the_chunk_are_refused() -> None:
    chunk = ecf_chunk(random_events(50), "packed")
    with pytest.raises(BadChunk, match="50 events, where 49 fit"):
        decode_ecf(chunk, most=49)
    run = bytearray(bytes.fromhex(VECTORS[1][0]))
    run[14] = 3  # three events at a time, where one is left
    with pytest.raises(BadChunk, match="too many"):
        decode_ecf(bytes(run), most=10)
