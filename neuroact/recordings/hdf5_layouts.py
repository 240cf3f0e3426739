"""Where the events stand in the HDF5 files of the field, and what their columns mean.

| layout     | events                                            | time                        |
|------------|---------------------------------------------------|-----------------------------|
| Prophesee  | `/CD/events`, compound, ECF codec                 | µs                          |
| neuroact   | `/events/{t,x,y,p}`                               | µs, relative to `/t_offset` |
| DSEC       | `/events/{t,x,y,p}`, also TUM-VIE, RVT, evutils   | µs, relative to `/t_offset` |
| Monash     | `/events/{ts,xs,ys,ps}`, also event_utils         | seconds                     |
| M3ED       | `/prophesee/{left,right}/{t,x,y,p}`               | µs                          |
| MVSEC      | `/davis/{left,right}/events`, (N, 4) as x y t p   | seconds                     |
| tonic      | `/data/0`, compound                               | µs                          |
| v2e        | `/events`, (N, 4) as t x y p                      | µs                          |
| compound   | `/events`, compound                               | µs, seconds if fractional   |
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroact.errors import CorruptRecording, UnknownFormat
from neuroact.recordings.blocks import in_microseconds, is_seconds
from neuroact.recordings.column_order import by_content, by_name
from neuroact.recordings.h5 import Dataset, File, Node, root
from neuroact.recordings.prophesee_header import PropheseeHeader
from neuroact.recordings.reader import SensorSource

SAMPLE = 4096
"""Rows that are looked at where the content must tell what a column is."""


@dataclass(frozen=True, slots=True)
class Track:
    """One column of events: a dataset of its own, or a field or column of one."""

    dataset: Dataset
    part: str | int | None = None

    def of(self, data: NDArray[Any]) -> NDArray[Any]:
        """This column of a piece of the dataset."""
        if self.part is None:
            return data
        return data[self.part] if isinstance(self.part, str) else data[:, self.part]


@dataclass(slots=True)
class Layout:
    """A recognised file: `tracks` for t, x, y and p, and what is known of the camera."""

    name: str
    tracks: dict[str, Track]
    t_offset: int = 0
    in_seconds: bool = False
    sensor_size: tuple[int, int] | None = None
    sensor_from: SensorSource = "header"
    camera: str | None = None
    has_polarity: bool = True
    details: dict[str, str] = field(default_factory=dict)

    @property
    def datasets(self) -> list[Dataset]:
        """The datasets behind the tracks, each once."""
        return list({id(track.dataset): track.dataset for track in self.tracks.values()}.values())

    @property
    def rows(self) -> int:
        """Events that all tracks have."""
        return min(dataset.rows for dataset in self.datasets)

    def times(self, stored: NDArray[Any]) -> NDArray[Any]:
        """What the file stores as t, in µs."""
        t = in_microseconds(stored, self.in_seconds)
        return t.astype(np.int64) + np.int64(self.t_offset) if self.t_offset else t


def recognise(file: File) -> Layout:
    """The layout of an open file. Raises `UnknownFormat` if it is none of the field's."""
    top = root(file)
    for layout in LAYOUTS:
        found = layout(top)
        if found is not None:
            _settle_time_unit(found)
            return found
    names = ", ".join(sorted(top.links)[:20]) or "nothing"
    raise UnknownFormat(file.source.path, f"an HDF5 file that holds {names}: no layout of events is known for that")


def _prophesee(top: Node) -> Layout | None:
    node = top.get("CD/events")
    if node is None:
        return None
    fields = {name: str(value) for name, value in top.attributes.items()}
    header = PropheseeHeader(fields, 0)
    declared = header.declared_size
    layout = Layout("Prophesee", _fields(Dataset(node)), camera=header.camera, details=fields)
    layout.sensor_size = declared or header.known_size
    layout.sensor_from = "header" if declared else "camera"
    return layout


def _columns(top: Node) -> Layout | None:
    """Our own files, DSEC and those that follow it; with seconds, Monash."""
    group = top.get("events")
    if group is None or group.is_dataset:
        return None
    tracks = _members(group)
    if tracks is None:
        return None
    seconds = "ts" in group.links and tracks["t"].dataset.dtype.kind == "f"
    ours = top.attributes.get("format") == "neuroact"
    layout = Layout("neuroact" if ours else "Monash" if seconds else "DSEC", tracks, in_seconds=seconds)
    layout.has_polarity = bool(top.attributes.get("has_polarity", 1))
    offset = _number(top, "t_offset")
    if "t_offset" in top.links and not isinstance(offset, int):
        raise CorruptRecording(top.file.source.path, "/t_offset, without which no time is known, cannot be read")
    layout.t_offset = int(offset or 0)
    layout.sensor_size = _size(top.attributes) or _size({name: _number(group, name) for name in ("width", "height")})
    return layout


def _m3ed(top: Node) -> Layout | None:
    for side in ("left", "right"):
        group = top.get(f"prophesee/{side}")
        tracks = _members(group) if group is not None else None
        if group is not None and tracks is not None:
            layout = Layout("M3ED", tracks, camera=f"prophesee/{side}", details={"camera": side})
            node = group.get("calib/resolution")
            sides = Dataset(node).piece(0).data if node is not None else None
            if sides is not None and sides.shape == (2,) and sides.dtype.kind in "iu":
                layout.sensor_size = int(sides[0]), int(sides[1])
            return layout
    return None


def _mvsec(top: Node) -> Layout | None:
    for side in ("left", "right"):
        node = top.get(f"davis/{side}/events")
        if node is not None:
            tracks = _table(Dataset(node), "xytp")
            size = (346, 260)
            return Layout("MVSEC", tracks, 0, True, size, "camera", f"DAVIS 346B, {side}", details={"camera": side})
    return None


def _table_or_compound(top: Node) -> Layout | None:
    """tonic's cache, v2e, and other files that keep events in one dataset."""
    for path, name in (("data/0", "tonic"), ("events", "compound")):
        node = top.get(path)
        if node is None or not node.is_dataset:
            continue
        dataset = Dataset(node)
        if dataset.dtype.names is not None:
            return Layout(name, _fields(dataset))
        if len(dataset.shape) == 2 and dataset.shape[1] == 4:
            sample = dataset.piece(0).data if dataset.rows else None
            order = by_content(sample[:SAMPLE]) if sample is not None else None
            details = {"order": order or "txyp", "order from": "content" if order else "v2e's convention"}
            return Layout(
                "v2e" if order in (None, "txyp") else "table", _table(dataset, order or "txyp"), details=details
            )
    return None


LAYOUTS: tuple[Callable[[Node], Layout | None], ...] = (_prophesee, _columns, _m3ed, _mvsec, _table_or_compound)


def _settle_time_unit(layout: Layout) -> None:
    """Times with a fraction are seconds, whole ones µs, whatever type they are stored in."""
    track = layout.tracks["t"]
    piece = track.dataset.piece(0).data if track.dataset.rows else None
    if piece is not None:
        layout.in_seconds |= is_seconds(track.of(piece)[:SAMPLE])
    layout.details["time"] = "seconds" if layout.in_seconds else "µs"


def _members(group: Node) -> dict[str, Track] | None:
    """Four datasets of one dimension each; None if the group lacks one."""
    names = by_name(group.links)
    if names is None:
        return None
    tracks: dict[str, Track] = {}
    for column, name in names.items():
        node = group.get(name)
        dataset = Dataset(node) if node is not None else None
        if dataset is None or len(dataset.shape) != 1 or dataset.dtype.names is not None:
            raise CorruptRecording(group.file.source.path, f"{group.name}{name} is no column of numbers")
        tracks[column] = Track(dataset)
    return tracks


def _fields(dataset: Dataset) -> dict[str, Track]:
    """Four fields of a compound."""
    names = by_name(dataset.dtype.names or ())
    if names is None or len(dataset.shape) != 1 or any(dataset.dtype[name].names for name in names.values()):
        path = dataset.file.source.path
        raise UnknownFormat(path, f"{dataset.name} holds {dataset.dtype}, which is no list of events with t, x, y, p")
    return {column: Track(dataset, name) for column, name in names.items()}


def _table(dataset: Dataset, order: str) -> dict[str, Track]:
    """Four columns of a table."""
    if len(dataset.shape) != 2 or dataset.shape[1] != 4 or dataset.dtype.names is not None:
        raise CorruptRecording(dataset.file.source.path, f"{dataset.name} of shape {dataset.shape} is no (N, 4) table")
    return {column: Track(dataset, order.index(column)) for column in "txyp"}


def _number(group: Node, name: str) -> int | float | None:
    node = group.get(name) if name in group.links else None
    return Dataset(node).scalar() if node is not None and node.is_dataset else None


def _size(values: dict[str, Any]) -> tuple[int, int] | None:
    """A sensor's size from `width` and `height`, or from Monash's `sensor_resolution`."""
    width, height = values.get("width"), values.get("height")
    return (width, height) if isinstance(width, int) and isinstance(height, int) else None
