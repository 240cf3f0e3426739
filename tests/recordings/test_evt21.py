"""EVT2.1: masks, both byte orders and how they are told apart."""

import struct
from pathlib import Path

import pytest

from neuroact import Events, open_recording
from neuroact.recordings import DamageWarning
from tests.conftest import random_events
from tests.recordings.build_words import evt21, evt21_legacy, evt21_words, raw_header

HIGH = 0x8 << 60


def vector(t: int, x: int, y: int, mask: int, p: int = 1) -> int:
    return p << 60 | t << 54 | x << 43 | y << 32 | mask


def save(path: Path, words: list[int], *header: str, legacy: bool = False) -> Path:
    halves = [half for word in words for half in ((word >> 32, word & 0xFFFFFFFF)[:: 1 if legacy else -1])]
    path.write_bytes(raw_header(Events.empty((64, 48)), "EVT21", *header) + struct.pack(f"<{len(halves)}I", *halves))
    return path


@pytest.mark.parametrize("mask", [1, 1 << 31, 0x80000001, 0xFFFFFFFF, 0x00F0A010])
@pytest.mark.parametrize("legacy", [False, True])
def test_masks(mask: int, legacy: bool, tmp_path: Path) -> None:
    order = f"endianness {'legacy' if legacy else 'little'}"
    path = save(tmp_path / "mask.raw", [HIGH | 3 << 32, vector(5, 32, 7, mask)], order, legacy=legacy)
    events = open_recording(path).read()
    assert events.x.tolist() == [32 + bit for bit in range(32) if mask >> bit & 1]
    assert set(events.t.tolist()) == {3 * 64 + 5}
    assert set(events.y.tolist()) == {7}
    assert events.p.all()


def test_report_counts_what_is_no_event(tmp_path: Path) -> None:
    words = [
        vector(0, 0, 0, 1),
        HIGH | 1 << 32,
        0xA << 60,
        0xE << 60,
        vector(3, 48, 0, 0xFFFFFFFF),
        vector(1, 0, 48, 3),
    ]
    words += [HIGH, vector(0, 0, 0, 1)]
    path = save(tmp_path / "report.raw", words, "endianness little")
    payload = path.stat().st_size - 8 * len(words)
    recording = open_recording(path)
    with pytest.warns(DamageWarning, match="18 events outside the sensor"):
        assert recording.read().x.tolist() == [*range(48, 64), 0]
    report = recording.report.to_json()
    assert report["dropped"] == {"events outside the sensor": [18, payload + 32]}
    assert report["skipped"] == {
        "words before the first timestamp": [1, payload],
        "triggers": [1, payload + 16],
        "other words": [1, payload + 24],
    }
    assert (report["backward_steps"], report["largest_backward_step"]) == (1, 67)


def test_the_clock_wraps_after_34_bits(tmp_path: Path) -> None:
    words = [HIGH | 0xFFFFFFF << 32, vector(63, 0, 0, 1), HIGH, vector(0, 0, 0, 1)]
    events = open_recording(save(tmp_path / "wrap.raw", words, "endianness little")).read()
    assert events.t.tolist() == [(1 << 34) - 1, 1 << 34]


@pytest.mark.parametrize("build", [evt21, evt21_legacy])
@pytest.mark.parametrize("system", ["", "% system_ID 49\n", "% system_ID 64\n"])
def test_without_a_word_in_the_header_the_data_tell_the_order(system: str, build: object, tmp_path: Path) -> None:
    events = random_events(300)
    data = build(events).replace(b"% endianness little\n", b"").replace(b"% endianness legacy\n", b"")  # type: ignore[operator]
    path = tmp_path / "silent.raw"
    path.write_bytes(system.encode() + data)
    recording = open_recording(path)
    assert recording.read() == events
    assert recording.info.details["endianness"] == ("little" if build is evt21 else "legacy")


@pytest.mark.parametrize(("system", "order"), [("49", "legacy"), ("64", "little")])
def test_an_empty_file_goes_by_the_camera(system: str, order: str, tmp_path: Path) -> None:
    path = save(tmp_path / "empty.raw", [], f"system_ID {system}")
    assert open_recording(path).info.details["endianness"] == order


def test_the_headers_word_stands_against_the_data(tmp_path: Path) -> None:
    path = save(tmp_path / "declared.raw", evt21_words(random_events(50)), "endianness legacy")
    assert open_recording(path).info.details["endianness"] == "legacy"
