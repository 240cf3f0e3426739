"""Files that claim more than any camera writes: refused by a typed error, in little memory and without a hang."""

import struct
import tracemalloc
import warnings
from pathlib import Path

import lz4.frame
import pytest
import zstandard

from neuroact import CorruptRecording, LimitExceeded, RecordingError, open_recording
from neuroact.recordings import DamageWarning
from tests.recordings.build_aedat import events4, flatbuffer, header3, header4, header4_of, packet4, stream4

MIB = 1 << 20
MOST = 64 * MIB
"""Bytes that refusing may take."""
AEDAT4 = header4(stream4(0, "EVTS", (64, 48)))
ZEROS = flatbuffer(b"EVTS", 0, b"")[4:].ljust(MIB, b"\0")


def claimed(size: int, payload: bytes = b"\x04\x22\x4d\x18") -> bytes:
    """The head of an AEDAT 4 packet of `size` bytes, and the start of its payload."""
    return struct.pack("<ii", 0, size) + payload


def bomb(compressor: str, declared: int, mebibytes: int) -> bytes:
    """A packet that declares `declared` bytes and expands to `mebibytes` MiB of zeros."""
    pieces = [struct.pack("<I", declared - 4) + ZEROS[4:], *[ZEROS] * (mebibytes - 1)]
    if compressor == "lz4":
        writer = lz4.frame.LZ4FrameCompressor()
        payload = writer.begin() + b"".join(map(writer.compress, pieces)) + writer.flush()
    else:
        stream = zstandard.ZstdCompressor().compressobj()
        payload = b"".join(map(stream.compress, pieces)) + stream.flush()
    return struct.pack("<ii", 0, len(payload)) + bytes(payload)


def es(kind: int, width: int, height: int) -> bytes:
    return b"Event Stream\x02\x00\x00" + bytes([kind]) + struct.pack("<HH", width, height) + bytes(50)


REFUSED: dict[str, bytes] = {
    "raw geometry": b"% evt 3.0\n% geometry 2147483648x720\n% end\n" + bytes(64),
    "raw format": b"% format EVT2;height=4294967296;width=1\n% end\n" + bytes(64),
    "raw side of 0": b"% evt 2.0\n% geometry 0x720\n% end\n" + bytes(64),
    "raw endless header": b"% evt 3.0\n" + b"% more of it\n" * 3_000_000,
    "dat sides": b"% Version 2\n% Height 99999\n% Width 2147483647\n% end\n\x0c\x08" + bytes(64),
    "es dvs side of 0": es(1, 0, 240),
    "es dvs sides of 65535": es(1, 65535, 65535),
    "es atis sides of 65535": es(2, 65535, 1),
    "es color sides of 65535": es(4, 320, 65535),
    "aedat2 endless header": b"#!AER-DAT2.0\r\n" + b"# more of it\r\n" * 3_000_000,
    "aedat2 endless line": b"#!AER-DAT2.0\r\n#" + b"x" * (20 * MIB),
    "aedat3 endless header": header3().replace(b"#!END-HEADER\r\n", b"# more of it\r\n" * 3_000_000),
    "aedat4 header of 4 GB": b"#!AER-DAT4.0\r\n" + struct.pack("<I", 2**32 - 1) + bytes(64),
    "aedat4 xml of 100 MB": header4_of("<dv>" + " " * 100_000_000 + "</dv>"),
    "aedat4 xml of entities": header4_of(
        '<!DOCTYPE d [<!ENTITY a "' + "x" * 1000 + '">]><dv>' + "&a;" * 9999 + "</dv>"
    ),
    "aedat4 deep xml": header4_of("<node>" * 1_000_000),
    "aedat4 sides of 2^31": header4(stream4(0, "EVTS", (2**31, 2**31))),
    "aedat4 lz4 bomb": AEDAT4 + bomb("lz4", 200 * MIB, 200),
    "aedat4 zstd bomb": AEDAT4 + bomb("zstd", 200 * MIB, 200),
    "aedat4 zstd bomb of 4 GB": AEDAT4 + bomb("zstd", 2**32 - 1, 200),
    "aedat4 packet in packet": AEDAT4 + (claimed(60_000) * 200_000),
}

SURVIVED: dict[str, bytes] = {
    "aedat3 packet of 2^31 - 1 events": header3()
    + struct.pack("<hhiiiiii", 1, 1, 8, 4, 0, *[2**31 - 1] * 3)
    + bytes(64),
    "aedat3 events of 2^31 - 1 bytes": header3() + struct.pack("<hhiiiiii", 2, 1, 2**31 - 1, 4, 0, 1, 1, 1) + bytes(64),
    "aedat3 negative packet": header3() + struct.pack("<hhiiiiii", 1, 1, -8, 4, 0, -1, -1, -1) + bytes(64),
    "aedat4 packet of 2^31 - 1 bytes": AEDAT4 + claimed(2**31 - 1),
    "aedat4 packet of 60 MB that is not there": AEDAT4 + claimed(60 * MIB),
    "aedat4 negative packet": AEDAT4 + claimed(-(2**31)),
    "aedat4 bomb that declares little": AEDAT4 + bomb("zstd", 1000, 200) + packet4(events4([(1, 2, 3, 1)])),
}
"""What is damage in one place, and no reason to refuse the rest."""


def peak_of_reading(folder: Path, data: bytes, *, refused: bool) -> int:
    """The most memory that opening and reading takes, in bytes."""
    path = folder / "hostile"
    path.write_bytes(data)
    tracemalloc.start()
    try:
        if refused:
            with pytest.raises((LimitExceeded, CorruptRecording)):
                open_recording(path).read()
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DamageWarning)
                recording = open_recording(path)
                recording.read()
                assert recording.report.damaged
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", REFUSED)
def test_refused_in_little_memory(tmp_path: Path, name: str) -> None:
    assert peak_of_reading(tmp_path, REFUSED[name], refused=True) < MOST


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", SURVIVED)
def test_survived_in_little_memory(tmp_path: Path, name: str) -> None:
    assert peak_of_reading(tmp_path, SURVIVED[name], refused=False) < MOST


def test_a_hostile_error_names_the_file_and_the_place(tmp_path: Path) -> None:
    path = tmp_path / "hostile"
    path.write_bytes(REFUSED["aedat4 lz4 bomb"])
    with pytest.raises(RecordingError, match=f"hostile, byte {len(AEDAT4)}: a packet of .* expands to more than"):
        open_recording(path).read()
