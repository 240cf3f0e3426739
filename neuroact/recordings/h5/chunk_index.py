"""Where the chunks of a dataset stand: the index structures of the format, read into one sorted table."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuroact.errors import CorruptRecording, TruncatedRecording
from neuroact.recordings.h5.file import Cursor, File

SINGLE, IMPLICIT, FIXED_ARRAY, EXTENSIBLE_ARRAY = 1, 2, 3, 4
FILTERED = 2
MOST_BITS = 40
INDICES = {5: "a version 2 B-tree"}


class Grid(NamedTuple):
    """How a dataset is cut: `shape` of the whole, `chunk` shape, bytes per element."""

    shape: tuple[int, ...]
    chunk: tuple[int, ...]
    itemsize: int

    @property
    def counts(self) -> tuple[int, ...]:
        """Chunks along each axis."""
        return tuple(-(-whole // part) for whole, part in zip(self.shape, self.chunk, strict=True))

    @property
    def chunk_bytes(self) -> int:
        """Bytes of one decoded chunk."""
        return prod(self.chunk) * self.itemsize


class Chunks:
    """The chunks that are stored: `position` in the grid (row-major, ascending), and where each one is."""

    def __init__(self, found: Iterator[tuple[int, int, int, int]]) -> None:
        position, address, size, mask = array("q"), array("q"), array("q"), array("q")
        for place, start, stored, skipped in found:
            if start < 1 << 62:
                position.append(place)
                address.append(start)
                size.append(stored)
                mask.append(skipped)
        self.position, first = np.unique(np.frombuffer(position, np.int64), return_index=True)
        self.address = _taken(address, first)
        self.size = _taken(size, first)
        self.mask = _taken(mask, first)

    def find(self, position: int) -> int | None:
        """Index of the chunk at a position of the grid, or None if none is stored there."""
        index = int(np.searchsorted(self.position, position))
        return index if index < self.position.size and self.position[index] == position else None


def _taken(values: array[int], order: NDArray[np.intp]) -> NDArray[np.int64]:
    return np.frombuffer(values, np.int64)[order]


def in_tree(file: File, root: int, grid: Grid) -> Iterator[tuple[int, int, int, int]]:
    """(position, address, stored bytes, filter mask) of the chunks in a version 1 B-tree."""
    rank = len(grid.shape) + 1
    key = 8 + 8 * rank
    entry = key + file.size_of_offsets
    pending, seen = [root], set[int]()
    while pending:
        address = pending.pop()
        if address in seen:
            continue
        seen.add(address)
        try:
            head = file.cursor(address, 8 + 2 * file.size_of_offsets)
            head.expect(b"TREE\1")
            level, count = head.uint(1), head.uint(2)
            entries = file.cursor(address + len(head.data), count * entry)
        except (CorruptRecording, TruncatedRecording):
            continue  # the chunks below this branch are missed when they are asked for
        for _ in range(count):
            size, mask = entries.uint(4), entries.uint(4)
            offsets = [entries.uint(8) for _ in range(rank)]
            child = entries.address()
            if child is None:
                continue
            if level:
                pending.append(child)
            elif (position := _position(offsets[:-1], grid)) is not None:
                yield position, child, size, mask


def of_version_4(file: File, layout: Cursor, flags: int, grid: Grid) -> Iterator[tuple[int, int, int, int]]:
    """The same from the rest of a version 4 layout message, whose index depends on how the dataset may grow."""
    kind = layout.uint(1)
    if kind == SINGLE:
        size, mask = (layout.length(), layout.uint(4)) if flags & FILTERED else (grid.chunk_bytes, 0)
        address = layout.address()
        return iter([] if address is None else [(0, address, size, mask)])
    if kind == IMPLICIT:
        address = layout.address()
        return iter(()) if address is None else _in_a_row(file, address, grid)
    if kind == FIXED_ARRAY:
        layout.skip(1)
        address = layout.address()
        return iter(()) if address is None else _in_fixed_array(file, address, grid)
    if kind == EXTENSIBLE_ARRAY:
        layout.skip(5)
        address = layout.address()
        return iter(()) if address is None else _in_extensible_array(file, address, grid)
    raise layout.fault(f"chunks indexed by {INDICES.get(kind, kind)}, which is not read; h5repack --high=0 rewrites it")


def _in_a_row(file: File, address: int, grid: Grid) -> Iterator[tuple[int, int, int, int]]:
    for position in range(min(prod(grid.counts), file.bytes // grid.chunk_bytes + 1)):
        yield position, address + position * grid.chunk_bytes, grid.chunk_bytes, 0


class _Elements:
    """How the array indices store a chunk: its address, and with filters its size and mask."""

    def __init__(self, head: Cursor, grid: Grid) -> None:
        self.filtered = head.uint(1) == 1
        self.bytes = head.uint(1)
        self.width = self.bytes - head.file.size_of_offsets - 4
        self.grid = grid
        if self.filtered != (self.width > 0) or self.width > 8:
            raise head.fault("an array of chunks with entries of impossible size")

    def take(self, cursor: Cursor, first: int, count: int) -> Iterator[tuple[int, int, int, int]]:
        """Entries `first` on, at most `count` and at most the chunks that there are."""
        for position in range(first, min(first + count, prod(self.grid.counts))):
            address = cursor.address()
            size, mask = (cursor.uint(self.width), cursor.uint(4)) if self.filtered else (self.grid.chunk_bytes, 0)
            if address is not None:
                yield position, address, size, mask


def _in_fixed_array(file: File, address: int, grid: Grid) -> Iterator[tuple[int, int, int, int]]:
    head = file.cursor(address, 12 + file.size_of_lengths + file.size_of_offsets)
    head.expect(b"FAHD")
    head.skip(1)
    elements = _Elements(head, grid)
    page = 1 << min(head.uint(1), 32)
    count, block = head.length(), head.address()
    if block is None:
        return
    size = 6 + file.size_of_offsets
    if count <= page:
        cursor = file.cursor(block, size + count * elements.bytes)
        cursor.skip(size)
        yield from elements.take(cursor, 0, count)
        return
    pages = -(-count // page)
    used = file.read(block + size, -(-pages // 8))
    start = block + size + len(used) + 4
    for number in range(pages):
        held = min(page, count - number * page)
        if used[number // 8] >> (7 - number % 8) & 1:
            yield from elements.take(file.cursor(start, held * elements.bytes), number * page, held)
        start += held * elements.bytes + 4


def _in_extensible_array(file: File, address: int, grid: Grid) -> Iterator[tuple[int, int, int, int]]:
    head = file.cursor(address, 12 + 6 * file.size_of_lengths + file.size_of_offsets)
    head.expect(b"EAHD")
    head.skip(1)
    elements = _Elements(head, grid)
    index_bits, direct, smallest, pointers, page_bits = (head.uint(1) for _ in range(5))
    head.skip(6 * file.size_of_lengths)
    block = head.address()
    if block is None:
        return
    if min(smallest, pointers) < 1 or smallest & (smallest - 1) or pointers & (pointers - 1):
        raise head.fault("an extensible array of chunks whose sizes are no powers of two")
    if max(index_bits, page_bits) > MOST_BITS:
        raise head.fault(f"an extensible array of more than 2**{MOST_BITS} chunks")
    # Super block k holds 2**(k // 2) data blocks of smallest * 2**((k + 1) // 2) entries; those of the first few
    # super blocks are listed in the index block itself.
    levels = 1 + max(0, index_bits - (smallest.bit_length() - 1))
    listed = min(2 * (pointers.bit_length() - 1), levels)
    data_blocks = 2 * (pointers - 1)
    size = 6 + file.size_of_offsets
    table = size + direct * elements.bytes
    index = file.cursor(block, table + (data_blocks + levels - listed) * file.size_of_offsets)
    index.expect(b"EAIB")
    index.position = size
    yield from elements.take(index, 0, direct)
    index.position = table
    first = direct
    total = prod(grid.counts)
    for level in range(levels):
        if first >= total:
            return
        blocks, held = 1 << level // 2, smallest << (level + 1) // 2
        pages = -(-held >> page_bits) if held > 1 << page_bits else 0
        if level < listed:
            places = [(index.address(), b"") for _ in range(blocks)]
        else:
            places = list(_in_super_block(file, index.address(), blocks, pages, index_bits))
        for place, used in places:
            if place is not None and first < total:
                yield from _in_data_block(file, place, elements, (first, held), (pages, page_bits, index_bits), used)
            first += held


def _in_super_block(
    file: File, address: int | None, blocks: int, pages: int, index_bits: int
) -> Iterator[tuple[int | None, bytes]]:
    """Addresses of a super block's data blocks, each with the bits that tell which of its pages are used."""
    if address is None:
        yield from [(None, b"")] * blocks
        return
    flags = -(-pages // 8)
    size = 6 + file.size_of_offsets + (index_bits + 7) // 8
    cursor = file.cursor(address, size + blocks * (flags + file.size_of_offsets))
    cursor.expect(b"EASB")
    cursor.position = size
    used = [cursor.take(flags) for _ in range(blocks)]
    for bits in used:
        yield cursor.address(), bits


def _in_data_block(
    file: File, address: int, elements: _Elements, span: tuple[int, int], paging: tuple[int, int, int], used: bytes
) -> Iterator[tuple[int, int, int, int]]:
    first, held = span
    pages, page_bits, index_bits = paging
    size = 6 + file.size_of_offsets + (index_bits + 7) // 8
    if not pages:
        cursor = file.cursor(address, size + held * elements.bytes)
        cursor.expect(b"EADB")
        cursor.position = size
        yield from elements.take(cursor, first, held)
        return
    page = 1 << page_bits
    start = address + size + 4
    for number in range(pages):
        if used and used[number // 8] >> (7 - number % 8) & 1:
            yield from elements.take(file.cursor(start, page * elements.bytes), first + number * page, page)
        start += page * elements.bytes + 4


def _position(offsets: list[int], grid: Grid) -> int | None:
    """Row-major number of the chunk that begins at `offsets`, or None for one that is not on the grid."""
    position = 0
    for offset, whole, part, count in zip(offsets, grid.shape, grid.chunk, grid.counts, strict=True):
        if offset >= whole or offset % part:
            return None
        position = position * count + offset // part
    return position
