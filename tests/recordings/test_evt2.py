"""EVT2: words one by one, the clock, and what the package writes."""

from pathlib import Path

import numpy as np
import pytest

from neuroact import EncodingError, Events, open_recording, write_recording
from neuroact.recordings import DamageWarning
from tests.conftest import random_events
from tests.recordings.build_words import raw_file
from tests.recordings.peers import read_with_evutils

HALF_HOUR = 1 << 31


def high(t: int) -> int:
    return 0x8 << 28 | t >> 6 & 0xFFFFFFF


def cd(t: int, x: int, y: int, p: int = 1) -> int:
    return p << 28 | (t & 0x3F) << 22 | x << 11 | y


TRIGGER = 0xA << 28 | 5 << 22 | 1
OTHER = 0xE << 28

CASES = {
    "an event": ([high(640), cd(645, 3, 4)], [(645, 3, 4, 1)]),
    "off and on": ([high(0), cd(1, 3, 4, 0), cd(1, 3, 4, 1)], [(1, 3, 4, 0), (1, 3, 4, 1)]),
    "wrap": (
        [high((1 << 34) - 64), cd(7, 1, 1), high(0), cd(7, 1, 1)],
        [((1 << 34) - 57, 1, 1, 1), ((1 << 34) + 7, 1, 1, 1)],
    ),
    "glitch is no wrap": ([high(6400), cd(0, 1, 1), high(6336), cd(0, 1, 1)], [(6400, 1, 1, 1), (6336, 1, 1, 1)]),
    "just under half the range is no wrap": (
        [high(1 << 33), cd(0, 1, 1), high(0), cd(0, 1, 1)],
        [(1 << 33, 1, 1, 1), (0, 1, 1, 1)],
    ),
    "triggers and other words": ([high(0), TRIGGER, cd(1, 2, 3), OTHER, cd(2, 2, 3)], [(1, 2, 3, 1), (2, 2, 3, 1)]),
    "before the first time": ([cd(1, 2, 3), TRIGGER, high(0), cd(1, 2, 3)], [(1, 2, 3, 1)]),
}


@pytest.mark.parametrize("case", CASES)
def test_words(case: str, tmp_path: Path) -> None:
    words, rows = CASES[case]
    path = tmp_path / "case.raw"
    path.write_bytes(raw_file("EVT2", words))
    events = open_recording(path).read()
    assert list(zip(*(getattr(events, name).tolist() for name in "txyp"), strict=True)) == rows


def test_report_counts_what_is_no_event(tmp_path: Path) -> None:
    path = tmp_path / "report.raw"
    words = [cd(1, 2, 3), high(64), TRIGGER, OTHER, cd(1, 64, 3), cd(2, 63, 47), cd(1, 5, 48), high(0), cd(0, 1, 1)]
    path.write_bytes(raw_file("EVT2", words))
    payload = path.stat().st_size - 4 * len(words)
    recording = open_recording(path)
    with pytest.warns(DamageWarning, match="2 events outside the sensor"):
        assert len(recording.read()) == 2
    report = recording.report.to_json()
    assert report["dropped"] == {"events outside the sensor": [2, payload + 16]}
    assert report["skipped"] == {
        "words before the first timestamp": [1, payload],
        "triggers": [1, payload + 8],
        "other words": [1, payload + 12],
    }
    assert (report["backward_steps"], report["largest_backward_step"]) == (1, 66)


def test_written_files_are_read_by_us_and_by_evutils(tmp_path: Path) -> None:
    events = random_events(5000, (640, 480), start=HALF_HOUR)
    path = tmp_path / "written.raw"
    write_recording((events[i : i + 999] for i in range(0, 5000, 999)), path, "evt2")
    assert open_recording(path).info.format == "evt2"
    assert open_recording(path).read() == events
    theirs = read_with_evutils(path)
    assert all(np.array_equal(getattr(theirs, name), getattr(events, name)) for name in "txyp")


def test_times_beyond_34_bits_are_refused(tmp_path: Path) -> None:
    events = Events([1, 1 << 34], [0, 0], [0, 0], [0, 0], (8, 8))  # type: ignore[arg-type]
    with pytest.raises(EncodingError, match="event 1: t = 17179869184"):
        write_recording(events, tmp_path / "late.raw", "evt2")
    assert not list(tmp_path.iterdir())
