"""The compressed chunks of bags, expanded with a bound and as far as they go."""

from __future__ import annotations

import bz2
import io

from neuroact.recordings.limits import MIB
from neuroact.recordings.reader import Source, check_limit


def expand_chunk(source: Source, compression: str, data: bytes, size: int, offset: int) -> tuple[bytes, str]:
    """What a chunk of `size` bytes holds, and what is wrong with it ("" if nothing).

    Of a chunk that was cut, all that precedes the cut is given. Raises `LimitExceeded` for a size beyond the limits.
    """
    check_limit(source, "a chunk that expands to a number of bytes", size, source.limits.expanded_bytes, offset=offset)
    if compression in ("", "none"):
        return data, "" if len(data) == size else "a chunk of another size than it says"
    if size > MIB:
        expansion = size // max(1, len(data))
        check_limit(source, "an expansion of a chunk", expansion, source.limits.expansion, offset=offset)
    if compression == "bz2":
        out, problem = _bz2(data, size)
    elif compression == "lz4":
        out, problem = _lz4(data, size)
    elif compression == "zstd":
        out, problem = _zstd(data, size)
    else:
        return b"", f"a chunk in the unknown compression {compression!r}"
    return out, problem or ("" if len(out) == size else "a chunk that expands to another size than it says")


def _bz2(data: bytes, size: int) -> tuple[bytes, str]:
    try:
        return bz2.BZ2Decompressor().decompress(data, size), ""
    except OSError as error:
        return b"", f"bz2: {error}"


def _lz4(data: bytes, size: int) -> tuple[bytes, str]:
    import lz4.frame

    try:
        return lz4.frame.LZ4FrameDecompressor().decompress(data, size), ""
    except RuntimeError as error:
        return b"", f"lz4: {error}"


def _zstd(data: bytes, size: int) -> tuple[bytes, str]:
    import zstandard

    parts, left, problem = [], size, ""
    with zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(io.BytesIO(data)) as reader:
        try:
            while left and (part := reader.read(min(left, 1 << 16))):
                parts.append(part)
                left -= len(part)
        except zstandard.ZstdError as error:
            problem = f"zstd: {error}"
    return b"".join(parts), problem
