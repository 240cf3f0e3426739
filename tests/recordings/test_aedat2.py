"""AEDAT 1.0 and 2.0: headers, addresses of every camera, the clock."""

from pathlib import Path

import pytest

from neuroact import CorruptRecording, Events, LimitExceeded, open_recording
from neuroact.recordings import Limits, Recording
from tests.conftest import random_events
from tests.recordings import build_aedat as build
from tests.recordings.build_aedat import APS_WORD, IMU_WORD, SPECIAL_WORD, davis_address, dvs128_address

DAVIS = "eu.seebetter.ini.chips.davis.DAVIS240C"
DVS128 = "ch.unizh.ini.jaer.chip.retina.DVS128"


def opened(folder: Path, data: bytes, **options: object) -> Recording:
    path = folder / "recording.aedat"
    path.write_bytes(data)
    return open_recording(path, **options)  # type: ignore[arg-type]


def rows(events: Events) -> list[tuple[int, ...]]:
    return list(zip(*(getattr(events, name).tolist() for name in "txyp"), strict=True))


def test_golden_davis240(shared: Path) -> None:
    recording = open_recording(shared / "recordings" / "davis240c_imu_240x180.aedat")
    assert recording.sensor_size == (240, 180)
    assert recording.info.y_flipped
    assert recording.checksum() == "9ea9348c6063875b6eee226e7782557dcfb576dc16e5b4adcf39c2a3e98fed66"
    assert recording.report.events == 374296
    assert {kind: tally.count for kind, tally in recording.report.skipped.items()} == {"IMU words": 51688}


@pytest.mark.parametrize(
    ("chip", "size", "address", "event"),
    [
        (DVS128, (128, 128), 0x0000, (127, 0, 1)),
        (DVS128, (128, 128), 0x0001, (127, 0, 0)),
        (DVS128, (128, 128), 5 << 8 | 3 << 1, (122, 3, 1)),
        (DVS128, (128, 128), 0x7FFE, (0, 127, 1)),
        ("com.sec.dvs.SecDvs640Gen2", (640, 480), 7 << 11 | 639 << 1 | 1, (472, 639, 1)),
        (DAVIS, (240, 180), 2 << 22 | 239 << 12 | 1 << 11, (177, 239, 1)),
        (DAVIS, (240, 180), 179 << 22, (0, 0, 0)),
        ("eu.seebetter.ini.chips.davis.Davis346blue", (346, 260), 259 << 22 | 345 << 12, (0, 345, 0)),
        ("eu.seebetter.ini.chips.davis.DAVIS208PixelParade", (208, 192), 1 << 11, (191, 0, 1)),
        ("eu.seebetter.ini.chips.davis.Davis640", (640, 480), 479 << 22 | 639 << 12, (0, 639, 0)),
        ("eu.seebetter.ini.chips.davis.DAVIS128", (128, 128), 127 << 22 | 127 << 12, (0, 127, 0)),
        ("eu.seebetter.ini.chips.sbret10.SBret10", (240, 180), 179 << 22 | 9 << 12, (0, 9, 0)),
    ],
)
def test_addresses(tmp_path: Path, chip: str, size: tuple[int, int], address: int, event: tuple[int, int, int]) -> None:
    recording = opened(tmp_path, build.aedat2([(address, 12)], chip))
    y, x, p = event
    assert (recording.sensor_size, recording.info.sensor_from) == (size, "camera")
    assert rows(recording.read()) == [(12, x, y, p)]


@pytest.mark.parametrize(
    ("chip", "address", "kind"),
    [
        (DVS128, 1 << 15, "special events"),
        (DVS128, 1 << 31, "special events"),
        (DAVIS, SPECIAL_WORD, "special events"),
        (DAVIS, APS_WORD, "frame samples"),
        (DAVIS, 0x80000000, "frame samples"),
        (DAVIS, 0x80000800, "frame samples"),
        (DAVIS, IMU_WORD, "IMU words"),
        (DAVIS, 0xE0000C00 | 0xFFFF << 12, "IMU words"),
    ],
)
def test_what_is_no_event_is_counted_by_kind(tmp_path: Path, chip: str, address: int, kind: str) -> None:
    data = build.aedat2([(0, 1), (address, 2), (address, 3)], chip)
    recording = opened(tmp_path, data)
    assert len(recording.read()) == 1
    assert recording.report.skipped[kind].count == 2
    assert recording.report.skipped[kind].first_offset == len(data) - 16
    assert not recording.report.dropped


def test_outside_the_sensor_is_dropped(tmp_path: Path) -> None:
    data = build.aedat2([(240 << 12, 1), (180 << 22, 2), (0, 3)], DAVIS)
    with pytest.warns(match="2 events outside the sensor"):
        assert rows(opened(tmp_path, data).read()) == [(3, 0, 179, 0)]


@pytest.mark.parametrize(
    ("address", "size"), [(dvs128_address(5, 9, 1), (128, 128)), (davis_address(20, 170, 1), (21, 10))]
)
def test_without_a_camera_the_addresses_tell_the_layout(tmp_path: Path, address: int, size: tuple[int, int]) -> None:
    recording = opened(tmp_path, build.aedat2([(address, 1)]))
    assert recording.sensor_size == size
    events = recording.read()
    stored = size[1] - 1 - int(events.y[0])
    assert (int(events.x[0]), stored, int(events.p[0])) == ((5, 118, 1) if size[0] == 128 else (20, 9, 1))


def test_an_unnamed_davis_takes_the_caller_s_size(tmp_path: Path) -> None:
    recording = opened(tmp_path, build.aedat2([(davis_address(20, 170, 1), 1)]), sensor_size=(240, 180))
    assert rows(recording.read()) == [(1, 20, 170, 1)]


@pytest.mark.parametrize(
    ("stored", "read", "wraps", "backward"),
    [
        ([1, 2**31 - 1, 2**31, 2**31 + 5], [1, 2**31 - 1, 2**31, 2**31 + 5], 0, 0),
        ([2**32 - 2, 2**32 - 1, 0, 1], [2**32 - 2, 2**32 - 1, 2**32, 2**32 + 1], 1, 0),
        ([2**32 - 1, 3, 2**32 - 1, 4], [2**32 - 1, 2**32 + 3, 2**32 - 1, 2**32 + 4], 1, 1),
        ([10, 11, 9, 12], [10, 11, 9, 12], 0, 1),
        ([3_000_000, 5, 6], [3_000_000, 5, 6], 0, 1),
        ([100, 101 + 2**31, 101, 100 + 2**31, 100], [100, 101 + 2**31, 101, 100 + 2**31, 100], 0, 2),
        ([100, 2**32 - 9, 101], [100, -9, 101], 0, 1),
    ],
    ids=["sign bit", "overflow", "overflow and back", "jitter", "reset", "one damaged bit", "one damaged time"],
)
def test_clock(tmp_path: Path, stored: list[int], read: list[int], wraps: int, backward: int) -> None:
    recording = opened(tmp_path, build.aedat2([(0, t) for t in stored], DAVIS))
    assert recording.read().t.tolist() == read
    assert (recording.report.wraps, recording.report.backward_steps) == (wraps, backward)


def test_a_clock_set_to_zero_is_noted(tmp_path: Path) -> None:
    for stored, noted in (([3_000_000, 5, 6, 4_000_000, 7], True), ([3_000_000, 2_500_000, 2**32 - 1, 1], False)):
        recording = opened(tmp_path, build.aedat2([(0, t) for t in stored], DAVIS))
        recording.read()
        assert recording.report.notes == ["the camera's clock was set to zero 2 times; times are as stored"] * noted


def test_words_between_events_keep_the_clock(tmp_path: Path) -> None:
    words = [(0, 3 << 30), (IMU_WORD, 2**32 - 1), (IMU_WORD, 5), (IMU_WORD, 3 << 30), (IMU_WORD, 2**32 - 1), (0, 7)]
    recording = opened(tmp_path, build.aedat2(words, DAVIS))
    assert recording.read().t.tolist() == [3 << 30, 2**32 + 7]


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
@pytest.mark.parametrize("last", [b"", b"#End Of ASCII Header", b"#end of ascii header"])
def test_line_endings(tmp_path: Path, ending: bytes, last: bytes) -> None:
    lines = [b"#!AER-DAT2.0", b"# AEChip: " + DAVIS.encode(), b"#", *([last] if last else [])]
    data = b"".join(line + ending for line in lines) + build.aedat2([(0, 1), (1 << 11, 2)])[len(build.HEADER_2) :]
    assert rows(opened(tmp_path, data).read()) == [(1, 0, 179, 0), (2, 0, 179, 1)]


@pytest.mark.parametrize("address", [0x23000000, 0x23414141, 0x230A0000, 0x23000A00])
@pytest.mark.parametrize("ending", [b"", b"#End Of ASCII Header\r\n"])
def test_the_first_event_may_begin_like_a_comment(tmp_path: Path, address: int, ending: bytes) -> None:
    data = build.aedat2([(address, 1), (0, 2)], DAVIS, ending)
    recording = opened(tmp_path, data)
    recording.read()
    report = recording.report
    assert report.events + report.skipped["special events"].count == 2 if report.skipped else report.events == 2


def test_a_header_of_175_kilobytes(tmp_path: Path) -> None:
    preferences = b'#   <entry key="a filter" value="some value that is long"/>\r\n' * 3000
    recording = opened(tmp_path, build.aedat2([(0, 1)], DAVIS, preferences))
    assert len(recording.read()) == 1
    assert recording.info.camera == "DAVIS240C"


def test_a_header_beyond_the_limit(tmp_path: Path) -> None:
    data = build.aedat2([(0, 1)], DAVIS, b"# more\r\n" * 1000)
    assert len(opened(tmp_path, data).read()) == 1
    with pytest.raises(LimitExceeded, match="header"):
        opened(tmp_path, data, limits=Limits(header_bytes=4000))


def test_a_cut_header_is_not_taken_for_events(tmp_path: Path) -> None:
    with pytest.raises(CorruptRecording, match="inside its header"):
        opened(tmp_path, build.aedat2([], DAVIS)[:-9])


def test_aedat1_without_a_header(tmp_path: Path) -> None:
    events = random_events(50, (128, 128))
    headerless = build.aedat1(events)[len(b"#!AER-DAT1.0\r\n# hand made\r\n") :]
    assert opened(tmp_path, headerless, format="aedat1").read() == events


def test_evutils_reads_the_same(tmp_path: Path) -> None:
    evutils = pytest.importorskip("evutils.io")
    recording = opened(tmp_path, build.aedat2_davis(random_events(500, (240, 180))))
    events = recording.read()
    reader = evutils.EventReader(recording.path)
    theirs = reader.read_all()
    reader.close()
    assert theirs["t"].tolist() == events.t.tolist()
    assert theirs["x"].tolist() == events.x.tolist()
    assert (179 - theirs["y"].astype(int)).tolist() == events.y.tolist()
    assert theirs["p"].astype(int).tolist() == events.p.tolist()
