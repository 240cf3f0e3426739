"""Datasets: rows of numbers, read piece by piece in the pieces that they are stored in."""

from __future__ import annotations

from functools import cached_property
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuroact.errors import CorruptRecording, LimitExceeded
from neuroact.recordings.h5 import chunk_index
from neuroact.recordings.h5.chunk_index import Chunks, Grid
from neuroact.recordings.h5.datatypes import read_dataspace, read_datatype
from neuroact.recordings.h5.decoding import Damaged
from neuroact.recordings.h5.file import Cursor
from neuroact.recordings.h5.filters import Filter, read_pipeline, undo
from neuroact.recordings.h5.objects import DATASPACE, DATATYPE, EXTERNAL_FILES, FILTERS, LAYOUT, Node
from neuroact.recordings.limits import MIB
from neuroact.recordings.reader import check_limit

COMPACT, CONTIGUOUS, CHUNKED, VIRTUAL = range(4)
WIDEST = 64
"""Columns of a table; events have four."""
ROWS = 1 << 16
"""Rows per piece of a dataset that is not chunked."""


class Piece(NamedTuple):
    """Rows `start` to `stop` of a dataset: `data`, or None with what was `lost`; `offset` is their byte in the file."""

    start: int
    stop: int
    data: NDArray[Any] | None
    lost: str = ""
    offset: int | None = None
    cut: bool = False
    """The rows stood behind the end of a file that was cut."""


class Dataset:
    """A dataset of one or two dimensions whose elements are numbers or compounds of numbers, or a scalar.

    Raises `CorruptRecording` for external and virtual storage, for references, texts and objects, and `LimitExceeded`
    for chunks or shapes beyond the limits, all before any of the data is read.
    """

    def __init__(self, node: Node) -> None:
        self.node = node
        self.file = node.file
        self.name = node.name.rstrip("/")
        if node.message(EXTERNAL_FILES) is not None:
            raise self._refused("is kept in another file")
        kind, space, layout = (node.message(message) for message in (DATATYPE, DATASPACE, LAYOUT))
        if kind is None or space is None or layout is None:
            raise self._refused("is no dataset")
        datatype = read_datatype(kind)
        if datatype.dtype is None:
            raise self._refused(f"holds elements of {datatype.kind} type")
        shape = read_dataspace(space)
        if shape is None or len(shape) > 2 or (len(shape) == 2 and not 1 <= shape[1] <= WIDEST):
            raise self._refused(f"has the shape {shape}")
        self.dtype: np.dtype[Any] = datatype.dtype
        self.shape = shape
        check_limit(self.file.source, f"a number of rows of {self.name}", self.rows, self.file.source.limits.events)
        pipeline = node.message(FILTERS)
        self.pipeline: list[Filter] = read_pipeline(pipeline) if pipeline is not None else []
        self._read_layout(layout)
        self._piece = Piece(0, 0, None)

    @property
    def rows(self) -> int:
        """The first dimension; 1 for a scalar."""
        return self.shape[0] if self.shape else 1

    @property
    def piece_bytes(self) -> int:
        """Memory that one piece takes."""
        return self.grid.chunk_bytes if self.grid else ROWS * self.row_bytes

    @property
    def row_bytes(self) -> int:
        """Bytes per row."""
        return prod(self.shape[1:]) * self.dtype.itemsize

    def piece(self, row: int) -> Piece:
        """The piece that holds `row`, whole. The latest one is kept."""
        if not self._piece.start <= row < self._piece.stop:
            self._piece = Piece(0, 0, None)  # two pieces are never held at a time
            self._piece = self._chunked(row) if self.grid else self._plain(row)
        return self._piece

    def scalar(self) -> int | float | None:
        """The first number; None for one that cannot be read."""
        data = self.piece(0).data if self.rows else None
        if data is None or self.dtype.names is not None or not data.size:
            return None
        value: int | float = data.reshape(-1)[0].item()
        return value

    def _read_layout(self, layout: Cursor) -> None:
        version, kind = layout.uint(1), layout.uint(1)
        self.grid: Grid | None = None
        self._address: int | None = None
        self._inline: bytes | None = None
        if version not in (3, 4, 5):
            raise layout.fault(f"an HDF5 data layout of version {version}; 3 to 5 are read")
        if kind == VIRTUAL:
            raise self._refused("is a view of other files")
        if kind == COMPACT:
            self._inline = layout.take(layout.uint(2))
        elif kind == CONTIGUOUS:
            self._address = layout.address()
        elif kind == CHUNKED:
            self._read_chunking(layout, version)
        else:
            raise layout.fault(f"an HDF5 data layout of class {kind}")

    def _read_chunking(self, layout: Cursor, version: int) -> None:
        self._flags = layout.uint(1) if version > 3 else 0
        rank = layout.uint(1)
        if version == 3:
            self._address = layout.address()
            chunk = [layout.uint(4) for _ in range(rank)]
        else:
            width = layout.uint(1)
            chunk = [layout.uint(width) for _ in range(rank)]
        if rank != len(self.shape) + 1 or not self.shape or chunk[-1] != self.dtype.itemsize or min(chunk) < 1:
            raise layout.fault("chunks that do not fit their dataset")
        self.grid = Grid(self.shape, tuple(chunk[:-1]), self.dtype.itemsize)
        self._across = prod(self.grid.counts[1:])
        self._rest_of_layout = (layout, layout.position, version)
        source = self.file.source
        check_limit(source, f"a chunk of {self.name} in bytes", self.grid.chunk_bytes, source.limits.expanded_bytes)

    @cached_property
    def chunks(self) -> Chunks:
        """Where the chunks stand. Raises `LimitExceeded` for chunks that expand beyond the limit."""
        assert self.grid is not None  # noqa: S101
        layout, position, version = self._rest_of_layout
        if version == 3:
            found = iter(()) if self._address is None else chunk_index.in_tree(self.file, self._address, self.grid)
        else:
            layout.position = position
            found = chunk_index.of_version_4(self.file, layout, self._flags, self.grid)
        chunks = Chunks(found)
        expanded, limit = self.grid.chunk_bytes, self.file.source.limits.expansion
        if expanded > MIB and self.pipeline and (bombs := chunks.size * limit < expanded).any():
            first = int(chunks.address[bombs.argmax()])
            problem = f"a chunk of {self.name} expands more than {limit} times"
            raise LimitExceeded(self.file.source.path, problem, offset=self.file.base + first)
        return chunks

    def _plain(self, row: int) -> Piece:
        """Some rows of a dataset in one run, as far as they are there."""
        start = row // ROWS * ROWS
        place, width = start * self.row_bytes, self.row_bytes
        if self._inline is None and self._address is None:
            return Piece(start, self.rows, None, "events never written")
        offset = None if self._address is None else self.file.base + self._address + place
        held = self.file.bytes - offset if offset is not None else len(self._inline or b"") - place
        stop = min(start + ROWS, self.rows, start + max(0, held) // width)
        if row >= stop:
            return Piece(row, self.rows, None, "events past the end of the file", offset, self.file.cut)
        size = (stop - start) * width
        raw = self._inline[place : place + size] if self._inline else self.file.read((self._address or 0) + place, size)
        return Piece(start, stop, np.frombuffer(raw, self.dtype).reshape(-1, *self.shape[1:]), offset=offset)

    def _chunked(self, row: int) -> Piece:
        assert self.grid is not None  # noqa: S101
        height, across = self.grid.chunk[0], self._across
        start = row // height * height
        stop = min(start + height, self.rows)
        first = row // height * across
        parts = []
        for position in range(first, first + across):
            index = self.chunks.find(position)
            if index is None:
                return self._gap(start, stop, position)
            address, size = int(self.chunks.address[index]), int(self.chunks.size[index])
            offset = self.file.base + address
            if not self.file.holds(address, size):
                return Piece(start, stop, None, "events past the end of the file", offset, self.file.cut)
            try:
                parts.append(self._decoded(address, size, int(self.chunks.mask[index])))
            except (Damaged, LimitExceeded):
                return Piece(start, stop, None, "events in damaged chunks", offset)
        rows = min(part.shape[0] for part in parts)
        data = parts[0] if across == 1 else np.hstack([part[:rows] for part in parts])
        data = data[:, : self.shape[1]] if len(self.shape) == 2 else data
        whole = min(data.shape[0], stop - start)
        if start + whole <= row:
            return Piece(row, stop, None, "events in damaged chunks", offset)
        return Piece(start, start + whole, data[:whole], offset=offset)

    def _decoded(self, address: int, size: int, mask: int) -> NDArray[Any]:
        assert self.grid is not None  # noqa: S101
        raw = undo(self.file.read(address, size), self.pipeline, mask, self.grid.chunk_bytes)
        rows = len(raw) // (self.grid.chunk_bytes // self.grid.chunk[0])
        return np.frombuffer(raw, self.dtype, rows * prod(self.grid.chunk[1:])).reshape(rows, *self.grid.chunk[1:])

    def _gap(self, start: int, stop: int, position: int) -> Piece:
        """Rows without a chunk, up to the next one that has one: a shape may be declared far beyond the data."""
        assert self.grid is not None  # noqa: S101
        after = int(np.searchsorted(self.chunks.position, position, side="right"))
        if after == self.chunks.position.size:
            stop = self.rows
        else:
            stop = max(stop, int(self.chunks.position[after]) // self._across * self.grid.chunk[0])
        return Piece(start, min(stop, self.rows), None, "events never written", None, self.file.cut)

    def _refused(self, why: str) -> CorruptRecording:
        return CorruptRecording(self.file.source.path, f"{self.name} {why}, which is refused")
