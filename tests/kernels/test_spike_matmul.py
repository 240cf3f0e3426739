"""`spike_matmul` is `torch.matmul`, whichever way it takes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from neuroact.errors import UnavailableBackend
from neuroact.kernels.backends import which_backend
from neuroact.kernels.matmul import cpu, product, spike_matmul
from neuroact.kernels.sparse import density
from tests.kernels.relative import assert_close, gradients

SIZES = [(1, 1, 1), (15, 17, 63), (17, 500, 15), (63, 15, 500), (500, 63, 17), (1, 500, 63)]
DENSITIES = [0.0, 0.01, 0.05, 0.5, 1.0]


@pytest.fixture
def always_sparse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are summed however small the product and however many spikes there are."""
    monkeypatch.setattr(cpu, "SMALLEST", 0)
    monkeypatch.setattr(cpu, "WIDE", 1)
    monkeypatch.setattr(cpu, "BREAK_EVEN", 1.0)


def spikes(*shape: int, share: float = 0.1, dtype: torch.dtype = torch.float32) -> Tensor:
    return (torch.rand(shape, generator=torch.Generator().manual_seed(0)) < share).to(dtype)


def weights(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(2)).to(dtype)


@pytest.mark.usefixtures("always_sparse")
@pytest.mark.parametrize("share", DENSITIES)
@pytest.mark.parametrize(("rows", "inner", "columns"), SIZES)
def test_sums_of_rows_are_the_product(rows: int, inner: int, columns: int, share: float) -> None:
    s, weight = spikes(rows, inner, share=share), weights(inner, columns)
    results = gradients(spike_matmul, s, weight, backend="cpu")
    for result, expected in zip(results, gradients(torch.matmul, s.double(), weight.double()), strict=True):
        assert_close(result.double(), expected)


@pytest.mark.usefixtures("always_sparse")
@pytest.mark.parametrize("dtype", [torch.uint8, torch.bool])
def test_takes_spikes_as_bytes(dtype: torch.dtype) -> None:
    s, weight = spikes(17, 63), weights(63, 15).requires_grad_()
    result = spike_matmul(s.to(dtype), weight)
    assert_close(result, s @ weight)
    assert_close(torch.autograd.grad(result.sum(), weight)[0], s.sum(0)[:, None].expand(63, 15))
    assert_close(spike_matmul(s.to(dtype), weight, backend="reference"), s @ weight)


@pytest.mark.usefixtures("always_sparse")
def test_other_values_multiply_as_they_stand() -> None:
    s = spikes(17, 63) * torch.linspace(-3, 3, 63)
    assert_close(spike_matmul(s, weights(63, 15)), s @ weights(63, 15))


@pytest.mark.usefixtures("always_sparse")
@pytest.mark.parametrize("shape", [(63,), (3, 5, 63), (0, 63), (2, 0, 63)])
def test_takes_any_number_of_dimensions(shape: tuple[int, ...]) -> None:
    s, weight = spikes(*shape), weights(63, 15)
    assert_close(spike_matmul(s, weight), s @ weight)


@pytest.mark.usefixtures("always_sparse")
def test_no_inner_dimension_gives_zeros() -> None:
    assert_close(spike_matmul(spikes(3, 0), weights(0, 5)), torch.zeros(3, 5))


@pytest.mark.usefixtures("always_sparse")
def test_takes_strided_tensors() -> None:
    s, weight = spikes(63, 34)[:, ::2].t(), weights(15, 63).t()
    for result, expected in zip(gradients(spike_matmul, s, weight), gradients(torch.matmul, s, weight), strict=True):
        assert_close(result, expected)


@pytest.mark.usefixtures("always_sparse")
def test_threads_change_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    s, weight = spikes(500, 100), weights(100, 63)
    several = spike_matmul(s, weight)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 7)
    assert torch.equal(spike_matmul(s, weight), several)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    assert torch.equal(spike_matmul(s, weight), several)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_other_precisions_are_dense(dtype: torch.dtype, backend: Any) -> None:
    s, weight = spikes(17, 63, dtype=dtype), weights(63, 15, dtype=dtype)
    assert torch.equal(spike_matmul(s, weight, backend=backend), s @ weight)


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_gradients_are_exact(backend: Any) -> None:
    s, weight = spikes(5, 7, dtype=torch.float64).requires_grad_(), weights(7, 3, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda s, w: spike_matmul(s, w, backend=backend), (s, weight))
    assert torch.autograd.gradgradcheck(lambda s, w: spike_matmul(s, w, backend=backend), (s, weight))


@pytest.mark.parametrize(
    ("rows", "share", "columns", "dtype", "summed"),
    [
        (4096, 0.02, 64, torch.float32, True),
        (4096, 0.1, 64, torch.float32, False),
        (4096, 0.1, 256, torch.float32, True),
        (4096, 0.3, 256, torch.float32, False),
        (512, 0.02, 64, torch.float32, False),
        (4096, 0.02, 64, torch.float64, False),
    ],
)
def test_rows_are_summed_where_spikes_are_few(
    rows: int, share: float, columns: int, dtype: torch.dtype, summed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = []
    monkeypatch.setattr(cpu, "sum_picked", lambda *_: used.append(True))
    spike_matmul(spikes(rows, 128, share=share, dtype=dtype), weights(128, columns, dtype=dtype))
    assert bool(used) == summed


@pytest.mark.parametrize("share", DENSITIES)
def test_density_is_the_share_of_spikes(share: float) -> None:
    s = spikes(64, 63, share=share)
    assert density(s) == density(s.t()) == density(s.to(torch.uint8)) == int(s.sum()) / s.numel()
    assert density(s[:, ::2]) == int(s[:, ::2].sum()) / s[:, ::2].numel()
    assert density(s * -0.5) == density(s)
    assert density(s[:0]) == 0


@pytest.mark.parametrize("period", [1, 2, 3, 16, 64, 100])
def test_density_of_many_rows_is_near_whatever_their_rhythm(period: int) -> None:
    """Rows of spikes between rows without any, as when a layer fires at one step of many."""
    s = torch.zeros(16_000, 500)
    s[::period] = spikes(len(s[::period]), 500, share=0.5)
    assert density(s) == pytest.approx(0.5 / period, rel=0.3, abs=0.01)
    assert density(s.flip(0)) == pytest.approx(0.5 / period, rel=0.3, abs=0.01)


@pytest.mark.usefixtures("always_sparse")
def test_is_an_operation_of_torch() -> None:
    for s in (spikes(17, 63).requires_grad_(), spikes(17, 63, dtype=torch.uint8)):
        torch.library.opcheck(product._spike_matmul, (s, weights(63, 15).requires_grad_()))


@pytest.mark.usefixtures("always_sparse")
def test_compiles_as_one_graph() -> None:
    compiled = torch.compile(spike_matmul, fullgraph=True, backend="aot_eager")
    s, weight = spikes(3, 17, 63), weights(63, 15)
    for result, expected in zip(gradients(compiled, s, weight), gradients(spike_matmul, s, weight), strict=True):
        assert torch.equal(result, expected)


@pytest.mark.parametrize(
    ("s", "weight", "error", "message"),
    [
        (spikes(3, 4), weights(4), ValueError, "must be a matrix"),
        (spikes(3, 4), weights(5, 2), ValueError, "last size"),
        (spikes(), weights(1, 2), ValueError, "last size"),
        (spikes(3, 4, dtype=torch.float64), weights(4, 2), TypeError, "uint8, bool or torch.float32"),
        (spikes(3, 4, dtype=torch.int32), weights(4, 2), TypeError, "uint8, bool or torch.float32"),
    ],
)
def test_refuses_what_does_not_fit(s: Tensor, weight: Tensor, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        spike_matmul(s, weight)


def test_offers_what_it_has() -> None:
    assert which_backend(weights(4, 2), spike_matmul) == "cpu"
    assert which_backend(weights(4, 2).to("meta"), spike_matmul) == "reference"
    with pytest.raises(UnavailableBackend, match="no backend 'triton'"):
        spike_matmul(spikes(3, 4), weights(4, 2), backend="triton")
