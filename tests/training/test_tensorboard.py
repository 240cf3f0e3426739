"""TensorBoard reads the rows of the log, also of a run that crashed and went on."""

import sys
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from neuroact.errors import MissingExtra
from neuroact.training import read_log, train
from neuroact.training.tensorboard import MEASURES, EventFiles
from tests.training.test_loop import EPOCH, DieAt
from tests.training.tiny import tiny_config

STOPS = {
    "it crashed before its first checkpoint": [EPOCH - 1],
    "after rows that its checkpoint does not know": [EPOCH + 3],
    "twice from one checkpoint": [EPOCH + 3, EPOCH + 2],
}


def seen(run: Path) -> dict[str, list[tuple[int, float]]]:
    """What TensorBoard shows, by tag."""
    read = EventAccumulator(str(run))
    read.Reload()
    return {tag: [(event.step, event.value) for event in read.Scalars(tag)] for tag in read.Tags()["scalars"]}


@pytest.mark.parametrize("stops", [[], *STOPS.values()], ids=["it went through", *STOPS])
def test_it_shows_the_rows_of_the_log(root: Path, tmp_path: Path, stops: list[int]) -> None:
    run, config = tmp_path / "run", tiny_config(root, "run.tensorboard=true", "run.log_every=1")
    for step in stops:
        with pytest.raises(KeyboardInterrupt):
            train(config, run, resume=run.exists(), watcher=DieAt(step))
    train(config, run, resume=run.exists())
    rows = read_log(run)
    assert seen(run) == {
        f"{name}/{split}": [(row.step, pytest.approx(getattr(row, name))) for row in rows if row.split == split]
        for name in MEASURES
        for split in ("train", "val")
    }


def test_files_of_steps_that_come_again_are_replaced(tmp_path: Path) -> None:
    files = EventFiles(tmp_path)
    for step in (0, 7, 100_000_000, 5):
        files.begin(step)
    assert sorted(path.name[-8:] for path in tmp_path.iterdir()) == ["00000000", "00000005"]


def test_without_the_package_the_line_that_installs_it(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "tensorboard"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(MissingExtra, match=r"pip install 'neuroact\[tensorboard\]'"):
        train(tiny_config(root, "run.tensorboard=true"), tmp_path / "run")
    assert not (tmp_path / "run").exists()
