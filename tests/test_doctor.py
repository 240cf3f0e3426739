"""`doctor` says what is so."""

from __future__ import annotations

import json

import pytest
import torch

from neuroact.cli.app import run
from neuroact.doctor import doctor, operations
from neuroact.kernels import lif_scan


def test_versions_devices_and_backends() -> None:
    report = doctor()
    assert report.packages["torch"] == torch.__version__
    assert "cpu" in report.devices
    assert operations()["lif_scan"] is lif_scan
    assert set(report.runs) >= {"lif_scan", "cuba_lif_scan", "adaptive_lif_scan", "linear_scan", "selective_scan"}
    assert report.runs["lif_scan"]["cpu"] == "cpu"
    if not torch.cuda.is_available():
        assert "needs a tensor on a GPU" in report.refused["triton"]
    assert "cpu" not in report.refused


def test_the_variable_is_heeded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEUROACT_BACKEND", "reference")
    assert doctor().runs["lif_scan"]["cpu"] == "reference"


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor"]) == 0
    printed = capsys.readouterr().out
    assert "lif_scan" in printed
    assert torch.__version__ in printed
    assert run(["doctor", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["runs"] == doctor().runs
