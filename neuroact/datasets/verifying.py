"""verify: what a copy of a data set lacks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from neuroact.datasets import catalogue
from neuroact.datasets.dataset import Dataset


@dataclass(frozen=True, slots=True)
class Verified:
    """What a copy of a data set holds.

    - `recordings`: how many are there, of `expected`.
    - `missing`: files that its own lists name. `ignored`: files that are not part of it, and why.
    - `notes`: what else is to be known.
    """

    dataset: str
    root: Path
    recordings: int
    expected: int
    missing: tuple[Path, ...]
    ignored: tuple[tuple[Path, str], ...]
    notes: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Whether every recording is there. Without lists, their number alone tells."""
        return not self.missing and self.recordings >= self.expected

    def to_json(self) -> dict[str, object]:
        """Plain values for `json.dumps`."""
        return {
            "dataset": self.dataset,
            "root": str(self.root),
            "whole": self.whole,
            "recordings": self.recordings,
            "expected": self.expected,
            "missing": [str(path) for path in self.missing],
            "ignored": [{"path": str(path), "reason": reason} for path, reason in self.ignored],
            "notes": list(self.notes),
        }


def verify(dataset: Dataset, root: Path, scheme: str) -> Verified:
    """Compares the copy of a data set at `root` with what its lists and its authors say it has.

    Raises `RecordingNotFound` if there is no such folder, `DatasetError` if it holds nothing of the data set.
    """
    found = catalogue.listing(dataset, root, scheme)
    recordings = len({source.path for source in found.sources})
    return Verified(
        dataset=dataset.name,
        root=root,
        recordings=recordings,
        expected=recordings + len(found.missing) if dataset.divided else dataset.recordings,
        missing=tuple(found.missing),
        ignored=tuple(found.ignored),
        notes=tuple(found.notes),
    )
