"""Layers of neurons: the equation that they state, by whichever library, and nothing left from one call to the next."""

import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from neuroact.errors import MissingExtra
from neuroact.kernels.nn import LIF, CubaLIF
from neuroact.models.layers import Library, Spikes, cuba, lif

PEERS = ["spikingjelly", "snntorch"]
LAYERS: dict[str, Callable[..., Spikes]] = {
    "lif": lambda library="neuroact": lif(library, decay=0.7, threshold=0.8),
    "cuba": lambda library="neuroact": cuba(library, current_decay=0.4, decay=0.7, threshold=0.8),
}
SHAPES = [(1, 3), (9, 2, 5), (5, 2, 3, 4, 4)]


@pytest.fixture(params=LAYERS)
def make(request: pytest.FixtureRequest) -> Callable[..., Spikes]:
    """Builds one of the layers, of the library that is given."""
    return LAYERS[request.param]


@pytest.fixture(params=PEERS)
def peer(request: pytest.FixtureRequest) -> str:
    """A library of neurons beside ours."""
    pytest.importorskip(request.param)
    return str(request.param)


def current(*shape: int) -> Tensor:
    return 1.2 * torch.randn(shape, generator=torch.Generator().manual_seed(2))


def by_equation(x: Tensor, current_decay: float, decay: float, threshold: float) -> Tensor:
    """u = current_decay u + x;  h = decay v + u;  s = [h >= threshold];  v = 0 where s"""
    u, v, spikes = torch.zeros_like(x[0]), torch.zeros_like(x[0]), []
    for x_t in x:
        u = current_decay * u + x_t
        h = decay * v + u
        s = (h >= threshold).to(x.dtype)
        v = (1 - s) * h
        spikes.append(s)
    return torch.stack(spikes)


@pytest.mark.parametrize("library", ["neuroact", *PEERS])
@pytest.mark.parametrize(("name", "current_decay"), [("lif", 0.0), ("cuba", 0.4)])
def test_spikes_are_those_of_the_equation(name: str, current_decay: float, library: Library) -> None:
    pytest.importorskip(library)
    x = current(12, 4, 30)
    spikes = LAYERS[name](library)(x)
    assert 0.05 < spikes.mean() < 0.6
    assert torch.equal(spikes, by_equation(x, current_decay, 0.7, 0.8))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_spikes_have_the_shape_and_dtype_of_the_current(make: Any, peer: str, shape: tuple[int, ...]) -> None:
    for library in ("neuroact", peer):
        for dtype in (torch.float32, torch.float64):
            spikes = make(library).to(dtype)(current(*shape).to(dtype))
            assert (spikes.shape, spikes.dtype) == (shape, dtype)


def test_gradients_are_the_same_by_every_library(make: Any, peer: str) -> None:
    x = current(9, 4, 30).requires_grad_()
    weights = torch.linspace(-1, 1, x.numel()).reshape(x.shape)
    ours, theirs = (torch.autograd.grad((weights * make(name)(x)).sum(), x)[0] for name in ("neuroact", peer))
    assert ours.abs().mean() > 0.01
    torch.testing.assert_close(theirs, ours, rtol=5e-4, atol=5e-5)


def test_the_reset_passes_on_the_gradients_that_it_says() -> None:
    """`lif` passes none through its reset, `cuba` does: after a spike nothing else is left of the step before."""
    x = torch.full((2, 1), 1.0, requires_grad=True)
    assert torch.autograd.grad(lif(decay=0.5)(x)[1].sum(), x)[0][0] == 0
    assert torch.autograd.grad(cuba(current_decay=0.0, decay=0.5)(x)[1].sum(), x)[0][0] != 0


@pytest.mark.parametrize("library", ["neuroact", *PEERS])
def test_nothing_is_kept_from_one_call_to_the_next(make: Any, library: Library) -> None:
    pytest.importorskip(library)
    layer, x = make(library), current(6, 4, 30)
    first = layer(x)
    assert torch.equal(layer(x), first)
    assert torch.equal(layer(x[:, :1]), first[:, :1])


@pytest.mark.parametrize("library", PEERS)
def test_a_library_that_is_not_there_is_named(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("spikingjelly.activation_based.neuron", "spikingjelly.activation_based.surrogate", "snntorch"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtra, match=library):
        lif(library)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: lif("norse"), "norse"),
        (lambda: lif(decay=1.5), "decay"),
        (lambda: Spikes(LIF(0.5, v_reset=None, input_scale=0.3), "spikingjelly"), "input_scale"),
        (lambda: Spikes(CubaLIF(0.5, 0.5, v_reset=0.1), "snntorch"), "v_reset"),
    ],
)
def test_neurons_that_a_library_does_not_have_are_refused(build: Any, message: str) -> None:
    if message == "input_scale":
        pytest.importorskip("spikingjelly")
    with pytest.raises(ValueError, match=message):
        build()
