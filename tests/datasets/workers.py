"""Work for the supervisor's tests; workers import it by name."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from neuroact.datasets.conversion.group import Progress, convert_group
from neuroact.datasets.conversion.planning import Group
from neuroact.datasets.store.manifest import Record


@dataclass(frozen=True)
class Chore:
    """Items to go through; `folder` is where workers leave notes."""

    folder: Path
    items: tuple[int, ...]
    left_out: dict[int, str] = field(default_factory=dict)

    def without(self, recording: int, reason: str) -> Chore:
        return replace(self, left_out=self.left_out | {recording: reason})


def note(folder: Path, name: str) -> int:
    """Leaves a note and returns how many of that name there are."""
    with (folder / name).open("a") as file:
        file.write(f"{os.getpid()}\n")
    return len((folder / name).read_text().splitlines())


def go_through(chore: Chore, send: Callable[[Progress], None]) -> tuple[int, ...]:
    for item in chore.items:
        if item not in chore.left_out:
            send(Progress(item))
            note(chore.folder, f"item {item}")
    return tuple(item for item in chore.items if item not in chore.left_out)


def die_at_13(chore: Chore, send: Callable[[Progress], None]) -> tuple[int, ...]:
    """Item 13 kills its worker, always."""
    for item in chore.items:
        if item not in chore.left_out:
            send(Progress(item))
            if note(chore.folder, f"item {item}") and item == 13:
                os.kill(os.getpid(), signal.SIGSEGV)
    return tuple(item for item in chore.items if item not in chore.left_out)


def die_at_13_once(chore: Chore, send: Callable[[Progress], None]) -> tuple[int, ...]:
    """Item 13 kills its worker the first time, and the second time sees whether anybody works beside it."""
    for item in chore.items:
        send(Progress(item))
        begun = note(chore.folder, f"item {item}")
        note(chore.folder, "busy")
        if item == 13 and begun == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        if item == 13:
            before = (chore.folder / "busy").read_text()
            time.sleep(0.5)
            if (chore.folder / "busy").read_text() == before:
                note(chore.folder, "was alone")
        time.sleep(0.05)
    return chore.items


def raise_at_13(chore: Chore, send: Callable[[Progress], None]) -> tuple[int, ...]:
    """Item 13 is an error; the others take long."""
    for item in chore.items:
        send(Progress(item))
        if item == 13:
            raise ValueError("item 13")
        time.sleep(60)
    return chore.items


def die_at_once(chore: Chore, send: Callable[[Progress], None]) -> tuple[int, ...]:
    """Dies before it reaches an item."""
    os._exit(3)


def die_with_bad(group: Group, send: Callable[[Progress], None]) -> list[Record]:
    """`convert_group`, but recordings named bad*.raw kill their worker."""

    def watch(progress: Progress) -> None:
        send(progress)
        if group.sources[progress.recording - group.first].name.startswith("bad"):
            os.kill(os.getpid(), signal.SIGKILL)

    return convert_group(group, watch)


def die_on_dask(group: Group) -> list[Record]:
    """What no worker of a cluster survives."""
    os.kill(os.getpid(), signal.SIGKILL)
    return []
