"""Independent readers, as a second opinion in tests."""

from pathlib import Path
from typing import Any

from evutils.io import EventReader


def read_with_evutils(path: Path) -> Any:
    """The events as evutils reads them: an object with columns `t`, `x`, `y`, `p`."""
    with path.open("rb") as file, EventReader(file) as reader:  # it leaves files open that it opens itself
        return reader.read_all()
