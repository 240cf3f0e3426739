"""Our emulator against Lava itself, bit for bit: `make test-lava`, which says where a Python with Lava is."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from neuroact.errors import LavaError
from neuroact.hardware.emulator import emulate
from neuroact.hardware.export import export_netx
from neuroact.hardware.lava import lava_output, run_lava
from neuroact.hardware.network import NEVER, Dense, Network, Neurons
from neuroact.hardware.netx import write_netx
from neuroact.hardware.validation import ExportWarning
from neuroact.models import create
from tests.hardware.lava.random_networks import random_network, random_spikes
from tests.hardware.networks import whole

pytestmark = [pytest.mark.lava, pytest.mark.timeout(900)]

PYTHON = os.environ.get("NEUROACT_LAVA_PYTHON")
"""None leaves it to uv."""
NETWORKS = 30
STEPS = 200
GOLDENS = ("dense3", "dense3_delay", "conv3", "conv3_bias")


def written(network: Network, folder: Path) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExportWarning)  # reset intervals of any length
        write_netx(network, folder / "network.net")
    return folder / "network.net"


@pytest.mark.parametrize("seed", range(NETWORKS))
def test_random_networks(seed: int, tmp_path: Path) -> None:
    network = random_network(seed)
    spikes = random_spikes(network, 1 + seed % 2, STEPS, seed)  # networks of odd seeds are reset
    expected = emulate(network, spikes, record=True)
    assert all(layer.spikes.any() for layer in expected.layers)
    found = lava_output(written(network, tmp_path), spikes, python=PYTHON)
    np.testing.assert_array_equal(found.spikes, expected.spikes)
    np.testing.assert_array_equal(found.potentials, expected.potentials[:, -1])


def test_states_that_overflow(tmp_path: Path) -> None:
    """Currents without leak turn round at 24 bits, potentials stay at their ends."""
    excited = np.abs(whole(6, 100, most=254))
    layers = (Dense(excited, Neurons(0, 0, NEVER)), Dense(whole(5, 6), Neurons(64, 0, 200)))
    network = Network((100,), layers)
    spikes = random_spikes(network, 2, STEPS, 0)
    expected = emulate(network, spikes, record=True)
    assert np.abs(expected.layers[0].potentials).max() == 2**23 - 1
    found = lava_output(written(network, tmp_path), spikes, python=PYTHON)
    np.testing.assert_array_equal(found.spikes, expected.spikes)
    np.testing.assert_array_equal(found.potentials, expected.potentials[:, -1])


@pytest.mark.parametrize("steps", [1, 7])
def test_recordings_of_a_batch_do_not_touch(steps: int, tmp_path: Path) -> None:
    network = Network((10,), (Dense(whole(8, 10), Neurons(64, 1, 300)), Dense(whole(6, 8), Neurons(64, 1, 100))))
    spikes = random_spikes(network, 5, steps, 3) | (np.arange(5) % 2 == 0)[:, None, None].astype(np.uint8)
    found = run_lava(written(network, tmp_path), spikes, python=PYTHON)
    np.testing.assert_array_equal(found, emulate(network, spikes).spikes)


@pytest.mark.parametrize("pooling", [False, True], ids=["strided", "pooled"])
def test_an_exported_model(pooling: bool, tmp_path: Path) -> None:
    """20 recordings, and Lava's logits are the model's."""
    torch.manual_seed(0)
    model = create("spiking_cnn", preset="tiny", classes=3, quantised=True, pooling=pooling).eval()
    quantised = export_netx(model, tmp_path / "model.net")
    spikes = random_spikes(quantised.network, 20, 12, 0)
    found = run_lava(tmp_path / "model.net", spikes, python=PYTHON)
    assert found.any()
    np.testing.assert_array_equal(found, emulate(quantised.network, spikes).spikes)
    with torch.no_grad():
        logits = model(torch.from_numpy(spikes).float())  # (B, L)
    np.testing.assert_allclose(found.mean(1).reshape(20, 3, -1).sum(-1), logits.numpy(), atol=1e-6)


@pytest.mark.parametrize("name", GOLDENS)
def test_goldens_that_were_made_elsewhere(name: str, shared: Path) -> None:
    file = shared / "lava_golden" / f"{name}.npz"
    if not file.is_file():
        pytest.skip("the goldens of Lava are not beside this checkout")
    with np.load(file) as golden:
        spikes, expected = (np.moveaxis(golden[key], -1, 0)[None] for key in ("x", "out"))
        interval = int(golden["reset_interval"]) if "reset_interval" in golden else None
    found = run_lava(file.with_suffix(".net"), spikes, reset_interval=interval, python=PYTHON)
    np.testing.assert_array_equal(found, expected)


def test_an_error_inside_one_of_lavas_processes_is_told(tmp_path: Path) -> None:
    """Lava itself would wait for the process that failed, without end."""
    file = written(Network((10,), (Dense(whole(6, 10), Neurons(64, 64, 300)),)), tmp_path)
    with h5py.File(file, "r+") as broken:
        broken["layer/1/bias"] = np.arange(5)
    with pytest.raises(LavaError, match=r"could not broadcast input array from shape \(5,\) into shape \(6,\)"):
        run_lava(file, np.ones((1, 5, 10), np.uint8), python=PYTHON, time_limit=120)


def test_uv_sets_lava_up_by_itself(tmp_path: Path) -> None:
    network = Network((10,), (Dense(whole(6, 10), Neurons(64, 64, 300)),))
    spikes = random_spikes(network, 1, 20, 0)
    np.testing.assert_array_equal(run_lava(written(network, tmp_path), spikes), emulate(network, spikes).spikes)
