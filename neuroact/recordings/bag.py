"""Events from bags, whatever the container: messages are found by their type and read in the order they were stored.

The kinds of bag differ in how messages are found (`ros1`, `ros2`, `mcap`); what is in a message does not.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import replace

import numpy as np

from neuroact.errors import UnknownFormat
from neuroact.recordings.blocks import Block, BlockDecoder
from neuroact.recordings.libcaer import DECODERS
from neuroact.recordings.prophesee_header import PropheseeHeader
from neuroact.recordings.prophesee_raw import ENCODINGS
from neuroact.recordings.reader import Decoder, Reader, RecordingInfo, Source
from neuroact.recordings.report import Report
from neuroact.recordings.ros_messages import BadMessage, EventArray, EventPacket, Message, carries_events, parse
from neuroact.recordings.words import WordDecoder, WordReader

Walk = Callable[[Source, Report], Generator[Message, None, None]]
"""Gives the messages of a bag that carry events, and reports what is damaged."""
Content = EventPacket | EventArray


class BagReader(Reader):
    """The first topic of events in a bag. Its first message says what the sensor and the encoding are."""

    def __init__(self, source: Source, format: str, walk: Walk) -> None:
        self.source = source
        self.walk = walk
        report = Report()
        self.topic: str | None = None
        first = next(self._contents(report), None)
        if first is None:
            found = "; ".join([*report.notes, report.summary()])
            raise UnknownFormat(source.path, f"a bag without messages of events ({found})")
        message, content = first
        self.topic = message.topic
        self.encoding = content.encoding if isinstance(content, EventPacket) else None
        """Of EventPackets; None for EventArrays, which are written out."""
        self.words: WordReader | None = None
        details = {"topic": message.topic, "type": message.type}
        if self.encoding is not None:
            details["encoding"] = self.encoding
        self.info = RecordingInfo(format, details=details)
        if min(content.sensor_size) > 0:
            self.settle_sensor_size(content.sensor_size, "header")
        if self.encoding is not None and self.encoding not in DECODERS:
            self.words = self._word_reader(self.encoding)
            self.margin = self.words.margin

    def decoder(self, report: Report) -> Decoder:
        contents = self._contents(report)
        if self.words is None:
            return BlockDecoder(self, report, self._blocks(contents, report))
        self.words.info = replace(self.words.info, sensor_size=self.info.sensor_size)
        return WordDecoder(self.words, report, PayloadStream(contents, self.words.word, report))

    def _word_reader(self, encoding: str) -> WordReader:
        """The reader of RAW files of the same encoding, for what the messages hold end to end."""
        opener = ENCODINGS.get(encoding.upper())
        if opener is None:
            known = ", ".join([*(name.lower() for name in ENCODINGS), *DECODERS])
            raise UnknownFormat(self.source.path, f"events in the encoding {encoding!r}; {known} are read")
        reader = opener(self.source, PropheseeHeader({}, 0))
        assert isinstance(reader, WordReader)  # noqa: S101
        return reader

    def _contents(self, report: Report) -> Generator[tuple[Message, Content], None, None]:
        """The sound messages of the topic; of the first one with events, as long as that is not known."""
        for message in self.walk(self.source, report):
            if self.topic is not None and message.topic != self.topic:
                report.skip(f"messages of the topic {message.topic}", 1, message.offset)
                continue
            try:
                content = parse(message)
            except BadMessage:
                report.drop("damaged messages", 1, message.offset)
                continue
            encoding = content.encoding if isinstance(content, EventPacket) else None
            if self.topic is not None and encoding != self.encoding:
                report.drop("messages in another encoding", 1, message.offset)
                continue
            yield message, content

    def _blocks(self, contents: Iterator[tuple[Message, Content]], report: Report) -> Generator[Block, None, None]:
        for message, content in contents:
            if isinstance(content, EventArray):
                yield Block(content.t, content.x, content.y, content.p, message.offset)
            else:
                yield from DECODERS[content.encoding](content, message.offset, report)


class PayloadStream:
    """The payloads of messages end to end, as the camera sent them. Each is whole words, whatever damage says."""

    def __init__(
        self, contents: Generator[tuple[Message, Content], None, None], word: np.dtype[np.generic], report: Report
    ) -> None:
        self._contents = contents
        self._word = word
        self._report = report
        self._payload = memoryview(b"")

    def readinto(self, buffer: memoryview, /) -> int:
        """See `ByteStream`."""
        while not self._payload:
            following = next(self._contents, None)
            if following is None:
                return 0
            self._payload = self._words_of(*following)
        size = min(len(buffer), len(self._payload))
        buffer[:size] = self._payload[:size]
        self._payload = self._payload[size:]
        return size

    def close(self) -> None:
        """See `ByteStream`."""
        self._contents.close()

    def _words_of(self, message: Message, content: Content) -> memoryview:
        assert isinstance(content, EventPacket)  # noqa: S101  (others have another encoding)
        rest = len(content.payload) % self._word.itemsize
        self._report.drop("bytes that are no whole word", rest, message.offset)
        payload = content.payload[: len(content.payload) - rest]
        if content.big_endian:
            payload = np.frombuffer(payload, self._word).byteswap().tobytes()
        return memoryview(payload)


def note_topic(report: Report, topic: str, type: str) -> bool:
    """Whether a topic carries events; the others are noted, for the message if none does."""
    if carries_events(type):
        return True
    report.note(f"topic {topic} holds {type}")
    return False
