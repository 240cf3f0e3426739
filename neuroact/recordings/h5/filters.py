"""The filters of a chunk, undone one by one with a bound on what each may give."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from neuroact.recordings.h5.decoding import Damaged, unshuffled, zstd_frame
from neuroact.recordings.h5.file import Cursor

MOST_FILTERS = 8


class Filter(NamedTuple):
    """One step of a pipeline: the registered number, and the values that it was set up with."""

    number: int
    values: tuple[int, ...]


Step = Callable[[bytes, int, Filter], bytes]
"""`step(data, bound, filter)` gives at most `bound` bytes or raises `Damaged`."""


def read_pipeline(cursor: Cursor) -> list[Filter]:
    """Takes a filter pipeline message. Raises `CorruptRecording` for filters that are not known."""
    version, count = cursor.uint(1), cursor.uint(1)
    if version not in (1, 2) or count > MOST_FILTERS:
        raise cursor.fault("a filter pipeline that makes no sense")
    cursor.skip(6 if version == 1 else 0)
    pipeline = []
    for _ in range(count):
        number = cursor.uint(2)
        name = cursor.uint(2) if version == 1 or number >= 256 else 0
        cursor.skip(2)
        values = cursor.uint(2)
        cursor.skip(-(-name // 8) * 8 if version == 1 else name)
        pipeline.append(Filter(number, tuple(cursor.uint(4) for _ in range(values))))
        cursor.skip(4 if version == 1 and values % 2 else 0)
        if number not in STEPS:
            raise cursor.fault(f"chunks go through HDF5 filter {number}, which is not read; {_known()} are")
    return pipeline


def undo(raw: bytes, pipeline: list[Filter], mask: int, size: int) -> bytes:
    """A chunk of `size` bytes from what is stored of it; `mask` has a bit for each filter that was left out.

    The result may be shorter if a writer stored less than a whole last chunk. Raises `Damaged`.
    """
    for place in reversed(range(len(pipeline))):
        if not mask >> place & 1:
            raw = STEPS[pipeline[place].number](raw, size + 64, pipeline[place])
    if len(raw) > size:
        raise Damaged("a chunk decodes to more bytes than it has")
    return raw


def _inflate(data: bytes, bound: int, _: Filter) -> bytes:
    engine = zlib.decompressobj()
    try:
        out = engine.decompress(data, bound)
    except zlib.error as error:
        raise Damaged(f"gzip: {error}") from error
    if not engine.eof:
        raise Damaged("gzip: more data than the chunk has, or a cut stream")
    return out


def _unshuffle(data: bytes, _: int, filter: Filter) -> bytes:
    return unshuffled(data, filter.values[0] if filter.values else 1)


def _checked(data: bytes, _: int, __: Filter) -> bytes:
    body, stored = data[:-4], data[-4:]
    if len(stored) < 4 or _fletcher32(body) != struct.unpack("<I", stored)[0]:
        raise Damaged("fletcher32: the checksum does not fit")
    return body


def _fletcher32(data: bytes) -> int:
    """The checksum of libhdf5: sums over 16-bit big-endian words, modulo 65535 with 65535 for 0."""
    words = np.frombuffer(data + b"\0" * (len(data) % 2), ">u2").astype(np.uint64)
    low, high = 0, 0
    for start in range(0, words.size, 1 << 16):  # short enough that the sums stay within 64 bits
        block = words[start : start + (1 << 16)]
        weights = np.arange(block.size, 0, -1, dtype=np.uint64)
        high += block.size * low + int((block * weights).sum())
        low += int(block.sum())
    return _folded(high) << 16 | _folded(low)


def _folded(total: int) -> int:
    return (total - 1) % 65535 + 1 if total else 0


def _zstd(data: bytes, bound: int, _: Filter) -> bytes:
    return zstd_frame(data, bound)


def _lzf(data: bytes, bound: int, filter: Filter) -> bytes:
    from neuroact.recordings.h5.lzf import expand

    size = filter.values[2] if len(filter.values) > 2 else bound
    return expand(data, min(size, bound))


def _blosc(data: bytes, bound: int, _: Filter) -> bytes:
    from neuroact.recordings.h5.blosc import expand

    return expand(data, bound)


def _ecf(data: bytes, bound: int, _: Filter) -> bytes:
    from neuroact.recordings.ecf import BadChunk, decode_ecf

    try:
        return decode_ecf(data, most=bound // 16).tobytes()
    except BadChunk as error:
        raise Damaged(f"ECF: {error}") from error


STEPS: dict[int, Step] = {
    1: _inflate,
    2: _unshuffle,
    3: _checked,
    32000: _lzf,
    32001: _blosc,
    32015: _zstd,
    36559: _ecf,
}
"""Registered number -> what undoes it."""


def _known() -> str:
    return "gzip, shuffle, fletcher32, lzf, blosc, zstd and Prophesee's ECF"
