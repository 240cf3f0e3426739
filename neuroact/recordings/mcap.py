"""MCAP, the newer container of ROS 2: records of one byte of kind and eight of length, walked from the first on.

The summary at the end is not needed, so a file that was never closed or was cut reads as far as it goes. Source:
mcap.dev/spec.
"""

from __future__ import annotations

import zlib
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from io import BytesIO, FileIO
from typing import NamedTuple

from neuroact.recordings.bag import BagReader, note_topic
from neuroact.recordings.bag_frames import expand_chunk
from neuroact.recordings.reader import Source, check_limit
from neuroact.recordings.report import Report
from neuroact.recordings.ros_messages import BadMessage, Message, plain_type
from neuroact.recordings.words import open_binary

MAGIC = b"\x89MCAP0\r\n"
SCHEMA, CHANNEL, MESSAGE, CHUNK, DATA_END = 3, 4, 5, 6, 15
USED = (SCHEMA, CHANNEL, MESSAGE, CHUNK)
HEAD = 9
MESSAGE_HEAD = 22


class Record(NamedTuple):
    """One record; `whole` is False for one that the end of the file cuts."""

    kind: int
    content: bytes
    offset: int
    whole: bool


class Content:
    """Takes fields from a record. Raises `BadMessage` if it is too short."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        if self.position + size > len(self.data):
            raise BadMessage("a record shorter than it says")
        self.position += size
        return self.data[self.position - size : self.position]

    def uint(self, size: int) -> int:
        """A little-endian number."""
        return int.from_bytes(self.take(size), "little")

    def text(self) -> str:
        """A text behind its length."""
        return self.take(self.uint(4)).decode("utf-8", "replace")

    def rest(self) -> bytes:
        """All that is left."""
        return self.data[self.position :]


@dataclass
class Registry:
    """What the records so far say: name of each schema; topic, type and serialisation of each channel of events."""

    schemas: dict[int, str] = field(default_factory=dict)
    channels: dict[int, tuple[str, str, bool]] = field(default_factory=dict)


def open_mcap(source: Source) -> BagReader:
    """Opens an MCAP file. Raises `UnknownFormat` for one without events."""
    return BagReader(source, "mcap", walk)


def walk(source: Source, report: Report) -> Generator[Message, None, None]:
    """The messages that carry events, in file order."""
    registry = Registry()
    with closing(open_binary(source.path)) as file:
        size = file.seek(0, 2)
        for record in _records(source, file, len(MAGIC), size):
            if not record.whole:
                report.truncated_at = record.offset
            if record.kind == DATA_END:
                return
            try:
                if record.kind == CHUNK:
                    yield from _chunk(source, record, registry, report)
                elif record.whole:
                    yield from _message(record, record.offset, registry, report)
            except BadMessage:
                report.drop("damaged records", 1 if record.whole else 0, record.offset)
        if report.truncated_at is None:
            report.truncated_at = size  # the record that ends the data is missing


def _chunk(source: Source, record: Record, registry: Registry, report: Report) -> Iterator[Message]:
    content = Content(record.content)
    content.take(16)  # times of the first and last message
    size, checksum, compression = content.uint(8), content.uint(4), content.text()
    content.take(8)
    data, problem = expand_chunk(source, compression, content.rest(), size, record.offset)
    if record.whole and not problem and checksum and zlib.crc32(data) != checksum:
        problem = "a chunk whose checksum does not fit"
    if problem and record.whole:
        report.drop("damaged chunks", 1, record.offset)
        return
    for inner in _records(source, BytesIO(data), 0, len(data)):
        if inner.whole:
            try:
                yield from _message(inner, record.offset, registry, report)
            except BadMessage:
                report.drop("damaged records", 1, record.offset)


def _message(record: Record, offset: int, registry: Registry, report: Report) -> Iterator[Message]:
    """The message in a record; schemas and channels say what the messages after them are."""
    content = Content(record.content)
    if record.kind == SCHEMA:
        number = content.uint(2)
        registry.schemas[number] = plain_type(content.text())
    elif record.kind == CHANNEL:
        number, schema, topic, serialisation = content.uint(2), content.uint(2), content.text(), content.text()
        kind = registry.schemas.get(schema, "")
        if note_topic(report, topic, kind):
            registry.channels[number] = topic, kind, serialisation == "cdr"
    elif record.kind == MESSAGE:
        number = content.uint(2)
        if number in registry.channels:
            content.take(MESSAGE_HEAD - 2)
            topic, kind, is_cdr = registry.channels[number]
            yield Message(topic, kind, is_cdr, content.rest(), offset)


def _records(source: Source, file: FileIO | BytesIO, start: int, end: int) -> Iterator[Record]:
    """The records from `start` on. The last one may be cut; its content is then what there is."""
    while start < end:
        if end - start < HEAD:
            yield Record(0, b"", start, False)
            return
        file.seek(start)
        head = file.read(HEAD)
        kind, size = head[0], int.from_bytes(head[1:], "little")
        held = min(size, end - start - HEAD)
        content = b""
        if kind in USED:
            check_limit(source, "a record", held, source.limits.packet_bytes, offset=start)
            content = file.read(held)
        yield Record(kind, content, start, held == size)
        start += HEAD + size
