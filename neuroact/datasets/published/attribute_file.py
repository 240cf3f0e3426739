"""all_data.json of DailyDVS-200: what its authors say of each recording."""

from __future__ import annotations

import json
import re
from pathlib import Path

from neuroact.errors import DatasetError

FROM_THE_NAME = frozenset(("FileName", "FilePath", "Time", "Scene", "Action", "Move", "ID"))
"""Keys that repeat what the recording's name says."""


def read_attributes(path: Path) -> dict[str, dict[str, str]]:
    """Attributes by the base name of `FilePath` without suffix; empty values and what the name says are left out.

    The file is a list of objects whose values are strings. Their paths are of another layout than the recordings.

    Raises `DatasetError` if it is anything else, or has two objects of one base name.
    """
    try:
        entries = json.loads(path.read_text("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{path}: expected JSON ({error})") from error
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror}") from error
    if not isinstance(entries, list):
        raise DatasetError(f"{path}: expected a list of objects, found {type(entries).__name__}")
    attributes: dict[str, dict[str, str]] = {}
    for number, entry in enumerate(entries, 1):
        where = f"{path}, object {number}"
        if not isinstance(entry, dict) or not all(isinstance(value, str) for value in entry.values()):
            raise DatasetError(f"{where}: expected an object whose values are strings, found {str(entry)[:100]}")
        stem = Path(re.split(r"[\\/]", entry.get("FilePath", ""))[-1]).stem
        if not stem:
            raise DatasetError(f"{where}: expected a FilePath that ends in a file's name, found {str(entry)[:100]}")
        if stem in attributes:
            raise DatasetError(f"{where}: expected each recording once, found {stem} again")
        attributes[stem] = {key: value for key, value in entry.items() if value and key not in FROM_THE_NAME}
    return attributes
