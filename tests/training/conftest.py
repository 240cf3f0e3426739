"""The tiny model under its name, and a data set for it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from neuroact.models import FAMILIES
from tests.training import tiny


@pytest.fixture(autouse=True)
def _tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny.register(lambda name, family: monkeypatch.setitem(FAMILIES, name, family))


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `digits` makes."""
    return tiny.digits(tmp_path_factory.mktemp("digits"))
