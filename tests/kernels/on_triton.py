"""The Triton kernels against the references: on a GPU, or by Triton's interpreter.

No test of pytest's by its name: `test_triton.py` runs it in a process whose Triton interprets, since that is decided
when the kernels are imported. On a machine with a GPU, `pytest tests/kernels/on_triton.py` runs it there.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from neuroact.kernels import blocks, pack_spikes, spiking_linear_attention
from neuroact.kernels.backends import TRITON_INTERPRETS
from tests.kernels import integer_cases, linear_cases, relative, selective_cases
from tests.kernels.compare import close, gradients
from tests.kernels.neuron_cases import NEURONS, OPTIONS, agree, current, run

DEVICE = "cpu" if TRITON_INTERPRETS else "cuda"
RESETS = OPTIONS[:4]
CASES = [(neuron, options) for neuron in NEURONS for options in (OPTIONS if neuron == "lif" else RESETS)]
"""Surrogates are one function for all neurons."""
BOUNDS = {torch.float32: 1e-5, torch.bfloat16: 1e-2, torch.float16: 2e-3}


@pytest.fixture(autouse=True)
def few_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each costs the interpreter the same, however many neurons it has."""
    if TRITON_INTERPRETS:
        monkeypatch.setattr(blocks, "block_size", 256)


@pytest.mark.parametrize(("neuron", "options"), CASES, ids=str)
@pytest.mark.parametrize(("steps", "dtype"), [(33, torch.float32), (17, torch.bfloat16)], ids=str)
def test_neuron_scan(neuron: str, options: dict[str, Any], dtype: torch.dtype, steps: int) -> None:
    shape = (steps, 5, 17)
    expected, actual = (run(neuron, backend, options, shape, dtype, DEVICE) for backend in ("reference", "triton"))
    agree(actual, expected, BOUNDS[dtype])


def same_for_numbers(neuron: str, x: Tensor, *, by_spikes: bool = False, **values: float | Tensor | None) -> None:
    """Tensors among the values get gradients, of a loss that counts the last states unless it is `by_spikes` alone."""
    tensors = [value.requires_grad_() for value in values.values() if isinstance(value, Tensor)]
    results = []
    for backend in ("reference", "triton"):
        leaf = x.clone().requires_grad_()
        spikes, *last = NEURONS[neuron].scan(leaf, **values, backend=backend)
        loss = (spikes * x).sum() + (0 if by_spikes else torch.stack(last).sum())
        results.append((spikes, *last, *gradients(loss, leaf, *tensors)))
    assert torch.equal(results[0][0], results[1][0])
    assert all(close(ours, theirs, 1e-5) for ours, theirs in zip(results[1], results[0], strict=True))


@pytest.mark.parametrize("neuron", NEURONS)
@pytest.mark.parametrize("steps", [1, 35])
def test_numbers_for_parameters(neuron: str, steps: int) -> None:
    same_for_numbers(neuron, current(steps, 300).to(DEVICE), **NEURONS[neuron].needs)


@pytest.mark.parametrize("neuron", NEURONS)
@pytest.mark.parametrize("steps", [1, 35])
def test_numbers_and_states(neuron: str, steps: int) -> None:
    states = {name: 0.4 * current(300, seed=i).to(DEVICE) for i, name in enumerate(NEURONS[neuron].states, 1)}
    same_for_numbers(neuron, current(steps, 300).to(DEVICE), **NEURONS[neuron].needs, **states)


@pytest.mark.parametrize("neuron", NEURONS)
@pytest.mark.parametrize("size", [1, 300])
def test_numbers_beside_a_parameter_that_learns(neuron: str, size: int) -> None:
    """Neither states nor their gradients are given; of the parameters one is in memory, once or for each neuron."""
    *numbers, last = NEURONS[neuron].needs
    values = {name: NEURONS[neuron].needs[name] for name in numbers}
    learned = torch.full((size,), NEURONS[neuron].needs[last]).to(DEVICE)
    same_for_numbers(neuron, current(35, 300).to(DEVICE), by_spikes=True, **values, **{last: learned})


@pytest.mark.parametrize("neuron", NEURONS)
@pytest.mark.parametrize("v_reset", [None, 0.0])
def test_a_potential_at_the_threshold_spikes(neuron: str, v_reset: float | None) -> None:
    """Sums of halves and quarters are exact, and often 1."""
    x = torch.randint(0, 5, (18, 300), generator=torch.Generator().manual_seed(0)) / 2
    same_for_numbers(neuron, x.to(DEVICE), **dict.fromkeys(NEURONS[neuron].needs, 0.5), v_reset=v_reset)


def test_float16() -> None:
    expected, actual = (run("lif", b, {}, (17, 5, 17), torch.float16, DEVICE) for b in ("reference", "triton"))
    agree(actual, expected, BOUNDS[torch.float16])


@pytest.mark.parametrize("steps", [5, 8, 33])
@pytest.mark.parametrize("neuron", NEURONS)
def test_bytes_and_bits(neuron: str, steps: int) -> None:
    x, needs = current(steps, 300).to(DEVICE), NEURONS[neuron].needs
    spikes, *_ = NEURONS[neuron].scan(x, **needs, backend="reference")
    as_bytes, *_ = NEURONS[neuron].scan(x, **needs, spike_dtype=torch.uint8, backend="triton")
    packed, *_ = NEURONS[neuron].scan(x, **needs, spike_dtype="packed", backend="triton")
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
    actual = relative.gradients(spiking_linear_attention, q, k, v, window=window, backend="triton")
    exact = (x.double() for x in (q, k, v))
    expected = relative.gradients(spiking_linear_attention, *exact, window=window, backend="reference")
    for ours, theirs in zip(actual, expected, strict=True):
        assert ours.dtype == dtype
        relative.assert_close(ours.double(), theirs, BOUNDS[dtype])


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


@pytest.mark.parametrize("decays", integer_cases.DECAYS, ids=str)
@pytest.mark.parametrize("dtype", BOUNDS, ids=str)
def test_integer_cuba_scan(decays: tuple[int, int], dtype: torch.dtype) -> None:
    for most in integer_cases.SUMS if dtype == torch.float32 else [200]:
        integer_cases.backends_agree("triton", decays, most, (9, 5, 17), dtype, DEVICE)


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
