"""`linear_scan`: the equation, the gradients, and that every backend means the same."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neuroact.errors import UnavailableBackend
from neuroact.kernels import linear_scan, which_backend
from neuroact.kernels.linear.scan import linear_scan_operation
from tests.kernels.compare import close
from tests.kernels.linear_cases import COEFFICIENTS, run

BOUNDS = {torch.float64: 1e-13, torch.float32: 1e-5, torch.bfloat16: 2e-2, torch.float16: 2e-3}
STEPS = [1, 2, 31, 32, 33, 65]
NEURONS = [1, 15, 17, 257]
BACKENDS = ["reference", "cpu"]


def numbers(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_neuron_by_hand(backend: Any) -> None:
    a, b = torch.tensor([[0.5], [2.0], [0.0]]), torch.tensor([[1.0], [-1.0], [3.0]])
    h, h_last = linear_scan(a, b, torch.tensor([4.0]), backend=backend)
    assert h.flatten().tolist() == [3.0, 5.0, 3.0]
    assert h_last.tolist() == [3.0]
    h, _ = linear_scan(0.5, b, backend=backend)
    assert h.flatten().tolist() == [1.0, -0.5, 2.75]


@pytest.mark.parametrize("coefficient", COEFFICIENTS, ids=str)
@pytest.mark.parametrize("dtype", BOUNDS, ids=str)
def test_cpu_equals_the_reference(coefficient: tuple[int | None, ...], dtype: torch.dtype) -> None:
    expected, actual = (run(backend, coefficient, (33, 5, 17), dtype) for backend in BACKENDS)
    assert actual.h.dtype == dtype
    assert close(actual.h, expected.h, BOUNDS[dtype])
    assert close(actual.h_last, expected.h_last, 1e-6)
    for ours, theirs in zip(actual.gradients, expected.gradients, strict=True):
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
        assert close(ours, theirs, BOUNDS[dtype])


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(STEPS), st.sampled_from(NEURONS), st.integers(1, 3), st.booleans())
def test_any_shape(steps: int, neurons: int, rows: int, constant: bool) -> None:
    """In float64, for the gradient of a constant is a sum that can cancel."""
    coefficient = (neurons,) if constant else (steps, rows, neurons)
    expected, actual = (run(backend, coefficient, (steps, rows, neurons), torch.float64) for backend in BACKENDS)
    assert close(actual.h, expected.h, 1e-12)
    for ours, theirs in zip(actual.gradients, expected.gradients, strict=True):
        assert close(ours, theirs, 1e-9)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("coefficient", [(4, 2, 3), (2, 1), ()], ids=str)
def test_gradients(backend: Any, coefficient: tuple[int, ...]) -> None:
    inputs = [
        numbers(*shape, seed=seed, dtype=torch.float64).requires_grad_()
        for seed, shape in enumerate([coefficient, (4, 2, 3), (2, 3)])
    ]
    assert torch.autograd.gradcheck(lambda a, b, h0: linear_scan(a, b, h0, backend=backend), inputs)


@pytest.mark.parametrize("shape", [(0, 3), (4, 0), (0, 0), (3,)])
@pytest.mark.parametrize("backend", BACKENDS)
def test_nothing_to_scan(shape: tuple[int, ...], backend: Any) -> None:
    h0 = torch.ones(shape[1:])
    h, h_last = linear_scan(torch.ones(shape), torch.zeros(shape), h0, backend=backend)
    assert h.shape == shape
    assert torch.equal(h_last, h0)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_sequence_cut_in_two(backend: Any) -> None:
    a, b = numbers(40, 3, 7), numbers(40, 3, 7, seed=1)
    whole, last = linear_scan(a, b, backend=backend)
    first, state = linear_scan(a[:13], b[:13], backend=backend)
    second, end = linear_scan(a[13:], b[13:], state, backend=backend)
    assert torch.equal(torch.cat([first, second]), whole)
    assert torch.equal(end, last)


def test_the_sum_is_kept_in_float32() -> None:
    b = torch.full((1000, 1), 0.01, dtype=torch.bfloat16)
    for backend in BACKENDS:
        _, last = linear_scan(1.0, b, backend=backend)  # type: ignore[arg-type]
        assert close(last, b.double().sum(0), 1e-4)  # in bfloat16 it would stop at 4


def test_many_neurons_on_several_threads() -> None:
    expected, actual = (run(backend, (100_003,), (5, 100_003), torch.float32) for backend in BACKENDS)
    assert close(actual.h, expected.h, 1e-6)
    for ours, theirs in zip(actual.gradients, expected.gradients, strict=True):
        assert close(ours, theirs, 1e-6)


def test_the_same_bits_every_time() -> None:
    first, second = (run("cpu", (1000,), (16, 40, 1000), torch.float32) for _ in range(2))
    assert torch.equal(first.h, second.h)
    assert all(torch.equal(a, b) for a, b in zip(first.gradients, second.gradients, strict=True))


def test_the_arguments_stay_as_they_were() -> None:
    a, b, h0 = (numbers(9, 30, seed=seed) for seed in range(3))
    copies = a.clone(), b.clone(), h0[0].clone()
    linear_scan(a, b, h0[0])
    assert all(torch.equal(x, y) for x, y in zip((a, b, h0[0]), copies, strict=True))


@pytest.mark.parametrize("constant", [False, True])
def test_torch_knows_the_operation(constant: bool) -> None:
    a, b, h0 = (numbers(*shape).requires_grad_() for shape in ((0, 0) if constant else (5, 6), (5, 6), (6,)))
    fixed = numbers(3 if constant else 0).requires_grad_()
    torch.library.opcheck(linear_scan_operation, (a, b, h0, fixed, 2, "cpu"))


@pytest.mark.parametrize("shape", [(6, 4, 5), (5,)])
def test_a_model_compiles_without_a_break(shape: tuple[int, ...]) -> None:
    def model(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        h, last = linear_scan(a.sigmoid(), b * 2)
        return (h.mean(0) + last).sum()

    inputs = numbers(*shape).requires_grad_(), numbers(6, 4, 5, seed=1).requires_grad_()
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    expected, actual = (torch.autograd.grad(function(*inputs), inputs) for function in (model, compiled))
    assert all(torch.equal(x, y) for x, y in zip(actual, expected, strict=True))


@pytest.mark.parametrize(
    ("arguments", "error", "problem"),
    [
        ({"a": torch.zeros(4, 3)}, ValueError, r"a has shape \(4, 3\)"),
        ({"a": torch.zeros(3, 2)}, ValueError, r"a has shape \(3, 2\)"),
        ({"a": torch.zeros(3)}, ValueError, r"a has shape \(3,\)"),
        ({"h0": torch.zeros(3)}, ValueError, r"h0 has shape \(3,\)"),
        ({"b": torch.zeros(4, 2, dtype=torch.int64)}, TypeError, "must be floating-point"),
        ({"b": torch.tensor(1.0)}, ValueError, "time as its first dimension"),
        ({"backend": "cuda"}, ValueError, "backend must be one of"),
        ({"backend": "mamba_ssm"}, UnavailableBackend, "no backend 'mamba_ssm'"),
        ({"backend": "triton"}, UnavailableBackend, "needs a tensor on a GPU"),
    ],
)
def test_what_cannot_be_is_refused(arguments: dict[str, Any], error: type[Exception], problem: str) -> None:
    with pytest.raises(error, match=problem):
        linear_scan(**({"a": 0.5, "b": torch.zeros(4, 2)} | arguments))


def test_which_backend() -> None:
    assert which_backend(torch.zeros(2, 2), linear_scan) == "cpu"
