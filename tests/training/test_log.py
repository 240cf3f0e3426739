"""The log: both files say the same, and a run that goes on cuts off what its checkpoint does not know."""

import csv
from dataclasses import asdict
from pathlib import Path

import pytest

from neuroact.training.log import COLUMNS, Log, Row, read_log


def row(step: int) -> Row:
    return Row(1, step, "train", 8, 1 / 3, 0.5, 1e-300, 12.0, 0.1 * step)


@pytest.mark.parametrize("rows", range(4))
def test_a_run_that_goes_on_keeps_its_rows(tmp_path: Path, rows: int) -> None:
    log = Log(tmp_path)
    for step in range(3):
        log.add(row(step))
    with (tmp_path / "log.csv").open("a") as file:
        file.write("1,2,tr")
    log = Log(tmp_path, rows)
    log.add(row(7))
    assert log.rows == rows + 1
    assert read_log(tmp_path) == [*(row(step) for step in range(rows)), row(7)]
    assert len((tmp_path / "log.csv").read_text().splitlines()) == rows + 2


def test_both_files_say_the_same(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.add(row(3))
    with (tmp_path / "log.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert tuple(table[0]) == COLUMNS
    assert [{name: str(value) for name, value in asdict(r).items()} for r in read_log(tmp_path)] == table
