"""Expands the LZ4 and Zstandard frames of AEDAT 4 in bounded memory.

A packet expands to a size-prefixed FlatBuffer, so its first four bytes tell how long it is. Nothing beyond that length
is kept, and nothing at all of a packet that declares more than the limits accept: it is expanded piece by piece only to
tell a frame that really is so long from one that is damaged.
"""

from __future__ import annotations

from collections.abc import Iterator

import lz4.frame
import zstandard

from neuroact.recordings.flatbuffers import PREFIX, UINT32
from neuroact.recordings.limits import MIB, Limits

LZ4, ZSTANDARD = 0x184D2204, 0xFD2FB528
"""How frames begin. A payload that is not compressed begins with the size of its FlatBuffer."""
LZ4_EXPANSION = 255
"""LZ4 expands no byte to more than this many, so a small enough frame needs no watching, which is a fifth quicker."""
USUAL_EXPANSION = 4
PIECE = 16 * MIB
"""How much LZ4 is asked for at a time: more than most packets hold, as it copies its input for every further piece."""
SLICE = 1 << 9
"""What Zstandard is fed at a time, as its output cannot be bounded: 4 bytes can give 128 KiB, a slice 16 MiB."""


class UnsoundPayloadError(ValueError):
    """A payload that is broken, or is not as long as it declares."""


class OversizedPayloadError(ValueError):
    """A payload that expands to more than `limit` bytes."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(f"more than {limit} bytes")


def most_expanded(limits: Limits, size: int) -> int:
    """Bytes that a payload of `size` bytes may expand to."""
    return min(limits.expanded_bytes, max(MIB, limits.expansion * size))


def expand(payload: memoryview, limits: Limits, *, whole: bool) -> bytes:
    """The size-prefixed FlatBuffer in a packet's payload.

    - `whole`: whether the payload is complete; of a cut one, what can be expanded is returned.

    Raises `UnsoundPayloadError` and `OversizedPayloadError`.
    """
    if len(payload) < PREFIX:
        raise UnsoundPayloadError(f"{len(payload)} bytes, too few to tell how long it is")
    start = UINT32.unpack_from(payload)[0]
    if start == LZ4:
        bounded = whole and LZ4_EXPANSION * len(payload) <= limits.expanded_bytes
        pieces = _lz4_at_once(payload) if bounded else _lz4_pieces(payload, whole)
    elif start == ZSTANDARD:
        pieces = _zstandard_pieces(payload, whole)
    else:
        pieces = iter([bytes(payload)])
    most = most_expanded(limits, len(payload))
    kept: list[bytes] = []
    size, declared = 0, most
    for piece in pieces:
        if not size and len(piece) >= PREFIX:
            declared = PREFIX + UINT32.unpack_from(piece)[0]
        size += len(piece)
        if declared > most:
            kept.clear()
            if size > most:
                raise OversizedPayloadError(most)
        elif size > declared:
            raise UnsoundPayloadError(f"more than the {declared} bytes that it declares")
        else:
            kept.append(piece)
    if whole and size < declared:
        raise UnsoundPayloadError(f"{size} of the {declared} bytes that it declares")
    return kept[0] if len(kept) == 1 else b"".join(kept)


def _lz4_at_once(payload: memoryview) -> Iterator[bytes]:
    try:
        expanded, read = lz4.frame.decompress(payload, return_bytes_read=True)
    except RuntimeError as error:
        raise UnsoundPayloadError(str(error)) from error
    if read != len(payload):
        raise UnsoundPayloadError("the frame does not end where the payload ends")
    yield expanded


def _lz4_pieces(payload: memoryview, whole: bool) -> Iterator[bytes]:
    frame = lz4.frame.LZ4FrameDecompressor()
    most = min(USUAL_EXPANSION * len(payload) + PREFIX, PIECE)
    try:
        yield frame.decompress(payload, max_length=most)
        while not frame.eof and not frame.needs_input:
            yield frame.decompress(b"", max_length=most)
    except RuntimeError as error:
        raise UnsoundPayloadError(str(error)) from error
    if whole and (not frame.eof or frame.unused_data):
        raise UnsoundPayloadError("the frame does not end where the payload ends")


def _zstandard_pieces(payload: memoryview, whole: bool) -> Iterator[bytes]:
    frame = zstandard.ZstdDecompressor().decompressobj()
    position = 0
    try:
        while position < len(payload) and not frame.eof:
            if piece := frame.decompress(payload[position : position + SLICE]):
                yield piece
            position += SLICE
    except zstandard.ZstdError as error:
        raise UnsoundPayloadError(str(error)) from error
    if whole and (not frame.eof or frame.unused_data or position < len(payload)):
        raise UnsoundPayloadError("the frame does not end where the payload ends")
