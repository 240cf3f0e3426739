"""POKER-DVS, as tonic hands it on."""

from pathlib import Path

import numpy as np
import pytest

from neuroact import Events
from neuroact.datasets.published.pokerdvs import CLASSES, listing
from neuroact.datasets.sources import collect
from neuroact.errors import DatasetError
from tests.conftest import random_events
from tests.datasets.builders import converted


def write_poker(root: Path, each: int = 1) -> dict[str, Events]:
    """Tables of t, x, y, p as float64: what is in them, by name."""
    written = {}
    for folder in ("pips_test", "pips_train"):
        for suit in sorted(CLASSES):
            (root / folder / suit).mkdir(parents=True)
            for number in range(each):
                events = random_events(80, (35, 35), seed=len(written))
                name = f"{folder}/{suit}/{number}.npy"
                np.save(root / name, np.stack([events.t, events.x, events.y, events.p], axis=1))
                written[name] = events
    return written


def test_suits_and_splits_are_folders(tmp_path: Path) -> None:
    written = write_poker(tmp_path, each=2)
    collection = collect([f"pokerdvs:{tmp_path}"])
    assert [source.name for source in collection.sources] == list(written)
    assert collection.classes == ("cl", "he", "di", "sp")
    assert [source.label for source in collection.sources] == [0, 0, 2, 2, 1, 1, 3, 3] * 2
    assert [source.split for source in collection.sources] == ["test"] * 8 + ["train"] * 8


def test_its_recordings_are_converted(tmp_path: Path) -> None:
    written = write_poker(tmp_path / "in")
    store = converted(Path(f"pokerdvs:{tmp_path / 'in'}"), tmp_path / "store")
    assert [sample.data for sample in store] == list(written.values())


def test_what_is_missing_or_foreign_is_named(tmp_path: Path) -> None:
    write_poker(tmp_path)
    (tmp_path / "pips_train" / "he" / "0.npy").unlink()
    (tmp_path / "pips_train.tar.gz").write_bytes(b"")
    (tmp_path / "pips_train" / "0.npy").write_bytes(b"")
    found = listing(tmp_path)
    assert len(found.sources) == 7
    assert found.missing == [tmp_path / "pips_train" / "he"]
    assert [path.name for path, _ in found.ignored] == ["pips_train.tar.gz", "0.npy"]


def test_a_folder_without_recordings_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="as POKER-DVS has in tonic's layout"):
        listing(tmp_path)
