"""Zip files as containers of recordings: opened with typed errors, and never expanded beyond a limit."""

from __future__ import annotations

import zipfile
import zlib

from neuroact.errors import CorruptRecording
from neuroact.recordings.limits import MIB
from neuroact.recordings.reader import Source, check_limit

ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, UnicodeDecodeError)
"""What `zipfile` raises for damage, the last for that of a name; `RuntimeError` for a password."""


def open_zip(source: Source) -> zipfile.ZipFile:
    """Opens a zip. Raises `CorruptRecording` if its directory is damaged, as in a zip that was cut."""
    try:
        return zipfile.ZipFile(source.path)
    except (*ZIP_ERRORS, ValueError) as error:
        raise CorruptRecording(source.path, f"the zip cannot be opened: {error}") from error


def check_expansion(source: Source, entries: list[zipfile.ZipInfo]) -> None:
    """Raises `LimitExceeded` for files that together expand beyond the limit."""
    expanded = sum(entry.file_size for entry in entries)
    stored = sum(entry.compress_size for entry in entries)
    if expanded > MIB:
        check_limit(source, "an expansion of the zip", expanded // max(stored, 1), source.limits.expansion)
