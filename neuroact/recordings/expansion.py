"""Expands the LZ4 and Zstandard frames of AEDAT 4 without ever holding more than a packet says that it holds.

A packet expands to a size-prefixed FlatBuffer, so its first four bytes tell how long it is. That number is checked
against the limits before the rest is expanded, and nothing is expanded beyond it: a small frame that expands to
gigabytes costs what its first bytes cost.
"""

from __future__ import annotations

import lz4.frame
import zstandard

from neuroact.recordings.flatbuffers import PREFIX, UINT32
from neuroact.recordings.limits import MIB, Limits

LZ4, ZSTANDARD = 0x184D2204, 0xFD2FB528
"""How frames begin. A payload that is not compressed begins with the size of its FlatBuffer."""
USUAL_EXPANSION = 4
SLICE = 1 << 9
"""What Zstandard is fed at a time, as its output cannot be bounded: 4 bytes can give 128 KiB, a slice 16 MiB."""


class UnsoundPayloadError(ValueError):
    """A payload that is broken, or is not as long as it declares."""


class OversizedPayloadError(ValueError):
    """A payload that declares `size` bytes where at most `limit` are accepted."""

    def __init__(self, size: int, limit: int) -> None:
        self.size = size
        self.limit = limit
        super().__init__(f"{size} bytes declared, at most {limit} accepted")


def expand(payload: bytes, limits: Limits, *, whole: bool) -> bytes:
    """The size-prefixed FlatBuffer in a packet's payload.

    - `whole`: whether the payload is complete; of a cut one, what can be expanded is returned.

    Raises `UnsoundPayloadError` and `OversizedPayloadError`.
    """
    most = min(limits.expanded_bytes, max(MIB, limits.expansion * len(payload)))
    start = UINT32.unpack_from(payload)[0]
    if start == LZ4:
        data, complete = _expand_lz4(payload, most)
    elif start == ZSTANDARD:
        data, complete = _expand_zstandard(payload, most)
    else:
        data, complete = payload, True
    if whole and not (complete and len(data) > PREFIX and len(data) >= _declared(data, most)):
        raise UnsoundPayloadError("the payload does not have the length that it declares")
    return data


def _expand_lz4(payload: bytes, most: int) -> tuple[bytes, bool]:
    """What the frame holds, and whether it ends where the payload ends."""
    frame = lz4.frame.LZ4FrameDecompressor()
    try:
        data: bytes = frame.decompress(payload, max_length=USUAL_EXPANSION * len(payload) + PREFIX)
        if not frame.eof and not frame.needs_input:
            rest = _declared(data, most) - len(data)
            if rest >= 0:
                data += frame.decompress(b"", max_length=rest + 1)
    except RuntimeError as error:
        raise UnsoundPayloadError(str(error)) from error
    return data, frame.eof and not frame.unused_data


def _expand_zstandard(payload: bytes, most: int) -> tuple[bytes, bool]:
    """What the frame holds, and whether it ends where the payload ends."""
    frame = zstandard.ZstdDecompressor().decompressobj()
    data = bytearray()
    position = 0
    try:
        while position < len(payload) and not frame.eof:
            data += frame.decompress(payload[position : position + SLICE])
            position += SLICE
            if len(data) > PREFIX and len(data) > _declared(data, most):
                return bytes(data), False
    except zstandard.ZstdError as error:
        raise UnsoundPayloadError(str(error)) from error
    return bytes(data), frame.eof and not frame.unused_data and position >= len(payload)


def _declared(data: bytes | bytearray, most: int) -> int:
    """The size that the FlatBuffer's prefix declares."""
    size: int = PREFIX + UINT32.unpack_from(data)[0]
    if size > most:
        raise OversizedPayloadError(size, most)
    return size
