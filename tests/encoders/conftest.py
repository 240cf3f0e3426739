"""Every test of an encoder or filter that asks for `engine` runs twice: as plain Python and compiled."""

import pytest


@pytest.fixture(params=["plain", "compiled"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr("neuroact.jit.WORTH_LOADING", 0 if request.param == "compiled" else 1 << 62)
    return str(request.param)
