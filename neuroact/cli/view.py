"""`neuroact view`: a recording as a picture, a video or a page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from neuroact.cli import options
from neuroact.cli.exit_codes import ExitCode


def command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A recording of any known format.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="OUT", help="A name in .png, .gif, .mp4 or .html.")],
    start: Annotated[str | None, typer.Option(metavar="TIME", help="Begin so long after the first event.")] = None,
    stop: Annotated[str | None, typer.Option(metavar="TIME", help="End so long after the first event.")] = None,
    style: Annotated[str, typer.Option(metavar="NAME", help="dark or light.")] = "dark",
    speed: Annotated[
        float | None, typer.Option(metavar="X", help="Videos: recorded seconds per second; by default 1, or slower.")
    ] = None,
    fps: Annotated[int, typer.Option(metavar="N", min=1, max=1000, help="Videos: frames per second.")] = 30,
    frames: Annotated[int, typer.Option(metavar="N", min=1, max=64, help="PNG: how many frames.")] = 8,
    exposure: Annotated[
        str | None, typer.Option(metavar="TIME", help="PNG: time in each frame; by default what shows contours.")
    ] = None,
    points: Annotated[int, typer.Option(metavar="N", min=1, max=50_000, help="HTML: the most points.")] = 50_000,
    format: options.Format = None,
    sensor_size: options.SensorSize = None,
    strict: options.Strict = False,
    raise_limits: options.RaiseLimits = 1,
) -> None:
    """Draw a recording.

    A .png is a contact sheet: frames, the rate over time, a map of the events. An .mp4 or .gif is a video with a time
    code. An .html is a page of its own with the events as a cloud that turns under the mouse. Times have a unit:
    200us, 50ms, 1.5s, 2min.

    \b
    Example:
      neuroact view recording.raw -o recording.png
      neuroact view recording.raw -o slow.mp4 --start 1s --stop 2s --speed 0.1
    """
    from neuroact.recordings import open_recording
    from neuroact.viewing import quantities, view

    recording = open_recording(
        file,
        format=format,
        strict=strict,
        sensor_size=options.optional_size(sensor_size),
        limits=options.limits(raise_limits),
    )
    try:
        seen = view(
            recording,
            output,
            start=options.optional_duration(start),
            stop=options.optional_duration(stop),
            style=style,
            speed=speed,
            fps=fps,
            frames=frames,
            exposure=options.optional_duration(exposure),
            points=points,
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    size = quantities.size(output.stat().st_size)
    typer.echo(f"{output} ({size}): {quantities.count(seen.events)} events in {quantities.duration(seen.duration)}")
    if seen.report.damaged:
        raise typer.Exit(ExitCode.IN_PART)
