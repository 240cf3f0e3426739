"""Every real recording decodes to the count and the checksum that independent decoders agreed on."""

import csv

import pytest

from neuroact import open_recording
from tests.conftest import SHARED

MANIFEST = SHARED / "recordings" / "MANIFEST.tsv"
ROWS: list[dict[str, str]] = []
if MANIFEST.is_file():
    with MANIFEST.open(newline="") as table:
        ROWS = list(csv.DictReader(table, delimiter="\t"))
COUNTS = {"dvs128_gesture_tonic_cache.hdf5": 213_025, "hand.csv": 100_204}
"""What the manifest's notes say of recordings for which it has no checksum."""


@pytest.mark.parametrize("row", [row for row in ROWS if row["sha256_txyp"]], ids=lambda row: row["file"])
def test_golden(row: dict[str, str]) -> None:
    recording = open_recording(MANIFEST.parent / row["file"])
    events = recording.read()
    assert len(events) == int(row["events"])
    assert events.span == (int(row["t_min"]), int(row["t_max"]))
    assert (recording.report.backward_steps == 0) == (row["t_sorted"] == "True")
    assert recording.checksum() == row["sha256_txyp"]
    assert not recording.report.damaged


@pytest.mark.parametrize("row", [row for row in ROWS if not row["sha256_txyp"]], ids=lambda row: row["file"])
def test_the_other_recordings_are_whole(row: dict[str, str]) -> None:
    recording = open_recording(MANIFEST.parent / row["file"])
    assert len(recording.read()) == COUNTS.get(row["file"], recording.report.events) > 0
    assert not recording.report.damaged


def test_the_manifest_is_there_or_named_as_missing(shared: object) -> None:
    assert len(ROWS) > 10
