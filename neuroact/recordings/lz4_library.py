"""The C library inside python-lz4, called past its Python functions.

`lz4.frame` holds Python's lock while it expands, so threads that use it take turns; `ctypes` lets go of the lock. And
it allocates what it returns, where the library itself writes to memory that is there already. What is checked stays
the same: checksums of header, blocks and content, sizes, and every reference to earlier bytes. The functions are those
of lz4frame.h, which have not changed since version 1.8; where the extension does not export them, as on Windows, the
caller goes without.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, byref, c_size_t, c_uint, c_void_p
from functools import cache
from weakref import finalize

import lz4.frame
import numpy as np
from numpy.typing import NDArray

INTERFACE = 100
"""`LZ4F_VERSION`: of the interface, not of the library."""


class Options(ctypes.Structure):
    """`LZ4F_decompressOptions_t`. `stable`: what was expanded stays where it is, so the library keeps no copy of it."""

    _fields_ = (("stable", c_uint), ("skip_checksums", c_uint), ("reserved", c_uint * 2))


IN_PLACE = Options(stable=1)


@cache
def library() -> ctypes.CDLL | None:
    """The library, or None if it cannot be called."""
    try:
        found = ctypes.CDLL(lz4.frame._frame.__file__)
        if found.LZ4F_getVersion() != INTERFACE:
            return None
        found.LZ4F_createDecompressionContext.argtypes = (POINTER(c_void_p), c_uint)
        found.LZ4F_createDecompressionContext.restype = c_size_t
        found.LZ4F_freeDecompressionContext.argtypes = (c_void_p,)
        found.LZ4F_resetDecompressionContext.argtypes = (c_void_p,)
        found.LZ4F_resetDecompressionContext.restype = None
        size = POINTER(c_size_t)
        found.LZ4F_decompress.argtypes = (c_void_p, c_void_p, size, c_void_p, size, POINTER(Options))
        found.LZ4F_decompress.restype = c_size_t
    except (AttributeError, OSError):
        return None
    return found


class FrameExpander:
    """Expands LZ4 frames in `source` to `target`; not for two threads at once."""

    def __init__(self, library: ctypes.CDLL, source: NDArray[np.uint8], target: NDArray[np.uint8]) -> None:
        self._library = library
        self._source, self._source_address = source, source.ctypes.data
        self._target, self._target_address = target, target.ctypes.data
        self._context = c_void_p()
        if library.LZ4F_createDecompressionContext(byref(self._context), INTERFACE):
            raise MemoryError
        finalize(self, library.LZ4F_freeDecompressionContext, self._context)

    def expand(self, start: int, stop: int, place: int) -> int | None:
        """Expands the frame that is `source[start:stop]` to `target[place:]`; returns how many bytes it gives.

        None if it is broken, ends elsewhere or does not fit. The target is then overwritten from `place` on.
        """
        if not (0 <= start <= stop <= self._source.size and 0 <= place <= self._target.size):
            raise IndexError(f"bytes {start} to {stop} of {self._source.size}, byte {place} of {self._target.size}")
        given, read = c_size_t(self._target.size - place), c_size_t(stop - start)
        missing = self._library.LZ4F_decompress(
            self._context, self._target_address + place, byref(given), self._source_address + start, byref(read),
            byref(IN_PLACE),
        )  # fmt: skip
        if missing or read.value != stop - start:
            self._library.LZ4F_resetDecompressionContext(self._context)
            return None
        return given.value
