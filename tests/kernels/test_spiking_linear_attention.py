"""`spiking_linear_attention` on every backend, against its equations."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from neuroact.errors import UnavailableBackend
from neuroact.kernels.attention import cpu, linear
from neuroact.kernels.attention.linear import spiking_linear_attention
from neuroact.kernels.attention.reference import linear_attention_gradients, linear_attention_reference
from neuroact.kernels.backends import which_backend
from tests.kernels.relative import assert_close, gradients

SIZES = [(1, 1, 1, 1), (15, 17, 63, 4), (63, 15, 17, 63), (17, 32, 32, 500), (500, 33, 15, 64), (500, 1, 17, 500)]
"""Tokens, sizes of keys and of values, and tokens in a window."""
DENSITIES = [0.0, 0.01, 0.05, 0.5, 1.0]


@pytest.fixture
def always_sparse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are summed however many spikes there are."""
    monkeypatch.setattr(cpu, "BREAK_EVEN", 1.0)


def inputs(
    tokens: int = 63, width: int = 17, depth: int = 15, *, share: float = 0.1, dtype: torch.dtype = torch.float32
) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    q, k = (torch.rand(2, 3, tokens, width, generator=generator) < share for _ in "qk")
    return q.to(dtype), k.to(dtype), torch.randn(2, 3, tokens, depth, generator=generator).to(dtype)


def every_window(q: Tensor, k: Tensor, v: Tensor, window: int, scale: float) -> Tensor:
    """Each window by itself."""
    triples = zip(*(x.split(window, -2) for x in (q, k, v)), strict=True)
    return torch.cat([(q_w @ k_w.mT) @ v_w * scale for q_w, k_w, v_w in triples], -2)


@pytest.mark.parametrize(("tokens", "width", "depth", "window"), SIZES)
def test_reference_is_attention_without_a_softmax(tokens: int, width: int, depth: int, window: int) -> None:
    q, k, v = inputs(tokens, width, depth, dtype=torch.float64)
    assert_close(linear_attention_reference(q, k, v, window=window, scale=0.5), every_window(q, k, v, window, 0.5))


@pytest.mark.usefixtures("always_sparse")
@pytest.mark.parametrize("share", DENSITIES)
@pytest.mark.parametrize(("tokens", "width", "depth", "window"), SIZES)
def test_sums_of_rows_are_the_products(tokens: int, width: int, depth: int, window: int, share: float) -> None:
    tensors = inputs(tokens, width, depth, share=share)
    results = gradients(spiking_linear_attention, *tensors, window=window, backend="cpu")
    exact = (x.double() for x in tensors)
    expected = gradients(spiking_linear_attention, *exact, window=window, backend="reference")
    for result, other in zip(results, expected, strict=True):
        assert_close(result.double(), other)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_many_spikes_and_other_precisions_are_dense(dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(cpu, "attend")
    monkeypatch.delattr(cpu, "attend_back")
    tensors = inputs(share=0.5, dtype=dtype)
    results = gradients(spiking_linear_attention, *tensors, window=16, backend="cpu")
    expected = gradients(spiking_linear_attention, *tensors, window=16, backend="reference")
    for result, other in zip(results, expected, strict=True):
        assert_close(result, other, 0.02 if dtype == torch.bfloat16 else 1e-6)


def test_rows_are_summed_where_spikes_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    used = []
    monkeypatch.setattr(cpu, "attend", lambda *_: used.append(True))
    spiking_linear_attention(*inputs(share=0.1))
    assert used


def test_triton_takes_no_wide_keys_or_values() -> None:
    for width, depth in ((65, 15), (15, 65)):
        with pytest.raises(UnavailableBackend, match="no backend 'triton'"):
            spiking_linear_attention(*inputs(3, width, depth), backend="triton")


def test_gradients_are_exact() -> None:
    q, k, v = (x.requires_grad_() for x in inputs(7, 3, 4, share=0.5, dtype=torch.float64))
    grad = torch.randn(v.shape, dtype=torch.float64)
    out = linear_attention_reference(q, k, v, window=3, scale=0.5)
    written = linear_attention_gradients(grad, q, k, v, window=3, scale=0.5)
    for result, expected in zip(written, torch.autograd.grad(out, (q, k, v), grad), strict=True):
        assert_close(result, expected, 1e-12)
    for backend in ("cpu", "reference"):
        assert torch.autograd.gradcheck(
            lambda *x, b=backend: spiking_linear_attention(*x, window=3, backend=b), (q, k, v)
        )


@pytest.mark.usefixtures("always_sparse")
def test_other_values_multiply_as_they_stand() -> None:
    q, k, v = inputs()
    q, k = q * torch.linspace(-1, 1, 17), k * torch.linspace(3, 0, 17)
    assert_close(spiking_linear_attention(q, k, v, window=16), every_window(q, k, v, 16, 17**-0.5))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.bool])
def test_takes_spikes_as_bytes_and_strided_tensors(dtype: torch.dtype) -> None:
    q, k, v = inputs()
    expected = every_window(q, k, v, 63, 2.0)
    q, k, v = (x.transpose(1, 2).contiguous().transpose(1, 2) for x in (q.to(dtype), k.to(dtype), v))
    for backend in ("cpu", "reference"):
        assert_close(spiking_linear_attention(q, k, v, scale=2.0, backend=backend), expected)


@pytest.mark.parametrize("backend", ["cpu", "reference"])
@pytest.mark.parametrize("shape", [(0, 4), (2, 0, 5, 4), (3, 5, 0), (5, 4)])
def test_takes_any_number_of_dimensions(shape: tuple[int, ...], backend: Any) -> None:
    q, v = torch.zeros(shape), torch.ones(*shape[:-1], 3)
    results = gradients(spiking_linear_attention, q, q, v, window=2, backend=backend)
    assert [x.shape for x in results] == [v.shape, q.shape, q.shape, v.shape]
    assert all(not x.any() for x in results)


@pytest.mark.usefixtures("always_sparse")
def test_threads_change_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    tensors = inputs(500, 32, 32)
    several = gradients(spiking_linear_attention, *tensors, window=16)
    for threads in (1, 7):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        for result, expected in zip(
            gradients(spiking_linear_attention, *tensors, window=16)[::3], several[::3], strict=True
        ):
            assert torch.equal(result, expected)


@pytest.mark.usefixtures("always_sparse")
def test_is_an_operation_of_torch() -> None:
    q, k, v = (x.flatten(0, 1).requires_grad_() for x in inputs())
    torch.library.opcheck(linear._linear_attention, (q, k, v, 16, 0.5, "cpu"))


@pytest.mark.usefixtures("always_sparse")
def test_compiles_as_one_graph() -> None:
    compiled = torch.compile(spiking_linear_attention, fullgraph=True, backend="aot_eager")
    results = gradients(compiled, *inputs(), window=16)
    for result, expected in zip(results, gradients(spiking_linear_attention, *inputs(), window=16), strict=True):
        assert torch.equal(result, expected)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"q": torch.zeros(2, 3, 62, 17)}, ValueError, "must be"),
        ({"v": torch.zeros(2, 3, 62, 15)}, ValueError, "must be"),
        ({"v": torch.zeros(63, 15)}, ValueError, "must be"),
        ({"q": torch.zeros(17), "k": torch.zeros(17), "v": torch.zeros(17)}, ValueError, "must be"),
        ({"v": torch.zeros(2, 3, 63, 15, dtype=torch.int64)}, TypeError, "v must be floating-point"),
        ({"k": torch.zeros(2, 3, 63, 17, dtype=torch.float64)}, TypeError, "k must be uint8, bool or torch.float32"),
        ({"window": 0}, ValueError, "at least 1"),
        ({"backend": "mamba_ssm"}, UnavailableBackend, "no backend 'mamba_ssm'"),
    ],
)
def test_refuses_what_does_not_fit(change: dict[str, Any], error: type[Exception], message: str) -> None:
    q, k, v = inputs()
    with pytest.raises(error, match=message):
        spiking_linear_attention(**{"q": q, "k": k, "v": v} | change)


def test_offers_what_it_has() -> None:
    assert which_backend(torch.zeros(1), spiking_linear_attention) == "cpu"
    assert which_backend(torch.zeros(1, device="meta"), spiking_linear_attention) == "reference"
