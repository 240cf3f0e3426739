"""The LZ4 library: the bytes that `lz4.frame` gives, for frames of every kind, and nothing for broken ones."""

from collections.abc import Iterator

import lz4.frame
import numpy as np
import pytest
from numpy.typing import NDArray

from neuroact.recordings import lz4_library
from neuroact.recordings.lz4_library import FrameExpander, library

KINDS: dict[str, dict[str, object]] = {
    "linked blocks": {"block_linked": True},
    "independent blocks": {"block_linked": False},
    "large blocks": {"block_size": lz4.frame.BLOCKSIZE_MAX1MB},
    "content size": {"store_size": True},
    "content checksum": {"content_checksum": True},
    "block checksums": {"block_checksum": True},
    "everything": {"store_size": True, "content_checksum": True, "block_checksum": True, "block_linked": False},
}
CHECKED = {"store_size": False, "content_checksum": True, "block_checksum": True}
COMPRESSIBLE = b"".join(index.to_bytes(3, "little") for index in range(60_000))
NOISE = np.random.default_rng(0).bytes(200_000)
"""LZ4 stores its blocks as they are."""


def frame_of(data: bytes, kind: dict[str, object]) -> bytes:
    return bytes(lz4.frame.compress(data, **({"store_size": False} | kind)))


def expander_of(source: bytes, room: int) -> tuple[FrameExpander, NDArray[np.uint8]]:
    found = library()
    assert found is not None
    target = np.full(room, 0xEE, np.uint8)
    return FrameExpander(found, np.frombuffer(source, np.uint8), target), target


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("data", [b"", b"x", COMPRESSIBLE, NOISE], ids=["empty", "a byte", "compressible", "noise"])
def test_frames_of_every_kind(kind: str, data: bytes) -> None:
    frame = frame_of(data, KINDS[kind])
    expander, target = expander_of(b"before" + frame + b"after", len(data) + 20)
    for _ in range(2):
        assert expander.expand(6, 6 + len(frame), 10) == len(data)
    assert target.tobytes() == b"\xee" * 10 + data + b"\xee" * 10


def flaws(frame: bytes) -> Iterator[bytes]:
    """The frame with each of its bytes changed, and cut at each."""
    for index, byte in enumerate(frame):
        yield frame[:index] + bytes([byte ^ 0x55]) + frame[index + 1 :]
        yield frame[:index]


def test_a_broken_frame_gives_nothing_and_the_next_one_everything() -> None:
    sound = frame_of(bytes(range(64)) * 3, CHECKED)
    for broken in flaws(sound):
        expander, _ = expander_of(broken + sound, 1000)
        assert expander.expand(0, len(broken), 0) is None
        assert expander.expand(len(broken), len(broken + sound), 0) == 192


def test_a_frame_that_ends_elsewhere_or_does_not_fit_gives_nothing() -> None:
    frame = frame_of(COMPRESSIBLE, {})
    expander, target = expander_of(frame * 2, len(COMPRESSIBLE) + 1)
    assert expander.expand(0, 2 * len(frame), 0) is None
    assert expander.expand(0, len(frame), 2) is None
    assert expander.expand(0, len(frame), 1) == len(COMPRESSIBLE)
    assert target.tobytes() == target[:1].tobytes() + COMPRESSIBLE


@pytest.mark.parametrize("where", [(-1, 5, 0), (6, 5, 0), (0, 11, 0), (0, 5, -1), (0, 5, 21)])
def test_nothing_outside_the_arrays_is_touched(where: tuple[int, int, int]) -> None:
    expander, _ = expander_of(bytes(10), 20)
    with pytest.raises(IndexError, match=r"of 10, byte -?\d+ of 20"):
        expander.expand(*where)


@pytest.fixture
def forgotten() -> Iterator[None]:
    """The library is looked for anew, in the test and after it."""
    library.cache_clear()
    yield
    library.cache_clear()


@pytest.mark.usefixtures("forgotten")
@pytest.mark.parametrize("file", ["no such file", np._core._multiarray_umath.__file__])  # type: ignore[attr-defined]
def test_an_extension_that_does_not_export_the_library(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lz4.frame._frame, "__file__", file)
    assert library() is None


@pytest.mark.usefixtures("forgotten")
def test_another_interface_is_not_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lz4_library, "INTERFACE", 101)
    assert library() is None
