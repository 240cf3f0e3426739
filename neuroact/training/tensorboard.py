"""The log of a run for TensorBoard, which is not needed otherwise: `tensorboard --logdir RUNS` shows all runs below."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from neuroact.errors import MissingExtra
from neuroact.training.log import Row

MEASURES = ("epoch", "loss", "top1", "learning_rate", "samples_per_second")
"""What is drawn of a row, over its step, as `loss/train`, `loss/val` and so on."""
PREFIX = "events.out.tfevents."


class EventFiles:
    """Event files in the folder of a run, one for each time that it was begun or went on.

    Each row is in its file when `add` returns: no thread writes behind, as in torch's `SummaryWriter`.

    Raises `MissingExtra` without the package tensorboard.
    """

    def __init__(self, folder: Path) -> None:
        try:
            from tensorboard.compat.proto.event_pb2 import Event, SessionLog
            from tensorboard.compat.proto.summary_pb2 import Summary
            from tensorboard.summary.writer.record_writer import RecordWriter
        except ImportError as missing:
            raise MissingExtra("tensorboard", "tensorboard") from missing
        self._event, self._session, self._summary, self._writer = Event, SessionLog, Summary, RecordWriter
        self._folder = folder
        self._path = folder / PREFIX

    def begin(self, step: int) -> None:
        """Begins a file for what is logged after `step` steps, in the place of what was logged of later ones."""
        for path in self._folder.glob(f"{PREFIX}*"):
            if path.name >= _name(step):
                path.unlink()
        self._path = self._folder / _name(step)
        self._write(file_version="brain.Event:2")
        # From here on TensorBoard drops what earlier files have of these steps.
        self._write(step=step + 1, session_log=self._session(status=self._session.START))

    def add(self, row: Row) -> None:
        """Appends a row."""
        values = [self._summary.Value(tag=f"{name}/{row.split}", simple_value=getattr(row, name)) for name in MEASURES]
        self._write(step=row.step, summary=self._summary(value=values))

    def _write(self, **fields: Any) -> None:
        with self._path.open("ab") as file:
            self._writer(file).write(self._event(wall_time=time.time(), **fields).SerializeToString())


def _name(step: int) -> str:
    """TensorBoard reads files in the order of their names."""
    return f"{PREFIX}{step:08d}"
