"""`neuroact convert`: recordings to tensors or events that load quickly."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neuroact.cli import options
from neuroact.cli.exit_codes import ExitCode
from neuroact.cli.wrong_settings import problem

if TYPE_CHECKING:
    from neuroact.datasets import Converted, Estimate, Record
    from neuroact.datasets.store.request import Settings, Target

KINDS = "events, voxel, frames, adaptive_frames, surface, points or spikes"


def command(
    sources: Annotated[
        list[str],
        typer.Argument(metavar="SRC", help="A recording, a folder, a glob, a list (@FILE) or a data set (NAME:ROOT)."),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="OUT", help="An HDF5 file for one recording, else a folder.")
    ],
    to: Annotated[str, typer.Option(metavar="KIND", help=f"What to make of them: {KINDS}.")] = "events",
    window: Annotated[str | None, typer.Option(metavar="TIME", help="Cut windows of that length.")] = None,
    stride: Annotated[
        str | None, typer.Option(metavar="TIME", help="From window to window; by default its length.")
    ] = None,
    windows: Annotated[int | None, typer.Option(metavar="N", min=1, help="Cut N equal windows instead.")] = None,
    bins: Annotated[int | None, typer.Option(metavar="N", help="voxel: bins in time, 5.")] = None,
    split_polarity: Annotated[bool | None, typer.Option("--split-polarity", help="voxel: OFF and ON apart.")] = None,
    frames: Annotated[int | None, typer.Option(metavar="N", help="frames, adaptive_frames: how many, 8.")] = None,
    by: Annotated[str | None, typer.Option(metavar="HOW", help="frames: cut by time or count.")] = None,
    mode: Annotated[str | None, typer.Option(metavar="HOW", help="frames: count or binary.")] = None,
    threshold: Annotated[
        float | None, typer.Option(metavar="D", help="adaptive_frames: halves that differ more are frames, 50.")
    ] = None,
    minimum_events: Annotated[
        int | None, typer.Option(metavar="N", help="adaptive_frames: slices that are halved have more, 100000.")
    ] = None,
    tau: Annotated[str | None, typer.Option(metavar="TIME", help="surface: time constant, 50ms.")] = None,
    points: Annotated[int | None, typer.Option(metavar="N", help="points: how many, 1024.")] = None,
    polarity: Annotated[bool | None, typer.Option("--polarity", help="points: p as a fourth coordinate.")] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", help="points: of the random choice, 0.")] = None,
    steps: Annotated[int | None, typer.Option(metavar="N", help="spikes: how many steps, 16.")] = None,
    step: Annotated[str | None, typer.Option(metavar="TIME", help="spikes: length of a step instead.")] = None,
    max_spikes: Annotated[int | None, typer.Option(metavar="N", help="spikes: most in a pixel and step, 1.")] = None,
    delays: Annotated[
        str | None, typer.Option(metavar="N[,N...]", help="spikes: those of N steps before, as two channels more.")
    ] = None,
    filter: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME[:VALUES]", help="Such as refractory:1ms or crop:0,0,128,128; may be repeated."),
    ] = None,
    size: Annotated[
        str | None, typer.Option(metavar="WxH", help="Scale the sensor down to this, after filters.")
    ] = None,
    time_origin: Annotated[
        str, typer.Option(metavar="WHICH", help="camera: as recorded; zero: from the first event.")
    ] = "camera",
    compression: Annotated[
        str | None, typer.Option(metavar="NAME", help="zstd (events), blosc2 (tensors), gzip or none.")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option("-j", "--jobs", metavar="N", min=1, help="Worker processes; one per processor.")
    ] = None,
    dask: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Convert on the workers of this scheduler.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell what would be done and how long it would take.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Insist that OUT was begun before.")] = False,
    as_json: options.AsJson = False,
    format: options.Format = None,
    sensor_size: options.SensorSize = None,
    raise_limits: options.RaiseLimits = 1,
) -> None:
    """Convert recordings to events, voxel grids, frames, time surfaces, point clouds or spike trains.

    One recording gives an HDF5 file; several give a folder of shards, which neuroact.open_store reads. An interrupted
    conversion goes on where it was when the same command runs again. Damaged recordings are listed, kept as far as
    they are sound, and never stop the others.

    \b
    Example:
      neuroact convert recording.raw -o voxels.h5 --to voxel --window 50ms
      neuroact convert recordings/ -o store --to spikes --steps 16 -j 2
    """
    from neuroact.cli.progress import watcher
    from neuroact.datasets import ConvertRequest, convert, estimate
    from neuroact.encoders.filter_configs import parse_filter

    encoder = {
        "bins": bins,
        "split_polarity": split_polarity,
        "frames": frames,
        "by": by,
        "mode": mode,
        "threshold": threshold,
        "minimum_events": minimum_events,
        "tau_us": options.optional_duration(tau),
        "points": points,
        "polarity": polarity,
        "seed": seed,
        "steps": steps,
        "step_us": options.optional_duration(step),
        "max_spikes": max_spikes,
        "delays": delays.split(",") if delays else None,
    }
    settings: Settings = {
        "window": options.optional_duration(window),
        "stride": options.optional_duration(stride),
        "windows": windows,
        "size": options.optional_size(size),
        "time_origin": time_origin,  # type: ignore[typeddict-item]  # the request checks it
        "compression": compression,  # type: ignore[typeddict-item]
        "sensor_size": options.optional_size(sensor_size),
        "format": format,
        "raise_limits": raise_limits,
    }
    try:
        settings |= {"to": _target(to, encoder), "filters": [parse_filter(text) for text in filter or ()]}
        ConvertRequest.of(settings)
    except ValueError as error:
        raise typer.BadParameter(problem(error)) from error
    if dry_run:
        expected = estimate(sources, output, jobs=jobs, **settings)
        typer.echo(json.dumps(expected.to_json(), indent=2) if as_json else _expectation(expected))
        return
    with watcher() as told:
        converted = convert(sources, output, jobs=jobs, dask=dask, resume=resume, watcher=told, **settings)
    typer.echo(json.dumps(converted.to_json(), indent=2) if as_json else _summary(converted))
    if not converted.sound:
        raise typer.Exit(ExitCode.IN_PART)


def _target(kind: str, given: dict[str, Any]) -> Target:
    """The settings of what to convert to. Raises `ValueError` for an option that belongs to another kind."""
    from neuroact.datasets.store.request import KINDS

    values = {name: value for name, value in given.items() if value is not None}
    if kind not in KINDS:
        raise ValueError(f"--to takes {', '.join(KINDS)}, not {kind!r}")
    for name in values:
        if name not in type(KINDS[kind]).model_fields:
            owners = [other for other, config in KINDS.items() if name in type(config).model_fields]
            option = "--" + name.removesuffix("_us").replace("_", "-")
            raise ValueError(f"{option} is for --to {' or '.join(owners)}, not {kind}")
    return type(KINDS[kind])(**values)


def _summary(converted: Converted) -> str:
    """What was written, and a table of the recordings that lost something."""
    from neuroact.viewing import quantities

    samples = sum(record.samples for record in converted.records)
    events = sum(record.events_read for record in converted.records)
    recordings = len(converted.records)
    lines = [
        f"{converted.path} ({quantities.size(converted.bytes)}): {quantities.count(samples)} samples of "
        f"{quantities.count(recordings)} recording{'s' if recordings > 1 else ''}, {quantities.count(events)} events"
    ]
    if converted.finished_before:
        before = "all" if converted.finished_before == recordings else quantities.count(converted.finished_before)
        lines.append(f"{before} of them were finished by an earlier run")
    if lost := [record for record in converted.records if not record.sound]:
        lines += ["", _table(lost), "", f"{len(lost)} of {recordings} recordings lost something"]
    return "\n".join(lines)


def _table(records: list[Record]) -> str:
    from io import StringIO

    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("recording", "state", "samples", "events", "reason", box=box.SIMPLE_HEAD, pad_edge=False)
    for record in records:
        cells = (record.source, record.state, str(record.samples), f"{record.events_read:,}", record.reason or "")
        table.add_row(*(Text(cell) for cell in cells))
    width = Console().width if sys.stdout.isatty() else 160
    text = StringIO()
    Console(file=text, width=width, color_system=None).print(table)
    return "\n".join(line.rstrip() for line in text.getvalue().strip("\n").splitlines())


def _expectation(expected: Estimate) -> str:
    """What a dry run found."""
    from neuroact.datasets.source import total_bytes
    from neuroact.viewing import quantities

    sources = expected.collection.sources
    lines = [
        f"{quantities.count(len(sources))} recordings of {quantities.size(total_bytes(sources))}",
        *expected.collection.notes,
    ]
    if ignored := len(expected.collection.ignored):
        lines.append(f"{quantities.count(ignored)} files are no recordings and left out")
    if expected.samples is None or expected.bytes is None or expected.seconds is None:
        lines.append("how much comes out and how long it takes cannot be told from their beginnings")
    else:
        time = quantities.duration(round(expected.seconds * 1e6))
        lines.append(
            f"about {quantities.count(expected.samples)} samples of {quantities.size(expected.bytes)} in all, in {time}"
        )
    if expected.opened < len(sources):
        lines.append(f"the first {quantities.count(expected.opened)} were opened; there was no time for more")
    if expected.first_failure:
        name, reason = expected.first_failure
        lines.append(f"the first that fails: {name}: {reason}")
    return "\n".join(lines)
