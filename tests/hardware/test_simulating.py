"""An exported network does on recordings what the model that it came from does, and the command tells that."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import typer
from torch import nn
from typer.testing import CliRunner

from neuroact.cli import simulate as cli
from neuroact.datasets.loading import load_recordings
from neuroact.datasets.sources import collect
from neuroact.encoders.configs import SpikesConfig
from neuroact.errors import ExportError
from neuroact.hardware import simulating
from neuroact.hardware.export import export_netx
from neuroact.hardware.lava import LavaOutput
from neuroact.hardware.manifest import read_manifest, write_manifest
from neuroact.hardware.simulating import simulate
from neuroact.models import create
from neuroact.training.evaluation import evaluate
from tests.training.tiny import digits, tiny_config

ARGUMENTS = {"size": (34, 34), "widths": (4, 6), "hidden": 12, "voters": 3, "quantised": True}
app = typer.Typer(rich_markup_mode=None)
app.command()(cli.command)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return digits(tmp_path_factory.mktemp("digits"))


@pytest.fixture(scope="module")
def model() -> nn.Module:
    """Weights are large, so that all layers fire for the little noise that the recordings are."""
    torch.manual_seed(0)
    model = create("spiking_cnn", classes=10, **ARGUMENTS).eval()
    with torch.no_grad():
        for layer in model.layers:
            layer.synapses.weight *= 3
    return model


@pytest.fixture
def net(model: nn.Module, root: Path, tmp_path: Path) -> Path:
    settings = tiny_config(root, "model.name='spiking_cnn'", "data.encoder.steps=8")
    settings = settings.model_copy(update={"model": settings.model.model_copy(update={"arguments": ARGUMENTS})})
    export_netx(model, tmp_path / "digits.net", classes=tuple("0123456789"), settings=settings)
    return tmp_path / "digits.net"


def test_the_logits_are_those_of_the_quantised_model(model: nn.Module, root: Path, net: Path) -> None:
    examples = load_recordings(collect([f"nmnist:{root}"]), split="test", to=SpikesConfig(steps=8))
    expected = evaluate(model, [(example.data[None], [example.label]) for example in examples])
    found = simulate(net, f"nmnist:{root}")
    assert len(np.unique(expected.logits)) > 5
    np.testing.assert_allclose(found.evaluation.logits, expected.logits, atol=1e-6)
    np.testing.assert_array_equal(found.evaluation.labels, expected.labels)
    assert found.evaluation.names == tuple(examples.names)
    assert found.unequal is None


def test_spikes_and_operations_are_means_over_samples(root: Path, net: Path) -> None:
    every, few = simulate(net, f"nmnist:{root}"), simulate(net, f"nmnist:{root}", samples=2)
    assert [layer.layer for layer in every.layers] == [1, 2, 4, 5]
    assert [layer.neurons for layer in every.layers] == [4 * 17 * 17, 6 * 8 * 8, 12, 30]
    # Each spike of the hidden layer reaches all 30 neurons of the last.
    assert every.layers[3].operations == pytest.approx(30 * every.layers[2].spikes)
    assert every.energy == pytest.approx(0.9e-12 * sum(layer.operations for layer in every.layers))
    assert few.evaluation.names == (every.evaluation.names[0], every.evaluation.names[-1])
    assert 0.5 < few.layers[0].spikes / every.layers[0].spikes < 2


def test_steps_are_those_asked_for(root: Path, net: Path) -> None:
    assert simulate(net, f"nmnist:{root}").steps == 8
    assert simulate(net, f"nmnist:{root}", steps=5).steps == 5


@pytest.mark.parametrize("wrong", [0, 3])
def test_lavas_output_counts_and_is_compared(
    wrong: int, root: Path, net: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = simulating.emulate

    def lava(path: Path, spikes: np.ndarray, **given: object) -> LavaOutput:
        assert (path, given) == (net, {"python": Path("python3.10"), "time_limit": 600.0})
        ran = ours(simulating.read_netx(net), spikes)
        ran.spikes[:wrong, -1] ^= 1
        return LavaOutput(ran.spikes, ran.potentials[:, -1])

    monkeypatch.setattr(simulating, "lava_output", lava)
    arguments = [str(net), "--data", f"nmnist:{root}", "--engine", "lava", "--python", "python3.10"]
    result = CliRunner().invoke(app, arguments)
    said = f"not the same for {wrong} of 24" if wrong else "the same for all samples"
    assert f"Lava's output and the emulator's are {said}" in result.stdout
    assert result.exit_code == (1 if wrong else 0)
    simulated = simulate(net, f"nmnist:{root}", engine="lava", python=Path("python3.10"))
    changed = (simulated.evaluation.logits != simulate(net, f"nmnist:{root}").evaluation.logits).any(1)
    assert changed.sum() == simulated.unequal == wrong


def test_the_command_tells_the_same_as_text_and_json(root: Path, net: Path) -> None:
    arguments = [str(net), "--data", f"nmnist:{root}", "--split", "train", "--samples", "6"]
    told, record = CliRunner().invoke(app, arguments), CliRunner().invoke(app, [*arguments, "--json"])
    assert told.exit_code == record.exit_code == 0, told.output
    found = json.loads(record.stdout)
    assert f"top-1 {found['scores']['top1']:.2%}" in told.stdout
    assert f"6 samples of {found['steps']} steps" in told.stdout
    assert f"a sample takes {found['operations']:,.0f} synaptic operations" in told.stdout
    assert len(found["layers"]) == 4
    assert CliRunner().invoke(app, [*arguments, "--samples", "0"]).exit_code == 2


def test_what_is_no_whole_classifier_is_refused(root: Path, net: Path, tmp_path: Path) -> None:
    source, manifest = f"nmnist:{root}", read_manifest(net)
    changes = {
        "without the settings of a run": {"model": {}},
        "holds a part of the model": {"output": (6, 8, 8)},
        "other classes": {"classes": tuple("abcdefghij")},
    }
    for message, change in changes.items():
        write_manifest(replace(manifest, **change), net)
        with pytest.raises(ExportError, match=message):
            simulate(net, source)
    write_manifest(replace(manifest, steps=7), net)
    with pytest.raises(ValueError, match="a sample has 8 steps"):
        simulate(net, source)
    assert simulate(net, source, steps=7).steps == 7
    with pytest.raises(ExportError, match="not found"):
        simulate(tmp_path / "other.net", source)


def test_a_read_out_is_read_by_its_potentials(net: Path) -> None:
    output = LavaOutput(np.zeros((2, 5, 3), np.uint8), np.array([[64, -32, 0], [0, 128, 1]], np.int32))
    logits = simulating._logits(replace(read_manifest(net), reads="potentials", unit=1 / 64), output)
    np.testing.assert_allclose(logits, [[1, -0.5, 0], [0, 2, 1 / 64]])
