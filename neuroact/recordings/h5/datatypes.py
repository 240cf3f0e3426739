"""Datatype and dataspace messages: what a dataset's elements are, and how many there are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neuroact.recordings.h5.file import Cursor

CLASSES = {
    2: "time", 4: "bit field", 5: "opaque", 7: "reference", 9: "variable-length", 10: "array", 11: "complex",
}  # fmt: skip
"""Classes whose elements are no numbers that an event could be made of."""
DEEPEST = 4
"""Compounds of compounds beyond this depth are refused."""
MOST_MEMBERS = 256


@dataclass(frozen=True, slots=True)
class Datatype:
    """`dtype` of numbers and compounds of numbers; None for all else, which `kind` names."""

    kind: str
    size: int
    dtype: np.dtype[np.void] | np.dtype[np.generic] | None = None


def read_datatype(cursor: Cursor, depth: int = 0) -> Datatype:
    """Takes a datatype message. Raises `CorruptRecording` for one that contradicts itself."""
    head = cursor.uint(1)
    kind, version = head & 15, head >> 4
    bits = cursor.uint(3)
    size = cursor.uint(4)
    if kind == 0:
        return _integer(cursor, bits, size)
    if kind == 1:
        return _floating(cursor, bits, size)
    if kind == 3:
        return Datatype("text", size)
    if kind == 6:
        return _compound(cursor, version, bits & 0xFFFF, size, depth)
    if kind == 8:
        return _enumeration(cursor, version, bits & 0xFFFF, size, depth)
    if kind == 9 and bits & 15 == 1:
        return Datatype("variable-length text", size)
    return Datatype(CLASSES.get(kind, f"unknown ({kind})"), size)


def read_dataspace(cursor: Cursor) -> tuple[int, ...] | None:
    """Takes a dataspace message: the shape, `()` for a scalar, None for one that holds nothing."""
    version, rank, flags = cursor.uint(1), cursor.uint(1), cursor.uint(1)
    if version not in (1, 2) or rank > 32:
        raise cursor.fault("a dataspace that makes no sense")
    empty = cursor.uint(1) == 2 and version == 2
    cursor.skip(4 if version == 1 else 0)
    shape = tuple(cursor.length() for _ in range(rank))
    cursor.skip(cursor.file.size_of_lengths * rank if flags & 1 else 0)
    return None if empty else shape


def _integer(cursor: Cursor, bits: int, size: int) -> Datatype:
    offset, precision = cursor.uint(2), cursor.uint(2)
    if size not in (1, 2, 4, 8) or offset or precision != 8 * size:
        return Datatype("odd-sized integer", size)
    order, sign = "<>"[bits & 1], "ui"[bits >> 3 & 1]
    return Datatype("integer", size, np.dtype(f"{order}{sign}{size}"))


def _floating(cursor: Cursor, bits: int, size: int) -> Datatype:
    cursor.skip(12)
    if size not in (2, 4, 8) or bits & 0x40:
        return Datatype("odd-sized float", size)
    return Datatype("float", size, np.dtype(f"{'<>'[bits & 1]}f{size}"))


def _compound(cursor: Cursor, version: int, members: int, size: int, depth: int) -> Datatype:
    if depth >= DEEPEST or not 1 <= members <= MOST_MEMBERS or not 1 <= version <= 5:
        raise cursor.fault("a compound type with too many members or levels")
    fields: dict[str, tuple[np.dtype[np.generic], int]] = {}
    for _ in range(members):
        start = cursor.position
        name = cursor.name()
        if version < 3:
            cursor.align(8, start)
        offset = cursor.uint(4 if version < 3 else max(1, (size.bit_length() + 7) // 8))
        if version == 1 and cursor.uint(28) & 0xFF:
            return Datatype("compound with arrays", size)
        member = read_datatype(cursor, depth + 1)
        if member.dtype is None:
            return Datatype(f"compound with {member.kind}", size)
        if offset + member.size > size:
            raise cursor.fault("a member of a compound type that lies outside it")
        fields[name] = (member.dtype, offset)
    layout = {
        "names": list(fields),
        "formats": [dtype for dtype, _ in fields.values()],
        "offsets": [offset for _, offset in fields.values()],
        "itemsize": size,
    }
    return Datatype("compound", size, np.dtype(layout))  # type: ignore[call-overload]


def _enumeration(cursor: Cursor, version: int, members: int, size: int, depth: int) -> Datatype:
    """The integers behind the names: h5py stores bool as an enumeration of int8."""
    if depth >= DEEPEST or members > MOST_MEMBERS:
        raise cursor.fault("an enumeration with too many members or levels")
    base = read_datatype(cursor, depth + 1)
    if base.dtype is None or base.size != size:
        raise cursor.fault("an enumeration of something else than integers")
    for _ in range(members):
        start = cursor.position
        cursor.name()
        if version < 3:
            cursor.align(8, start)
    cursor.skip(members * size)
    return base
