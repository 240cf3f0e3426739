"""Object headers: groups with their links, attributes, and the messages that describe a dataset."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from neuroact.errors import CorruptRecording
from neuroact.recordings.h5.datatypes import Datatype, read_dataspace, read_datatype
from neuroact.recordings.h5.file import Cursor, File
from neuroact.recordings.reader import check_limit

DATASPACE, LINK_INFO, DATATYPE, LINK, EXTERNAL_FILES, LAYOUT = 0x01, 0x02, 0x03, 0x06, 0x07, 0x08
FILTERS, ATTRIBUTE, CONTINUATION, SYMBOL_TABLE = 0x0B, 0x0C, 0x10, 0x11
SHARED = 2
MOST_MESSAGES = 1 << 14
MOST_NODES = 1 << 16
"""Of one group's tree."""
Value = str | int | float


class Message(NamedTuple):
    """One message of an object header."""

    kind: int
    flags: int
    body: Cursor


@dataclass(frozen=True, slots=True)
class Link:
    """A name in a group: `address` of the object, or the reason why it is not followed."""

    address: int | None
    refused: str = ""


class Node:
    """A group or dataset at `address`, named `name` in messages."""

    def __init__(self, file: File, address: int, name: str) -> None:
        self.file = file
        self.address = address
        self.name = name

    @cached_property
    def messages(self) -> list[Message]:
        """The messages of the object header."""
        return _read_header(self.file, self.address)

    @property
    def is_dataset(self) -> bool:
        """Whether this holds data rather than other objects."""
        return any(message.kind == LAYOUT for message in self.messages)

    @cached_property
    def links(self) -> dict[str, Link]:
        """The names in a group; none in a dataset."""
        links: dict[str, Link] = {}
        for kind, _, body in self._bodies(LINK_INFO, LINK, SYMBOL_TABLE):
            if kind == LINK:
                links.update([_read_link(body)])
            elif kind == SYMBOL_TABLE:
                links.update(_read_symbol_table(body))
            else:
                _refuse_dense_links(body)
        return links

    @cached_property
    def attributes(self) -> dict[str, Value]:
        """Scalar attributes that are text or numbers. Others are left out."""
        found = (_read_attribute(body) for _, _, body in self._bodies(ATTRIBUTE))
        return {name: value for name, value in found if value is not None}

    def get(self, path: str) -> Node | None:
        """What stands at `path` below this group; None if nothing does.

        Raises `CorruptRecording` for a soft or external link: recordings do not need them, and they can lead anywhere.
        """
        node = self
        for part in path.split("/"):
            link = node.links.get(part)
            if link is None:
                return None
            if link.address is None:
                raise CorruptRecording(self.file.source.path, f"{node.name}{part} is {link.refused}, which is refused")
            node = Node(self.file, link.address, f"{node.name}{part}/")
        return node

    def message(self, kind: int) -> Cursor | None:
        """The first message of a kind, from its start."""
        return next((body for _, _, body in self._bodies(kind)), None)

    def _bodies(self, *kinds: int) -> list[Message]:
        """The messages of some kinds, each to be read from its start."""
        found = [message for message in self.messages if message.kind in kinds]
        for message in found:
            message.body.position = 0
            if message.flags & SHARED:
                raise message.body.fault("an HDF5 message that is shared between objects, which is not read")
        return found


def root(file: File) -> Node:
    """The root group."""
    return Node(file, file.root, "/")


def _read_header(file: File, address: int) -> list[Message]:
    start = file.cursor(address, 12)
    version = 2 if start.data[:4] == b"OHDR" else start.uint(1)
    if version == 2:
        size, skipped = _size_of_v2(file, address)
        blocks = [(address + skipped, size)]
    elif version == 1:
        start.skip(7)
        blocks = [(address + 16, start.uint(4))]
    else:
        raise start.fault("no object header stands where one is said to")
    tracked = version == 2 and bool(start.data[5] & 4)
    messages: list[Message] = []
    seen: set[int] = set()
    while blocks:
        place, size = blocks.pop(0)
        if place in seen:
            raise start.fault("an object header that continues in itself")
        seen.add(place)
        check_limit(file.source, "an object header", size, file.source.limits.header_bytes, offset=file.base + place)
        for message in _split(file.cursor(place, size), version, tracked, first=len(seen) == 1):
            if message.kind == CONTINUATION:
                after, length = message.body.address(), message.body.length()
                if after is None:
                    raise message.body.fault("an object header that continues nowhere")
                blocks.append((after, length))
            messages.append(message)
        if len(messages) > MOST_MESSAGES:
            raise start.fault(f"an object header of more than {MOST_MESSAGES} messages")
    return messages


def _size_of_v2(file: File, address: int) -> tuple[int, int]:
    """Bytes of messages in the first block of a version 2 header, and of what precedes them."""
    flags = file.cursor(address, 6).data[5]
    skipped = 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
    width = 1 << (flags & 3)
    size = int.from_bytes(file.read(address + skipped, width), "little")
    return size, skipped + width


def _split(block: Cursor, version: int, tracked: bool, first: bool) -> list[Message]:
    if version == 2 and not first:
        block.expect(b"OCHK")
        block.data = block.data[:-4]  # the checksum
    head = 8 if version == 1 else 4 + 2 * tracked
    messages = []
    while block.left >= head:
        start = block.start + block.position + head
        if version == 1:
            kind, size, flags = block.uint(2), block.uint(2), block.uint(1)
            block.skip(3)
        else:
            kind, size, flags = block.uint(1), block.uint(2), block.uint(1)
            block.skip(2 * tracked)
        messages.append(Message(kind, flags, Cursor(block.file, block.take(size), start)))
    return messages


def _read_link(body: Cursor) -> tuple[str, Link]:
    body.skip(1)
    flags = body.uint(1)
    kind = body.uint(1) if flags & 8 else 0
    body.skip((8 if flags & 4 else 0) + (1 if flags & 16 else 0))
    name = body.take(body.uint(1 << (flags & 3))).decode("utf-8", "replace")
    if kind:
        return name, Link(None, {1: "a soft link", 64: "a link to another file"}.get(kind, "a link of unknown kind"))
    return name, Link(body.address(), "a link to nowhere")


def _refuse_dense_links(body: Cursor) -> None:
    body.skip(1)
    flags = body.uint(1)
    body.skip(8 if flags & 1 else 0)
    if body.address() is not None:
        problem = "a group that keeps its links in a fractal heap, which is not read; h5repack --high=0 rewrites it"
        raise body.fault(problem)


def _read_symbol_table(body: Cursor) -> dict[str, Link]:
    tree, heap = body.address(), body.address()
    if tree is None or heap is None:
        raise body.fault("a group without its table of names")
    file = body.file
    head = file.cursor(heap, 8 + 2 * file.size_of_lengths + file.size_of_offsets)
    head.expect(b"HEAP")
    head.skip(4)
    size, _free = head.length(), head.length()
    place = head.address()
    check_limit(file.source, "a table of names", size, file.source.limits.header_bytes, offset=head.start)
    if place is None:
        raise head.fault("a group without its names")
    names = file.cursor(place, size)
    links: dict[str, Link] = {}
    for node in group_leaves(file, tree):
        links.update(_read_symbols(file, node, names))
    return links


def group_leaves(file: File, tree: int) -> list[int]:
    """Addresses of the symbol nodes below a group's B-tree."""
    leaves: list[int] = []
    pending, seen = [tree], set[int]()
    while pending:
        address = pending.pop()
        if address in seen or len(seen) > MOST_NODES:
            raise CorruptRecording(file.source.path, "a group's tree that leads in circles", offset=file.base + address)
        seen.add(address)
        head = file.cursor(address, 8 + 2 * file.size_of_offsets)
        head.expect(b"TREE")
        kind, level, count = head.uint(1), head.uint(1), head.uint(2)
        if kind:
            raise head.fault("a tree of chunks where one of names is needed")
        entries = file.cursor(address + len(head.data), count * (file.size_of_lengths + file.size_of_offsets))
        for _ in range(count):
            entries.skip(file.size_of_lengths)
            child = entries.address()
            if child is not None:
                (pending if level else leaves).append(child)
    return leaves


def _read_symbols(file: File, address: int, names: Cursor) -> list[tuple[str, Link]]:
    head = file.cursor(address, 8)
    head.expect(b"SNOD")
    head.skip(2)
    count = head.uint(2)
    entry = 2 * file.size_of_offsets + 24
    table = file.cursor(address + 8, count * entry)
    links = []
    for _ in range(count):
        place, target = table.address(), table.address()
        soft = table.uint(4) == 2
        table.skip(20)
        if place is None or place >= len(names.data):
            raise table.fault("a name outside the table of names")
        names.position = place
        links.append((names.name(), Link(None, "a soft link") if soft else Link(target, "a link to nowhere")))
    return links


def _read_attribute(body: Cursor) -> tuple[str, Value | None]:
    version = body.uint(1)
    flags = body.uint(1)
    sizes = [body.uint(2) for _ in range(3)]
    body.skip(1 if version == 3 else 0)
    parts = []
    for size in sizes:
        start = body.position
        parts.append(body.take(size))
        if version == 1:
            body.align(8, start)
    name = parts[0].split(b"\0")[0].decode("utf-8", "replace")
    if version not in (1, 2, 3) or (version > 1 and flags):
        return name, None
    kind = read_datatype(Cursor(body.file, parts[1], body.start))
    shape = read_dataspace(Cursor(body.file, parts[2], body.start))
    return name, None if shape not in ((), (1,)) else _value(body, kind)


def _value(body: Cursor, kind: Datatype) -> Value | None:
    raw = body.take(kind.size)
    if kind.dtype is not None and kind.dtype.names is None:
        return np.frombuffer(raw, kind.dtype)[0].item()  # type: ignore[no-any-return]
    if kind.kind == "text":
        return raw.split(b"\0")[0].decode("utf-8", "replace")
    if kind.kind == "variable-length text":
        return _text_of_heap(Cursor(body.file, raw, body.start))
    return None


def _text_of_heap(reference: Cursor) -> str | None:
    """The text that a reference into the global heap leads to."""
    file = reference.file
    size, place, wanted = reference.uint(4), reference.address(), reference.uint(4)
    if place is None or not size:
        return ""
    head = file.cursor(place, 8 + file.size_of_lengths)
    head.expect(b"GCOL")
    head.skip(4)
    total = head.length()
    check_limit(file.source, "a heap of texts", total, file.source.limits.header_bytes, offset=head.start)
    heap = file.cursor(place, total)
    heap.skip(len(head.data))
    while heap.left > 8 + file.size_of_lengths:
        index = heap.uint(2)
        heap.skip(6)
        text = heap.take(min(heap.length(), heap.left)) if index else b""
        if not index:
            break
        if index == wanted:
            return text[:size].decode("utf-8", "replace")
        heap.align(8)
    return None
