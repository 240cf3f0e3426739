"""The Triton kernels against the references: on a GPU, or by Triton's interpreter.

No test of pytest's by its name: `test_triton.py` runs it in a process whose Triton interprets, since that is decided
when the kernels are imported. On a machine with a GPU, `pytest tests/kernels/on_triton.py` runs it there.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch

from neuroact.kernels import blocks, lif_scan, pack_spikes, spiking_linear_attention
from neuroact.kernels.backends import TRITON_INTERPRETS
from tests.kernels import linear_cases, selective_cases
from tests.kernels.compare import close
from tests.kernels.lif_cases import OPTIONS, run
from tests.kernels.relative import assert_close, gradients

DEVICE = "cpu" if TRITON_INTERPRETS else "cuda"
BOUNDS = {torch.float32: 1e-5, torch.bfloat16: 1e-2, torch.float16: 2e-3}


@pytest.fixture(autouse=True)
def few_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each costs the interpreter the same, however many neurons it has."""
    if TRITON_INTERPRETS:
        monkeypatch.setattr(blocks, "block_size", 256)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("dtype", BOUNDS, ids=str)
@pytest.mark.parametrize("steps", [1, 33])
def test_lif_scan(options: dict[str, Any], dtype: torch.dtype, steps: int) -> None:
    expected, actual = (run(backend, options, (steps, 5, 17), dtype, DEVICE) for backend in ("reference", "triton"))
    assert torch.equal(actual.spikes, expected.spikes)
    assert close(actual.v_last, expected.v_last, 1e-6)
    for ours, theirs in zip(actual.gradients, expected.gradients, strict=True):
        assert close(ours, theirs, BOUNDS[dtype])


@pytest.mark.parametrize("steps", [5, 8, 33])
def test_lif_scan_as_bytes_and_bits(steps: int) -> None:
    x = torch.randn(steps, 300, generator=torch.Generator().manual_seed(0)).to(DEVICE)
    spikes, _ = lif_scan(x, decay=0.9, backend="reference")
    as_bytes, _ = lif_scan(x, decay=0.9, spike_dtype=torch.uint8, backend="triton")
    packed, _ = lif_scan(x, decay=0.9, spike_dtype="packed", backend="triton")
    assert torch.equal(as_bytes, spikes.to(torch.uint8))
    assert torch.equal(packed, pack_spikes(spikes))


@pytest.mark.parametrize("dtype", BOUNDS, ids=str)
@pytest.mark.parametrize(
    ("tokens", "width", "depth", "window"), [(1, 1, 1, 1), (17, 15, 63, 4), (63, 33, 17, 63), (500, 32, 64, 64)]
)
def test_spiking_linear_attention(tokens: int, width: int, depth: int, window: int, dtype: torch.dtype) -> None:
    random = torch.Generator().manual_seed(0)
    q, k = ((torch.rand(2, tokens, width, generator=random) < 0.3).to(DEVICE, dtype) for _ in "qk")
    v = torch.randn(2, tokens, depth, generator=random).to(DEVICE, dtype)
    actual = gradients(spiking_linear_attention, q, k, v, window=window, backend="triton")
    exact = (x.double() for x in (q, k, v))
    expected = gradients(spiking_linear_attention, *exact, window=window, backend="reference")
    for ours, theirs in zip(actual, expected, strict=True):
        assert ours.dtype == dtype
        assert_close(ours.double(), theirs, BOUNDS[dtype])


@pytest.mark.parametrize(
    ("coefficient", "dtype"),
    [*((shape, torch.float32) for shape in linear_cases.COEFFICIENTS), ((None, 5, 17), torch.bfloat16)],
    ids=str,
)
def test_linear_scan(coefficient: tuple[int | None, ...], dtype: torch.dtype) -> None:
    expected, actual = (
        linear_cases.run(backend, coefficient, (9, 5, 17), dtype, DEVICE) for backend in ("reference", "triton")
    )
    assert close(actual.h, expected.h, BOUNDS[dtype])
    assert close(actual.h_last, expected.h_last, 1e-6)
    for ours, theirs in zip(actual.gradients, expected.gradients, strict=True):
        assert close(ours, theirs, 2 * BOUNDS[dtype])


@pytest.mark.parametrize(
    ("form", "dtype"), [*((form, torch.float32) for form in selective_cases.FORMS), ({}, torch.bfloat16)], ids=str
)
def test_selective_scan(form: dict[str, Any], dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "block_size", 2)
    size = selective_cases.Size(batch=2, channels=6, length=9, states=2, groups=2)
    expected, actual = (
        selective_cases.run(backend, size, dtype, DEVICE, **form) for backend in ("reference", "triton")
    )
    for name, (ours, theirs) in selective_cases.differences(actual, expected).items():
        assert close(ours, theirs, BOUNDS[dtype]), name
