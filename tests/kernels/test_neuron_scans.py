"""The neurons' scans: the equations, the gradients, and that every backend means the same."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from neuroact.errors import UnavailableBackend
from neuroact.kernels import (
    SURROGATES,
    adaptive_lif_scan,
    cuba_lif_scan,
    lif_scan,
    pack_spikes,
    unpack_spikes,
    which_backend,
)
from neuroact.kernels.neurons import NUMBER
from tests.kernels.compare import close
from tests.kernels.neuron_cases import NEURONS, OPTIONS, agree, current, leaves, run

BOUNDS = {torch.float64: 1e-12, torch.float32: 1e-5, torch.bfloat16: 1e-2, torch.float16: 2e-3}
STEPS = [1, 2, 31, 32, 33, 65]
SIZES = [1, 15, 17, 257]
every_neuron = pytest.mark.parametrize("neuron", NEURONS)
every_backend = pytest.mark.parametrize("backend", ["reference", "cpu"])


def scan(neuron: str, x: Tensor, *states: Tensor, **options: Any) -> tuple[Tensor, ...]:
    """With numbers for the parameters that a neuron cannot do without."""
    return NEURONS[neuron].scan(x, *states, **(NEURONS[neuron].needs | options))


def test_a_lif_neuron_by_hand() -> None:
    x = torch.tensor([[0.75], [0.75], [0.0], [1.5]])
    spikes, v = lif_scan(x, decay=0.5)
    # h: 0.75, 0.375 + 0.75 = 1.125 (spike, leaves 0.125), 0.0625, 0.03125 + 1.5 = 1.53125 (spike)
    assert spikes.flatten().tolist() == [0, 1, 0, 1]
    assert v.tolist() == [0.53125]
    spikes, v = lif_scan(x, decay=0.5, v_reset=-1.0)
    # after the first spike v = -1: h = -0.5, then -0.25 + 1.5 = 1.25
    assert spikes.flatten().tolist() == [0, 1, 0, 1]
    assert v.tolist() == [-1.0]


def test_a_current_based_neuron_by_hand() -> None:
    x = torch.tensor([[1.0], [0.0], [0.0], [1.0]])
    spikes, u, v = cuba_lif_scan(x, current_decay=0.5, decay=0.75, v_threshold=1.25, input_scale=1.0)
    # u: 1, 0.5, 0.25, 1.125;  h: 1, 0.75 + 0.5 = 1.25 (spike, leaves 0), 0.25, 0.1875 + 1.125 = 1.3125 (spike)
    assert spikes.flatten().tolist() == [0, 1, 0, 1]
    assert u.tolist() == [1.125]
    assert v.tolist() == [0.0625]


def test_an_adaptive_neuron_by_hand() -> None:
    x = torch.tensor([[1.25], [1.25], [1.25], [1.25]])
    spikes, v, a = adaptive_lif_scan(x, decay=0.5, rho=0.5, beta=0.5)
    # thresholds: 1, 1.5, 1.25, 1.625; h: 1.25 (leaves 0.25), 1.375 (none), 1.9375 (leaves 0.6875), 1.59375 (none)
    assert spikes.flatten().tolist() == [1, 0, 1, 0]
    assert v.tolist() == [1.59375]
    assert a.tolist() == [0.625]  # 1, 0.5, 1.25, 0.625


@every_neuron
def test_a_potential_at_the_threshold_spikes(neuron: str) -> None:
    assert scan(neuron, torch.ones(1, 1), v_threshold=1.0)[0].item() == 1


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("dtype", BOUNDS, ids=str)
@every_neuron
def test_cpu_equals_the_reference(neuron: str, options: dict[str, Any], dtype: torch.dtype) -> None:
    expected, actual = (run(neuron, backend, options, (33, 5, 17), dtype) for backend in ("reference", "cpu"))
    assert actual.spikes.dtype == dtype
    agree(actual, expected, BOUNDS[dtype])


@settings(max_examples=50, deadline=None)
@given(
    st.sampled_from(list(NEURONS)), st.sampled_from(STEPS), st.integers(1, 3), st.sampled_from(SIZES),
    st.sampled_from(OPTIONS),
)  # fmt: skip
def test_any_shape(neuron: str, steps: int, rows: int, size: int, options: dict[str, Any]) -> None:
    """Those of parameters in float64 alone: sums that can cancel, of which float32's reference is itself 1.6e-5 off."""
    shape = (steps, rows, size)
    expected, actual = (run(neuron, backend, options, shape, torch.float64) for backend in ("reference", "cpu"))
    agree(actual, expected, 1e-9)
    expected, actual = (run(neuron, backend, options, shape, torch.float32) for backend in ("reference", "cpu"))
    assert torch.equal(actual.spikes, expected.spikes)
    assert all(close(ours, theirs, 1e-6) for ours, theirs in zip(actual.last, expected.last, strict=True))
    for name in expected.gradients.keys() & {"x", "u0", "v0", "a0"}:
        assert close(actual.gradients[name], expected.gradients[name], 1e-5), name


@pytest.mark.parametrize("shape", [(0, 3), (4, 0), (0, 0), (3,)])
@every_backend
@every_neuron
def test_nothing_to_scan(neuron: str, backend: str, shape: tuple[int, ...]) -> None:
    spikes, *last = scan(neuron, torch.zeros(shape), backend=backend)
    assert spikes.shape == shape
    assert all(state.shape == shape[1:] for state in last)


@pytest.mark.parametrize("surrogate", SURROGATES)
@pytest.mark.parametrize("options", [{}, {"v_reset": 0.1}], ids=["soft", "hard"])
@every_backend
@every_neuron
def test_gradients_are_those_of_the_smooth_scan(
    neuron: str, backend: str, options: dict[str, Any], surrogate: str
) -> None:
    values = leaves(neuron, options, (4, 2, 3), torch.float64)

    def smooth_scan(*inputs: Tensor) -> tuple[Tensor, ...]:
        named = dict(zip(values, inputs, strict=True))
        return NEURONS[neuron].scan(**named, surrogate=surrogate, alpha=1.3, smooth=True, backend=backend)

    inputs = [value.requires_grad_() for value in values.values()]
    assert torch.autograd.gradcheck(smooth_scan, inputs, eps=1e-6, atol=1e-7)


@every_neuron
def test_spikes_are_those_of_a_float64_loop_but_at_the_threshold(neuron: str) -> None:
    x = current(64, 5000)
    spikes, *_ = scan(neuron, x)
    u, v = torch.zeros(2, 5000, dtype=torch.float64)
    apart, reach = 0, 8 * torch.finfo(torch.float32).eps
    for x_t, s in zip(x.double(), spikes.double(), strict=True):
        u = 0.5 * u + x_t if neuron == "cuba" else u
        h = 0.9 * v + (u if neuron == "cuba" else x_t)
        threshold = 1 + 0.3 * u if neuron == "adaptive" else torch.ones_like(h)
        wrong = (h >= threshold) != s.bool()
        # a step's rounding fades with the decay, so that about ten steps count: of each, half an ulp of what it adds up
        assert ((h - threshold).abs() < reach * h.abs().clamp(min=1))[wrong].all()
        apart += int(wrong.sum())
        v = h - s * threshold
        u = 0.8 * u + s if neuron == "adaptive" else u
    print(f"{neuron}: {apart} of {x.numel()} spikes differ")
    assert apart < 20


@every_backend
@every_neuron
def test_a_sequence_cut_in_two(neuron: str, backend: str) -> None:
    x = current(40, 3, 7)
    whole = scan(neuron, x, backend=backend)
    first, *states = scan(neuron, x[:13], backend=backend)
    second, *last = scan(neuron, x[13:], *states, backend=backend)
    assert torch.equal(torch.cat([first, second]), whole[0])
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(last, whole[1:], strict=True))


@pytest.mark.parametrize("steps", [1, 7, 8, 9, 40])
@every_backend
@every_neuron
def test_bytes_and_bits_are_the_same_spikes(neuron: str, backend: str, steps: int) -> None:
    x = current(steps, 3, 70)
    spikes, *_ = scan(neuron, x, backend=backend)
    as_bytes, *_ = scan(neuron, x, spike_dtype=torch.uint8, backend=backend)
    packed, *_ = scan(neuron, x, spike_dtype="packed", backend=backend)
    assert as_bytes.dtype == packed.dtype == torch.uint8
    assert packed.shape == (-(-steps // 8), 3, 70)
    assert torch.equal(as_bytes, spikes.to(torch.uint8))
    assert torch.equal(packed, pack_spikes(spikes))
    assert torch.equal(unpack_spikes(packed, steps), spikes)


@pytest.mark.parametrize("shape", [(0, 3), (9, 0), (0, 0), (9,), (16, 2, 3)])
def test_bits_of_no_steps_or_no_neurons_are_none(shape: tuple[int, ...]) -> None:
    spikes = current(*shape) > 0
    packed = pack_spikes(spikes)
    assert packed.shape == (-(-shape[0] // 8), *shape[1:])
    assert torch.equal(unpack_spikes(packed, shape[0], torch.bool), spikes)


@pytest.mark.parametrize(
    "shape", [(), (1,), (6,), (5, 1), (4, 1, 1), (1, 5, 6), (4, 5, 6), (4, 1, 6), (2, 1, 1, 1), (2, 4, 1, 1)]
)
@every_neuron
def test_parameters_spread_as_in_numpy(neuron: str, shape: tuple[int, ...]) -> None:
    x = current(9, 2, 4, 5, 6)
    random = torch.Generator().manual_seed(1)
    values = {name: torch.rand(shape, generator=random).requires_grad_() for name in NEURONS[neuron].needs}
    results = []
    for backend in ("reference", "cpu"):
        spikes, *last = scan(neuron, x, **values, backend=backend)
        loss = spikes.sum() + torch.stack(last).sum()
        results.append((spikes, *torch.autograd.grad(loss, list(values.values()))))
    assert torch.equal(results[0][0], results[1][0])
    for ours, theirs in zip(results[1][1:], results[0][1:], strict=True):
        assert ours.shape == shape
        assert close(ours, theirs, 1e-5)


@every_neuron
def test_many_neurons_on_several_threads(neuron: str) -> None:
    x = current(5, 100_003).requires_grad_()
    results = []
    for backend in ("reference", "cpu"):
        spikes, *last = scan(neuron, x, backend=backend)
        loss = (spikes * x.detach()).sum() + torch.stack(last).sum()
        results.append((spikes, *last, *torch.autograd.grad(loss, x)))
    assert torch.equal(results[0][0], results[1][0])
    assert all(close(ours, theirs, 1e-6) for ours, theirs in zip(results[1], results[0], strict=True))


@every_neuron
def test_the_same_bits_every_time(neuron: str) -> None:
    first, second = (run(neuron, "cpu", {}, (16, 40, 1000), torch.float32) for _ in range(2))
    assert torch.equal(first.spikes, second.spikes)
    assert all(torch.equal(first.gradients[name], second.gradients[name]) for name in first.gradients)


@every_neuron
def test_the_arguments_stay_as_they_were(neuron: str) -> None:
    given = [current(9, 30), *(current(30) for _ in NEURONS[neuron].states)]
    copies = [value.clone() for value in given]
    scan(neuron, *given)
    assert all(torch.equal(value, copy) for value, copy in zip(given, copies, strict=True))


@every_neuron
def test_time_may_be_any_stride(neuron: str) -> None:
    turned = current(7, 30, 9).permute(2, 1, 0)
    assert torch.equal(scan(neuron, turned)[0], scan(neuron, turned.contiguous())[0])


@pytest.mark.parametrize("numbers", [0, 2, None], ids=["no numbers", "two numbers", "numbers alone, no states"])
@every_neuron
def test_torch_knows_the_operation(neuron: str, numbers: int | None) -> None:
    from neuroact.kernels.neuron_scan import scan_operation

    count = len(NEURONS[neuron].needs) + 3
    values = [0.1 * (count - i) for i in range(count)]
    states = torch.zeros(len(NEURONS[neuron].states), 0 if numbers is None else 6, requires_grad=True)
    first = count if numbers is None else numbers
    tensors = [torch.tensor([value], requires_grad=True) for value in values[first:]]
    parameters = (tensors, [*values[:first], *[0.0] * len(tensors)], [NUMBER] * first + [1] * len(tensors))
    firing = (neuron, False, "atan", 2.0, False, False)
    torch.library.opcheck(
        scan_operation, (current(5, 6).requires_grad_(), states, *parameters, *firing, "same", True, "cpu")
    )


@every_backend
@every_neuron
def test_numbers_beside_a_parameter_that_learns(neuron: str, backend: str) -> None:
    """All of one value, whatever it is given as; the last of the parameters is a number in one, learns in the other."""
    x, (name, value) = current(9, 4, 5), list(NEURONS[neuron].needs.items())[-1]
    results = []
    for others in ({}, {"v_threshold": torch.tensor(1.0), "input_scale": torch.ones(5)}):
        learned = torch.full((4, 1), value, requires_grad=True)
        spikes, *_ = scan(neuron, x, **{name: learned}, **others, backend=backend)
        results.append((spikes, *torch.autograd.grad((spikes * x).sum(), learned)))
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(*results, strict=True))


@every_neuron
def test_a_model_compiles_without_a_break(neuron: str) -> None:
    decay = torch.tensor(0.9, requires_grad=True)

    def model(x: Tensor) -> Tensor:
        spikes, *last = scan(neuron, x * 2, decay=decay)
        return (spikes.mean(0) + torch.stack(last)).sum()

    x = current(6, 4, 5).requires_grad_()
    expected = torch.autograd.grad(model(x), (x, decay))
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    actual = torch.autograd.grad(compiled(x), (x, decay))
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(actual, expected, strict=True))


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
@every_neuron
def test_what_cannot_be_is_refused(
    neuron: str, arguments: dict[str, Any], error: type[Exception], problem: str
) -> None:
    with pytest.raises(error, match=problem):
        scan(neuron, **({"x": torch.zeros(4, 2)} | arguments))


def test_which_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.zeros(2, 2)
    assert which_backend(x) == which_backend(x, lif_scan) == which_backend(x, adaptive_lif_scan) == "cpu"
    monkeypatch.setenv("NEUROACT_BACKEND", "reference")
    assert which_backend(x, cuba_lif_scan) == "reference"
    monkeypatch.setenv("NEUROACT_BACKEND", "triton")
    with pytest.raises(UnavailableBackend, match="needs a tensor on a GPU"):
        lif_scan(x, decay=0.5)
