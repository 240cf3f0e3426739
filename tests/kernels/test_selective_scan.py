"""`selective_scan`: the equations, the gradients, and that every backend means the same."""

from __future__ import annotations

import math
import sys
from types import ModuleType
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neuroact.errors import UnavailableBackend
from neuroact.kernels import selective_scan, which_backend
from neuroact.kernels.selective import scan
from tests.kernels.compare import close
from tests.kernels.selective_cases import FORMS, Size, differences, inputs, run

BOUNDS = {torch.float64: 1e-12, torch.float32: 1e-5, torch.bfloat16: 2e-2, torch.float16: 2e-3}
BACKENDS = ["reference", "cpu"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_channel_by_hand(backend: Any) -> None:
    u, delta = torch.tensor([[[1.0, 2.0]]]), torch.tensor([[[0.5, 1.0]]])
    A, B, C = torch.tensor([[-math.log(2)]]), torch.tensor([[[1.0, 3.0]]]), torch.tensor([[[2.0, 1.0]]])
    y, h = selective_scan(u, delta, A, B, C, torch.tensor([10.0]), return_last_state=True, backend=backend)
    # h: 0.5 * 1 * 1 = 0.5;  2^-1 * 0.5 + 1 * 3 * 2 = 6.25.  y: 2 * 0.5 + 10;  6.25 + 20
    assert torch.allclose(y, torch.tensor([[[11.0, 26.25]]]))
    assert torch.allclose(h, torch.tensor([[[6.25]]]))
    z, bias = torch.tensor([[[0.0, 1.0]]]), torch.tensor([0.25])
    gated = selective_scan(u, delta - 0.25, A, B, C, torch.tensor([10.0]), z, bias, backend=backend)
    assert torch.allclose(gated, torch.tensor([[[0.0, 26.25 / (1 + math.exp(-1))]]]))


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("dtype", BOUNDS, ids=str)
def test_cpu_equals_the_reference(form: dict[str, Any], dtype: torch.dtype) -> None:
    expected, actual = (run(backend, Size(), dtype, **form) for backend in BACKENDS)
    assert actual.y.dtype == dtype
    for name, (ours, theirs) in differences(actual, expected).items():
        assert ours.dtype == theirs.dtype
        assert close(ours, theirs, BOUNDS[dtype]), name


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from([1, 2, 15, 16, 17, 31, 32, 33, 65]), st.sampled_from([1, 15, 17]), st.sampled_from([1, 2, 16]),
    st.sampled_from([1, 3]), st.sampled_from(FORMS),
)  # fmt: skip
def test_any_shape(length: int, channels: int, states: int, groups: int, form: dict[str, Any]) -> None:
    """In float64, for the gradients of A and D are sums that can cancel."""
    size = Size(2, channels * groups, length, states, groups)
    expected, actual = (run(backend, size, torch.float64, **form) for backend in ("reference", "cpu"))
    for name, (ours, theirs) in differences(actual, expected).items():
        assert close(ours, theirs, 1e-9), name


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("backend", BACKENDS)
def test_gradients(backend: Any, form: dict[str, Any]) -> None:
    arguments = inputs(Size(1, 2, 3, 2), torch.float64, **form)

    def call(*values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        named = dict(zip(arguments, values, strict=True))
        softplus = form.get("softplus", True)
        return selective_scan(**named, delta_softplus=softplus, return_last_state=True, backend=backend)

    assert torch.autograd.gradcheck(call, tuple(arguments.values()))


def test_many_channels_on_several_threads() -> None:
    size = Size(batch=3, channels=150, length=40, states=16, groups=1)
    expected, actual = (run(backend, size, torch.float32) for backend in BACKENDS)
    for name, (ours, theirs) in differences(actual, expected).items():
        assert close(ours, theirs, 1e-5), name


def test_the_same_bits_every_time() -> None:
    first, second = (run("cpu", Size(3, 150, 40, 16, 1), torch.float32) for _ in range(2))
    assert all(torch.equal(ours, theirs) for ours, theirs in differences(first, second).values())


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("cut", [1, 16, 21])
def test_a_sequence_cut_in_two(backend: Any, cut: int) -> None:
    given: dict[str, Any] = {name: value.detach() for name, value in inputs(Size(), torch.float32).items()}
    given["delta_softplus"] = True
    timed = ("u", "delta", "B", "C", "z")
    head = given | {name: given[name][..., :cut] for name in timed}
    tail = given | {name: given[name][..., cut:] for name in timed}
    whole, last = selective_scan(**given, return_last_state=True, backend=backend)
    first, state = selective_scan(**head, return_last_state=True, backend=backend)
    second, end = selective_scan(**tail | {"h0": state}, return_last_state=True, backend=backend)
    assert close(torch.cat([first, second], -1), whole, 1e-6)
    assert close(end, last, 1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_steps_leave_the_state(backend: Any) -> None:
    given = inputs(Size(length=0), torch.float32)
    y, last = selective_scan(**given, return_last_state=True, backend=backend)
    assert y.shape == (2, 6, 0)
    assert torch.equal(last, given["h0"])


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_nan_comes_out(backend: Any) -> None:
    for name in ("u", "delta", "A", "B", "C", "h0"):
        given = {key: value.detach() for key, value in inputs(Size(), torch.float32).items()}
        given[name].flatten()[0] = math.nan
        assert selective_scan(**given, delta_softplus=True, backend=backend).isnan().any(), name


def test_the_arguments_stay_as_they_were() -> None:
    given = inputs(Size(), torch.float32)
    copies = {name: value.detach().clone() for name, value in given.items()}
    selective_scan(**given, delta_softplus=True).sum().backward()
    assert all(torch.equal(given[name], copy) for name, copy in copies.items())


def test_strides_do_not_matter() -> None:
    given = {name: value.detach() for name, value in inputs(Size(), torch.float32).items()}
    turned = {name: value.mT.contiguous().mT if value.ndim > 1 else value for name, value in given.items()}
    turned_y, y = (selective_scan(**arguments, delta_softplus=True) for arguments in (turned, given))
    assert torch.equal(turned_y, y)


@pytest.mark.parametrize("gated", [False, True])
def test_torch_knows_the_operation(gated: bool) -> None:
    def numbers(*shape: int) -> torch.Tensor:
        return torch.rand(shape, generator=torch.Generator().manual_seed(0)).requires_grad_()

    u, z = numbers(2, 6, 5), numbers(2, 6, 5) if gated else numbers(0, 0, 0)
    A, B, h0 = numbers(3, 6), numbers(2, 2, 5, 3), numbers(2, 3, 6)
    arguments = (u, u.detach().clone().requires_grad_(), A, B, numbers(1, 6, 1, 3), numbers(6), z, numbers(6), h0)
    torch.library.opcheck(scan.selective_scan_operation, (*arguments, True, True, "cpu"))


def test_a_model_compiles_without_a_break() -> None:
    given = inputs(Size(), torch.float32)

    def model(*values: torch.Tensor) -> torch.Tensor:
        named = dict(zip(given, values, strict=True))
        y, h = selective_scan(**named, delta_softplus=True, return_last_state=True)
        return y.square().sum() + h.sum()

    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    leaves = tuple(given.values())
    expected, actual = (torch.autograd.grad(function(*leaves), leaves) for function in (model, compiled))
    assert all(close(ours, theirs, 1e-6) for ours, theirs in zip(actual, expected, strict=True))


@pytest.mark.parametrize(
    ("arguments", "error", "problem"),
    [
        ({"u": torch.zeros(6, 33)}, ValueError, "u must have shape"),
        ({"u": torch.zeros(2, 6, 33, dtype=torch.int64)}, TypeError, "u must be real"),
        ({"A": torch.zeros(6, 3, dtype=torch.complex64)}, TypeError, "A must be real"),
        ({"A": torch.zeros(3, 6)}, ValueError, r"A must have shape \(6, N\)"),
        ({"delta": torch.zeros(2, 6, 32)}, ValueError, r"delta must have shape \(2, 6, 33\)"),
        ({"D": torch.zeros(5)}, ValueError, r"D must have shape \(6,\)"),
        ({"B": torch.zeros(2, 33, 3)}, ValueError, "B must have shape"),
        ({"C": torch.zeros(2, 4, 3, 33)}, ValueError, "6 channels a multiple of G"),
        ({"B": torch.zeros(2, 2, 3, 33), "C": torch.zeros(2, 3, 3, 33)}, ValueError, "2 and 3 groups"),
        ({"h0": torch.zeros(2, 3, 6)}, ValueError, r"h0 must have shape \(2, 6, 3\)"),
        ({"backend": "cuda"}, ValueError, "backend must be one of"),
        ({"backend": "triton"}, UnavailableBackend, "needs a tensor on a GPU"),
        ({"backend": "mamba_ssm"}, UnavailableBackend, "it is not installed"),
    ],
)
def test_what_cannot_be_is_refused(arguments: dict[str, Any], error: type[Exception], problem: str) -> None:
    with pytest.raises(error, match=problem):
        selective_scan(**(inputs(Size(), torch.float32) | arguments))


def test_mamba_ssm_is_called_with_its_own_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[Any, ...]] = []
    theirs = ModuleType("mamba_ssm.ops.selective_scan_interface")
    theirs.selective_scan_fn = lambda *arguments: calls.append(arguments) or arguments[0]  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "mamba_ssm", ModuleType("mamba_ssm"))
    monkeypatch.setitem(sys.modules, "mamba_ssm.ops", ModuleType("mamba_ssm.ops"))
    monkeypatch.setitem(sys.modules, theirs.__name__, theirs)
    monkeypatch.setattr(scan, "choose", lambda *_: "mamba_ssm")
    given = inputs(Size(), torch.float32)
    h0 = given.pop("h0")
    assert selective_scan(**given, delta_softplus=True, backend="mamba_ssm") is given["u"]
    assert calls == [(*given.values(), True, False)]
    with pytest.raises(UnavailableBackend, match="state of zeros only"):
        selective_scan(**given, h0=h0, backend="mamba_ssm")


def test_which_backend() -> None:
    assert which_backend(torch.zeros(2, 2), selective_scan) == "cpu"
