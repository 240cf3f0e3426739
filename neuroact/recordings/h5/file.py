"""The file as bytes: the superblock, and reads that never go past an end."""

from __future__ import annotations

from neuroact.errors import CorruptRecording, TruncatedRecording
from neuroact.recordings.reader import Source, check_limit
from neuroact.recordings.words import open_binary

SIGNATURE = b"\x89HDF\r\n\x1a\n"
PLACES = (0, 512, 1024, 2048)
"""Where the superblock may stand: behind a user block."""


class Cursor:
    """Takes fields one after the other from `data`, which stands at byte `start` of the file."""

    def __init__(self, file: File, data: bytes, start: int) -> None:
        self.file = file
        self.data = data
        self.start = start
        self.position = 0

    @property
    def left(self) -> int:
        """Bytes not taken yet."""
        return len(self.data) - self.position

    def take(self, size: int) -> bytes:
        """The next `size` bytes. Raises `CorruptRecording` if there are fewer."""
        if size > self.left:
            raise self.fault("a structure of the HDF5 file is shorter than it says")
        self.position += size
        return self.data[self.position - size : self.position]

    def skip(self, size: int) -> None:
        """Passes over `size` bytes."""
        self.take(size)

    def uint(self, size: int) -> int:
        """An unsigned little-endian integer of `size` bytes."""
        return int.from_bytes(self.take(size), "little")

    def address(self) -> int | None:
        """A position in the file; None where the file says that there is none."""
        raw = self.take(self.file.size_of_offsets)
        return None if raw == b"\xff" * len(raw) else int.from_bytes(raw, "little")

    def length(self) -> int:
        """A size, in the width that the file uses for sizes."""
        return self.uint(self.file.size_of_lengths)

    def name(self) -> str:
        """Text up to a NUL."""
        stop = self.data.find(b"\0", self.position)
        if stop < 0:
            raise self.fault("a name without an end")
        text = self.take(stop - self.position).decode("utf-8", "replace")
        self.skip(1)
        return text

    def align(self, step: int, origin: int = 0) -> None:
        """Passes over padding up to a multiple of `step` bytes from `origin`; the last one may be cut short."""
        self.position += min(-(self.position - origin) % step, self.left)

    def expect(self, signature: bytes) -> None:
        """Raises `CorruptRecording` unless `signature` comes next."""
        if self.take(len(signature)) != signature:
            raise self.fault(f"no {signature.decode()} structure stands where one is said to")

    def fault(self, problem: str) -> CorruptRecording:
        """An error that names the place."""
        return CorruptRecording(self.file.source.path, problem, offset=self.start + self.position)


class File:
    """An open HDF5 file. Addresses in it count from the superblock, behind a user block if there is one.

    Raises `CorruptRecording` for a superblock that makes no sense and `TruncatedRecording` if it is cut.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.raw = open_binary(source.path)
        self.bytes = self.raw.seek(0, 2)
        self.size_of_offsets = self.size_of_lengths = 8
        self.base = 0
        self.cut = True  # until the superblock says how long the file should be
        try:
            self.root = self._read_superblock()
        except BaseException:
            self.raw.close()
            raise

    def close(self) -> None:
        """Lets go of the file."""
        self.raw.close()

    def holds(self, address: int, size: int) -> bool:
        """Whether the file is long enough to hold `size` bytes at `address`."""
        return 0 <= self.base + address <= self.bytes - size

    def read(self, address: int, size: int) -> bytes:
        """`size` bytes at `address`. Raises `TruncatedRecording` or `CorruptRecording` if there is no such place."""
        check_limit(self.source, "a structure", size, self.source.limits.packet_bytes, offset=self.base + address)
        if not self.holds(address, size):
            if self.cut:
                problem = "the structure of the HDF5 file lies past its end"
                raise TruncatedRecording(self.source.path, problem, offset=self.bytes, events_recovered=0)
            raise CorruptRecording(self.source.path, f"an address points to byte {self.base + address}, past the end")
        self.raw.seek(self.base + address)
        return self.raw.read(size)

    def cursor(self, address: int, size: int) -> Cursor:
        """The `size` bytes at `address`, to be taken apart."""
        return Cursor(self, self.read(address, size), self.base + address)

    def _read_superblock(self) -> int:
        """Address of the root group's header."""
        place = next((place for place in PLACES if self._signature_at(place)), None)
        if place is None:
            raise CorruptRecording(self.source.path, "no HDF5 superblock", offset=0)
        self.base = place
        head = self.cursor(0, min(self.bytes - place, 128))
        head.skip(len(SIGNATURE))
        version = head.uint(1)
        if version > 3:
            raise head.fault(f"an HDF5 superblock of version {version}; 0 to 3 are known")
        if version < 2:
            head.skip(4)
        self.size_of_offsets, self.size_of_lengths = head.uint(1), head.uint(1)
        if not {self.size_of_offsets, self.size_of_lengths} <= {4, 8}:
            raise head.fault("HDF5 addresses that are neither 4 nor 8 bytes wide")
        head.skip({0: 9, 1: 13, 2: 1, 3: 1}[version])
        base, _free_space_or_extension, end = head.address(), head.address(), head.address()
        if base != place:
            raise head.fault("an HDF5 base address other than the superblock's place")
        if version < 2:
            if head.address() is not None:
                raise head.fault("an HDF5 file spread over several files, which is refused")
            head.skip(self.size_of_offsets)  # the name of the root group
        root = head.address()
        if root is None or end is None:
            raise head.fault("an HDF5 file without a root group")
        self.cut = end > self.bytes
        return root

    def _signature_at(self, place: int) -> bool:
        self.raw.seek(place)
        return self.raw.read(len(SIGNATURE)) == SIGNATURE
