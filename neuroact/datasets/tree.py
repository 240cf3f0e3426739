"""What stands in a copy of a data set: its files in a fixed order, and the lines of its lists."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from neuroact.errors import DatasetError

TEXT_BYTES = 64 << 20
"""No list of a data set is larger; what is, is something else."""


def files_below(root: Path, *, enter: Callable[[Path], bool] = lambda folder: True) -> Iterator[Path]:
    """Every file below a folder in the order of the paths, hidden ones left out; only folders to `enter` are searched."""
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
