"""`neuroact convert`: recordings to tensors or events that load quickly."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neuroact.cli import options

if TYPE_CHECKING:
    from neuroact.datasets.request import Settings

KINDS = "events, voxel, frames, surface, points or spikes"
Positive = Annotated[int | None, typer.Option(metavar="N", min=1)]


def command(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SRC", help="A recording, a folder, a glob, a list (@FILE) or a data set (nmnist:ROOT)."
        ),
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
    frames: Annotated[int | None, typer.Option(metavar="N", help="frames: how many, 8.")] = None,
    by: Annotated[str | None, typer.Option(metavar="HOW", help="frames: cut by time or count.")] = None,
    mode: Annotated[str | None, typer.Option(metavar="HOW", help="frames: count or binary.")] = None,
    tau: Annotated[str | None, typer.Option(metavar="TIME", help="surface: time constant, 50ms.")] = None,
    points: Annotated[int | None, typer.Option(metavar="N", help="points: how many, 1024.")] = None,
    polarity: Annotated[bool | None, typer.Option("--polarity", help="points: p as a fourth coordinate.")] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", help="points: of the random choice, 0.")] = None,
    steps: Annotated[int | None, typer.Option(metavar="N", help="spikes: how many steps, 16.")] = None,
    step: Annotated[str | None, typer.Option(metavar="TIME", help="spikes: length of a step instead.")] = None,
    max_spikes: Annotated[int | None, typer.Option(metavar="N", help="spikes: most in a pixel and step, 1.")] = None,
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

    One recording gives an HDF5 file; several give a folder of shards, which neuroact.open_store reads. An interrupted conversion goes on where it was when the same command runs again. Damaged recordings are listed, kept as far as they are sound, and never stop the others.

    \b
    Example:
      neuroact convert recording.raw -o voxels.h5 --to voxel --window 50ms
      neuroact convert recordings/ -o store --to spikes --steps 16 -j 2
    """
    from neuroact.cli import conversion

    settings: Settings = {
        "filters": conversion.filters(filter or []),
        "window": options.optional_duration(window),
        "stride": options.optional_duration(stride),
        "windows": windows,
        "size": options.optional_size(size),
        "time_origin": time_origin,  # type: ignore[typeddict-item]  (checked by the request)
        "compression": compression,  # type: ignore[typeddict-item]
        "sensor_size": options.optional_size(sensor_size),
        "format": format,
        "raise_limits": raise_limits,
    }
    encoder: dict[str, Any] = {
        "bins": bins,
        "split_polarity": split_polarity,
        "frames": frames,
        "by": by,
        "mode": mode,
        "tau_us": options.optional_duration(tau),
        "points": points,
        "polarity": polarity,
        "seed": seed,
        "steps": steps,
        "step_us": options.optional_duration(step),
        "max_spikes": max_spikes,
    }
