"""The text header of AEDAT 1, 2 and 3 files: lines that begin with `#`, and the camera that they name."""

from __future__ import annotations

import re
from dataclasses import dataclass

from neuroact.errors import CorruptRecording
from neuroact.recordings.reader import Source, check_limit
from neuroact.recordings.words import open_binary

SENSORS = {
    "davis240": (240, 180), "davis346": (346, 260), "davis640": (640, 480), "davishet640": (640, 480),
    "davis208": (208, 192), "davis128": (128, 128), "sbret10": (240, 180),
    "dvs128": (128, 128), "dvs640": (640, 480),
}  # fmt: skip
"""What cameras call themselves, in lower case, and their sensors' `(width, height)`. SBret10 became the DAVIS240."""

LINES = re.compile(rb"(?:#[\t\x20-\xff]*+\r?\n)*+")
CRLF_LINES = re.compile(rb"(?:#[\t\x20-\xff]*+\r\n)*+")
TEXT_TO_THE_END = re.compile(rb"(?:#[\t\x20-\xff]*+\r?)?")
"""What is left of a header that goes on behind the bytes at hand."""
LAST_LINE = re.compile(rb"^#(?:End Of ASCII Header|!END-HEADER)\r?\n", re.MULTILINE | re.IGNORECASE)
FIELD = re.compile(
    rb"^#[ !]*(AEChip|HardwareInterface|Creation time|DataStartTime|Format|Source \d+|Start-Time): *(.*?)\r?$",
    re.MULTILINE,
)
"""The lines worth keeping; jAER writes 2,000 more, with the state of its every filter."""
PIECE = 1 << 16


@dataclass(frozen=True, slots=True)
class AedatHeader:
    """What the header says.

    - `fields`: `AEChip`, `Source 1`, ... and their values.
    - `payload`: byte offset of what follows the header.
    """

    fields: dict[str, str]
    payload: int

    @property
    def camera(self) -> str | None:
        """The camera's name, or None. jAER writes the name of a Java class, of which the last part tells."""
        chip = self.fields.get("AEChip", "").rpartition(".")[2]
        sources = (value for key, value in self.fields.items() if key.startswith("Source"))
        return chip or next(sources, None)

    @property
    def known_camera(self) -> str | None:
        """The key of `SENSORS` that the camera's name stands for, or None."""
        name = (self.camera or "").lower()
        return next((known for known in SENSORS if known in name), None)


def read_aedat_header(source: Source) -> AedatHeader:
    r"""Reads lines of text that begin with `#`; there may be none.

    The first event's first byte may be a `#` too. So a line holds no control characters, and all lines end alike: in
    `\r\n` if the first one does.

    Raises `LimitExceeded` for a header beyond the limit, and `CorruptRecording` if the file ends inside a line.
    """
    limit = source.limits.header_bytes
    with open_binary(source.path) as file:
        head = file.read(PIECE)
        first_line = head[: head.find(b"\n") + 1]
        lines = CRLF_LINES if first_line.endswith(b"\r\n") else LINES
        stop = _end_of_lines(lines, head, 0)
        while TEXT_TO_THE_END.fullmatch(head, stop):
            check_limit(source, "a header", len(head), limit)
            more = file.read(min(len(head), limit + 1 - len(head)))
            if not more:
                break
            head += more
            stop = _end_of_lines(lines, head, stop)
    if last := LAST_LINE.search(head, 0, stop):
        stop = last.end()
    elif stop < len(head) and TEXT_TO_THE_END.fullmatch(head, stop):
        raise CorruptRecording(source.path, "the file ends inside its header", offset=stop)
    check_limit(source, "a header", stop, limit)
    fields = {key.decode(): value.decode("latin-1") for key, value in FIELD.findall(head[:stop])}
    return AedatHeader(fields, stop)


def _end_of_lines(lines: re.Pattern[bytes], head: bytes, start: int) -> int:
    found = lines.match(head, start)
    return found.end() if found else start
