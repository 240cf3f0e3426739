"""Files of a model: the network, and beside it what the host must know; from runs and checkpoints."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from neuroact.errors import CorruptCheckpoint, ExportError, UnsupportedLayer
from neuroact.hardware.emulator import emulate
from neuroact.hardware.export import export_netx, trained_model
from neuroact.hardware.manifest import manifest_path, read_manifest
from neuroact.hardware.netx import read_netx
from neuroact.models import create
from neuroact.models.layers import lif
from neuroact.training import checkpoints
from neuroact.training.checkpoints import Checkpoint
from tests.hardware.runs import CLASSES, ENCODER, write_run


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def spikes() -> torch.Tensor:
    return (torch.rand(3, 4, 2, 16, 16, generator=torch.Generator().manual_seed(1)) < 0.3).float()


@pytest.mark.parametrize("average", [False, True])
@pytest.mark.parametrize("of", ["run", "checkpoint"])
def test_a_trained_network_is_in_the_file_spike_for_spike(of: str, average: bool, tmp_path: Path) -> None:
    given = write_run(tmp_path / "run", "spiking_cnn", average=average, quantised=True)
    path = tmp_path / "run" if of == "run" else tmp_path / "run" / "checkpoints" / "step-00000005"
    model, settings, classes = trained_model(path)
    export_netx(model, tmp_path / "a.net", classes=classes, settings=settings)
    ran = emulate(read_netx(tmp_path / "a.net"), spikes().to(torch.uint8).numpy())
    expected = given.output_spikes(spikes()).detach().numpy()  # type: ignore[operator]
    assert 0.005 < expected.mean() < 0.995
    assert np.array_equal(ran.spikes.swapaxes(0, 1), expected)


def test_a_checkpoint_that_is_not_the_best_is_read_as_it_is(tmp_path: Path) -> None:
    run = tmp_path / "run"
    best = write_run(run, "spiking_cnn").state_dict()
    later = {name: values + 1 for name, values in best.items()}
    progress = {"classes": CLASSES, "best": {"epoch": 1, "step": 5, "top1": 0.5, "loss": 1.0}}
    checkpoints.write(run, Checkpoint(6, {"model": later}, progress))
    for path, expected in ((run, best), (checkpoints.path_of(run, 6), later)):
        model, _, _ = trained_model(path)
        assert all(torch.equal(values, expected[name]) for name, values in model.state_dict().items())


def test_the_manifest_says_what_the_file_cannot(tmp_path: Path) -> None:
    write_run(tmp_path / "run", "spiking_cnn")
    model, settings, classes = trained_model(tmp_path / "run")
    quantised = export_netx(model, tmp_path / "a.net", classes=classes, settings=settings)
    found = read_manifest(tmp_path / "a.net")
    assert (found.classes, found.voters, found.reads, found.unit) == (CLASSES, 4, "spikes", None)
    assert (found.shape, found.output, found.steps, found.latency) == ((2, 16, 16), (12,), None, 4)
    assert found.losses == quantised.losses
    assert found.data["encoder"].items() >= ENCODER.items()
    assert "source" not in found.data
    assert found.model == {"name": "spiking_cnn", "preset": "tiny", "arguments": {}}


def test_a_manifest_of_what_is_split(tmp_path: Path) -> None:
    quantised = export_netx(create("spikmamba", classes=3, preset="tiny"), tmp_path / "a.net", split=True)
    found = read_manifest(tmp_path / "a.net")
    assert found.host == quantised.host
    assert [refusal.name for refusal in found.host][-1] == "head"
    assert (found.steps, found.reset_interval, found.output) == (4, 4, (16, 4, 4))
    assert read_netx(tmp_path / "a.net").reset_interval == 4


def test_manifests_of_other_files_are_told_apart(tmp_path: Path) -> None:
    net = tmp_path / "a.net"
    with pytest.raises(ExportError, match=r"a.json: not found; neuroact export writes it"):
        read_manifest(net)
    export_netx(create("spiking_cnn", classes=3, preset="tiny"), net)
    whole = manifest_path(net).read_text()
    for broken in ("{", "[]", json.dumps(json.loads(whole) | {"shape": 3}), json.dumps({"digest": ""})):
        manifest_path(net).write_text(broken)
        with pytest.raises(ExportError, match="no manifest of a network"):
            read_manifest(net)
    manifest_path(net).write_text(whole)
    export_netx(create("spiking_cnn", classes=3, preset="tiny"), tmp_path / "b.net")
    net.write_bytes((tmp_path / "b.net").read_bytes())
    with pytest.raises(ExportError, match="about another network"):
        read_manifest(net)


def test_nothing_is_written_of_what_does_not_fit(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedLayer):
        export_netx(create("vtn", classes=3, preset="tiny"), tmp_path / "a.net", split=True)
    silent = nn.Sequential(nn.Linear(3, 2, bias=False), lif())
    nn.init.zeros_(silent[0].weight)  # type: ignore[arg-type]
    with pytest.raises(ExportError, match="all weights are 0"):
        export_netx(silent, tmp_path / "a.net")
    with pytest.raises(ValueError, match=r"ends in \.net"):
        export_netx(silent, tmp_path / "a.json")
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(ExportError, match="neither the folder of a run"):
            trained_model(path)
    write_run(tmp_path / "run", "spiking_cnn")
    step = tmp_path / "run" / "checkpoints" / "step-00000005"
    (step / "model.safetensors").write_bytes(b"cut")
    with pytest.raises(CorruptCheckpoint):
        trained_model(step)
