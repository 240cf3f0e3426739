"""N-Caltech101: recordings without a header, on one canvas."""

from pathlib import Path

import numpy as np
import pytest

from neuroact import Events
from neuroact.datasets.published.ncaltech101 import CLASSES, listing
from neuroact.datasets.sources import collect
from neuroact.errors import DatasetError
from tests.conftest import random_events
from tests.datasets.builders import converted, nmnist_bytes


def write_ncaltech(root: Path, classes: tuple[str, ...], size: tuple[int, int] = (200, 150)) -> list[Events]:
    written = []
    for name in classes:
        (root / name).mkdir(parents=True)
        for number in (1, 2):
            written.append(random_events(100, size, seed=len(written)))
            (root / name / f"image_{number:04d}.bin").write_bytes(nmnist_bytes(written[-1]))
    return written


def test_there_are_101_classes_in_the_order_of_their_folders(tmp_path: Path) -> None:
    assert len(CLASSES) == 101
    assert list(CLASSES) == sorted(CLASSES)
    assert "Faces" not in CLASSES
    write_ncaltech(tmp_path, ("accordion", "yin_yang"))
    collection = collect([f"ncaltech101:{tmp_path}"])
    assert collection.classes == CLASSES
    assert [source.label for source in collection.sources] == [4, 4, 100, 100]
    assert {source.split for source in collection.sources} == {None}


def test_every_sample_has_one_shape_and_an_overflow_is_no_event(tmp_path: Path) -> None:
    events = write_ncaltech(tmp_path / "in", ("ant",))
    path = tmp_path / "in" / "ant" / "image_0001.bin"
    path.write_bytes(bytes([0, 240, 0, 0, 0]) + nmnist_bytes(events[0]))
    store = converted(Path(f"ncaltech101:{tmp_path / 'in'}"), tmp_path / "store")
    size = (240, 180)
    assert [sample.data for sample in store] == [
        events[0].replace(t=events[0].t + 8192, sensor_size=size),
        events[1].replace(sensor_size=size),
    ]
    frames = converted(Path(f"ncaltech101:{tmp_path / 'in'}"), tmp_path / "frames", to="frames")
    assert {np.asarray(sample.data).shape[-2:] for sample in frames} == {(180, 240)}


def test_what_is_missing_or_foreign_is_named(tmp_path: Path) -> None:
    write_ncaltech(tmp_path, (*CLASSES[:99], CLASSES[100], "Faces"))
    (tmp_path / "ant" / "annotation_0001.bin").write_bytes(b"")
    found = listing(tmp_path)
    assert found.missing == [tmp_path / "wrench"]
    assert {path.relative_to(tmp_path).as_posix() for path, _ in found.ignored} == {
        "Faces/image_0001.bin", "Faces/image_0002.bin", "ant/annotation_0001.bin",
    }  # fmt: skip
    assert len(found.sources) == 200


def test_the_folder_above_is_an_error(tmp_path: Path) -> None:
    write_ncaltech(tmp_path / "Caltech101", ("ant",))
    with pytest.raises(DatasetError, match="give the folder Caltech101 itself"):
        listing(tmp_path)
