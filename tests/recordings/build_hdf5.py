"""HDF5 files of every layout, written with h5py, and the encoder of Prophesee's ECF chunks."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from typing import Any

import h5py
import hdf5plugin
import numpy as np
from numpy.typing import NDArray

from neuroact import Events

CHUNK = 64
"""Small, so that small files have several chunks."""
EVENT = np.dtype({"names": ["x", "y", "p", "t"], "formats": ["<u2", "<u2", "<i2", "<i8"], "offsets": [0, 2, 4, 8]})
TYPES = {"t": np.int64, "x": np.uint16, "y": np.uint16, "p": np.uint8}
ECF_FILTER = 36559


def hdf5_file(fill: Callable[[Any], None], **options: Any) -> bytes:
    """The bytes of a file that `fill` writes."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", **options) as file:
        fill(file)
    return buffer.getvalue()


def neuroact(events: Events) -> bytes:
    def fill(file: Any) -> None:
        file.attrs.update({"format": "neuroact", "version": 1, "width": events.sensor_size[0]})
        file.attrs.update({"height": events.sensor_size[1], "has_polarity": 1})
        origin = int(events.t[0]) if len(events) else 0
        for name, dtype in TYPES.items():
            data = getattr(events, name) - (origin if name == "t" else 0)
            file.create_dataset(
                f"events/{name}", data=data.astype(dtype), chunks=(CHUNK,), maxshape=(None,), shuffle=True,
                **hdf5plugin.Zstd(clevel=3),
            )  # fmt: skip
        file["t_offset"] = np.int64(origin)

    return hdf5_file(fill, libver="v110")


def dsec(events: Events) -> bytes:
    """The oldest structures of the format, blosc with zstd, and 32-bit times from an offset."""

    def fill(file: Any) -> None:
        origin = int(events.t.min()) if len(events) else 0
        types = {"p": np.uint8, "t": np.uint32, "x": np.uint16, "y": np.uint16}
        for name, dtype in types.items():
            data = getattr(events, name) - (origin if name == "t" else 0)
            options = hdf5plugin.Blosc(cname="zstd", clevel=1, shuffle=hdf5plugin.Blosc.SHUFFLE)
            file.create_dataset(f"events/{name}", data=data.astype(dtype), chunks=(min(CHUNK, len(events)),), **options)
        file["t_offset"] = np.int64(origin)
        file["ms_to_idx"] = np.zeros(1, np.uint64)

    return hdf5_file(fill)


def mvsec(events: Events) -> bytes:
    """A table in seconds whose chunks split its columns, as h5py likes to cut them."""

    def fill(file: Any) -> None:
        table = np.stack([events.x, events.y, events.t / 1e6, events.p * 2.0 - 1], axis=1)
        file.create_dataset("davis/left/events", data=table, chunks=(min(CHUNK, len(events)), 2), compression="gzip")

    return hdf5_file(fill)


def monash(events: Events) -> bytes:
    def fill(file: Any) -> None:
        for name, data in (("xs", events.x), ("ys", events.y), ("ts", events.t / 1e6), ("ps", events.p.astype(bool))):
            file[f"events/{name}"] = data

    return hdf5_file(fill)


def m3ed(events: Events) -> bytes:
    def fill(file: Any) -> None:
        for name in "txyp":
            path = f"prophesee/left/{name}"
            file.create_dataset(path, data=getattr(events, name), chunks=(min(CHUNK, len(events)),), compression="lzf")
        file["prophesee/left/calib/resolution"] = np.array(events.sensor_size)

    return hdf5_file(fill)


def v2e(events: Events) -> bytes:
    def fill(file: Any) -> None:
        table = np.stack([events.t, events.x, events.y, events.p], axis=1).astype(np.uint32)
        file.create_dataset("events", data=table, maxshape=(None, 4), fletcher32=True)

    return hdf5_file(fill)


def tonic(events: Events) -> bytes:
    def fill(file: Any) -> None:
        file.create_dataset("data/0", data=compound(events), compression="lzf")
        file["target/0"] = 3

    return hdf5_file(fill)


def compound_events(events: Events) -> bytes:
    return hdf5_file(lambda file: file.create_dataset("events", data=compound(events)), libver="latest")


def prophesee(events: Events) -> bytes:
    """`/CD/events` in ECF chunks, with the root's attributes as texts of variable length."""

    def fill(file: Any) -> None:
        width, height = events.sensor_size
        file.attrs["geometry"] = f"{width}x{height}"
        file.attrs["sensor_name"] = "IMX636"
        settings = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        settings.set_chunk((CHUNK,))
        settings.set_filter(ECF_FILTER, h5py.h5z.FLAG_OPTIONAL)
        space = h5py.h5s.create_simple((len(events),), (h5py.h5s.UNLIMITED,))
        group = file.create_group("CD")
        dtype = h5py.h5t.py_create(np.dtype({**layout_of(EVENT), "itemsize": 16}))
        dataset = h5py.h5d.create(group.id, b"events", dtype, space, settings)
        for start in range(0, len(events), CHUNK):
            mode = ("packed", "pairs", "masks")[start // CHUNK % 3]
            dataset.write_direct_chunk((start,), ecf_chunk(events[start : start + CHUNK], mode))

    return hdf5_file(fill)


def compound(events: Events) -> NDArray[np.void]:
    array = np.empty(len(events), [("x", "<i2"), ("y", "<i2"), ("p", "?"), ("t", "<i8")])
    for name in "xypt":
        array[name] = getattr(events, name)
    return array


def layout_of(dtype: np.dtype[np.void]) -> dict[str, Any]:
    assert dtype.fields is not None
    names = list(dtype.names or ())
    return {
        "names": names,
        "formats": [dtype.fields[name][0] for name in names],
        "offsets": [dtype.fields[name][1] for name in names],
    }


def ecf_chunk(events: Events, mode: str) -> bytes:
    """One chunk: `packed` (y, x and p together), `pairs` (x and p together) or `masks` (each apart)."""
    t, x, y, p = (getattr(events, name).tolist() for name in "txyp")
    flags = {"packed": 2, "pairs": 1, "masks": 0}[mode]
    out = struct.pack("<IQ", len(t) << 2 | flags, t[0]) + _ecf_times(t)
    if mode == "packed":
        return out + _ecf_packed([b << 12 | a << 1 | c for a, b, c in zip(x, y, p, strict=True)])
    out += _ecf_runs(y, 5, "<H")
    if mode == "pairs":
        return out + _ecf_pairs([a << 1 | c for a, c in zip(x, p, strict=True)])
    return out + _ecf_masks(x) + _ecf_runs(p, 7, "<B")


def _ecf_times(t: list[int]) -> bytes:
    out, i, now = bytearray(), 0, t[0]
    while i < len(t):
        if t[i] >= now + 15:
            delta = t[i] - now
            while delta:
                out.append(0xF0 | delta & 15)
                delta >>= 4
            now = t[i]
        step = max(0, t[i] - now)
        now += step
        count = 1
        while i + count < len(t) and t[i + count] == now:
            count += 1
        out += bytes([step << 4 | min(count, 15)]) + (struct.pack("<H", count) if count >= 15 else b"")
        i += count
    return bytes(out)


def _ecf_packed(values: list[int]) -> bytes:
    out = b""
    for i in range(0, len(values), 4):
        v0, v1, v2, v3 = (values[i : i + 4] + [0] * 3)[:4]
        out += struct.pack("<3I", v0 << 8 | v1 & 0xFF, v1 >> 8 << 16 | v2 & 0xFFFF, v2 >> 16 << 24 | v3 & 0xFFFFFF)
    return out


def _ecf_pairs(values: list[int]) -> bytes:
    out = b""
    for i in range(0, len(values), 4):
        v0, v1, v2, v3 = (values[i : i + 4] + [0] * 3)[:4]
        out += struct.pack("<3H", v0 << 4 | v1 & 15, v1 >> 4 << 8 | v2 & 0xFF, v2 >> 8 << 12 | v3 & 0xFFF)
    return out


def _ecf_runs(values: list[int], bits: int, code: str) -> bytes:
    out, i, full = b"", 0, (1 << bits) - 1
    while i < len(values):
        count = 1
        while i + count < len(values) and values[i + count] == values[i]:
            count += 1
        out += struct.pack(code, values[i] << bits | min(count, full))
        out += struct.pack("<H", count) if count >= full else b""
        i += count
    return out


def _ecf_masks(x: list[int]) -> bytes:
    out, i = b"", 0
    while i < len(x):
        word, base = x[i] << 5, x[i]
        i += 1
        for k in range(5):
            if i < len(x) and x[i] == base + k + 1:
                word |= 1 << (4 - k)
                i += 1
        out += struct.pack("<H", word)
    return out
