"""Gathering: chunks end to end, whoever copies them and however few were expected."""

import threading

import numpy as np
import pytest

from neuroact import Events
from neuroact.recordings import gathering
from neuroact.recordings.gathering import Gathering
from tests.conftest import random_events


@pytest.fixture(params=[1, 2], autouse=True)
def with_cores(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(gathering, "cores", lambda: request.param)
    monkeypatch.setattr(gathering, "BATCH", 10)
    return int(request.param)


@pytest.mark.parametrize("expected", [1, 11, 400, 5000])
def test_chunks_end_to_end(expected: int, with_cores: int) -> None:
    events = random_events(1000, (32, 24))
    with Gathering(expected) as gathered:
        for start in range(0, 1000, 37):
            chunk = events[start : start + 37]
            columns = [getattr(chunk, name).copy() for name in "txyp"]
            gathered.add(Events(*columns, (32, 24)))
        threads = [thread.name for thread in threading.enumerate() if thread.name.startswith("neuroact-gathering")]
        assert bool(threads) == (with_cores > 1 and expected > 10)
    assert gathered.columns.events((32, 24), True) == events
    assert gathered.columns.capacity == 1000
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("neuroact-gathering")]


def test_an_error_between_chunks_is_passed_on() -> None:
    def gather() -> None:
        with Gathering(1000) as gathered:
            gathered.add(random_events(30, (32, 24)))
            raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        gather()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("neuroact-gathering")]


def test_an_error_in_the_other_thread_is_raised() -> None:
    chunk = random_events(30, (32, 24))
    object.__setattr__(chunk, "x", np.zeros(7, np.uint16))

    def gather() -> None:
        with Gathering(1000) as gathered:
            gathered.add(chunk)

    with pytest.raises(ValueError, match="could not broadcast"):
        gather()
