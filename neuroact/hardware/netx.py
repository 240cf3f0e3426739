"""Lava's NetX files, from which `lava.lib.dl.netx.hdf5.Network` builds a network: written, and read back.

    /layer/0/            type "input", shape
    /layer/1/ ...        type, shape and what the layer holds; `neuron/` beside it
    /simulation/Ts       1, which Lava's own exporter writes and nothing reads
    /simulation/resetInterval    ours: Lava takes it as an argument, and opens no group but /layer

Everything is a dataset, nothing an attribute; types are bytes. Shapes are (C, H, W), and pairs are (H, W), although
Lava's ports are (W, H, C).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from neuroact.atomic import whole_file
from neuroact.errors import ExportError, UnsupportedLayer
from neuroact.hardware.network import Conv, Dense, Flatten, Integers, Layer, Network, Neurons
from neuroact.hardware.validation import check

RESET = "resetInterval"
MOST_BYTES = 2**30
"""Of a dataset: a hostile file can claim any size without having it."""
NEURONS = ("CUBA", "LOIHI")
"""Names of the one kind of neurons; Lava writes the first."""
FAILING = {
    "pool": "where spikes are pooled by their largest, a depthwise convolution with weights of 4, decays of 4096 and a "
    "threshold of 2 does the same, one step later",
    "average": "count the output spikes on the host",
    "concat": "have both inputs side by side as channels from the start, and groups in between",
    "convT": "", "unpool": "", "dense_comp": "",
}  # fmt: skip
"""Types that the format names and Lava's loader has no code for, and what to have in their place."""


def write_netx(network: Network, path: Path) -> None:
    """Write `network` to the file `path`, whole or not at all.

    Raises `ExportError`, one line a layer, if Lava would not compute what the network says; `OSError` if the file
    cannot be written. Warns with `ExportWarning` of what hardware may not run alike.
    """
    check(network)
    shapes = [network.shape, *network.shapes()]
    with whole_file(path) as temporary, h5py.File(temporary, "w") as file:
        _put_layer(file, 0, "input", shapes[0])
        for place, layer in enumerate(network.layers, 1):
            if isinstance(layer, Flatten):
                _put_layer(file, place, "flatten", (*shapes[place], 1, 1))
                continue
            if isinstance(layer, Conv):
                group = _put_layer(file, place, "conv", shapes[place])
                _put_conv(group, layer)
            else:
                group = _put_layer(file, place, "dense" if layer.recurrent is None else "dense_rec", shapes[place])
                _put_dense(group, layer)
            _put_neurons(group, layer.neurons)
        file["simulation/Ts"] = np.int64(1)
        if network.reset_interval is not None:
            file[f"simulation/{RESET}"] = np.int64(network.reset_interval)


def _put_layer(file: h5py.File, place: int, kind: str, shape: tuple[int, ...]) -> h5py.Group:
    group = file.create_group(f"layer/{place}")
    group.create_dataset("type", (1,), "S10", [kind.encode()])
    group["shape"] = np.array(shape, np.int64)
    return group


def _put_conv(group: h5py.Group, layer: Conv) -> None:
    many, of_group = layer.weight.shape[:2]
    _put_numbers(group, {
        "inChannels": of_group * layer.groups, "outChannels": many, "kernelSize": layer.weight.shape[2:],
        "stride": layer.stride, "padding": layer.padding, "dilation": layer.dilation, "groups": layer.groups,
    })  # fmt: skip
    _put_integers(group, {"weight": layer.weight, "bias": layer.bias})


def _put_dense(group: h5py.Group, layer: Dense) -> None:
    many, inputs = layer.weight.shape
    _put_numbers(group, {"inFeatures": inputs, "outFeatures": many})
    _put_integers(group, {
        "weight": layer.weight, "weight_rec": layer.recurrent, "bias": layer.bias, "delay": layer.delay,
    })  # fmt: skip


def _put_neurons(group: h5py.Group, neurons: Neurons) -> None:
    group["neuron/type"] = np.bytes_("CUBA")
    _put_numbers(group["neuron"], {
        "iDecay": neurons.current_decay, "vDecay": neurons.decay, "vThMant": neurons.threshold, "refDelay": 1,
    })  # fmt: skip
    group["neuron/gradedSpike"] = False


def _put_numbers(group: h5py.Group, numbers: dict[str, Any]) -> None:
    for name, value in numbers.items():
        group[name] = np.asarray(value, np.int64)


def _put_integers(group: h5py.Group, arrays: dict[str, Integers | None]) -> None:
    for name, value in arrays.items():
        if value is not None:
            group[name] = value.astype(np.int32)


def read_netx(path: Path) -> Network:
    """The network of the file `path`; what `write_netx` wrote comes back the same.

    Raises `UnsupportedLayer` for layers that Lava's loader stops at, skips or takes for something else, `ExportError`
    for a file that is no NetX file or holds what Lava would not compute as written, `OSError` if it cannot be opened.
    Warns as `write_netx` does.
    """
    with _opened(path) as file:
        network = _network(file)
    try:
        check(network)
    except ExportError as error:
        raise ExportError("\n".join(f"{path}: {line}" for line in str(error).splitlines())) from None
    return network


def read_input(path: Path) -> tuple[tuple[int, ...], int | None]:
    """The shape of what goes into the network of the file `path`, and its reset interval if one is noted there.

    Reads no layers, so files that only Lava understands will do. Raises `ExportError` and `OSError` as above.
    """
    with _opened(path) as file:
        return _shape(file), _reset_interval(file)


@contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    """The file `path`; what goes wrong in it is told of with its name."""
    with path.open("rb"):  # a missing file is the system's error, whatever h5py would make of it
        pass
    try:
        with h5py.File(path, "r") as file:
            yield file
    except UnsupportedLayer:
        raise
    except ExportError as error:
        raise ExportError(f"{path}: {error}") from None
    except (OSError, KeyError, TypeError, ValueError, AttributeError, RuntimeError, OverflowError) as error:
        raise ExportError(f"{path}: no NetX file: {error}") from error


def _shape(file: h5py.File) -> tuple[int, ...]:
    return tuple(map(int, _read(_own(_own(file, "layer"), "0"), "shape")))


def _reset_interval(file: h5py.File) -> int | None:
    if _has(file, "simulation") and _has(simulation := _own(file, "simulation"), RESET):
        return int(_read(simulation, RESET))
    return None


def _network(file: h5py.File) -> Network:
    layers = _own(file, "layer")
    groups = [_own(layers, str(place)) for place in range(len(layers))]
    if not groups or _text(groups[0], "type") != "input":
        raise ExportError("the first layer is no input")
    if _has(groups[0], "neuron"):
        raise ExportError("layer 0: neurons at the input, which is for frames; spikes go in as they are")
    places = list(enumerate(groups))[1:]
    refused = [reason for place, group in places if (reason := _refusal(place, group))]
    if refused:
        raise UnsupportedLayer(refused)
    return Network(
        shape=_shape(file),
        layers=tuple(_layer(group) for _, group in places),
        reset_interval=_reset_interval(file),
    )


def _refusal(place: int, group: h5py.Group) -> tuple[str, str, str, str] | None:
    """Why a layer is not read: name, type, reason, rewrite."""
    kind = _text(group, "type")
    if kind in FAILING:
        return (f"layer {place}", kind, "Lava's loader has no code for it", FAILING[kind])
    if kind not in ("dense", "dense_rec", "conv", "flatten"):
        return (f"layer {place}", kind, "Lava's loader skips what it does not know", "")
    if kind == "flatten":
        return None
    neurons = _own(group, "neuron")
    if (of := _text(neurons, "type")) not in NEURONS:
        return (f"layer {place}", of, "its neurons are none of current-based, CUBA", "")
    ignored = {"refDelay": 1, "wgtExp": 0, "gradedSpike": 0, "messageBits": 0}
    for name, plain in ignored.items():
        if _has(neurons, name) and np.any(_read(neurons, name) != plain):
            return (f"layer {place}", kind, f"{name} is {_read(neurons, name)}; we emulate {plain}", "")
    if kind == "conv" and _has(group, "delay") and np.any(_read(group, "delay")):
        return (f"layer {place}", kind, "Lava ignores delays of a convolution", "")
    return None


def _layer(group: h5py.Group) -> Layer:
    kind = _text(group, "type")
    if kind == "flatten":
        return Flatten()
    given = _own(group, "neuron")
    neurons = Neurons(
        _number(_read(given, "iDecay")), _number(_read(given, "vDecay")), _number(_read(given, "vThMant"))
    )
    weight, bias = _wide(_read(group, "weight")), _optional(group, "bias")
    if kind == "conv":
        stride, padding, dilation = (_pair(_read(group, name)) for name in ("stride", "padding", "dilation"))
        return Conv(weight, neurons, stride, padding, dilation, int(_number(_read(group, "groups"))), bias)
    recurrent = _wide(_read(group, "weight_rec")) if kind == "dense_rec" else None
    return Dense(weight, neurons, bias, _optional(group, "delay"), recurrent)


def _has(group: h5py.Group, name: str) -> bool:
    """Whether there is anything by that name, without a look at what a link leads to."""
    return group.get(name, getlink=True) is not None


def _own(group: h5py.Group, name: str) -> Any:
    """A group or dataset that lies in the file itself: links and storage elsewhere can lead to any file there is."""
    found = group[name] if isinstance(group.get(name, getlink=True), h5py.HardLink | None) else None
    if found is None or (isinstance(found, h5py.Dataset) and (found.external or found.is_virtual)):
        raise ExportError(f"{group.name.rstrip('/')}/{name} leads out of its place; a network is whole in its file")
    return found


def _read(group: h5py.Group, name: str) -> Any:
    """All of a dataset, if it is of a size that any chip could hold."""
    dataset = _own(group, name)
    if dataset.nbytes > MOST_BYTES:
        raise ExportError(f"{dataset.name} claims {dataset.nbytes:,} bytes; {MOST_BYTES:,} are the most that is read")
    return dataset[()]


def _text(group: h5py.Group, name: str) -> str:
    value = np.ravel(_read(group, name))[0]
    return bytes(value).decode("ascii")


def _number(value: Any) -> Any:
    """A number as such, and an array of several as it is."""
    values = _wide(np.asarray(value))
    return values.item() if values.size == 1 else values


def _wide(values: NDArray[Any]) -> Any:
    """Integers in int64; others as they are, for `check` to refuse by name."""
    return values.astype(np.int64) if values.dtype.kind in "iu" else values


def _optional(group: h5py.Group, name: str) -> Integers | None:
    return _wide(_read(group, name)) if _has(group, name) else None


def _pair(value: Any) -> tuple[int, int]:
    rows, columns = np.broadcast_to(_wide(np.asarray(value)), (2,)).tolist()
    return rows, columns
