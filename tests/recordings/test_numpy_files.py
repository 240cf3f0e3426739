"""npy and npz: fields, tables, units, pickles, bombs and damage."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuroact import CorruptRecording, LimitExceeded, NeuroactError, UnknownFormat, open_recording
from neuroact.recordings import DamageWarning
from tests.conftest import random_events
from tests.recordings.build_tables import npz_structured
from tests.recordings.sample_files import sample_events

EVENTS = random_events(40_000, (64, 48))
DTYPES: dict[str, list[tuple[str, str]]] = {
    "tonic": [("x", "<i2"), ("y", "<i2"), ("t", "<i8"), ("p", "?")],
    "faery": [("t", "<u8"), ("x", "<u2"), ("y", "<u2"), ("on", "?")],
    "expelliarmus": [("t", "<i8"), ("x", "<i2"), ("y", "<i2"), ("p", "u1")],
    "big-endian": [("timestamp", ">i8"), ("x", ">u2"), ("y", ">u2"), ("polarity", "i1")],
    "seconds": [("t", "<f8"), ("x", "<f4"), ("y", "<f4"), ("p", "<f4")],
}


def structured(dtype: list[tuple[str, str]]) -> Any:
    array = np.empty(len(EVENTS), dtype)
    for (name, kind), values in zip(dtype, (getattr(EVENTS, n[0]) for n, _ in dtype_as_columns(dtype)), strict=True):
        array[name] = values / 1e6 if kind == "<f8" else values
    return array


def dtype_as_columns(dtype: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The same with our names: the first letter, but for `on`."""
    return [("p" if name == "on" else name, kind) for name, kind in dtype]


@pytest.mark.parametrize("dtype", DTYPES.values(), ids=DTYPES)
def test_fields_are_known_by_name(tmp_path: Path, dtype: list[tuple[str, str]]) -> None:
    np.save(tmp_path / "events.npy", structured(dtype))
    recording = open_recording(tmp_path / "events.npy", sensor_size=(64, 48))
    assert recording.read() == EVENTS
    assert recording.info.events == len(EVENTS)
    assert recording.info.details["time"] == ("seconds" if dtype[0][1] == "<f8" else "µs")


def test_aligned_fields_have_padding(tmp_path: Path) -> None:
    array = np.zeros(3, np.dtype([("x", "u2"), ("y", "u2"), ("p", "u1"), ("t", "i8")], align=True))
    array["t"] = 1, 2, 3
    np.save(tmp_path / "events.npy", array)
    assert open_recording(tmp_path / "events.npy").read().t.tolist() == [1, 2, 3]


@pytest.mark.parametrize("order", ["txyp", "xypt", "xytp", "ptxy"])
@pytest.mark.parametrize("dtype", [np.int64, np.float64])
def test_tables_are_known_by_content(tmp_path: Path, order: str, dtype: type) -> None:
    table = np.stack([getattr(EVENTS, name) for name in order], axis=1).astype(dtype)
    np.save(tmp_path / "events.npy", table)
    recording = open_recording(tmp_path / "events.npy", sensor_size=(64, 48))
    assert recording.read() == EVENTS
    assert recording.info.details["order"] == " ".join(order)
    assert recording.info.details["time"] == "µs"  # whole numbers, whatever their type


REFUSED: list[tuple[Any, str]] = [
    (np.array([{"t": 1}], object), "pickled"),
    (np.zeros((5, 3)), "neither structured"),
    (np.zeros(5), "neither structured"),
    (np.zeros((5, 4), order="F"), "row order"),
    (np.zeros((2, 2, 2)), "no list of events"),
    (np.array(3), "no list of events"),
    (np.zeros(4, [("t", "i8"), ("x", "i2"), ("y", "i2")]), "not t, x, y, p"),
    (np.zeros(4, [("t", "U3"), ("x", "i2"), ("y", "i2"), ("p", "i1")]), "not t, x, y, p"),
]


@pytest.mark.parametrize(("array", "message"), REFUSED)
def test_other_arrays_are_refused(tmp_path: Path, array: Any, message: str) -> None:
    np.save(tmp_path / "other.npy", array, allow_pickle=True)
    with pytest.raises(UnknownFormat, match=message):
        open_recording(tmp_path / "other.npy")


def npy(header: str, data: bytes = b"") -> bytes:
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + data


def described(**changes: Any) -> str:
    fields = {"descr": [["t", "<i8"], ["x", "<u2"], ["y", "<u2"], ["p", "|u1"]], "fortran_order": False, "shape": [3]}
    return json.dumps(fields | changes).replace("false", "False")


HEADERS: list[tuple[str, type[NeuroactError]]] = [
    ("{'descr': __import__('os').system('false')}", CorruptRecording),
    ("[" * 9000, CorruptRecording),
    ("{}", CorruptRecording),
    (described(shape=[-1]), UnknownFormat),
    (described(shape=[1 << 50]), LimitExceeded),
    (described(descr="<i99"), CorruptRecording),
    (described(descr=[["t", "O"], ["x", "<u2"], ["y", "<u2"], ["p", "|u1"]]), UnknownFormat),
    (described(descr=[["t", "<i8"], ["x", "<V9999"], ["y", "<u2"], ["p", "|u1"]]), UnknownFormat),
    (described(descr=[["t", "<i8"]] * 4), CorruptRecording),
    (" " * 40_000, LimitExceeded),
]


@pytest.mark.parametrize(("header", "error"), HEADERS)
def test_hostile_headers_are_refused(tmp_path: Path, header: str, error: type[NeuroactError]) -> None:
    (tmp_path / "hostile.npy").write_bytes(npy(header))
    with pytest.raises(error):
        open_recording(tmp_path / "hostile.npy")


def test_a_header_may_declare_more_than_there_is(tmp_path: Path) -> None:
    record = np.array([(5, 1, 2, 1)], [("t", "<i8"), ("x", "<u2"), ("y", "<u2"), ("p", "u1")]).tobytes()
    (tmp_path / "short.npy").write_bytes(npy(described(shape=[1 << 38]), record * 2 + b"rest"))
    recording = open_recording(tmp_path / "short.npy", sensor_size=(4, 4))
    with pytest.warns(DamageWarning, match="cut at byte"):
        assert recording.read().t.tolist() == [5, 5]


def test_a_pickle_in_an_npz_is_passed_over_unless_it_is_needed(tmp_path: Path) -> None:
    columns = {name: getattr(EVENTS, name) for name in "txyp"}
    secret = np.array([{"a": 1}], object)
    np.savez(tmp_path / "extra.npz", label=secret, **columns)
    assert open_recording(tmp_path / "extra.npz", sensor_size=(64, 48)).read() == EVENTS
    np.savez(tmp_path / "needed.npz", **(columns | {"t": secret}))
    with pytest.raises(UnknownFormat, match="readable arrays: p, x, y"):
        open_recording(tmp_path / "needed.npz")


def test_an_npz_bomb_is_refused(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "bomb.npz", events=np.zeros(1 << 22, [(name, "i8") for name in "txyp"]))
    with pytest.raises(LimitExceeded, match="expansion"):
        open_recording(tmp_path / "bomb.npz")


def test_damage_inside_an_npz_ends_the_events_and_is_told(tmp_path: Path) -> None:
    events = sample_events(60_000)
    data = bytearray(npz_structured(events))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        size = archive.infolist()[0].compress_size
    data[size * 4 // 5] ^= 0xFF
    (tmp_path / "damaged.npz").write_bytes(data)
    recording = open_recording(tmp_path / "damaged.npz", sensor_size=(32, 24))
    with pytest.warns(DamageWarning):
        part = recording.read()
    sound = len(part) // 2
    assert sound > 10_000
    assert part[:sound] == events[:sound]
    assert any("npz" in reason for reason in recording.report.dropped)


def test_unequal_columns_are_read_as_far_as_all_go(tmp_path: Path) -> None:
    np.savez(tmp_path / "uneven.npz", t=np.arange(5), x=np.ones(4), y=np.ones(5), p=np.ones(3))
    recording = open_recording(tmp_path / "uneven.npz")
    with pytest.warns(DamageWarning, match="2 events with columns missing"):
        assert recording.read().t.tolist() == [0, 1, 2]
