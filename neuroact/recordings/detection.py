"""Which format a file has, told by its content; the extension never decides."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

from neuroact.errors import UnknownFormat
from neuroact.recordings.reader import Source
from neuroact.recordings.words import open_binary

HEAD = 1 << 12

SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"Event Stream", "es"),
    (b"#!AER-DAT4.0", "aedat4"),
    (b"#!AER-DAT3.", "aedat3"),
    (b"#!AER-DAT2.0", "aedat2"),
    (b"#!AER-DAT1.0", "aedat1"),
    (b"\x93NUMPY", "npy"),
    (b"SQLite format 3\0", "ros2"),
    (b"#ROSBAG V2.0\n", "ros1"),
    (b"%geometry:", "text"),
    (b"\x89MCAP0\r\n", "mcap"),
)
HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
COMPRESSED = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\0": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
}
RAW_KEYS = re.compile(rb"^% (evt|format|plugin_name|integrator_name|camera_integrator_name|system_ID)\b", re.MULTILINE)
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
VALUE = rb"([-+0-9.]+([eE][-+]?\d+)?|[Tt]rue|[Ff]alse)"
TEXT_ROW = re.compile(rb"^\s*" + VALUE + rb"([\s,;]+" + VALUE + rb")+\s*$")


def detect_format(source: Source) -> str:
    """The name of the format of `source.path`. Raises `UnknownFormat`."""
    with open_binary(source.path) as file:
        head = file.read(HEAD)
        if not head:
            raise UnknownFormat(source.path, "the file is empty", offset=0)
        for signature, name in SIGNATURES:
            if head.startswith(signature):
                return name
        for start in (0, 512, 1024, 2048):
            if head.startswith(HDF5_SIGNATURE, start):
                return "hdf5"
    if head.startswith(b"% "):
        return "raw" if RAW_KEYS.search(head) else "dat"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "npz" if _holds_arrays(source.path) else "text_zip"
    for signature, name in COMPRESSED.items():
        if head.startswith(signature):
            raise UnknownFormat(source.path, f"the file is compressed with {name}: unpack it first", offset=0)
    if _is_text(head):
        return "text"
    if source.path.suffix.lower() in (
        ".bin",
        ".bs2",
    ):  # no signature exists: the name is all there is to go by
        return "nmnist"
    problem = "its first bytes match no known format; if you know it, name it with format= (--format)"
    raise UnknownFormat(source.path, problem, offset=0)


def _holds_arrays(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith(".npy") for name in archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return True  # the npz reader says what is broken


def _is_text(head: bytes) -> bool:
    """Whether every complete line of the head is printable (comments in any language) and one is a row of numbers."""
    lines = head.removeprefix(BYTE_ORDER_MARK).splitlines()
    whole = lines[:-1] if len(head) == HEAD else lines
    rows = [line for line in whole if not line.startswith((b"#", b"%"))]
    printable = all(byte == 9 or 32 <= byte < 127 for line in rows for byte in line)
    return printable and any(TEXT_ROW.match(line) for line in rows)
