"""HDF5 recordings of every layout in the field: see `neuroact.recordings.hdf5_layouts`."""

from __future__ import annotations

from collections.abc import Generator

from neuroact.recordings.blocks import Block, BlockDecoder
from neuroact.recordings.h5 import File
from neuroact.recordings.hdf5_layouts import Layout, recognise
from neuroact.recordings.reader import Reader, RecordingInfo, Source, check_limit
from neuroact.recordings.report import Report

ROWS = 1 << 16
"""Events that are passed on at a time: chunks may hold many more."""


class Hdf5Reader(Reader):
    """A recognised HDF5 file. Every pass opens it anew, so a reader may cross a fork."""

    def __init__(self, source: Source) -> None:
        self.source = source
        file = File(source)
        try:
            layout = recognise(file)
        finally:
            file.close()
        memory = sum(dataset.piece_bytes for dataset in layout.datasets)
        check_limit(source, "chunks that decode together to a number of bytes", memory, source.limits.expanded_bytes)
        self.info = RecordingInfo(
            "hdf5",
            camera=layout.camera,
            events=layout.rows,
            has_polarity=layout.has_polarity,
            details={"layout": layout.name} | layout.details,
        )
        if layout.sensor_size is not None:
            self.settle_sensor_size(layout.sensor_size, layout.sensor_from)

    def decoder(self, report: Report) -> BlockDecoder:
        return BlockDecoder(self, report, _blocks(self.source, report))


def open_hdf5(source: Source) -> Reader:
    """Opens an HDF5 file. Raises `UnknownFormat` for one without events, `CorruptRecording` or `LimitExceeded` for one
    that is damaged or would lead elsewhere."""
    return Hdf5Reader(source)


def _blocks(source: Source, report: Report) -> Generator[Block, None, None]:
    file = File(source)
    try:
        yield from _rows(recognise(file), report)
    finally:
        file.close()


def _rows(layout: Layout, report: Report) -> Generator[Block, None, None]:
    """The events in the pieces in which they are stored; what is lost in one column is lost in all."""
    row, rows = 0, layout.rows
    report.drop("events with columns missing", max(each.rows for each in layout.datasets) - rows, None)
    while row < rows:
        pieces = {id(dataset): dataset.piece(row) for dataset in layout.datasets}
        stop = min(rows, min(piece.stop for piece in pieces.values()))
        lost = next((piece for piece in pieces.values() if piece.data is None), None)
        if lost is not None and lost.cut:
            report.truncated_at = file_end(layout)
            return
        if lost is not None:
            report.drop(lost.lost, stop - row, lost.offset)
            row = stop
            continue
        stop = min(stop, row + ROWS)
        columns = {}
        for name, track in layout.tracks.items():
            piece = pieces[id(track.dataset)]
            assert piece.data is not None  # noqa: S101
            columns[name] = track.of(piece.data[row - piece.start : stop - piece.start])
        offset = pieces[id(layout.tracks["t"].dataset)].offset
        yield Block(layout.times(columns["t"]), columns["x"], columns["y"], columns["p"], offset)
        row = stop


def file_end(layout: Layout) -> int:
    """Where the file was cut."""
    return layout.datasets[0].file.bytes
