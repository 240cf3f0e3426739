"""`integer_cuba_lif_scan` is Loihi's arithmetic to the bit, in every backend."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from neuroact.errors import UnavailableBackend
from neuroact.kernels import integer_cuba_lif_scan, which_backend
from neuroact.kernels.integer_cuba.scan import integer_cuba_operation
from tests.kernels.integer_cases import DECAYS, SUMS, agree, backends_agree, parameters, sums

END = 2**23
STEPS = [
    # u0, v0, a, current decay, decay, threshold, bias -> u, h, s
    ((0, 0, 5, 0, 0, 5, 0), (320, 320, 0)),  # at the threshold
    ((0, 0, 5, 0, 0, 4, 0), (320, 320, 1)),
    ((0, 1, 5, 0, 0, 5, 0), (320, 321, 1)),  # the least above it
    ((0, 131_073, 0, 0, 0, 2048, 0), (0, 131_073, 1)),
    ((0, 131_072, 0, 0, 0, 2048, 0), (0, 131_072, 0)),
    ((0, END - 1, 0, 0, 0, 131_071, 0), (0, END - 1, 1)),  # 17 bits of threshold end 63 below
    ((0, 131_071 * 64, 0, 0, 0, 131_071, 0), (0, 131_071 * 64, 0)),
    ((1, -1, 0, 1, 1, 9, 0), (0, 0, 0)),  # rounded towards 0 from both sides
    ((-4097, 4097, 0, 1, 1, 131_071, 0), (-4095, 4095 - 4095, 0)),
    ((-5, 5, 0, 4096, 4096, 9, 0), (0, 0, 0)),
    ((END - 64, 0, 1, 0, 0, 131_071, 0), (END, END - 1, 1)),  # the current may be 2^23, the potential may not
    ((END - 64, 0, 2, 0, 0, 131_071, 0), (64 - END, 64 - END, 0)),
    ((64 - END, 0, -1, 0, 0, 131_071, 0), (END, END - 1, 1)),
    ((65 - END, 0, -1, 0, 0, 131_071, 0), (1 - END, 1 - END, 0)),
    ((0, 0, 2**19, 0, 0, 131_071, 0), (2**24, END - 1, 1)),  # one turn of 2^25 leaves it beyond 24 bits
    ((0, 1 - END, -1, 0, 0, 9, 0), (-64, 1 - END, 0)),
    ((0, 0, 0, 0, 0, 9, -3), (0, -192, 0)),  # biases pass the current by
    ((0, 0, 0, 0, 0, 2, 3), (0, 192, 1)),
]


def column(values: Any, index: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.tensor([value[index] for value in values], dtype=dtype)


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_a_step_at_the_ends_of_the_numbers(backend: Any) -> None:
    given, expected = zip(*STEPS, strict=True)
    found = integer_cuba_lif_scan(
        column(given, 2)[None].float(), column(given, 0), column(given, 1), current_decay=column(given, 3),
        decay=column(given, 4), threshold=column(given, 5), bias=column(given, 6), potentials=True, backend=backend,
    )  # fmt: skip
    assert found.u.tolist() == column(expected, 0).tolist()
    assert found.potentials[0].tolist() == column(expected, 1).tolist()
    assert found.spikes[0].tolist() == column(expected, 2).tolist()
    assert found.v.tolist() == [0 if s else h for _, h, s in expected]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("decays", DECAYS, ids=str)
def test_the_compiled_loop_is_the_reference(decays: tuple[int, int], dtype: torch.dtype) -> None:
    wide = dtype in (torch.float32, torch.float64)
    for most in SUMS if wide else SUMS[:2]:
        backends_agree("cpu", decays, most, (21, 3, 17), dtype)


def test_more_neurons_than_a_block_takes() -> None:
    backends_agree("cpu", (1000, 30), 200, (3, 5, 1801), torch.float32)


@pytest.mark.parametrize("shape", [(1, 3, 5), (0, 3, 5), (4, 0, 5), (4, 3, 0), (1, 1, 1)], ids=str)
def test_few_steps_and_no_neurons(shape: tuple[int, ...]) -> None:
    backends_agree("cpu", (1000, 30), 200, shape, torch.float32)


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_sequences_can_be_cut(backend: Any) -> None:
    a, given = sums(200, 20, 4, 7), parameters((300, 70), (20, 4, 7))
    whole = integer_cuba_lif_scan(a, **given, potentials=True, backend=backend)
    first = integer_cuba_lif_scan(a[:13], **given, potentials=True, backend=backend)
    second = integer_cuba_lif_scan(a[13:], first.u, first.v, **given, potentials=True, backend=backend)
    assert torch.equal(torch.cat([first.spikes, second.spikes]), whole.spikes)
    assert torch.equal(torch.cat([first.potentials, second.potentials]), whole.potentials)
    assert torch.equal(second.u, whole.u)
    assert torch.equal(second.v, whole.v)


@pytest.mark.parametrize("backend", ["cpu", "reference"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_recurrent_spikes_arrive_a_step_later(backend: Any, dtype: torch.dtype) -> None:
    a, given = sums(200, 20, 3, 9, dtype=dtype), parameters((300, 70), (20, 3, 9))
    weights = sums(120, 9, 9) - 20
    found = integer_cuba_lif_scan(a, **given, recurrent=weights, potentials=True, backend=backend)
    u, v, s = None, None, torch.zeros(3, 9, dtype=dtype)
    for a_t, spikes, h in zip(a, found.spikes, found.potentials, strict=True):
        step = integer_cuba_lif_scan(
            (a_t + s @ weights.to(dtype).T)[None], u, v, **given, potentials=True, backend="reference"
        )
        s, u, v = step.spikes[0], step.u, step.v
        assert torch.equal(spikes, s)
        assert torch.equal(h, step.potentials[0])
    assert 0.1 < found.spikes.mean() < 0.9
    assert torch.equal(found.u, u)  # type: ignore[arg-type]
    without = integer_cuba_lif_scan(a, **given, backend=backend)
    assert not torch.equal(without.spikes, found.spikes)
    as_bytes = integer_cuba_lif_scan(a, **given, recurrent=weights, spike_dtype=torch.uint8, backend=backend)
    assert torch.equal(as_bytes.spikes, found.spikes.to(torch.uint8))


def test_threads_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    a, given = sums(200, 9, 40, 900), parameters((300, 70), (9, 40, 900))
    weights = sums(60, 900, 900) - 20
    several = [integer_cuba_lif_scan(a, **given, recurrent=recurrent) for recurrent in (None, weights)]
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    for recurrent, expected in zip((None, weights), several, strict=True):
        agree(integer_cuba_lif_scan(a, **given, recurrent=recurrent), expected)


def test_nothing_carries_gradients_or_is_changed() -> None:
    a = sums(200, 5, 3, 4).requires_grad_()
    before = a.detach().clone()
    for backend in ("cpu", "reference"):
        found = integer_cuba_lif_scan(a, **parameters((300, 70), (5, 3, 4)), potentials=True, backend=backend)  # type: ignore[arg-type]
        assert not any(part.requires_grad for part in found)
    assert torch.equal(a, before)


def test_is_an_operation_of_torch() -> None:
    a, one = sums(200, 5, 12), torch.ones(1, dtype=torch.float64)
    for states, keep in ((torch.zeros(2, 12), True), (torch.zeros(2, 0), False)):
        torch.library.opcheck(
            integer_cuba_operation,
            (a, states.double(), [one * 300, one * 70, one * 90, one], [1] * 4, torch.ones(4, 4), keep, "cpu"),
        )


def test_compiles_as_one_graph() -> None:
    a, given = sums(200, 5, 3, 4), parameters((300, 70), (5, 3, 4))
    compiled = torch.compile(integer_cuba_lif_scan, fullgraph=True, backend="aot_eager")
    agree(compiled(a, **given, potentials=True), integer_cuba_lif_scan(a, **given, potentials=True))


@pytest.mark.parametrize(
    ("a", "options", "error", "message"),
    [
        (sums(9, 4, 3).int(), {}, TypeError, "floating-point"),
        (torch.tensor(1.0), {}, ValueError, "first dimension"),
        (sums(9, 4, 3), {"threshold": torch.ones(4)}, ValueError, "threshold has shape"),
        (sums(9, 4, 3), {"u0": torch.ones(4)}, ValueError, "u0 has shape"),
        (sums(9, 4, 3), {"recurrent": torch.ones(3, 4)}, ValueError, "recurrent"),
        (sums(9, 4), {"recurrent": torch.ones(4, 4)}, ValueError, "recurrent"),
        (sums(9, 4, 3), {"spike_dtype": torch.int32}, ValueError, "spike_dtype"),
        (sums(9, 4, 3), {"backend": "mamba_ssm"}, UnavailableBackend, "mamba_ssm"),
        (sums(9, 4, 3), {"backend": "triton", "recurrent": torch.ones(3, 3)}, UnavailableBackend, "no backend"),
    ],
)
def test_refuses_what_does_not_fit(a: Tensor, options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        integer_cuba_lif_scan(a, **({"current_decay": 300, "decay": 70, "threshold": 90} | options))


def test_offers_what_it_has() -> None:
    assert which_backend(sums(9, 4, 3), integer_cuba_lif_scan) == "cpu"
    assert which_backend(sums(9, 4, 3).to("meta"), integer_cuba_lif_scan) == "reference"
