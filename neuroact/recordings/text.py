"""Text recordings: one event a line, in csv, txt, or a txt inside a zip.

The first line may give the sensor's size (`%geometry:640,480` of Metavision, `640 480` of E2VID) or name the columns;
otherwise the content tells their order. Times with a decimal point are seconds, whole ones µs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neuroact.errors import CorruptRecording, UnknownFormat
from neuroact.events import Events
from neuroact.recordings.column_order import by_content, by_name
from neuroact.recordings.reader import RecordingInfo, Source
from neuroact.recordings.report import Report
from neuroact.recordings.text_kernels import STATE, decode_text, format_rows
from neuroact.recordings.words import WordDecoder, WordReader, open_binary
from neuroact.recordings.zip_files import ZIP_ERRORS, check_expansion, open_zip

HEAD = 1 << 16
"""Bytes that are looked at to learn how the file is written."""
ROWS = 1024
"""Lines of it that tell the order of the columns."""
LONGEST_ROW = 35
"""Bytes of `65535,65535,255,-9223372036854775808` and its end."""
PIECE = 1 << 16
"""Events formatted at a time."""
OPENEB = b"%geometry:"
"""How openEB's decoders begin files, whose columns are x, y, p, t."""


@dataclass
class TextHeader:
    """How a file is written: `payload` is the byte of its first event, `order` the column of each value."""

    payload: int
    order: dict[str, int]
    in_seconds: bool
    sensor_size: tuple[int, int] | None = None
    details: dict[str, str] = field(default_factory=dict)


class TextReader(WordReader):
    """Lines of text. `member` names the file inside a zip."""

    kernel = decode_text
    word = np.dtype("u1")
    state = STATE
    dropped = ("events outside the sensor", "malformed lines")

    def __init__(self, source: Source, header: TextHeader, member: str | None = None) -> None:
        self.source = source
        self.payload = header.payload
        self.header = header
        self.member = member
        self.info = RecordingInfo("text", details=header.details)
        if header.sensor_size is not None:
            self.settle_sensor_size(header.sensor_size, "header")

    def initial_state(self) -> NDArray[np.void]:
        columns = {f"at_{name}": column for name, column in self.header.order.items()}
        return self.new_state(**columns, seconds=int(self.header.in_seconds), line=self.payload)

    def decoder(self, report: Report) -> WordDecoder:
        stream = None if self.member is None else ZipMember(self.source, self.member, report, self.payload)
        return WordDecoder(self, report, stream)

    def unfinished(self, state: NDArray[np.void]) -> int | None:
        """A last line that ends inside a value is where the file was cut."""
        return int(state[0]["cut"]) or None


class ZipMember:
    """The bytes of one file of a zip from `start` on. Damage ends them and is told to `report`."""

    def __init__(self, source: Source, name: str, report: Report, start: int = 0) -> None:
        self._report = report
        self._archive = open_zip(source)
        self._file = self._archive.open(name)
        self._rest = b""
        self._file.read(start)

    def readinto(self, buffer: memoryview, /) -> int:
        """See `ByteStream`."""
        try:
            data = self._file.read(len(buffer))
        except ZIP_ERRORS as error:
            self._report.drop(f"rest of the zip file ({error})", 1, None)
            return 0
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """See `ByteStream`."""
        self._file.close()
        self._archive.close()


def open_text(source: Source) -> TextReader:
    """Opens a text file. Raises `UnknownFormat` if its lines are no events."""
    with open_binary(source.path) as file:
        head = file.read(HEAD)
    return TextReader(source, read_text_header(source, head))


def open_text_zip(source: Source) -> TextReader:
    """Opens a zip that holds one text file. Raises `UnknownFormat` for any other, `LimitExceeded` for a bomb."""
    with open_zip(source) as archive:
        files = [entry for entry in archive.infolist() if not entry.filename.endswith("/")]  # names may be empty
        if len(files) != 1 or files[0].flag_bits & 1:
            problem = f"a zip of {len(files)} files: one text file without a password is read"
            raise UnknownFormat(source.path, problem)
        check_expansion(source, files)
        try:
            with archive.open(files[0]) as file:
                head = file.read(HEAD)
        except ZIP_ERRORS as error:
            raise CorruptRecording(source.path, f"{files[0].filename} in the zip cannot be read: {error}") from error
    return TextReader(source, read_text_header(source, head), files[0].filename)


def read_text_header(source: Source, head: bytes) -> TextHeader:
    """Learns from the first lines how a file is written. Raises `UnknownFormat`."""
    size: tuple[int, int] | None = None
    order: dict[str, int] | None = None
    convention = "xypt" if head.startswith(OPENEB) else ""
    position = 0
    while position < len(head):
        stop = head.find(b"\n", position) + 1 or len(head)
        words = _words(head[position:stop])
        if not words or words[0][0] in "#%" or not _is_value(words[0]):
            size = size or _geometry(words)
            order = order or _named(words)
        elif len(words) == 2 and size is None and all(_is_count(word) for word in words):
            size = int(words[0]), int(words[1])
            convention = "txyp"
        else:
            return _settle(source, head, position, order or convention, size)
        position = stop
    if convention and size and len(head) < HEAD:  # a file of no events
        return TextHeader(position, _places(convention), False, size, {"order": " ".join(convention)})
    raise UnknownFormat(source.path, "no line of the text is an event", offset=0)


def write_csv(path: Path, chunks: Iterable[Events], sensor_size: tuple[int, int]) -> None:
    """Writes events as Metavision does: a line `%geometry:WIDTH,HEIGHT`, then `x,y,p,t` with t in µs."""
    with path.open("wb") as file:
        file.write("%geometry:{},{}\n".format(*sensor_size).encode())
        out = np.empty(PIECE * LONGEST_ROW, np.uint8)
        for chunk in chunks:
            for start in range(0, len(chunk), PIECE):
                piece = chunk[start : start + PIECE]
                used = format_rows(piece.x, piece.y, piece.p, piece.t, out)
                file.write(out[: int(used)].data)


def _settle(
    source: Source, head: bytes, payload: int, known: dict[str, int] | str, size: tuple[int, int] | None
) -> TextHeader:
    """Decides what the header leaves open from the first rows. `known`: the named columns, or the order that the
    header stands for, or "" for none."""
    whole = head if len(head) < HEAD else head[: head.rfind(b"\n", payload) + 1]
    lines = [_words(line) for line in whole[payload:].splitlines()[:ROWS]]
    rows = [line for line in lines if len(line) >= 4 and all(_is_value(word) for word in line[:4])]
    origin = "header"
    if isinstance(known, str) and not rows:
        raise UnknownFormat(source.path, "a text without column names or lines of four numbers", offset=payload)
    if not known:
        table = np.array([[_value(word) for word in row[:4]] for row in rows])
        found = by_content(table)
        origin = "content" if found else "convention"
        known = found or "txyp"
    order = _places(known) if isinstance(known, str) else known
    times = [row[order["t"]] for row in rows if order["t"] < len(row)]
    in_seconds = any(_has_fraction(text) for text in times)
    details = {
        "order": " ".join(sorted(order, key=lambda name: order[name])),
        "order from": origin,
        "time": "seconds" if in_seconds else "µs",
    }
    return TextHeader(payload, order, in_seconds, size, details)


def _words(line: bytes) -> list[str]:
    """The parts between separators, without the byte order mark that some editors put first."""
    return line.removeprefix(b"\xef\xbb\xbf").decode("latin-1").replace(",", " ").replace(";", " ").split()


def _has_fraction(text: str) -> bool:
    """Whether a number is not whole: `3.0` is whole, `0.5` and `1e-3` are not."""
    return _is_value(text) and not _value(text).is_integer()


def _geometry(words: list[str]) -> tuple[int, int] | None:
    """`%geometry:640,480`, split at the comma."""
    if len(words) != 2 or not words[0].startswith(OPENEB.decode()):
        return None
    width, height = words[0].removeprefix(OPENEB.decode()), words[1]
    return (int(width), int(height)) if _is_count(width) and _is_count(height) else None


def _named(words: list[str]) -> dict[str, int] | None:
    """The place of each column in a line that names them, `# t x y p` included."""
    names = [word.strip("#%\"'").lower() for word in words if word.strip("#%\"'")]
    found = by_name(names)
    return {column: names.index(name) for column, name in found.items()} if found else None


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


def _places(order: str) -> dict[str, int]:
    return {name: place for place, name in enumerate(order)}


def _is_value(text: str) -> bool:
    try:
        _value(text)
    except ValueError:
        return False
    return True


def _value(text: str) -> float:
    """A number, or 1 and 0 for `True` and `False`. Raises `ValueError`."""
    return float({"true": "1", "false": "0"}.get(text.lower(), text))
