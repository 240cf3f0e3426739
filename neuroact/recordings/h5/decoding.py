"""What several filters need to decode: how damage is raised, unshuffling, and one zstd frame."""

from __future__ import annotations

import numpy as np


class Damaged(Exception):
    """A chunk that cannot be decoded; the message says why."""


def unshuffled(data: bytes, itemsize: int) -> bytes:
    """Bytes sorted by their place in the element, put back together; what is left over stays as it is."""
    whole = len(data) // itemsize if itemsize > 1 else 0
    if not whole:
        return data
    planes = np.frombuffer(data, np.uint8, whole * itemsize).reshape(itemsize, whole)
    return planes.T.tobytes() + data[whole * itemsize :]


def zstd_frame(data: bytes, bound: int) -> bytes:
    """One zstd frame of at most `bound` bytes; the size that its header declares is checked first."""
    import zstandard

    try:
        if zstandard.frame_content_size(data) > bound:
            raise Damaged("zstd: more data than the chunk has")
        return zstandard.ZstdDecompressor().decompress(data, max_output_size=bound)
    except zstandard.ZstdError as error:
        raise Damaged(f"zstd: {error}") from error
