"""ROS 1 bags, version 2.0: records of a header of named fields and data, walked from the first on.

The index at the end is not needed, so a bag that was never closed or was cut reads as far as it goes. Source:
wiki.ros.org/Bags/Format/2.0.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from io import BytesIO, FileIO
from typing import NamedTuple

from neuroact.recordings.bag import BagReader, note_topic
from neuroact.recordings.bag_frames import expand_chunk
from neuroact.recordings.reader import Source, check_limit
from neuroact.recordings.report import Report
from neuroact.recordings.ros_messages import Message
from neuroact.recordings.words import open_binary

MAGIC = b"#ROSBAG V2.0\n"
MESSAGE, CHUNK, CONNECTION = 2, 5, 7


class Record(NamedTuple):
    """One record; `whole` is False for one that the end of the file cuts."""

    fields: dict[bytes, bytes]
    data: bytes
    offset: int
    whole: bool

    def uint(self, name: bytes) -> int:
        """A little-endian number; -1 if the field is missing."""
        return int.from_bytes(self.fields[name], "little") if name in self.fields else -1


def open_ros1(source: Source) -> BagReader:
    """Opens a ROS 1 bag. Raises `UnknownFormat` for one without events."""
    return BagReader(source, "ros1", walk)


def walk(source: Source, report: Report) -> Generator[Message, None, None]:
    """The messages that carry events, in file order."""
    topics: dict[int, tuple[str, str]] = {}
    with closing(open_binary(source.path)) as file:
        size = file.seek(0, 2)
        for record in _records(source, file, len(MAGIC), size):
            if not record.whole:
                report.truncated_at = record.offset
            if record.uint(b"op") == CHUNK:
                yield from _chunk(source, record, topics, report)
            elif record.whole:
                yield from _message(record, record.offset, topics, report)


def _chunk(source: Source, record: Record, topics: dict[int, tuple[str, str]], report: Report) -> Iterator[Message]:
    compression = record.fields.get(b"compression", b"none").decode("latin-1")
    data, problem = expand_chunk(source, compression, record.data, record.uint(b"size"), record.offset)
    if problem and record.whole:
        report.drop("damaged chunks", 1, record.offset)
    for inner in _records(source, BytesIO(data), 0, len(data)):
        if inner.whole:
            yield from _message(inner, record.offset, topics, report)


def _message(record: Record, offset: int, topics: dict[int, tuple[str, str]], report: Report) -> Iterator[Message]:
    """The message in a record; connections say what the messages after them are."""
    number = record.uint(b"conn")
    if record.uint(b"op") == CONNECTION:
        topic = record.fields.get(b"topic", b"").decode("utf-8", "replace")
        kind = _fields(record.data).get(b"type", b"").decode("utf-8", "replace")
        if number not in topics and note_topic(report, topic, kind):
            topics[number] = topic, kind
    elif record.uint(b"op") == MESSAGE and number in topics:
        topic, kind = topics[number]
        yield Message(topic, kind, False, record.data, offset)


def _records(source: Source, file: FileIO | BytesIO, start: int, end: int) -> Iterator[Record]:
    """The records from `start` on. The last one may be cut; its data is then what there is."""
    limits = source.limits
    while start < end:
        file.seek(start)
        length = int.from_bytes(file.read(4), "little")
        if start + 8 + length > end:
            yield Record({}, b"", start, False)
            return
        check_limit(source, "a record's header", length, limits.header_bytes, offset=start)
        fields = _fields(file.read(length))
        size = int.from_bytes(file.read(4), "little")
        held = min(size, end - start - 8 - length)
        check_limit(source, "a record", held, limits.packet_bytes, offset=start)
        yield Record(fields, file.read(held), start, held == size)
        start += 8 + length + size


def _fields(header: bytes) -> dict[bytes, bytes]:
    """`name=value` pairs, each behind its length; those behind damage are left out."""
    fields = {}
    position = 0
    while position + 4 <= len(header):
        size = int.from_bytes(header[position : position + 4], "little")
        name, _, value = header[position + 4 : position + 4 + size].partition(b"=")
        fields[name] = value
        position += 4 + size
    return fields
