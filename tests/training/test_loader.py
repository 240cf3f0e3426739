"""What is wrong with the data of a batch is raised as it is, from this process or from a worker."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuroact import write_recording
from neuroact.errors import DatasetError, TruncatedRecording
from neuroact.training.configs import DataConfig
from neuroact.training.data import Batches, Part, load_split
from neuroact.training.loader import Loader
from tests.conftest import random_events

SENSORS = ((64, 48), (40, 30))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A recording of each sensor, of a class of its own."""
    for number, sensor in enumerate(SENSORS):
        path = tmp_path / f"class {number}" / "recording.raw"
        path.parent.mkdir()
        write_recording(random_events(200, sensor, seed=number), path)
    return tmp_path


def loaded(source: Path, workers: int, **settings: Any) -> list[Any]:
    config = {"source": str(source), "encoder": {"kind": "spikes", "steps": 2}, "windows": 1, **settings}
    part: Part = load_split(DataConfig.model_validate(config), "all", 0)
    return list(Loader(part, Batches(part.positions, batch=2), workers=workers, keep_workers=False))


@pytest.mark.parametrize("workers", [0, 1])
def test_samples_of_two_sensors_need_a_size(folder: Path, workers: int) -> None:
    with pytest.raises(DatasetError, match=r"^samples of .*\(2, 2, 30, 40\) and \(2, 2, 48, 64\).*data\.size="):
        loaded(folder, workers)
    ((data, labels),) = loaded(folder, workers, size=(16, 12))
    assert data.shape == (2, 2, 2, 12, 16)
    np.testing.assert_array_equal(labels, [0, 1])


@pytest.mark.parametrize("workers", [0, 1])
def test_a_damaged_recording_is_named(folder: Path, workers: int) -> None:
    path = folder / "class 1" / "recording.raw"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(TruncatedRecording) as caught:
        loaded(folder, workers, size=(16, 12))
    assert caught.value.path == path
    assert str(caught.value).startswith(f"{path}, byte ")
