"""The log of a run, as JSON lines and as CSV: one row for some steps, one for each validation."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal

from neuroact.atomic import whole_file


@dataclass(frozen=True, slots=True)
class Row:
    """What was learned in the steps since the row before, or what a validation found.

    - `epoch`: from 1. `step`: of the optimiser, how many were made.
    - `split`: `train` or `val`. `samples`: how many the means are of.
    - `loss`: mean. `top1`: share of samples whose class had the largest logit, the heaviest class for mixed ones.
    - `learning_rate`: of the last step.
    - `samples_per_second`: of all ranks together. `seconds`: since the run was begun or went on.
    """

    epoch: int
    step: int
    split: Literal["train", "val"]
    samples: int
    loss: float
    top1: float
    learning_rate: float
    samples_per_second: float
    seconds: float


COLUMNS = tuple(field.name for field in fields(Row))


class Log:
    """`log.jsonl` and `log.csv` in a folder.

    - `rows`: how many rows of an earlier part of the run stay; what it logged after its checkpoint is logged again.
    """

    def __init__(self, folder: Path, rows: int = 0) -> None:
        self.rows = rows
        self._lines, self._table = folder / "log.jsonl", folder / "log.csv"
        _keep(self._lines, "", rows)
        _keep(self._table, _line(COLUMNS), rows)

    def add(self, row: Row) -> None:
        """Appends a row to both files."""
        with self._lines.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(row)) + "\n")
        with self._table.open("a", encoding="utf-8", newline="") as file:
            file.write(_line(asdict(row).values()))
        self.rows += 1


def read_log(folder: Path) -> list[Row]:
    """The rows of a run's log."""
    return [Row(**json.loads(line)) for line in (folder / "log.jsonl").read_text("utf-8").splitlines()]


def _keep(path: Path, head: str, rows: int) -> None:
    """Leaves the head and so many lines in a file, or makes one of the head."""
    old = path.read_text("utf-8").splitlines(keepends=True) if path.is_file() else []
    with whole_file(path) as new:
        new.write_text(head + "".join(old[bool(head) :][:rows]), "utf-8")


def _line(values: Iterable[object]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue()
