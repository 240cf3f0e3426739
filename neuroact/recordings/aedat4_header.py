"""The head of an AEDAT 4 file: how its packets are compressed and, in XML, which streams they belong to."""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.parsers import expat

from neuroact.errors import CorruptRecording
from neuroact.recordings import flatbuffers
from neuroact.recordings.flatbuffers import INT32, INT64, UINT32, MalformedBufferError
from neuroact.recordings.reader import Source, check_limit
from neuroact.recordings.words import open_binary

MAGIC = b"#!AER-DAT4.0\r\n"
COMPRESSIONS = ("NONE", "LZ4", "LZ4_HIGH", "ZSTD", "ZSTD_HIGH")
COMPRESSION, TABLE_POSITION, DESCRIPTION = range(3)
"""Fields of the IOHeader table."""
NO_TABLE = -1
DEEPEST_NODE = 64


@dataclass(slots=True)
class Stream:
    """What the XML says of one stream: `attributes` are the texts of its `attr` elements, by key."""

    attributes: dict[str, str] = field(default_factory=dict)

    @property
    def identifier(self) -> str:
        """What its packets hold: `EVTS`, `FRME`, `IMUS`, `TRIG`, or others."""
        return self.attributes.get("typeIdentifier", "")

    @property
    def sensor_size(self) -> tuple[int, int] | None:
        """`(width, height)` in pixels, or None if it is left out or no number."""
        width, height = self.attributes.get("sizeX", ""), self.attributes.get("sizeY", "")
        if not (_is_number(width) and _is_number(height)):
            return None
        return int(width), int(height)


@dataclass(frozen=True, slots=True)
class Aedat4Header:
    """The header, and where what follows it stands.

    - `compression`: as the header names it; each packet's first bytes tell it again.
    - `streams`: by number. Empty in files of writers that describe none.
    - `table`: byte offset of the table of packets at the end of the file, or `NO_TABLE`.
    - `payload`: byte offset of the first packet.
    """

    compression: str
    streams: dict[int, Stream]
    table: int
    payload: int


def read_aedat4_header(source: Source) -> Aedat4Header:
    """Reads the header. Raises `CorruptRecording`, or `LimitExceeded` if it declares more bytes than the limit."""
    with open_binary(source.path) as file:
        start = file.read(len(MAGIC) + UINT32.size)
        if len(start) < len(MAGIC) + UINT32.size or not start.startswith(MAGIC):
            raise CorruptRecording(source.path, "the header's first line is not that of an AEDAT 4 file", offset=0)
        prefix = start[len(MAGIC) :]
        size: int = UINT32.unpack(prefix)[0]
        check_limit(source, "a header", size, source.limits.header_bytes, offset=len(MAGIC))
        buffer = prefix + file.read(size)
    if len(buffer) < len(prefix) + size:
        raise CorruptRecording(source.path, "the file ends inside its header", offset=len(start) - len(prefix))
    try:
        header = flatbuffers.root(buffer)
        compression = header.scalar(COMPRESSION, INT32, 0)
        table = header.scalar(TABLE_POSITION, INT64, NO_TABLE)
        streams = parse_streams(header.text(DESCRIPTION))
    except MalformedBufferError as error:
        raise CorruptRecording(source.path, f"the header is broken: {error}", offset=len(MAGIC)) from error
    except expat.ExpatError as error:
        raise CorruptRecording(source.path, f"the header's XML is broken: {error}", offset=len(MAGIC)) from error
    name = COMPRESSIONS[compression] if 0 <= compression < len(COMPRESSIONS) else f"unknown ({compression})"
    return Aedat4Header(name, streams, table, len(MAGIC) + len(buffer))


def parse_streams(xml: bytes) -> dict[int, Stream]:
    """The streams below the node `outInfo`, by the number that is their node's name.

    No tree is built, and document types are refused: they serve only to declare entities, which can make a short
    text expand without end. Raises `expat.ExpatError`.
    """
    streams: dict[int, Stream] = {}
    nodes: list[str] = []
    key = ""
    text: list[str] = []

    def start(element: str, attributes: dict[str, str]) -> None:
        nonlocal key
        if element == "node":
            nodes.append(attributes.get("name", ""))
            if len(nodes) > DEEPEST_NODE:
                raise expat.ExpatError(f"nodes stand more than {DEEPEST_NODE} deep")
        elif element == "attr":
            key = attributes.get("key", "")
        text.clear()

    def end(element: str) -> None:
        if element == "attr" and "outInfo" in nodes:
            name = nodes[nodes.index("outInfo") + 1 :][:1]
            if name and _is_number(name[0]):
                streams.setdefault(int(name[0]), Stream()).attributes[key] = "".join(text).strip()
        elif element == "node":
            nodes.pop()

    def refuse(*_: object) -> None:
        raise expat.ExpatError("a document type is declared")

    if not xml.strip():
        return streams
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text.append
    parser.StartDoctypeDeclHandler = refuse
    parser.Parse(xml, True)
    return streams


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 20
