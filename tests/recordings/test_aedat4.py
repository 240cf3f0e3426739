"""AEDAT 4: streams, packets of all compressions, and what happens between damaged ones."""

import struct
import subprocess
import sys
import warnings
from collections.abc import Iterable
from pathlib import Path

import lz4.frame
import pytest
import zstandard

from neuroact import CorruptRecording, Events, LimitExceeded, open_recording
from neuroact.recordings import DamageWarning, Limits, Recording, words
from neuroact.recordings.aedat4 import open_aedat4
from neuroact.recordings.expansion import UnsoundPayloadError, expand
from neuroact.recordings.reader import Source
from tests.conftest import random_events
from tests.recordings.build_aedat import (
    COMPRESSIONS,
    aedat4,
    compress4,
    events4,
    flatbuffer,
    header4,
    header4_of,
    packet4,
    stream4,
)
from tests.recordings.build_words import rows

SIZE = (64, 48)
EVTS = stream4(0, "EVTS", SIZE)
IMU_PACKET = flatbuffer(b"IMUS", 0, b"")
EVERY_COMPRESSION = pytest.mark.parametrize("compression", COMPRESSIONS)
BILLION_LAUGHS = '<!DOCTYPE dv [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><dv>&b;</dv>'


def opened(folder: Path, data: bytes, **options: object) -> Recording:
    path = folder / "recording.aedat4"
    path.write_bytes(data)
    return open_recording(path, **options)  # type: ignore[arg-type]


def at(*times: int) -> bytes:
    """The FlatBuffer of events at pixel (1, 2), one for each time."""
    return events4((t, 1, 2, 1) for t in times)


def packed(compression: str, *groups: Iterable[int]) -> list[bytes]:
    return [packet4(at(*times), compression) for times in groups]


def times_of(recording: Recording) -> list[int]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DamageWarning)
        return list(recording.read().t.tolist())


def test_golden_dvxplorer(shared: Path) -> None:
    recording = open_recording(shared / "recordings" / "dvxplorer_320x240.aedat4")
    assert recording.sensor_size == (320, 240)
    assert recording.info.camera == "DVXplorer_DXB00010"
    assert recording.info.details == {"compression": "LZ4", "streams": "0 EVTS, 2 IMUS, 3 TRIG"}
    assert recording.checksum() == "c657d7ebb1942120808b26e0d6d07d1ae3d4b7578d56c0e2a12c9c59b5e5576f"
    assert recording.report.events == 111954
    assert {kind: tally.count for kind, tally in recording.report.skipped.items()} == {"IMU packets": 59}


@EVERY_COMPRESSION
def test_every_whole_packet_of_a_cut_golden(shared: Path, tmp_path: Path, compression: str) -> None:
    golden = open_recording(shared / "recordings" / "dvxplorer_320x240.aedat4").read()
    data = aedat4(golden[:5000], compression)
    recording = opened(tmp_path, data[: len(data) * 2 // 3])
    with pytest.warns(DamageWarning, match="cut at byte"):
        events = recording.read()
    assert 3000 < len(events) < 5000
    assert events == golden[: len(events)]


@EVERY_COMPRESSION
def test_events_of_a_cut_packet(tmp_path: Path, compression: str) -> None:
    events = random_events(20_000, SIZE)
    data = header4(EVTS) + packet4(events4(rows(events)), compression)
    recording = opened(tmp_path, data[:-100])
    with pytest.warns(DamageWarning, match="cut at byte"):
        read = recording.read()
    assert read == events[: len(read)]
    assert len(read) >= {"none": 19_993, "lz4": 16_000, "zstd": 1}[compression]
    assert recording.report.truncated_at == len(header4(EVTS))


@EVERY_COMPRESSION
@pytest.mark.parametrize("size", [-(2**31), -1, 0, 7, 2**31 - 1, 70_000, "a byte less", "a byte more", "into the next"])
def test_a_packet_of_wrong_size_is_skipped(tmp_path: Path, compression: str, size: int | str) -> None:
    first, wrong, last = packed(compression, [1, 2], [10, 11, 12], [20, 21])
    true = len(wrong) - 8
    sizes = {"a byte less": true - 1, "a byte more": true + 1, "into the next": true + len(last) // 2}
    claimed = sizes[size] if isinstance(size, str) else size
    data = header4(EVTS) + first + struct.pack("<ii", 0, claimed) + wrong[8:] + last
    recording = opened(tmp_path, data)
    assert times_of(recording) == [1, 2, 20, 21]
    assert recording.report.dropped["damaged packets"].count == 1
    assert recording.report.dropped["damaged packets"].first_offset == len(header4(EVTS) + first)
    assert recording.report.truncated_at is None


@EVERY_COMPRESSION
def test_a_packet_of_the_wrong_size_at_the_end(tmp_path: Path, compression: str) -> None:
    first, wrong = packed(compression, [1, 2], [10, 11, 12])
    recording = opened(tmp_path, header4(EVTS) + first + struct.pack("<ii", 0, 2**31 - 1) + wrong[8:])
    assert times_of(recording) == [1, 2]
    assert recording.report.damaged


@EVERY_COMPRESSION
@pytest.mark.parametrize("place", ["stream", "frame", "content"])
def test_a_broken_packet_in_the_middle(tmp_path: Path, compression: str, place: str) -> None:
    first, broken, last = packed(compression, [1, 2], range(100, 200), [20, 21])
    start = {"stream": 0, "frame": 8, "content": 20}[place]
    broken = broken[:start] + b"\xee" * 8 + broken[start + 8 :]
    recording = opened(tmp_path, header4(EVTS) + first + broken + last)
    assert times_of(recording) == [1, 2, 20, 21]
    assert sum(tally.count for tally in recording.report.dropped.values()) == 1


@EVERY_COMPRESSION
def test_lost_and_alien_bytes_between_packets(tmp_path: Path, compression: str) -> None:
    first, second, third = packed(compression, [1], [2], [3])
    alien = b"\x04\x22\x4d\x18EVTS\x28\xb5\x2f\xfd" * 3
    recording = opened(tmp_path, header4(EVTS) + first + alien + second + b"\0" * 50 + third + alien)
    assert times_of(recording) == [1, 2, 3]
    assert recording.report.dropped["damaged packets"].count == 3


@pytest.mark.parametrize("block_bytes", [1, 41, 60, 1 << 19])
def test_the_next_packet_is_found_across_blocks(tmp_path: Path, block_bytes: int) -> None:
    path = tmp_path / "recording.aedat4"
    for lost in range(300, 360):
        path.write_bytes(header4(EVTS) + b"\xee" * lost + b"".join(packed("lz4", [1], [2])))
        assert times_of(Recording(open_aedat4(Source(path, block_bytes=block_bytes)))) == [1, 2]


def test_the_first_of_several_event_streams(tmp_path: Path) -> None:
    streams = stream4(3, "IMUS") + stream4(5, "EVTS", (8, 9)) + stream4(1, "EVTS", SIZE) + stream4(7, "XYZW")
    others = packet4(at(2), stream=1) + packet4(IMU_PACKET, stream=3) + packet4(b"\4\0\0\0wxyz", stream=7)
    recording = opened(tmp_path, header4(streams) + packet4(at(1), stream=5) + others + packet4(at(3), stream=5))
    assert recording.sensor_size == (8, 9)
    assert recording.read().t.tolist() == [1, 3]
    assert recording.report.notes == ["the events of stream 5 are read; those of 1 are not"]
    assert {kind: tally.count for kind, tally in recording.report.skipped.items()} == {
        "other event packets": 1,
        "IMU packets": 1,
        "other packets": 1,
    }


def test_packets_of_undeclared_streams_are_dropped(tmp_path: Path) -> None:
    recording = opened(tmp_path, header4(EVTS) + packet4(at(1)) + packet4(at(2), stream=9) + packet4(at(3)))
    assert times_of(recording) == [1, 3]
    assert recording.report.dropped["packets of undeclared streams"].count == 1


@pytest.mark.parametrize("xml", ["", '<dv version="4.0"><node name="outInfo"></node></dv>'])
def test_without_described_streams_packets_tell_what_they_hold(tmp_path: Path, xml: str) -> None:
    recording = opened(tmp_path, header4_of(xml) + packet4(IMU_PACKET, stream=1) + packet4(at(1, 2)) + packet4(at(3)))
    assert (recording.sensor_size, recording.info.sensor_from) == ((2, 3), "data")
    assert recording.read().t.tolist() == [1, 2, 3]
    assert recording.report.skipped["other packets"].count == 1


def test_a_file_of_frames_alone_has_no_events(tmp_path: Path) -> None:
    recording = opened(tmp_path, header4(stream4(0, "FRME", SIZE)) + packet4(flatbuffer(b"FRME", 0, b"")))
    assert len(recording.read()) == 0


def test_a_table_that_is_missing_is_a_cut(tmp_path: Path) -> None:
    packets = packet4(at(1, 2))
    recording = opened(tmp_path, header4(EVTS, table=len(header4(EVTS)) + len(packets) + 1) + packets)
    assert times_of(recording) == [1, 2]
    assert recording.report.truncated_at == len(header4(EVTS)) + len(packets)


def test_events_that_cannot_be(tmp_path: Path) -> None:
    table = [(1, 63, 47, 1), (2, 64, 0, 1), (3, 0, 48, 1), (4, -1, 0, 1), (-5, 0, 0, 1), (6, 0, 0, 2), (7, 0, 0, 0)]
    offset = len(header4(EVTS) + packet4(at(1)))
    recording = opened(tmp_path, header4(EVTS) + packet4(at(1)) + packet4(events4(table)))
    assert times_of(recording) == [1, 1, 7]
    dropped = {reason: (tally.count, tally.first_offset) for reason, tally in recording.report.dropped.items()}
    assert dropped == {
        "events outside the sensor": (3, offset),
        "events with an impossible time or polarity": (2, offset),
    }


ODD: dict[str, tuple[dict[str, int], bool]] = {
    "x": ({"x": 64}, False),
    "y": ({"y": 48}, False),
    "negative time": ({"t": -5}, False),
    "polarity": ({"p": 2}, False),
    "time running backwards": ({"t": 7}, True),
    "nothing": ({}, True),
}
"""What is odd in an event, and whether the event is kept."""


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("name", ODD)
def test_an_odd_event_among_many(tmp_path: Path, name: str, compiled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "SMALL_FILE", 0 if compiled else words.SMALL_FILE)
    change, kept = ODD[name]
    table = [dict(zip("txyp", row, strict=True)) for row in rows(random_events(100, SIZE, seed=3))]
    for place in (0, 1, 31, 32, 33, 63, 64, 98, 99):
        changed = [event | change if index == place else event for index, event in enumerate(table)]
        data = header4(EVTS) + packet4(at(5)) + packet4(events4(tuple(event.values()) for event in changed))
        recording = opened(tmp_path, data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DamageWarning)
            read = [
                tuple(row) for row in zip(*(getattr(recording.read(), name).tolist() for name in "txyp"), strict=True)
            ]
        wanted = [tuple(event.values()) for index, event in enumerate(changed) if kept or index != place]
        assert read == [(5, 1, 2, 1), *wanted]
        assert sum(tally.count for tally in recording.report.dropped.values()) == (not kept)
        assert recording.report.backward_steps == ("t" in change and kept and place > 0)


@pytest.mark.parametrize("compiled", [False, True])
def test_groups_of_events_at_the_borders(tmp_path: Path, compiled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "SMALL_FILE", 0 if compiled else words.SMALL_FILE)
    events = random_events(100, SIZE)
    recording = opened(tmp_path, header4(EVTS) + packet4(events4(rows(events))))
    for size in (7, 31, 32, 33, 60):
        assert Events.concatenate(list(recording.chunks(events=size))) == events
    impossible = opened(tmp_path, header4(EVTS) + packet4(at(*[-5] * 100)))
    assert times_of(impossible) == []
    assert impossible.report.dropped["events with an impossible time or polarity"].count == 100


@pytest.mark.parametrize(
    "data",
    [
        flatbuffer(b"EVTS", 2, bytes(16)),
        flatbuffer(b"EVTS", 2**32 - 1, bytes(16)),
        at(1)[:4] + struct.pack("<I", 2**32 - 1) + at(1)[8:],
        at(1)[:20] + struct.pack("<i", 2**31 - 1) + at(1)[24:],
        at(1)[:20] + struct.pack("<i", -(2**31)) + at(1)[24:],
        at(1)[:24] + struct.pack("<I", 2**31) + at(1)[28:],
        IMU_PACKET,
    ],
    ids=["count", "largest count", "root", "vtable ahead", "vtable behind", "vector", "identifier"],
)
def test_a_flatbuffer_that_leads_out_of_itself(tmp_path: Path, data: bytes) -> None:
    recording = opened(tmp_path, header4(EVTS) + packet4(at(1)) + packet4(data) + packet4(at(3)))
    assert times_of(recording) == [1, 3]
    assert recording.report.dropped["damaged packets"].count == 1


def test_an_event_packet_without_its_vector_is_empty(tmp_path: Path) -> None:
    absent = bytearray(at(1))
    struct.pack_into("<H", absent, 18, 0)
    assert opened(tmp_path, header4(EVTS) + packet4(bytes(absent)) + packet4(at(3))).read().t.tolist() == [3]


@pytest.mark.parametrize(
    "xml",
    ["<dv", "<dv><node></dv>", BILLION_LAUGHS, "<node>" * 70 + "</node>" * 70, '<?xml encoding="x"?><dv>\udcff</dv>'],
    ids=["cut", "nesting", "entities", "depth", "bytes"],
)
def test_broken_xml(tmp_path: Path, xml: str) -> None:
    text = xml.encode("utf-8", "surrogateescape").decode("latin-1").encode("latin-1")
    head = header4_of("")
    data = head[:-5] + struct.pack("<I", len(text)) + text + b"\0"
    data = data[:14] + struct.pack("<I", len(data) - 18) + data[18:]
    with pytest.raises(CorruptRecording, match="XML"):
        opened(tmp_path, data)


def test_an_encoding_that_the_xml_claims_is_not_looked_up(tmp_path: Path) -> None:
    assert opened(tmp_path, header4_of('<?xml version="1.0" encoding="shift_jis_2004"?><dv/>')).info.camera is None


@pytest.mark.parametrize("side", ["2147483648", "99999999999999999999999", "-1", "0", "16385", "1e9", ""])
def test_sides_in_the_xml(tmp_path: Path, side: str) -> None:
    data = header4(EVTS.replace(">64<", f">{side}<")) + packet4(at(1))
    if side.isdigit() and len(side) < 20:
        with pytest.raises(LimitExceeded, match="sensor"):
            opened(tmp_path, data)
    else:
        assert opened(tmp_path, data).sensor_size == (2, 3), "what is no number says nothing"


def test_a_packet_beyond_the_limit_where_a_sound_one_would_stand(tmp_path: Path) -> None:
    data = header4(EVTS) + packet4(at(1)) + packet4(at(*range(100))) + packet4(at(3))
    assert len(opened(tmp_path, data).read()) == 102
    with pytest.raises(LimitExceeded, match="packet"):
        opened(tmp_path, data, limits=Limits(packet_bytes=1000)).read()


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
def test_a_packet_that_expands_beyond_the_limit(tmp_path: Path, compression: str) -> None:
    data = header4(EVTS) + packet4(events4(rows(random_events(70_000, SIZE))), compression)
    assert len(opened(tmp_path, data).read()) == 70_000
    with pytest.raises(LimitExceeded, match="expands"):
        opened(tmp_path, data, limits=Limits(expanded_bytes=1 << 20)).read()


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("size", range(4))
def test_a_payload_too_short_to_tell_its_size(size: int, whole: bool) -> None:
    with pytest.raises(UnsoundPayloadError, match="too few"):
        expand(memoryview(bytes(size)), Limits(), whole=whole)


def test_frames_that_look_like_packets_are_read_again_and_again_only_for_so_long(tmp_path: Path) -> None:
    head = struct.pack("<iiI", 0, 60_000, 0x184D2204)
    recording = opened(tmp_path, header4(EVTS) + head * 200_000)
    with pytest.raises(CorruptRecording, match="more damaged packets"):
        recording.read()


def test_every_field_of_the_header_cut(tmp_path: Path) -> None:
    head = header4(EVTS)
    for cut in range(14, len(head)):
        with pytest.raises(CorruptRecording, match="header"):
            opened(tmp_path, head[:cut])


def test_header_with_a_size_beyond_the_limit(tmp_path: Path) -> None:
    with pytest.raises(LimitExceeded, match="header"):
        opened(tmp_path, b"#!AER-DAT4.0\r\n" + struct.pack("<I", 2**32 - 1) + bytes(100))


def test_content_size_and_checksums_in_frames(tmp_path: Path) -> None:
    payloads = [
        lz4.frame.compress(at(1), content_checksum=True, block_checksum=True, block_linked=False),
        zstandard.ZstdCompressor(write_checksum=True, write_content_size=False).compress(at(2)),
        compress4(at(3), "none"),
    ]
    data = header4(EVTS) + b"".join(struct.pack("<ii", 0, len(payload)) + payload for payload in payloads)
    assert opened(tmp_path, data).read().t.tolist() == [1, 2, 3]


def test_readers_of_others_agree(tmp_path: Path) -> None:
    aedat = pytest.importorskip("aedat")
    evutils = pytest.importorskip("evutils.io")
    for compression in COMPRESSIONS:
        events = random_events(500, SIZE)
        recording = opened(tmp_path, aedat4(events, compression))
        assert recording.read() == events
        if compression != "none":  # theirs take the table for a packet where nothing is compressed
            theirs = [packet["events"] for packet in aedat.Decoder(str(recording.path)) if "events" in packet]
            assert [int(t) for packet in theirs for t in packet["t"]] == events.t.tolist()
        reader = evutils.EventReader(recording.path)
        assert reader.read_all()["t"].tolist() == events.t.tolist()
        reader.close()


def test_events_need_no_numba_in_small_files(tmp_path: Path) -> None:
    events: Events = random_events(500, SIZE)
    path = tmp_path / "small.aedat4"
    path.write_bytes(aedat4(events, "lz4"))
    code = f"import neuroact, sys; neuroact.open_recording({str(path)!r}).read(); sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
