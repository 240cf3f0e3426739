"""What a scan asks of a GPU: one launch each way, and beside them nothing that fills, copies or casts.

Such operations of torch are a launch each, and a few of them take as long as a small scan. To count needs no GPU: the
launches are caught on their way there, and torch's profiler sees whatever else runs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

pytest.importorskip("triton", reason="Triton is for Linux alone")

from neuroact.kernels import backends
from tests.kernels.ahead_of_time import caught
from tests.kernels.neuron_cases import NEURONS, current

IDLE = {
    f"aten::{name}"
    for name in (
        "as_strided", "contiguous", "detach", "empty", "empty_strided", "expand", "new_empty", "reshape",
        "select", "to", "unbind", "unsqueeze", "view", "_reshape_alias", "_unsafe_view",
    )
}  # fmt: skip
"""What launches nothing: memory is taken, or looked at in another way."""
SUM = "aten::sum"
"""Is one launch on a GPU; on a CPU it begins with a fill of its own."""
every_neuron = pytest.mark.parametrize("neuron", NEURONS)


@pytest.fixture(autouse=True)
def as_if_there_were_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "TRITON_INTERPRETS", True)


def asked(call: Callable[[], object]) -> tuple[list[str], set[str]]:
    """The kernels that `call` launches, and what else it does that may be a launch."""
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        launches = caught(call)
    events = [event for event in profiler.events() or () if event.name.startswith("aten::")]
    seen = {event.name for event in events if event.cpu_parent is None or event.cpu_parent.name != SUM}
    assert "aten::empty" in seen  # or else the profiler does not see what an operation does inside
    return [launch.kernel.__name__ for launch in launches], seen - IDLE


def both_ways(neuron: str, x: Tensor, weights: Tensor, *learned: Tensor, **values: Any) -> None:
    spikes, *_ = NEURONS[neuron].scan(x, **(NEURONS[neuron].needs | values), backend="triton")
    torch.autograd.grad(spikes, (x, *learned), weights)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("v_reset", [None, 0.0])
@every_neuron
def test_numbers_and_no_states(neuron: str, v_reset: float | None, dtype: torch.dtype) -> None:
    x, weights = current(33, 2, 5, dtype=dtype).requires_grad_(), current(33, 2, 5, dtype=dtype)
    launches, others = asked(lambda: both_ways(neuron, x, weights, v_reset=v_reset))
    assert launches == ["scan_forward", "scan_backward"]
    assert others == set()


@every_neuron
def test_a_parameter_that_learns(neuron: str) -> None:
    x, weights, learned = current(9, 5).requires_grad_(), current(9, 5), torch.ones(5, requires_grad=True)
    launches, others = asked(lambda: both_ways(neuron, x, weights, learned, v_threshold=learned))
    assert launches == ["scan_forward", "scan_backward"]
    assert others == {SUM, "aten::_to_copy", "aten::copy_"}  # in float64, and from there


@every_neuron
def test_a_parameter_in_memory_that_does_not_learn(neuron: str) -> None:
    x, weights, held = current(9, 5).requires_grad_(), current(9, 5), torch.ones(5)
    launches, others = asked(lambda: both_ways(neuron, x, weights, v_threshold=held))
    assert launches == ["scan_forward", "scan_backward"]
    assert others == set()
