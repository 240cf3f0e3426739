"""What every registered model must do, on the preset `tiny` of each family."""

import inspect
from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import neuroact.models as package
from neuroact.models import FAMILIES, create, family

for module in iter_modules(package.__path__):
    import_module(f"{package.__name__}.{module.name}")

CLASSES = 5
POINTS = 128
STEPS = 6
LIBRARIES = ["spikingjelly", "snntorch"]


@pytest.fixture(params=FAMILIES)
def name(request: pytest.FixtureRequest) -> str:
    """A family's name."""
    return str(request.param)


@pytest.fixture(autouse=True)
def one_seed() -> None:
    torch.manual_seed(0)


def arguments_of(name: str) -> dict[str, Any]:
    """What a model of the preset is built with, defaults included."""
    found = family(name)
    parameters = inspect.signature(found.build).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not p.empty} | dict(found.presets["tiny"])


def tiny(name: str, **arguments: Any) -> nn.Module:
    return create(name, classes=CLASSES, preset="tiny", **arguments)


def batch(name: str, size: int = 4, steps: int = STEPS) -> Tensor:
    """Events counted in frames, about one at every second place, or points around a place, in order of time.

    Families that take frames name the sizes of their input `channels` and `size`, (H, W) or one number for both.
    """
    generator = torch.Generator().manual_seed(1)
    if family(name).takes == "points":
        centres = torch.rand((size, 1, 3), generator=generator)
        points = (centres + 0.2 * torch.randn((size, POINTS, 3), generator=generator)).clamp(0, 1)
        return points.gather(1, points[..., 2:].argsort(1).expand_as(points))
    given = arguments_of(name)
    sides = given["size"] if isinstance(given["size"], tuple) else (given["size"],) * 2
    rates = torch.full((size, steps, given["channels"], *sides), 0.5)
    return torch.poisson(rates, generator=generator)


def run(model: nn.Module, x: Tensor) -> Tensor:
    with torch.no_grad():
        logits: Tensor = model.eval()(x)
    return logits


def settled(model: nn.Module, x: Tensor) -> nn.Module:
    """A model whose norms know the data: with the statistics that they begin with, hardly a neuron fires."""
    norms = [module for module in model.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
    with torch.no_grad():
        model.train()(x)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    return model


def trained_a_step(model: nn.Module, x: Tensor) -> nn.Module:
    """A model whose statistics and parameters are no longer those it began with."""
    settled(model, x)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    nn.functional.cross_entropy(model.train()(x), torch.arange(len(x)) % CLASSES).backward()
    optimiser.step()
    return model


def test_it_maps_what_it_takes_to_logits(name: str) -> None:
    model = settled(tiny(name), batch(name))
    logits = run(model, batch(name))
    assert logits.shape == (4, CLASSES)
    assert logits.isfinite().all()
    assert not torch.equal(logits[0], logits[1])


def test_every_parameter_learns(name: str) -> None:
    model = tiny(name).train()
    nn.functional.cross_entropy(model(batch(name)), torch.arange(4) % CLASSES).backward()
    for key, parameter in model.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.isfinite().all(), key
        assert parameter.grad.any(), key


def test_a_sample_alone_has_the_logits_it_has_in_a_batch(name: str) -> None:
    x = batch(name)
    model = trained_a_step(tiny(name), x)
    together = run(model, x)
    for n in range(len(x)):
        torch.testing.assert_close(run(model, x[n : n + 1])[0], together[n], rtol=0, atol=1e-5)


def test_a_sample_does_not_see_its_neighbours(name: str) -> None:
    x = batch(name)
    model = trained_a_step(tiny(name), x)
    other = x.clone()
    other[0] = x[1]
    ours, theirs = run(model, x), run(model, other)
    assert not torch.equal(ours[0], theirs[0])
    torch.testing.assert_close(ours[1:], theirs[1:], rtol=0, atol=1e-5)


@pytest.mark.parametrize(("size", "steps"), [(1, 1), (3, 2), (2, 19)])
def test_any_batch_and_any_number_of_steps(name: str, size: int, steps: int) -> None:
    assert run(tiny(name), batch(name, size, steps)).shape == (size, CLASSES)


def test_a_state_dict_is_all_of_a_model(name: str) -> None:
    x = batch(name)
    model, other = trained_a_step(tiny(name), x), tiny(name)
    assert not torch.equal(run(model, x), run(other, x))
    other.load_state_dict(model.state_dict())
    assert torch.equal(run(model, x), run(other, x))


def test_it_does_the_same_twice(name: str) -> None:
    x = batch(name)
    results = []
    for _ in range(2):
        torch.manual_seed(3)
        model = trained_a_step(tiny(name), x)
        results.append((run(model, x), run(model, x), [p.grad for p in model.parameters()]))
    (first, again, gradients), (same, _, same_gradients) = results
    assert torch.equal(first, again)
    assert torch.equal(first, same)
    assert all(torch.equal(a, b) for a, b in zip(gradients, same_gradients, strict=True))


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_libraries_of_neurons_agree(name: str, library: str) -> None:
    pytest.importorskip(library)
    if "neuron" not in arguments_of(name):
        pytest.skip(f"{name} has no spiking neurons")
    ours, theirs = tiny(name), tiny(name, neuron=library)
    weights = dict(ours.named_parameters())
    with torch.no_grad():
        for key, parameter in theirs.named_parameters():
            parameter.copy_(weights[key])
    x = batch(name)
    torch.testing.assert_close(run(theirs, x), run(ours, x), rtol=0, atol=1e-4)


def test_it_compiles_without_a_break(name: str) -> None:
    model, x = tiny(name), batch(name)
    compiled: Callable[[Tensor], Tensor] = torch.compile(model.eval(), fullgraph=True, backend="aot_eager")
    expected = run(model, x)
    torch.testing.assert_close(compiled(x), expected, rtol=0, atol=1e-5)


def test_a_tiny_preset_comes_with_every_family(name: str) -> None:
    assert "tiny" in family(name).presets
    assert family(name).takes in ("frames", "points")


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"name": "spiking_cmm"}, "spiking_cmm"),
        ({"name": "spiking_cnn", "preset": "giant"}, "giant"),
    ],
)
def test_names_that_there_are_not_are_refused(given: dict[str, str], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        create(**given, classes=CLASSES)


def test_arguments_come_before_those_of_the_preset() -> None:
    assert tiny("spiking_cnn", hidden=7).layers[-1].synapses.in_features == 7  # type: ignore[index, union-attr]
