"""EVT4: words one by one, masks that look like other words, and evutils as a second reader."""

from pathlib import Path

import numpy as np
import pytest

from neuroact import open_recording
from neuroact.recordings import DamageWarning
from tests.conftest import random_events
from tests.recordings.build_words import evt4, raw_file
from tests.recordings.peers import read_with_evutils

HIGH, PADDING, TRIGGER = 0xE << 28, 0xFFFFFFFF, 0x9 << 28


def cd(t: int, x: int, y: int, p: int = 1) -> int:
    return 0xA + p << 28 | t << 22 | x << 11 | y


def vector(t: int, x: int, y: int, p: int = 1) -> int:
    return 0xC + p << 28 | t << 22 | x << 11 | y


CASES = {
    "an event": ([HIGH | 1, cd(5, 3, 4)], [(69, 3, 4, 1)]),
    "a vector": ([HIGH, vector(5, 8, 4, 0), 0b101], [(5, 8, 4, 0), (5, 10, 4, 0)]),
    "a mask like a time": (
        [HIGH, vector(5, 0, 4), HIGH, cd(6, 1, 1)],
        [(5, 29, 4, 1), (5, 30, 4, 1), (5, 31, 4, 1), (6, 1, 1, 1)],
    ),
    "a mask like a time before the first": (
        [vector(5, 0, 4), HIGH | 9, cd(6, 1, 1), HIGH, cd(7, 1, 1)],
        [(7, 1, 1, 1)],
    ),
    "wrap": ([HIGH | 0xFFFFFFF, cd(63, 1, 1), HIGH, cd(0, 1, 1)], [((1 << 34) - 1, 1, 1, 1), (1 << 34, 1, 1, 1)]),
    "padding and triggers": (
        [HIGH, PADDING, TRIGGER, cd(1, 2, 3), 0x6 << 28, 0x7 << 28, cd(2, 2, 3)],
        [(1, 2, 3, 1), (2, 2, 3, 1)],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_words(case: str, tmp_path: Path) -> None:
    words, rows = CASES[case]
    path = tmp_path / "case.raw"
    path.write_bytes(raw_file("EVT4", words))
    events = open_recording(path).read()
    assert list(zip(*(getattr(events, name).tolist() for name in "txyp"), strict=True)) == rows


def test_report_counts_what_is_no_event(tmp_path: Path) -> None:
    words = [cd(0, 0, 0), HIGH | 1, TRIGGER, PADDING, vector(3, 48, 0), 0xFFFFFFFF, cd(1, 0, 48), HIGH, cd(0, 0, 0)]
    path = tmp_path / "report.raw"
    path.write_bytes(raw_file("EVT4", words))
    payload = path.stat().st_size - 4 * len(words)
    recording = open_recording(path)
    with pytest.warns(DamageWarning, match="17 events outside the sensor"):
        assert recording.read().x.tolist() == [*range(48, 64), 0]
    report = recording.report.to_json()
    assert report["dropped"] == {"events outside the sensor": [17, payload + 16]}
    assert report["skipped"] == {
        "words before the first timestamp": [1, payload],
        "triggers": [1, payload + 8],
        "other words": [1, payload + 12],
    }
    assert (report["backward_steps"], report["largest_backward_step"]) == (1, 67)


def test_a_vector_without_its_mask_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "cut.raw"
    path.write_bytes(raw_file("EVT4", [HIGH, cd(1, 2, 3), vector(1, 2, 3)]))
    recording = open_recording(path)
    with pytest.warns(DamageWarning, match="cut at byte"):
        assert len(recording.read()) == 1
    assert recording.report.truncated_at == path.stat().st_size - 4


def test_evutils_reads_the_same(tmp_path: Path) -> None:
    path = tmp_path / "evutils.raw"
    path.write_bytes(evt4(random_events(2000)))
    ours, theirs = open_recording(path).read(), read_with_evutils(path)
    assert all(np.array_equal(getattr(theirs, name), getattr(ours, name)) for name in "txyp")
