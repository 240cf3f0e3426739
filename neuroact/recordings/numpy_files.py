"""numpy's own files: a structured array, an (N, 4) table, or, in an npz, four arrays of one name each.

Nothing is ever unpickled. Arrays are read in pieces: by position from an npy, in step from the members of an npz.
Times of a floating type are seconds if one of the first has a fraction, else µs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Generator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from neuroact.errors import CorruptRecording, UnknownFormat
from neuroact.recordings.blocks import Block, BlockDecoder, in_microseconds, is_seconds
from neuroact.recordings.column_order import by_content, by_name
from neuroact.recordings.reader import Reader, RecordingInfo, Source, check_limit
from neuroact.recordings.report import Report
from neuroact.recordings.words import open_binary
from neuroact.recordings.zip_files import ZIP_ERRORS, check_expansion, open_zip

MAGIC = b"\x93NUMPY"
LONGEST_HEADER = 1 << 14
"""A structured array of events needs some 200 bytes."""
ROWS = 1 << 15
"""Rows read at a time."""
WIDEST = 1 << 10
"""Bytes of the largest element."""
ELEMENT = re.compile(r"[<>|=]?[?biufcmMOSUV][0-9]{0,4}(\[[a-z]+\])?")
"""How numpy writes the type of an element."""


@dataclass(frozen=True, slots=True)
class ArrayHeader:
    """The header of an npy: elements, shape, and how many bytes precede the data."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    bytes: int
    column_major: bool

    @property
    def rows(self) -> int:
        """The first dimension."""
        return self.shape[0]


Opened = Callable[[ExitStack], IO[bytes]]
"""Opens one array's file at the start of its data and leaves it to the stack to close."""


@dataclass(frozen=True, slots=True)
class Array:
    """An array whose rows can be read from the first on. `offset` is the byte where they begin, None in a zip."""

    name: str
    header: ArrayHeader
    opened: Opened
    offset: int | None


@dataclass(frozen=True, slots=True)
class Column:
    """Where a column of events is: an array, and the field or column of it (None for the whole)."""

    array: Array
    part: str | int | None = None

    def of(self, rows: NDArray[Any]) -> NDArray[Any]:
        """This column of some rows of the array."""
        if self.part is None:
            return rows
        return rows[self.part] if isinstance(self.part, str) else rows[:, self.part]


class NumpyReader(Reader):
    """Events in one array, or in four."""

    def __init__(self, source: Source, format: str, columns: dict[str, Column], details: dict[str, str]) -> None:
        self.source = source
        self.columns = columns
        rows = [column.array.header.rows for column in columns.values()]
        self.rows = min(rows)
        self.missing = max(rows) - self.rows
        check_limit(source, "a number of events", max(rows), source.limits.events)
        self.in_seconds = is_seconds(columns["t"].of(_sample(columns["t"].array)))
        details = details | {"time": "seconds" if self.in_seconds else "µs"}
        self.info = RecordingInfo(format, events=self.rows, details=details)

    def decoder(self, report: Report) -> BlockDecoder:
        return BlockDecoder(self, report, self._blocks(report))

    def _blocks(self, report: Report) -> Generator[Block, None, None]:
        report.drop("events with columns missing", self.missing, None)
        arrays = {column.array.name: column.array for column in self.columns.values()}
        with ExitStack() as stack:
            files = {name: array.opened(stack) for name, array in arrays.items()}
            row = 0
            while row < self.rows:
                asked = min(ROWS, self.rows - row)
                parts, reason = {}, ""
                for name, array in arrays.items():
                    parts[name], problem = _read_rows(files[name], array.header, asked)
                    reason = reason or problem
                got = min(part.shape[0] for part in parts.values())
                columns = {name: column.of(parts[column.array.name][:got]) for name, column in self.columns.items()}
                first = next(iter(arrays.values()))
                width = first.header.dtype.itemsize * int(np.prod(first.header.shape[1:]))
                offset = None if first.offset is None else first.offset + row * width
                yield Block(
                    in_microseconds(columns["t"], self.in_seconds), columns["x"], columns["y"], columns["p"], offset
                )
                row += got
                if got < asked:
                    self._tell_end(report, reason, None if first.offset is None else first.offset + row * width, row)
                    return

    def _tell_end(self, report: Report, reason: str, offset: int | None, row: int) -> None:
        """Reports that the data ends before the header says: a cut file, or a damaged member of an npz."""
        if offset is not None:
            report.truncated_at = offset
        else:
            report.drop(f"events after damage in the npz ({reason or 'it ends early'})", self.rows - row, None)


def open_npy(source: Source) -> NumpyReader:
    """Opens an npy. Raises `UnknownFormat` for an array that is no list of events."""
    with open_binary(source.path) as file:
        header = read_array_header(source, file)
    columns, details = _columns_of(source, Array("the array", header, _from(source, header.bytes), header.bytes))
    return NumpyReader(source, "npy", columns, details)


def open_npz(source: Source) -> NumpyReader:
    """Opens an npz. Raises `UnknownFormat` if it holds neither four columns nor one array of events, and
    `LimitExceeded` for a bomb."""
    arrays = {}
    with open_zip(source) as archive:
        entries = [entry for entry in archive.infolist() if entry.filename.endswith(".npy")]
        check_expansion(source, entries)
        for entry in entries:
            try:
                with archive.open(entry) as file:
                    header = read_array_header(source, file)
            except (CorruptRecording, UnknownFormat, *ZIP_ERRORS):
                continue  # a pickled or damaged member; if it is needed, the missing column is named below
            name = entry.filename.removesuffix(".npy")
            arrays[name] = Array(name, header, _member(source, entry.filename, header.bytes), None)
    names = by_name(name for name, array in arrays.items() if len(array.header.shape) == 1)
    if names is not None:
        details = {"arrays": " ".join(names.values())}
        return NumpyReader(source, "npz", {column: Column(arrays[name]) for column, name in names.items()}, details)
    for array in arrays.values():
        if array.header.dtype.names or array.header.shape[1:] == (4,):
            columns, details = _columns_of(source, array)
            return NumpyReader(source, "npz", columns, details | {"array": array.name})
    readable = ", ".join(sorted(arrays)) or "none"
    raise UnknownFormat(source.path, f"an npz without arrays t, x, y, p or one of events; readable arrays: {readable}")


def read_array_header(source: Source, file: IO[bytes] | Any) -> ArrayHeader:
    """Reads the header of an npy. Raises `CorruptRecording`, and `UnknownFormat` for arrays of objects."""
    magic = file.read(8)
    if len(magic) < 8 or magic[:6] != MAGIC or magic[6] not in (1, 2, 3):
        raise CorruptRecording(source.path, "no header of a numpy array", offset=0)
    width = 2 if magic[6] == 1 else 4
    size = int.from_bytes(file.read(width), "little")
    check_limit(source, "an array's header", size, min(LONGEST_HEADER, source.limits.header_bytes), offset=8)
    try:
        text = file.read(size).decode("latin-1" if magic[6] < 3 else "utf-8")
        fields = json.loads(_as_json(text))
        dtype = _dtype(fields["descr"])
        shape = tuple(int(side) for side in fields["shape"])
        column_major = bool(fields["fortran_order"])
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError) as error:
        raise CorruptRecording(source.path, f"the header of a numpy array makes no sense: {error}", offset=8) from error
    if dtype.hasobject:
        raise UnknownFormat(source.path, "an array of pickled objects, which is never opened")
    if not 1 <= len(shape) <= 2 or min(shape) < 0 or not 0 < dtype.itemsize <= WIDEST:
        raise UnknownFormat(
            source.path, f"an array of shape {shape} and {dtype.itemsize} bytes each is no list of events"
        )
    return ArrayHeader(dtype, shape, 8 + width + size, column_major)


def _as_json(text: str) -> str:
    """The Python literal that a header is, as JSON: no interpreter of Python ever sees it."""
    for python, other in (("'", '"'), ("(", "["), (")", "]"), ("True", "true"), ("False", "false")):
        text = text.replace(python, other)
    return re.sub(r",\s*([\]}])", r"\1", text)


def _dtype(described: str | list[list[str]]) -> np.dtype[Any]:
    """The type that a header describes. Raises `ValueError` for what is neither a number nor a list of numbers."""
    if isinstance(described, str):
        if not ELEMENT.fullmatch(described):
            raise ValueError(f"elements of type {described!r}")
        return np.dtype(described)
    names, formats, offsets, position = [], [], [], 0
    for name, text in described:
        element = _dtype(str(text))
        if name:  # the others are padding
            names.append(str(name))
            formats.append(element)
            offsets.append(position)
        position += element.itemsize
    return np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": position})


def _columns_of(source: Source, array: Array) -> tuple[dict[str, Column], dict[str, str]]:
    """The columns of a structured array, by name, or of a table, by what is in it."""
    header = array.header
    if header.dtype.names is not None:
        names = by_name(header.dtype.names)
        if (
            names is None
            or len(header.shape) != 1
            or not all(_is_number(header.dtype[name]) for name in names.values())
        ):
            raise UnknownFormat(source.path, f"{array.name} has the fields {header.dtype.names}, not t, x, y, p")
        return {column: Column(array, name) for column, name in names.items()}, {"fields": " ".join(header.dtype.names)}
    if header.shape[1:] != (4,) or header.column_major or not _is_number(header.dtype):
        problem = f"{array.name} of shape {header.shape} is neither structured nor an (N, 4) table in row order"
        raise UnknownFormat(source.path, problem)
    found = by_content(_sample(array))
    order = found or "txyp"
    details = {"order": " ".join(order), "order from": "content" if found else "convention"}
    return {column: Column(array, order.index(column)) for column in "txyp"}, details


def _sample(array: Array) -> NDArray[Any]:
    """The first rows, as many as can be read."""
    with ExitStack() as stack:
        return _read_rows(array.opened(stack), array.header, min(ROWS, array.header.rows))[0]


def _read_rows(file: IO[bytes], header: ArrayHeader, count: int) -> tuple[NDArray[Any], str]:
    """At most `count` rows from where the file stands, and why there are fewer."""
    row = header.dtype.itemsize * int(np.prod(header.shape[1:]))
    problem = ""
    try:
        raw = file.read(count * row)
    except ZIP_ERRORS as error:
        raw, problem = b"", str(error)
    whole = len(raw) // row if row else 0
    return np.frombuffer(raw, header.dtype, whole * (row // header.dtype.itemsize)).reshape(
        whole, *header.shape[1:]
    ), problem


def _from(source: Source, start: int) -> Opened:
    """Opens the file itself, at `start`."""

    def opened(stack: ExitStack) -> IO[bytes]:
        file: Any = stack.enter_context(closing(open_binary(source.path)))
        file.seek(start)
        return file  # type: ignore[no-any-return]

    return opened


def _member(source: Source, name: str, start: int) -> Opened:
    """Opens a member of an npz, behind the first `start` bytes."""

    def opened(stack: ExitStack) -> IO[bytes]:
        archive = stack.enter_context(open_zip(source))
        file = stack.enter_context(archive.open(name))
        file.read(start)
        return file

    return opened


def _is_number(dtype: np.dtype[Any]) -> bool:
    return dtype.kind in "biuf" and dtype.itemsize <= 8
