"""DailyAction-DVS: nothing but class folders."""

from pathlib import Path

import pytest

from neuroact.datasets.published.daily_dvs import CLASSES, listing
from neuroact.datasets.sources import collect
from neuroact.errors import DatasetError
from tests.conftest import random_events
from tests.datasets.builders import converted
from tests.recordings import build_aedat as aedat
from tests.recordings.build_words import rows

FOLDERS = ["bend", "climb", "fall", "get up", "jump", "lie", "lift", "pick", "run", "sit", "stand", "walk"]


def write_daily(root: Path, folders: list[str]) -> None:
    """Two DVS128 recordings a class, whose header names no camera."""
    for folder in folders:
        (root / folder).mkdir(parents=True)
        for number in (1, 2):
            events = random_events(40, (128, 128), seed=number)
            addresses = [(aedat.dvs128_address(x, y, p), t) for t, x, y, p in rows(events)]
            (root / folder / f"{number}.aedat").write_bytes(aedat.aedat2(addresses))


@pytest.mark.parametrize("get_up", ["get up", "getup", "get_up", "Get-Up"])
def test_the_folder_is_the_label(tmp_path: Path, get_up: str) -> None:
    write_daily(tmp_path, [get_up if name == "get up" else name for name in FOLDERS])
    collection = collect([f"daily_dvs:{tmp_path}"])
    assert collection.classes == CLASSES == tuple(FOLDERS)
    assert {source.path.parent.name: source.label for source in collection.sources} == {
        get_up if name == "get up" else name: label for label, name in enumerate(FOLDERS)
    }
    assert len(collection.sources) == 24
    assert {(source.split, source.subject) for source in collection.sources} == {(None, None)}
    assert "no official split" in collection.notes[0]


def test_its_recordings_are_converted(tmp_path: Path) -> None:
    write_daily(tmp_path / "in", FOLDERS[:2])
    store = converted(Path(f"daily_dvs:{tmp_path / 'in'}"), tmp_path / "store")
    assert [sample.data for sample in store] == [random_events(40, (128, 128), seed=seed) for seed in (1, 2, 1, 2)]


def test_what_is_missing_or_foreign_is_named(tmp_path: Path) -> None:
    write_daily(tmp_path, FOLDERS[:11])
    write_daily(tmp_path, ["dance", "more/walk"])
    (tmp_path / "bend" / "notes.txt").write_text("x")
    found = listing(tmp_path)
    assert found.missing == [tmp_path / "walk"]
    assert [path.relative_to(tmp_path).as_posix() for path, _ in found.ignored] == [
        "bend/notes.txt", "dance/1.aedat", "dance/2.aedat", "more/walk/1.aedat", "more/walk/2.aedat",
    ]  # fmt: skip


def test_a_folder_without_recordings_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="as DailyAction-DVS has"):
        listing(tmp_path)
