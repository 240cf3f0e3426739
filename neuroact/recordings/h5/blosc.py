"""Blosc 1 containers, as DSEC stores its events: blocks that are compressed in streams and shuffled each.

Source: the Blosc chunk format, README_CHUNK_FORMAT.rst of c-blosc 1.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np

from neuroact.recordings.h5.decoding import Damaged, unshuffled, zstd_frame

BYTE_SHUFFLED, STORED, BIT_SHUFFLED, NOT_SPLIT = 1, 2, 4, 16
LZ4, ZLIB, ZSTD = 1, 3, 4
CODECS = {0: "BloscLZ", 2: "Snappy"}
HEADER = 16
MOST_STREAMS, SMALLEST_STREAM = 16, 128
"""Blocks are split into one stream per byte of the element, but for large elements and small blocks."""


def expand(data: bytes, bound: int) -> bytes:
    """The bytes in a container, at most `bound`. Raises `Damaged`."""
    if len(data) < HEADER:
        raise Damaged("blosc: no header")
    _, _, flags, itemsize, size, block, stored = struct.unpack_from("<4B3I", data)
    if size > bound or stored > len(data) or itemsize < 1 or not 1 <= block <= bound + HEADER:
        raise Damaged("blosc: a header with impossible sizes")
    if flags & STORED:
        return data[HEADER : HEADER + size]
    count = -(-size // block)
    if HEADER + 4 * count > len(data):
        raise Damaged("blosc: more blocks than bytes")
    starts = struct.unpack_from(f"<{count}I", data, HEADER)
    return b"".join(
        _block(data, start, min(block, size - number * block), block, itemsize, flags)
        for number, start in enumerate(starts)
    )


def _block(data: bytes, start: int, size: int, whole: int, itemsize: int, flags: int) -> bytes:
    """One block of `size` bytes, which is less than `whole` in a last block."""
    splits = not flags & NOT_SPLIT and size == whole and itemsize <= MOST_STREAMS
    streams = itemsize if splits and whole // itemsize >= SMALLEST_STREAM else 1
    parts = []
    for _ in range(streams):
        if start + 4 > len(data):
            raise Damaged("blosc: a stream past the end")
        length = struct.unpack_from("<i", data, start)[0]
        start += 4
        if length < 0 or start + length > len(data):
            raise Damaged("blosc: a stream of impossible length")
        parts.append(_stream(data[start : start + length], size // streams, flags >> 5))
        start += length
    block = b"".join(parts)
    if flags & BYTE_SHUFFLED:
        return unshuffled(block, itemsize)
    return _bits_unshuffled(block, itemsize) if flags & BIT_SHUFFLED else block


def _stream(data: bytes, size: int, codec: int) -> bytes:
    if len(data) == size:
        return data
    if codec == LZ4:
        import lz4.block

        try:
            out: bytes = lz4.block.decompress(data, uncompressed_size=size)
        except (lz4.block.LZ4BlockError, ValueError) as error:
            raise Damaged(f"blosc: {error}") from error
    elif codec == ZLIB:
        try:
            out = zlib.decompressobj().decompress(data, size)
        except zlib.error as error:
            raise Damaged(f"blosc: {error}") from error
    elif codec == ZSTD:
        out = zstd_frame(data, size)
    else:
        raise Damaged(f"blosc: the codec {CODECS.get(codec, codec)} is not read; LZ4, zlib and zstd are")
    if len(out) != size:
        raise Damaged("blosc: a stream that decodes to another size")
    return out


def _bits_unshuffled(data: bytes, itemsize: int) -> bytes:
    """Bits sorted by their place in the element, put back together. Blosc leaves a block of other than a multiple of
    8 elements as it is."""
    count, rest = divmod(len(data), itemsize)
    if rest or count % 8:
        return data
    planes = np.frombuffer(data, np.uint8).reshape(8 * itemsize, count // 8)
    bits = np.unpackbits(planes, axis=1, bitorder="little")
    return np.packbits(bits.T, axis=1, bitorder="little").tobytes()
