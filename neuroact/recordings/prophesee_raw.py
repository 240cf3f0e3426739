"""Prophesee RAW files: a text header that names the encoding of the words after it."""

from __future__ import annotations

from collections.abc import Callable

from neuroact.errors import UnknownFormat
from neuroact.recordings.evt2 import Evt2Reader
from neuroact.recordings.evt3 import Evt3Reader
from neuroact.recordings.evt4 import Evt4Reader
from neuroact.recordings.evt21 import Evt21Reader
from neuroact.recordings.prophesee_header import PropheseeHeader, read_prophesee_header
from neuroact.recordings.reader import Reader, Source

ENCODINGS: dict[str, Callable[[Source, PropheseeHeader], Reader]] = {
    "EVT2": Evt2Reader,
    "EVT21": Evt21Reader,
    "EVT3": Evt3Reader,
    "EVT4": Evt4Reader,
}
ENCODING_OF_VERSION = {"2.0": "EVT2", "2.1": "EVT21", "3.0": "EVT3", "4.0": "EVT4"}
EVT3_SYSTEMS = {"30", "40", "46", "48", "49", "50"}


def open_raw(source: Source) -> Reader:
    """Opens a RAW file in the encoding that its header names. Raises `UnknownFormat` for one that is not read."""
    header = read_prophesee_header(source)
    name = encoding_of(header)
    if name not in ENCODINGS:
        raise UnknownFormat(source.path, f"RAW encoding {name!r} is not read; {', '.join(ENCODINGS)} are")
    return ENCODINGS[name](source, header)


def encoding_of(header: PropheseeHeader) -> str:
    """The `format` field's name, else the version in `evt`, else what the camera's system number stands for."""
    version = header.fields.get("evt", "")
    default = "EVT3" if header.fields.get("system_ID") in EVT3_SYSTEMS else "EVT2"
    return header.options["name"] or ENCODING_OF_VERSION.get(version, version) or default


def open_evt2(source: Source) -> Evt2Reader:
    """Opens EVT2 whatever the header says, and without one too."""
    return Evt2Reader(source, read_prophesee_header(source, required=False))


def open_evt21(source: Source) -> Evt21Reader:
    """Opens EVT2.1 whatever the header says, and without one too."""
    return Evt21Reader(source, read_prophesee_header(source, required=False))


def open_evt3(source: Source) -> Evt3Reader:
    """Opens EVT3 whatever the header says, and without one too."""
    return Evt3Reader(source, read_prophesee_header(source, required=False))


def open_evt4(source: Source) -> Evt4Reader:
    """Opens EVT4 whatever the header says, and without one too."""
    return Evt4Reader(source, read_prophesee_header(source, required=False))
