"""What stands in a copy of a data set: its files in a fixed order, and what its lists say."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from neuroact.errors import DatasetError

K = TypeVar("K", bound=Hashable)

TEXT_BYTES = 64 << 20
"""No list of a data set is larger; what is, is something else."""


def files_below(root: Path, *, enter: Callable[[Path], bool] = lambda folder: True) -> Iterator[Path]:
    """Every file below a folder, its own by name and then those of its subfolders; hidden ones are left out.

    - `enter`: whether a folder below it is searched, too.
    """
    for folder, subfolders, names in os.walk(root):
        here = Path(folder)
        subfolders[:] = sorted(name for name in subfolders if not name.startswith(".") and enter(here / name))
        for name in sorted(names):
            if not name.startswith(".") and (path := here / name).is_file():
                yield path


def read_lines(path: Path) -> list[str]:
    """The lines of a text in UTF-8, whatever ends them, without the empty ones. Raises `DatasetError`."""
    try:
        if path.stat().st_size > TEXT_BYTES:
            raise DatasetError(f"{path}: a list of {path.stat().st_size} bytes; at most {TEXT_BYTES} are read")
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path}: not a list: byte {error.start} is not UTF-8") from error
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror or error}") from error
    return [line.strip() for line in text.splitlines() if line.strip()]


def read_splits(root: Path, lists: Mapping[str, str], key: Callable[[str], K]) -> dict[K, str]:
    """The split of every recording that lists name; a line may be there twice.

    - `lists`: name of the file below `root` -> the split of what it lists. Absent files are passed over.
    - `key`: from a line to what a recording is known by; raises `ValueError` for a line that makes no sense.

    Raises `DatasetError` for such a line, and for a recording in two splits.
    """
    splits: dict[K, str] = {}
    for name, split in lists.items():
        path = root / name
        if not path.is_file():
            continue
        for number, line in enumerate(read_lines(path), 1):
            try:
                recording = key(line)
            except ValueError as error:
                raise DatasetError(f"{path}, line {number}: {error}") from error
            if splits.setdefault(recording, split) != split:
                raise DatasetError(f"{path}, line {number}: {line!r} is in the list of {splits[recording]}, too")
    return splits


def local_time(text: str) -> datetime | None:
    """The time that a stem tells, such as `2021_08_20_16_15_22`; None if there is none such."""
    try:
        return datetime(*map(int, text.split("_")))  # type: ignore[arg-type]  # noqa: DTZ001
    except (ValueError, TypeError):
        return None
