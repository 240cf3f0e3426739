"""`lif_scan`: the equations, the gradients, and that every backend means the same."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neuroact.errors import UnavailableBackend
from neuroact.kernels import SURROGATES, lif_scan, pack_spikes, unpack_spikes, which_backend
from tests.kernels.compare import close
from tests.kernels.lif_cases import OPTIONS, run

BOUNDS = {torch.float64: 1e-12, torch.float32: 1e-5, torch.bfloat16: 1e-2, torch.float16: 2e-3}
STEPS = [1, 2, 31, 32, 33, 65]
NEURONS = [1, 15, 17, 257]


def current(*shape: int, dtype: torch.dtype = torch.float32, seed: int = 0) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    return (torch.randn(shape, generator=random, dtype=torch.float64) * 0.8 + 0.4).to(dtype)


def test_a_neuron_by_hand() -> None:
    x = torch.tensor([[0.75], [0.75], [0.0], [1.5]])
    spikes, v = lif_scan(x, decay=0.5)
    # h: 0.75, 0.375 + 0.75 = 1.125 (spike, leaves 0.125), 0.0625, 0.03125 + 1.5 = 1.53125 (spike)
    assert spikes.flatten().tolist() == [0, 1, 0, 1]
    assert v.tolist() == [0.53125]
    spikes, v = lif_scan(x, decay=0.5, v_reset=-1.0)
    # after the first spike v = -1: h = -0.5, then -0.25 + 1.5 = 1.25
    assert spikes.flatten().tolist() == [0, 1, 0, 1]
    assert v.tolist() == [-1.0]


def test_a_potential_at_the_threshold_spikes() -> None:
    spikes, _ = lif_scan(torch.ones(1, 1), decay=0.5, v_threshold=1.0)
    assert spikes.item() == 1


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("dtype", BOUNDS, ids=str)
def test_cpu_equals_the_reference(options: dict[str, Any], dtype: torch.dtype) -> None:
    expected, actual = (run(backend, options, (33, 5, 17), dtype) for backend in ("reference", "cpu"))
    assert torch.equal(actual.spikes, expected.spikes)
    assert actual.spikes.dtype == dtype
    assert close(actual.v_last, expected.v_last, 1e-6)
    for ours, theirs in zip(actual.gradients, expected.gradients, strict=True):
        assert ours.dtype == theirs.dtype
        assert close(ours, theirs, BOUNDS[dtype])


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(STEPS), st.sampled_from(NEURONS), st.integers(1, 3), st.sampled_from(OPTIONS))
def test_any_shape(steps: int, neurons: int, rows: int, options: dict[str, Any]) -> None:
    expected, actual = (
        run(backend, options, (steps, rows, neurons), torch.float32) for backend in ("reference", "cpu")
    )
    assert torch.equal(actual.spikes, expected.spikes)
    for ours, theirs in zip(actual.gradients, expected.gradients, strict=True):
        assert close(ours, theirs, 1e-5)


@pytest.mark.parametrize("shape", [(0, 3), (4, 0), (0, 0), (3,)])
def test_nothing_to_scan(shape: tuple[int, ...]) -> None:
    for backend in ("reference", "cpu"):
        spikes, v = lif_scan(torch.zeros(shape), decay=0.5, backend=backend)  # type: ignore[arg-type]
        assert spikes.shape == shape
        assert v.shape == shape[1:]


@pytest.mark.parametrize("backend", ["reference", "cpu"])
@pytest.mark.parametrize("surrogate", SURROGATES)
@pytest.mark.parametrize("hard", [False, True])
def test_gradients_are_those_of_the_smooth_scan(backend: Any, surrogate: Any, hard: bool) -> None:
    x = current(4, 2, 3, dtype=torch.float64).requires_grad_()
    v0 = current(2, 3, dtype=torch.float64, seed=1).requires_grad_()
    decay = torch.tensor([0.5, 0.7, 0.9], dtype=torch.float64, requires_grad=True)
    threshold = torch.tensor([[0.9], [1.1]], dtype=torch.float64, requires_grad=True)
    scale = torch.tensor(0.8, dtype=torch.float64, requires_grad=True)
    v_reset = torch.tensor(0.1, dtype=torch.float64, requires_grad=True) if hard else None

    def scan(*inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x, v0, decay, threshold, scale, *rest = inputs
        return lif_scan(
            x, v0, decay=decay, v_threshold=threshold, input_scale=scale, v_reset=rest[0] if rest else None,
            surrogate=surrogate, alpha=1.3, smooth=True, backend=backend,
        )  # fmt: skip

    inputs = [x, v0, decay, threshold, scale, *([v_reset] if v_reset is not None else [])]
    assert torch.autograd.gradcheck(scan, inputs, eps=1e-6, atol=1e-7)


def test_spikes_are_those_of_a_float64_loop_but_at_the_threshold() -> None:
    x = current(64, 5000)
    spikes, _ = lif_scan(x, decay=0.9)
    v, apart = torch.zeros(5000, dtype=torch.float64), 0
    ulp = torch.finfo(torch.float32).eps
    for t in range(64):
        h = 0.9 * v + x[t].double()
        wrong = (h >= 1) != spikes[t].bool()
        assert ((h - 1).abs()[wrong] < 8 * ulp * 4).all()  # the error of four steps that still count
        apart += int(wrong.sum())
        v = h - spikes[t].double()
    assert apart < 10


@pytest.mark.parametrize("backend", ["reference", "cpu"])
def test_a_sequence_cut_in_two(backend: Any) -> None:
    x = current(40, 3, 7)
    whole, last = lif_scan(x, decay=0.9, backend=backend)
    first, v = lif_scan(x[:13], decay=0.9, backend=backend)
    second, end = lif_scan(x[13:], v, decay=0.9, backend=backend)
    assert torch.equal(torch.cat([first, second]), whole)
    assert torch.equal(end, last)


@pytest.mark.parametrize("backend", ["reference", "cpu"])
@pytest.mark.parametrize("steps", [1, 7, 8, 9, 40])
def test_bytes_and_bits_are_the_same_spikes(backend: Any, steps: int) -> None:
    x = current(steps, 3, 70)
    spikes, _ = lif_scan(x, decay=0.9, backend=backend)
    as_bytes, _ = lif_scan(x, decay=0.9, spike_dtype=torch.uint8, backend=backend)
    packed, _ = lif_scan(x, decay=0.9, spike_dtype="packed", backend=backend)
    assert as_bytes.dtype == packed.dtype == torch.uint8
    assert packed.shape == (-(-steps // 8), 3, 70)
    assert torch.equal(as_bytes, spikes.to(torch.uint8))
    assert torch.equal(packed, pack_spikes(spikes))
    assert torch.equal(unpack_spikes(packed, steps), spikes)


@pytest.mark.parametrize(
    "shape", [(), (1,), (6,), (5, 1), (4, 1, 1), (1, 5, 6), (4, 5, 6), (4, 1, 6), (2, 1, 1, 1), (2, 4, 1, 1)]
)
def test_a_parameter_spreads_as_in_numpy(shape: tuple[int, ...]) -> None:
    x = current(9, 2, 4, 5, 6)
    decay = torch.rand(shape, generator=torch.Generator().manual_seed(1)).requires_grad_()
    results = []
    for backend in ("reference", "cpu"):
        spikes, v = lif_scan(x, decay=decay, backend=backend)  # type: ignore[arg-type]
        (gradient,) = torch.autograd.grad(spikes.sum() + v.sum(), decay)
        results.append((spikes, gradient))
    assert torch.equal(results[0][0], results[1][0])
    assert results[1][1].shape == shape
    assert close(results[1][1], results[0][1], 1e-5)


def test_many_neurons_on_several_threads() -> None:
    x = current(5, 100_003).requires_grad_()
    for backend in ("reference", "cpu"):
        spikes, v = lif_scan(x, decay=0.9, backend=backend)  # type: ignore[arg-type]
        (gradient,) = torch.autograd.grad((spikes * x.detach()).sum() + v.sum(), x)
        if backend == "reference":
            expected = spikes, v, gradient
    assert torch.equal(spikes, expected[0])
    assert torch.equal(v, expected[1])
    assert close(gradient, expected[2], 1e-6)


def test_the_same_bits_every_time() -> None:
    first, second = (run("cpu", {}, (16, 40, 1000), torch.float32) for _ in range(2))
    assert torch.equal(first.spikes, second.spikes)
    assert all(torch.equal(a, b) for a, b in zip(first.gradients, second.gradients, strict=True))


def test_the_arguments_stay_as_they_were() -> None:
    x, v0 = current(9, 30), current(30)
    copies = x.clone(), v0.clone()
    lif_scan(x, v0, decay=0.9)
    assert torch.equal(x, copies[0])
    assert torch.equal(v0, copies[1])


def test_time_may_be_any_stride() -> None:
    x = current(7, 30, 9)
    turned = x.permute(2, 1, 0)
    assert torch.equal(lif_scan(turned, decay=0.9)[0], lif_scan(turned.contiguous(), decay=0.9)[0])


def test_torch_knows_the_operation() -> None:
    from neuroact.kernels.lif.scan import scan_operation

    x, v0 = current(5, 6).requires_grad_(), torch.zeros(6, requires_grad=True)
    parameters = [torch.tensor([value], requires_grad=True) for value in (0.9, 1.0, 0.0, 1.0)]
    options = ([1, 1, 1, 1], False, "atan", 2.0, False, False, "same", True, "cpu")
    torch.library.opcheck(scan_operation, (x, v0, *parameters, *options))


def test_a_model_compiles_without_a_break() -> None:
    decay = torch.tensor(0.9, requires_grad=True)

    def model(x: torch.Tensor) -> torch.Tensor:
        spikes, v = lif_scan(x * 2, decay=decay)
        return (spikes.mean(0) + v).sum()

    x = current(6, 4, 5).requires_grad_()
    expected = torch.autograd.grad(model(x), (x, decay))
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    actual = torch.autograd.grad(compiled(x), (x, decay))
    assert all(torch.equal(a, b) for a, b in zip(actual, expected, strict=True))


@pytest.mark.parametrize(
    ("arguments", "error", "problem"),
    [
        ({"surrogate": "tanh"}, ValueError, "must be one of atan"),
        ({"spike_dtype": torch.int32}, ValueError, "torch.uint8 or 'packed'"),
        ({"decay": torch.zeros(3)}, ValueError, r"decay has shape \(3,\)"),
        ({"v0": torch.zeros(3)}, ValueError, r"v0 has shape \(3,\)"),
        ({"backend": "cuda"}, ValueError, "backend must be one of"),
        ({"backend": "mamba_ssm"}, UnavailableBackend, "no backend 'mamba_ssm'"),
        ({"backend": "triton"}, UnavailableBackend, "needs a tensor on a GPU"),
        ({"x": torch.zeros(4, 2, dtype=torch.int64)}, TypeError, "must be floating-point"),
        ({"x": torch.tensor(1.0)}, ValueError, "time as its first dimension"),
        ({"x": torch.zeros(4, 2, dtype=torch.bfloat16), "smooth": True}, ValueError, "float32 or float64"),
        ({"x": torch.zeros(4, 2, requires_grad=True), "spike_dtype": "packed"}, ValueError, "carry no gradient"),
    ],
)
def test_what_cannot_be_is_refused(arguments: dict[str, Any], error: type[Exception], problem: str) -> None:
    with pytest.raises(error, match=problem):
        lif_scan(**({"x": torch.zeros(4, 2), "decay": 0.5} | arguments))


def test_which_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.zeros(2, 2)
    assert which_backend(x) == which_backend(x, lif_scan) == "cpu"
    monkeypatch.setenv("NEUROACT_BACKEND", "reference")
    assert which_backend(x) == "reference"
    monkeypatch.setenv("NEUROACT_BACKEND", "triton")
    with pytest.raises(UnavailableBackend, match="needs a tensor on a GPU"):
        lif_scan(x, decay=0.5)
