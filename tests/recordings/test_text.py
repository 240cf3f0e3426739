"""Text: digits to µs, column orders and headers, damage, the zip, and what we write."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from neuroact import CorruptRecording, Events, LimitExceeded, UnknownFormat, open_recording
from neuroact.recordings import DamageWarning, words
from neuroact.recordings.text import write_csv
from tests.conftest import random_events
from tests.recordings.build_tables import zip_of_txt
from tests.recordings.sample_files import sample_events

TIMES = [
    ("0.000001", 1),
    ("1.5", 1_500_000),
    ("1504645177.424715", 1_504_645_177_424_715),  # float32, and the sum of two float64, would miss digits
    ("0.0034559999", 3456),
    ("0.0000004", 0),
    ("0.0000005", 1),
    ("1.6e-05", 16),
    ("2E+1", 20_000_000),
    (".25", 250_000),
    ("-0.5", -500_000),
    ("00012.000000000000000000000001", 12_000_000),
]
HEADERS = [
    ("timestamp,x,y,polarity\n5,1,2,0\n6,1,2,1\n", "t x y p"),
    ("# a comment in ünicode\n# x y p t\n1 2 0 5\n1 2 1 6\n", "x y p t"),
    ("%geometry:4,4\n1,2,0,5\n1,2,1,6\n", "x y p t"),
    ("4 4\n0.000005 1 2 0\n0.000006 1 2 1\n", "t x y p"),
    ("5;1;2;-1\n6;1;2;1\n", "t x y p"),
    ("1\t2\t5\t0\r\n1\t2\t6\t1\r\n", "x y t p"),
    ("\ufeffx,y,on,us\n1,2,False,5\n1,2,True,6\n", "x y p t"),
]
MALFORMED = [
    "7,1,2",
    "7,1,2,x",
    "7,1,two,0",
    "seven",
    "7,1-,2,0",
    "9999999999999999999999,1,2,0",
    "7,1,2,nan",
    "7,-,2,0",
]


def write(folder: Path, text: str) -> Path:
    path = folder / "events.txt"
    path.write_text(text, encoding="utf-8", newline="")
    return path


@pytest.mark.parametrize(("text", "t"), TIMES)
@pytest.mark.parametrize("compiled", [True, False])
def test_seconds_become_microseconds_digit_by_digit(
    tmp_path: Path, text: str, t: int, compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(words, "SMALL_FILE", 0 if compiled else 1 << 16)
    path = write(tmp_path, f"t x y p\n{text} 3 4 1\n0.1234567 3 4 1\n")
    assert open_recording(path).read().t.tolist() == [t, 123_457]


@pytest.mark.parametrize(("text", "order"), HEADERS)
def test_headers_and_content_tell_the_columns(tmp_path: Path, text: str, order: str) -> None:
    recording = open_recording(write(tmp_path, text))
    events = recording.read()
    assert recording.info.details["order"] == order
    assert [getattr(events, name).tolist() for name in "txyp"] == [[5, 6], [1, 1], [2, 2], [0, 1]]
    assert not recording.report.damaged


@pytest.mark.parametrize("line", MALFORMED)
@pytest.mark.parametrize("compiled", [True, False])
def test_malformed_lines_are_dropped_with_their_place(
    tmp_path: Path, line: str, compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(words, "SMALL_FILE", 0 if compiled else 1 << 16)
    path = write(tmp_path, f"t,x,y,p\n5,1,2,0\n\n# fine\n{line}\n8,1,2,1\n")
    recording = open_recording(path)
    with pytest.warns(DamageWarning):
        assert recording.read().t.tolist() == [5, 8]
    tally = recording.report.dropped["malformed lines"]
    assert (tally.count, tally.first_offset) == (1, path.read_bytes().index(line.encode()))


def test_a_last_line_without_an_end_counts_only_if_it_cannot_have_been_longer(tmp_path: Path) -> None:
    whole = open_recording(write(tmp_path, "t,x,y,p\n5,1,2,0\n6,1,2,1"))
    assert whole.read().t.tolist() == [5, 6]
    assert not whole.report.damaged
    cut = open_recording(write(tmp_path, "x,y,p,t\n1,2,0,5\n1,2,1,6"))
    with pytest.warns(DamageWarning, match="cut at byte 16"):
        assert cut.read().t.tolist() == [5]
    comment = open_recording(write(tmp_path, "t,x,y,p\n5,1,2,0\n# end of 2024"))
    assert comment.read().t.tolist() == [5]
    assert not comment.report.damaged


def test_a_line_longer_than_any_block_is_one_malformed_line(tmp_path: Path) -> None:
    path = write(tmp_path, "t,x,y,p\n5,1,2,0\n" + "9" * 2_000_000 + "\n8,1,2,1\n")
    recording = open_recording(path)
    with pytest.warns(DamageWarning, match="1 malformed lines"):
        assert recording.read().t.tolist() == [5, 8]


@pytest.mark.parametrize("text", ["only words\nin this text\n", "1 2\n3 4\n", "1 2 3\n1 2 3\n"])
def test_other_texts_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(UnknownFormat):
        open_recording(write(tmp_path, text))


def test_a_hostile_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LimitExceeded):
        open_recording(write(tmp_path, "%geometry:999999999,4\n1,2,0,5\n"))
    digits = write(tmp_path, "%geometry:" + "9" * 9000 + ",4\n1,2,0,5\n1,2,0,6\n")  # int() refuses so many
    assert open_recording(digits).info.sensor_from == "data"


def test_a_zip_must_hold_one_text(tmp_path: Path) -> None:
    path = tmp_path / "two.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "0 1 2 0\n")
        archive.writestr("b.txt", "0 1 2 0\n")
    with pytest.raises(UnknownFormat, match="2 files"):
        open_recording(path)


def test_a_zip_whose_name_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "events.zip"
    data = bytearray(zip_of_txt(sample_events(50)))
    flags, name = 6, 30  # of the first file's own header, which is read when the file is opened
    data[flags + 1] |= 0x08  # "the name is UTF-8"
    data[name] = 0xBF
    path.write_bytes(data)
    with pytest.raises(CorruptRecording, match="cannot be read"):
        open_recording(path)


def test_a_zip_whose_file_has_no_name(tmp_path: Path) -> None:
    path = tmp_path / "events.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "1 2 3 1\n4 5 6 0\n")
    path.write_bytes(path.read_bytes().replace(b"a.txt", b"\0.txt"))  # a name ends at a zero byte
    assert len(open_recording(path, format="text_zip").read()) == 2


def test_a_zip_bomb_is_refused_and_a_damaged_zip_gives_what_precedes(tmp_path: Path) -> None:
    path = tmp_path / "events.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("events.txt", "1 2 3 1\n" * 3_000_000)
    with pytest.raises(LimitExceeded, match="expansion"):
        open_recording(path)
    events = sample_events(5000)
    data = bytearray(zip_of_txt(events))
    data[len(data) * 2 // 3] ^= 0xFF
    path.write_bytes(data)
    recording = open_recording(path)
    with pytest.warns(DamageWarning):
        part = recording.read()
    assert recording.report.damaged
    assert part[: len(part) // 2] == events[: len(part) // 2]
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(CorruptRecording, match="zip cannot be opened"):
        open_recording(path)


def test_what_we_write_we_read_and_is_openebs(tmp_path: Path) -> None:
    events = random_events(3000, (640, 480))
    lowest, highest = np.iinfo(np.int64).min, np.iinfo(np.int64).max
    extremes = Events([lowest, -10, 0, 9, 10, highest], [0] * 6, [65535] * 6, [0, 1] * 3, (640, 480))  # type: ignore[arg-type]
    path = tmp_path / "ours.csv"
    write_csv(path, [events[:10], events[10:]], events.sensor_size)
    recording = open_recording(path)
    assert recording.read() == events
    assert recording.info.sensor_from == "header"
    write_csv(path, [], events.sensor_size)
    assert open_recording(path).read() == Events.empty(events.sensor_size)
    write_csv(path, [extremes], (640, 480))
    lines = [f"0,65535,{p},{t}" for t, p in zip(extremes.t.tolist(), extremes.p.tolist(), strict=True)]
    assert path.read_text().splitlines() == ["%geometry:640,480", *lines]


def test_hand_csv(shared: Path) -> None:
    path = shared / "recordings" / "hand.csv"
    events = open_recording(path).read()
    stored = np.loadtxt(path, delimiter=",", skiprows=1, dtype=np.int64)
    assert len(events) == 100_204
    assert events.sensor_size == (128, 128)
    assert all(np.array_equal(getattr(events, name), stored[:, place]) for place, name in enumerate("txyp"))
