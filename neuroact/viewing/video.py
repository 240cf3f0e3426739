"""A recording as a video: events accumulated frame by frame, with a time code burnt in below the picture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from neuroact.viewing import quantities
from neuroact.viewing.shading import GAMMA, full_count, pool, shade
from neuroact.viewing.style import Style, rgb
from neuroact.viewing.survey import View, add

FONT = Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")
SHORTEST = 2.0
"""Seconds that a video lasts at least, unless a speed is asked for."""
SLOWDOWNS: tuple[int, ...] = tuple(mantissa * 10**exponent for exponent in range(10) for mantissa in (1, 2, 5))
USUAL_SIDE, LARGEST_SIDE = 640, 1280
"""Pixels of the longer side: smaller sensors are magnified to about the first, larger ones shrunk below the second."""
STRIP = 34
"""Rows below the picture, for the time code."""
MOST_GIF_FRAMES = 600
"""A GIF's frames are all held until the last is known."""
RECENT = 64
"""Frames whose busiest pixels set the brightness of the next."""


def natural_speed(duration: int) -> float:
    """Recorded seconds per second of video: 1, or 1/2, 1/5, 1/10, ... for recordings too short to be seen."""
    slowdowns: Iterator[int] = (s for s in SLOWDOWNS if duration * s >= 0.99e6 * SHORTEST)
    return 1 / next(slowdowns, SLOWDOWNS[-1])


def frame_count(view: View, fps: int, speed: float) -> int:
    """Number of frames that a view gives. Raises `ValueError` unless both `fps` and `speed` are positive."""
    if fps < 1 or not speed > 0:
        raise ValueError(f"{fps} frames per second at speed {speed}: both must be positive")
    return max(1, -int(-view.duration * fps // (1e6 * speed)))


def write_mp4(view: View, path: Path, *, style: Style, fps: int, speed: float) -> None:
    """Encodes a view as H.264 with the ffmpeg that the package imageio-ffmpeg brings."""
    from imageio_ffmpeg import write_frames

    frames = draw_frames(view, style=style, fps=fps, speed=speed)
    first = next(frames)
    height, width = first.shape[:2]
    quality = ["-crf", "18", "-preset", "medium", "-movflags", "+faststart", "-f", "mp4"]
    # Half of the chroma is thrown away by players' pixel format, so sides are even.
    writer = write_frames(
        str(path), (width, height), fps=fps, codec="libx264", macro_block_size=2, output_params=quality
    )
    writer.send(None)
    try:
        writer.send(first)
        for frame in frames:
            writer.send(frame)
    finally:
        writer.close()


def write_gif(view: View, path: Path, *, style: Style, fps: int, speed: float) -> None:
    """Writes a view as an endless GIF. Raises `ValueError` if it has more than `MOST_GIF_FRAMES` frames."""
    count = frame_count(view, fps, speed)
    if count > MOST_GIF_FRAMES:
        raise ValueError(
            f"a GIF of {count:,} frames, and {MOST_GIF_FRAMES} is the most: write an .mp4, raise the speed, lower the "
            "frame rate or view a shorter stretch"
        )
    palette = _palette(style)
    images = (
        Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE)
        for frame in draw_frames(view, style=style, fps=fps, speed=speed)
    )
    first = next(images)
    first.save(path, "GIF", save_all=True, append_images=images, duration=round(1000 / fps), loop=0, optimize=False)


def _palette(style: Style) -> Image.Image:
    """The 256 colours of a GIF, the same for all its frames: ON and OFF in every mixture, and the text's greys."""
    cover, share = np.meshgrid(np.linspace(0, 1, 16) ** (1 / GAMMA), np.linspace(0, 1, 13))
    shades = [
        shade(cover * share, cover * (1 - share), 1.0, style).reshape(-1, 3),
        shade(cover[0], 0 * cover[0], 1.0, style, polarity=False),
        np.linspace(rgb(style.ground), rgb(style.text), 32).astype(np.uint8),
    ]
    colours = np.concatenate(shades)[:256].tobytes()
    palette = Image.new("P", (1, 1))
    palette.putpalette(colours)
    return palette


def draw_frames(view: View, *, style: Style, fps: int, speed: float) -> Iterator[NDArray[np.uint8]]:
    """Pictures of the events of one frame time after the other, `(height, width, 3)` uint8, sides even.

    - `fps`: frames per second of video, at least 1. `speed`: recorded seconds per second of video, above 0.

    An event whose time runs backwards belongs to the frame that is open when it comes.
    """
    longest = max(view.sensor_size)
    shrink, magnify = -(-longest // LARGEST_SIDE), max(1, round(USUAL_SIDE / longest))
    count = frame_count(view, fps, speed)
    recent: list[float] = []
    painter = _Painter(view, style, fps, speed, count)
    for index, (on, off) in enumerate(_exposures(view, 1e6 * speed / fps, count)):
        on, off = pool(on, shrink), pool(off, shrink)
        recent = [*recent[-RECENT + 1 :], full_count(on + off)]
        picture = shade(on, off, max(recent), style, polarity=view.has_polarity)
        picture = picture.repeat(magnify, axis=0).repeat(magnify, axis=1)
        yield painter.paint(picture, index, int(on.sum()) + int(off.sum()))


def _exposures(view: View, step: float, count: int) -> Iterator[tuple[NDArray[np.uint32], NDArray[np.uint32]]]:
    """ON and OFF events per pixel of `count` frames of `step` µs each."""
    counts = np.zeros((2, *view.on.shape), np.uint32)
    open_frame = 0
    for chunk in view.chunks():
        frames = np.minimum(((chunk.t - view.first_t) / step).astype(np.int64), count - 1)
        frames = np.maximum.accumulate(frames)
        begin = 0
        while begin < len(chunk):
            while open_frame < frames[begin]:
                yield counts[1], counts[0]
                counts[:] = 0
                open_frame += 1
            end = int(np.searchsorted(frames, open_frame, side="right"))
            piece = chunk[begin:end]
            for polarity in (0, 1):
                add(counts[polarity], piece[piece.p == polarity])
            begin = end
    for _ in range(open_frame, count):
        yield counts[1], counts[0]
        counts[:] = 0


class _Painter:
    """Puts pictures above a strip with the time, the speed and how far the video has come."""

    def __init__(self, view: View, style: Style, fps: int, speed: float, count: int) -> None:
        self._style = style
        self._count = count
        self._step = 1e6 * speed / fps
        self._decimals = 3 if self._step >= 1_000 else 6
        self._speed = "real time" if speed == 1 else f"{speed:g} × faster" if speed > 1 else f"{1 / speed:g} × slower"
        self._font = ImageFont.truetype(FONT, 14)

    def paint(self, picture: NDArray[np.uint8], index: int, events: int) -> NDArray[np.uint8]:
        style = self._style
        height, width = picture.shape[:2]
        canvas = Image.new("RGB", (width + width % 2, height + STRIP + (height + STRIP) % 2), style.ground)
        canvas.paste(Image.fromarray(picture), (0, 0))
        draw = ImageDraw.Draw(canvas)
        draw.rectangle((0, height, width * (index + 1) / self._count, height + 2), fill=style.faint)
        middle = height + 3 + (STRIP - 3) / 2
        time = f"{index * self._step / 1e6:.{self._decimals}f} s"
        draw.text((10, middle), time, fill=style.text, font=self._font, anchor="lm")
        draw.text((width / 2, middle), self._speed, fill=style.faint, font=self._font, anchor="mm")
        rate = quantities.rate(1e6 * events / self._step)
        draw.text((width - 10, middle), rate, fill=style.text, font=self._font, anchor="rm")
        return cast(NDArray[np.uint8], np.asarray(canvas))
