"""view: a recording as a picture, a video or a page, by the name of the file that is to be made."""

from __future__ import annotations

import warnings
from pathlib import Path

from neuroact.atomic import whole_file
from neuroact.recordings import DamageWarning, Recording
from neuroact.viewing.style import STYLES
from neuroact.viewing.survey import View, survey

SUFFIXES = (".png", ".gif", ".mp4", ".html")
FRAMES = 8
FPS = 30
POINTS = 50_000


def view(
    recording: Recording,
    output: Path,
    *,
    start: int | None = None,
    stop: int | None = None,
    style: str = "dark",
    speed: float | None = None,
    fps: int = FPS,
    frames: int = FRAMES,
    exposure: int | None = None,
    points: int = POINTS,
) -> View:
    """Draws a recording, or a stretch of it, into a file, which is whole or absent. Memory stays flat: two passes.

    - `output`: its suffix says what is drawn. `.png`: a contact sheet with frames, the rate over time and a map of
      the events. `.mp4`, `.gif`: accumulated frames with a time code. `.html`: a self-contained page with a cloud of
      points that turns under the mouse, and the rate.
    - `start`, `stop`: µs after the file's first event.
    - `style`: a name from `neuroact.viewing.STYLES`.
    - `speed`, `fps`: of a video: recorded seconds per second (by default 1, or slower for recordings too short to be
      seen), frames per second.
    - `frames`, `exposure`: of a contact sheet: how many frames, and µs of events in each (by default as long as it
      takes to see contours).
    - `points`: the most points that a page draws.

    Returns what was drawn. Damage is announced by a `DamageWarning` and stands in the picture. Raises `RecordingError`
    if there is nothing to draw, `ValueError` for an unknown suffix or style and for numbers that make no picture.
    """
    suffix = output.suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"{output.name}: the name must end in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}")
    if style not in STYLES:
        raise ValueError(f"there is no style {style!r}; there are {', '.join(STYLES)}")
    colours = STYLES[style]
    seen = survey(recording, start, stop)
    with warnings.catch_warnings(), whole_file(output) as temporary:
        warnings.simplefilter("ignore", DamageWarning)  # the survey has announced it
        if suffix == ".png":
            from neuroact.viewing.contact_sheet import contact_sheet

            contact_sheet(seen, temporary, style=colours, frames=frames, exposure=exposure)
        elif suffix == ".html":
            from neuroact.viewing.point_cloud import write_page

            write_page(seen, temporary, style=colours, points=points)
        else:
            from neuroact.viewing.video import natural_speed, write_gif, write_mp4

            write = write_mp4 if suffix == ".mp4" else write_gif
            write(
                seen, temporary, style=colours, fps=fps, speed=natural_speed(seen.duration) if speed is None else speed
            )
    return seen
