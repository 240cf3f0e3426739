"""`neuroact info`: what recordings hold."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neuroact.cli import options
from neuroact.cli.exit_codes import ExitCode
from neuroact.errors import NeuroactError

if TYPE_CHECKING:
    from neuroact.recordings import Recording
    from neuroact.recordings.summary import Summary

ORIGIN = {
    "header": "from the header",
    "camera": "of that camera",
    "data": "from the range of the data",
    "argument": "as given",
}


def command(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Recordings of any known format.")],
    as_json: options.AsJson = False,
    checksum: Annotated[bool, typer.Option("--checksum", help="Add the SHA-256 over t, x, y, p.")] = False,
    format: options.Format = None,
    sensor_size: options.SensorSize = None,
    strict: options.Strict = False,
    raise_limits: options.RaiseLimits = 1,
) -> None:
    """Tell what recordings hold.

    Format, camera, sensor, events, time, rates, hot pixels, damage. One file gives a sheet, several a table.
    With --json: one object for one file, a list of objects for several; times in µs, rates in events per second.

    \b
    Example:
      neuroact info recording.raw
      neuroact info --json --checksum recordings/*
    """
    from neuroact.recordings import open_recording
    from neuroact.recordings.summary import summarise

    size = options.optional_size(sensor_size)
    limits = options.limits(raise_limits)
    summaries: list[Summary] = []
    results: list[Summary | NeuroactError] = []
    records: list[dict[str, object]] = []
    for path in files:
        record: dict[str, object] = {"path": str(path)}
        try:
            recording = open_recording(path, format=format, strict=strict, sensor_size=size, limits=limits)
            summary = summarise(recording)
            record |= summary.to_json()
            if checksum:
                record["checksum"] = _checksum(recording)
            summaries.append(summary)
            results.append(summary)
        except NeuroactError as error:
            if len(files) == 1 and not as_json:
                raise
            record |= {"error": str(error), "error_type": type(error).__name__}
            results.append(error)
        records.append(record)
    if as_json:
        typer.echo(json.dumps(records if len(files) > 1 else records[0], indent=2))
    elif len(files) == 1:
        typer.echo(_sheet(records[0], summaries[0]))
    else:
        typer.echo(_table(files, results, records))
    if not summaries:
        raise typer.Exit(ExitCode.ERROR)
    if len(summaries) < len(files) or any(summary.report.damaged for summary in summaries):
        raise typer.Exit(ExitCode.IN_PART)


def _checksum(recording: Recording) -> str:
    from neuroact.recordings import DamageWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DamageWarning)  # the sheet has it
        return recording.checksum()


def _sheet(record: dict[str, object], summary: Summary) -> str:
    """A recording's figures, one a line."""
    from neuroact.viewing import quantities

    info, report = summary.info, summary.report
    width, height = summary.sensor_size
    lines = [
        ("format", info.format),
        ("camera", info.camera or "not named"),
        ("sensor", f"{width} x {height}, {ORIGIN[info.sensor_from]}"),
        ("file", quantities.size(summary.bytes)),
        ("events", quantities.count(summary.events)),
    ]
    if summary.first_t is not None and summary.last_t is not None:
        lines.append(("time", f"{quantities.seconds(summary.first_t)} to {quantities.seconds(summary.last_t)}"))
        lines.append(("duration", quantities.duration(summary.duration)))
    if summary.mean_rate is not None and summary.peak_rate is not None:
        peak = f"{quantities.rate(summary.peak_rate)} in the busiest millisecond"
        lines.append(("rate", f"{quantities.rate(summary.mean_rate)} mean, {peak}"))
    if not info.has_polarity:
        lines.append(("polarity", "none: a stream without ON and OFF"))
    elif summary.on_share is not None:
        lines.append(("ON", f"{summary.on_share:.1%} of the events"))
    if summary.hot_pixels is not None:
        lines.append(("hot pixels", quantities.count(summary.hot_pixels)))
    if info.y_flipped:
        lines.append(("y", "turned upside down: the file counts rows from the bottom"))
    lines += [("skipped", f"{tally.count:,} {kind}") for kind, tally in report.skipped.items()]
    if report.backward_steps:
        largest = quantities.duration(report.largest_backward_step)
        lines.append(("time order", f"{report.backward_steps:,} steps back, {largest} at most"))
    if report.wraps:
        lines.append(("clock", f"{report.wraps:,} overflows undone"))
    lines += [("note", note) for note in report.notes]
    lines.append(("damage", report.summary() if report.damaged else "none"))
    if "checksum" in record:
        lines.append(("checksum", str(record["checksum"])))
    return "\n".join([str(record["path"]), *(f"  {name:<11} {value}" for name, value in lines)])


def _table(files: list[Path], results: list[Summary | NeuroactError], records: list[dict[str, object]]) -> str:
    """One line a recording; those that cannot be read follow with their reason."""
    from neuroact.viewing import quantities

    head = ["file", "format", "camera", "sensor", "events", "duration", "mean rate", "peak rate", "ON", "hot", "damage"]
    rows, unread, checksums = [head], [], []
    for path, result, record in zip(files, results, records, strict=True):
        if isinstance(result, NeuroactError):
            unread.append(f"not read: {result}")
            continue
        rows.append(
            [
                path.name,
                result.info.format,
                result.info.camera or "-",
                "{}x{}".format(*result.sensor_size),
                quantities.count(result.events),
                quantities.duration(result.duration),
                "-" if result.mean_rate is None else quantities.rate(result.mean_rate),
                "-" if result.peak_rate is None else quantities.rate(result.peak_rate),
                "-" if result.on_share is None else f"{result.on_share:.1%}",
                "-" if result.hot_pixels is None else quantities.count(result.hot_pixels),
                result.report.summary() if result.report.damaged else "none",
            ]
        )
        if "checksum" in record:
            checksums.append(f"{record['checksum']}  {path}")
    table = aligned(rows, right=frozenset(range(4, 10))) if len(rows) > 1 else ""
    return "\n".join(part for part in (table, *checksums, *unread) if part)


def aligned(rows: list[list[str]], *, right: frozenset[int]) -> str:
    """Rows of text in columns two spaces apart; the columns in `right` end together instead of starting together."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(cell.rjust(width) if i in right else cell.ljust(width) for i, (cell, width) in enumerate(cells))
        for cells in (zip(row, widths, strict=True) for row in rows)
    )
    return "\n".join(line.rstrip() for line in lines)
