"""Folders of small recordings, and conversions in this process."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Unpack

import numpy as np

from neuroact import Events, write_recording
from neuroact.datasets import ConvertRequest, Store, open_store
from neuroact.datasets.conversion.folder_store import convert_folder
from neuroact.datasets.conversion.group import convert_group
from neuroact.datasets.conversion.planning import Group
from neuroact.datasets.conversion.watching import Silent
from neuroact.datasets.sources import collect
from neuroact.datasets.store.manifest import Record
from neuroact.datasets.store.request import Settings
from tests.conftest import random_events


def nmnist_bytes(events: Events) -> bytes:
    """As N-MNIST stores events: x, y, then polarity and 23 bits of time."""
    last = events.p.astype(np.uint32) << 23 | events.t.astype(np.uint32)
    columns = [events.x, events.y, last >> 16, last >> 8 & 0xFF, last & 0xFF]
    return np.stack(columns, axis=1).astype(np.uint8).tobytes()


def write_nmnist(root: Path, each: int, *, events: int = 200, digits: Sequence[int] = (0, 1, 7)) -> list[Events]:
    """A folder laid out as N-MNIST with `each` recordings for every split and digit, in the order of their names."""
    written = []
    for split in ("Test", "Train"):
        for digit in digits:
            folder = root / split / str(digit)
            folder.mkdir(parents=True)
            for number in range(1, each + 1):
                content = random_events(events + number, (34, 34), seed=len(written))
                (folder / f"{number:05d}.bin").write_bytes(nmnist_bytes(content))
                written.append(content)
    return written


def write_recordings(root: Path, names: Sequence[str], *, events: int = 500) -> dict[str, Events]:
    """EVT2 recordings of a 64x48 sensor under the given names."""
    written = {}
    for seed, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        written[name] = random_events(events, seed=seed)
        write_recording(written[name], path, format="evt2")
    return written


def in_process(groups: Sequence[Group]) -> Iterator[tuple[Group, list[Record]]]:
    """Converts groups one after the other, without workers."""
    return ((group, convert_group(group, lambda progress: None)) for group in groups)


def converted(source: Path | str, out: Path, **settings: Unpack[Settings]) -> Store:
    """A folder store made in this process."""
    convert_folder(collect([source]), out, ConvertRequest.of(settings), in_process, Silent(), resume=False)
    return open_store(out)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
