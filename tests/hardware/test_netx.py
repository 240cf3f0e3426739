"""NetX files: what Lava wrote and what we write come back the same, and what Lava would misread is refused."""

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from neuroact.errors import ExportError, UnsupportedLayer
from neuroact.hardware.network import Network
from neuroact.hardware.netx import read_netx, write_netx
from tests.hardware.networks import convolution, dense, everything

GOLDENS = ["dense3", "dense3_delay", "conv3", "conv3_bias"]
UNKNOWN = {"pool": "no code", "average": "no code", "concat": "no code", "dense_comp": "no code", "dence": "skips"}
NETWORKS = {"everything": everything, "dense": dense, "convolution": convolution}


def same(one: Any, other: Any) -> bool:
    """Networks, their parts and their numbers alike, types included."""
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other)
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if hasattr(one, "__dataclass_fields__"):
        return all(same(getattr(one, field.name), getattr(other, field.name)) for field in fields(one))
    return bool(one == other)


@pytest.mark.parametrize("build", NETWORKS.values(), ids=NETWORKS)
def test_what_is_written_comes_back(build: Callable[[], Network], tmp_path: Path) -> None:
    network = build()
    write_netx(network, tmp_path / "a.net")
    assert same(read_netx(tmp_path / "a.net"), network)


@pytest.mark.parametrize("name", GOLDENS)
def test_what_lava_ran_is_written_as_it_was(name: str, shared: Path, tmp_path: Path) -> None:
    golden = shared / "lava_golden" / f"{name}.net"
    network = read_netx(golden)
    assert network.latency == int(np.load(golden.with_suffix(".npz"))["latency"])
    write_netx(network, tmp_path / "a.net")
    with h5py.File(golden) as theirs, h5py.File(tmp_path / "a.net") as ours:
        names = _names(theirs)
        assert names == _names(ours)
        for name in names:
            if isinstance(theirs[name], h5py.Dataset):
                assert theirs[name].dtype == ours[name].dtype
                assert np.array_equal(theirs[name][()], ours[name][()]), name


def _names(file: h5py.File) -> list[str]:
    names: list[str] = []
    file.visit(names.append)
    return names


def test_lava_finds_datasets_alone_and_shapes_as_in_torch(tmp_path: Path) -> None:
    write_netx(everything(), tmp_path / "a.net")
    with h5py.File(tmp_path / "a.net") as file:
        assert not any(file[name].attrs for name in _names(file))
        assert [group["type"][()].tolist() for group in map(file["layer"].get, "012345")] == [
            [kind] for kind in (b"input", b"conv", b"conv", b"flatten", b"dense_rec", b"dense")
        ]
        assert file["layer/1/shape"][()].tolist() == [4, 4, 6]
        assert file["layer/1/stride"][()].tolist() == [2, 1]
        assert file["layer/3/shape"][()].tolist() == [18, 1, 1]
        assert file["layer/1/neuron/iDecay"][()].tolist() == [0, 1000, 2000, 3000]
        assert "neuron" not in file["layer/0"]


@pytest.mark.parametrize(("kind", "reason"), UNKNOWN.items())
def test_layers_that_lava_does_not_build_are_named(kind: str, reason: str, tmp_path: Path) -> None:
    path = _changed(tmp_path, "layer/2/type", np.array([kind.encode()], "S10"))
    with pytest.raises(UnsupportedLayer, match=reason) as caught:
        read_netx(path)
    assert [(layer.name, layer.kind) for layer in caught.value.layers] == [("layer 2", kind)]


IGNORED = {
    "layer/1/neuron/refDelay": 2,
    "layer/1/neuron/wgtExp": 3,
    "layer/1/neuron/gradedSpike": True,
    "layer/1/neuron/type": b"SDNN",
    "layer/1/delay": 1,
}
MISREAD = {
    "float weights": ("layer/1/weight", np.full((4, 1, 3, 5), 0.5), "layer 1: weight is float64"),
    "a float threshold": ("layer/1/neuron/vThMant", 3.5, "vThMant is a whole number"),
    "a threshold each": ("layer/1/neuron/vThMant", np.arange(4), "vThMant is a whole number"),
    "a delay of 63": ("layer/4/delay", np.full((5, 18), 63), "delays are within"),
    "weights missing": ("layer/1/weight", None, "no NetX file"),
    "an input of neurons": ("layer/0/neuron/type", b"CUBA", "neurons at the input"),
    "no input": ("layer/0/type", b"dense", "the first layer is no input"),
    "a layer missing": ("layer/2", None, "no NetX file"),
    "a text for a number": ("layer/1/groups", b"two", "no NetX file"),
}


@pytest.mark.parametrize(("name", "value"), IGNORED.items(), ids=IGNORED)
def test_what_lava_ignores_is_refused(name: str, value: Any, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedLayer, match="layer 1"):
        read_netx(_changed(tmp_path, name, value))


@pytest.mark.parametrize(("name", "value", "problem"), MISREAD.values(), ids=MISREAD)
def test_what_is_no_sound_file_is_refused(name: str, value: Any, problem: str, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=problem) as caught:
        read_netx(_changed(tmp_path, name, value))
    assert str(caught.value).startswith(str(tmp_path / "a.net"))


def test_a_file_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.net").write_bytes(b"not HDF5")
    with pytest.raises(ExportError, match="no NetX file"):
        read_netx(tmp_path / "a.net")
    with pytest.raises(FileNotFoundError):
        read_netx(tmp_path / "b.net")


def test_a_size_that_is_only_claimed_is_not_believed(tmp_path: Path) -> None:
    write_netx(everything(), tmp_path / "a.net")
    with h5py.File(tmp_path / "a.net", "r+") as file:
        del file["layer/1/weight"]
        file["layer/1"].create_dataset("weight", (2**20, 2**10, 2**4, 2**4), "i4")
    with pytest.raises(ExportError, match="claims 1,099,511,627,776 bytes"):
        read_netx(tmp_path / "a.net")


@pytest.mark.parametrize("way", ["external link", "soft link", "external storage", "virtual"])
@pytest.mark.parametrize("name", ["weight", "bias"])
def test_nothing_is_read_from_elsewhere(tmp_path: Path, way: str, name: str) -> None:
    """Files come from others, and what they point to may be any file of the machine."""
    write_netx(dense(), tmp_path / "a.net")
    secret = tmp_path / "secret"
    with h5py.File(secret, "w") as file:
        file["weight"] = np.ones((6, 4), np.int32)
    with h5py.File(tmp_path / "a.net", "r+") as file:
        group = file["layer/1"]
        group.pop(name, None)
        if way == "external link":
            group[name] = h5py.ExternalLink(secret, "weight")
        elif way == "soft link":
            group[name] = h5py.SoftLink("/layer/1/shape")
        elif way == "external storage":
            group.create_dataset(name, (6, 4), "i4", external=[(str(secret), 0, 96)])
        else:
            layout = h5py.VirtualLayout((6, 4), "i4")
            layout[:] = h5py.VirtualSource(secret, "weight", (6, 4))
            group.create_virtual_dataset(name, layout)
    with pytest.raises(ExportError, match=f"/layer/1/{name} leads out of its place"):
        read_netx(tmp_path / "a.net")


@pytest.mark.parametrize("name", ["layer", "layer/1", "layer/1/neuron", "simulation"])
def test_no_group_is_read_from_elsewhere(tmp_path: Path, name: str) -> None:
    for place in ("a.net", "b.net"):
        write_netx(dense(), tmp_path / place)
    with h5py.File(tmp_path / "a.net", "r+") as file:
        del file[name]
        file[name] = h5py.ExternalLink(tmp_path / "b.net", name)
    with pytest.raises(ExportError, match=f"/{name} leads out of its place"):
        read_netx(tmp_path / "a.net")


def test_damage_is_an_export_error(tmp_path: Path) -> None:
    """A few bytes changed or cut off; most of a file is weights, and so most damage is another network."""
    path, random = tmp_path / "a.net", np.random.default_rng(0)
    write_netx(dense(), path)
    whole, refused = path.read_bytes(), 0
    for mutant in range(300):
        damaged = bytearray(whole[: random.integers(len(whole))] if mutant % 4 == 0 else whole)
        for place in random.integers(0, len(damaged), 8):
            damaged[place] = random.integers(256)
        path.write_bytes(damaged)
        try:
            read_netx(path)
        except ExportError:
            refused += 1
    assert refused > 100


def test_nothing_is_left_of_a_network_that_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.net").write_bytes(b"before")
    with pytest.raises(ExportError):
        write_netx(dense(bias=np.full(6, 4096)), tmp_path / "a.net")
    assert [path.name for path in tmp_path.iterdir()] == ["a.net"]
    assert (tmp_path / "a.net").read_bytes() == b"before"


def _changed(folder: Path, name: str, value: Any) -> Path:
    """A sound file of everything but for one dataset; None takes it away."""
    write_netx(everything(), folder / "a.net")
    with h5py.File(folder / "a.net", "r+") as file:
        if name in file:
            del file[name]
        if value is not None:
            file[name] = value
    return folder / "a.net"
