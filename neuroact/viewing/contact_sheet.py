"""A recording on one page: frames over time, the rate over time, and where the events are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from neuroact.viewing import quantities
from neuroact.viewing.rate import RateOverTime, readable_top
from neuroact.viewing.shading import full_count, pool, shade
from neuroact.viewing.style import Style
from neuroact.viewing.survey import View, add

RATE_BINS = 240
FILL = 0.06
"""Events per pixel that a frame holds by default, enough for contours and little enough not to smear."""
LEAST_EVENTS = 400
"""What a frame of a small sensor holds at least."""
LONGEST_SIDE = 480
"""Frames larger than this are shrunk by summing."""
COLUMNS = 4
WIDTH, MARGIN, GAP = 12.0, 0.5, 0.12
HEAD, LABEL, PLOTS, FOOT = 1.15, 0.26, 2.5, 0.75
"""Measures of the page in inches; its height follows from the shape of the sensor."""
DPI = 120
FAMILY = ["DejaVu Sans"]  # comes with matplotlib, so the page looks the same everywhere

Unit = tuple[int, str]
UNITS: tuple[Unit, ...] = ((1_000_000, "s"), (1_000, "ms"), (1, "µs"))


@dataclass(frozen=True, slots=True)
class Strip:
    """What the second pass collects.

    - `starts`: `(n,)` int64, where each frame's exposure begins, in µs. `exposure`: how long it lasts.
    - `on`, `off`: `(n, height, width)` uint32, events per pixel of each frame, pooled to a printable size.
    - `rates`: `(2, RATE_BINS)`, OFF and ON events per second.
    """

    starts: NDArray[np.int64]
    exposure: int
    on: NDArray[np.uint32]
    off: NDArray[np.uint32]
    rates: NDArray[np.float64]


def contact_sheet(view: View, path: Path, *, style: Style, frames: int, exposure: int | None) -> None:
    """Draws a view as a PNG.

    - `frames`: how many there are, spread evenly.
    - `exposure`: µs of events in each; by default as long as it takes to see contours, without overlap.

    Raises `ValueError` if either is below 1.
    """
    if frames < 1 or (exposure is not None and exposure < 1):
        raise ValueError(f"{frames} frames of {exposure} µs: at least one of at least 1 µs is needed")
    strip = _collect(view, frames, exposure or _legible_exposure(view, frames))
    columns = min(frames, COLUMNS)
    rows = math.ceil(frames / columns)
    inner = WIDTH - 2 * MARGIN
    across = (inner - (columns - 1) * GAP) / columns
    down = across * view.sensor_size[1] / view.sensor_size[0]
    height = HEAD + rows * (down + LABEL + GAP) + 0.3 + PLOTS + FOOT
    figure = Figure(figsize=(WIDTH, height), dpi=DPI, facecolor=style.ground)
    canvas = FigureCanvasAgg(figure)

    def place(left: float, top: float, width: float, tall: float) -> Axes:
        """Axes at so many inches from the left and from the top."""
        return figure.add_axes((left / WIDTH, 1 - (top + tall) / height, width / WIDTH, tall / height))

    unit = _unit(view.duration)
    _draw_head(figure, height, view, strip, style)
    full = full_count(strip.on + strip.off)
    for i in range(frames):
        row, column = divmod(i, columns)
        axes = place(MARGIN + column * (across + GAP), HEAD + row * (down + LABEL + GAP), across, down)
        image = shade(strip.on[i], strip.off[i], full, style, polarity=view.has_polarity)
        _draw_frame(axes, image, _since(view, strip, i, unit), style)
    top = height - FOOT - PLOTS
    map_width = min(0.3 * inner, PLOTS * view.sensor_size[0] / view.sensor_size[1])
    _draw_rate(place(MARGIN + 0.35, top, inner - map_width - 1.6, PLOTS), view, strip, unit, style)
    left = WIDTH - MARGIN - map_width - 0.4
    map_height = map_width * view.sensor_size[1] / view.sensor_size[0]
    bar = place(left + map_width + 0.12, top, 0.1, map_height)
    _draw_map(place(left, top, map_width, map_height), bar, view, style)
    canvas.print_figure(path, format="png", facecolor=style.ground)


def _unit(duration: int) -> Unit:
    return next(unit for unit in UNITS if duration >= 0.99 * unit[0] or unit is UNITS[-1])


def _since(view: View, strip: Strip, frame: int, unit: Unit) -> str:
    """When a frame begins, with as many decimals as it takes to tell it from its neighbours."""
    factor, name = unit
    spacing = view.duration / strip.starts.size / factor
    decimals = max(0, 1 - math.floor(math.log10(spacing)))
    return f"{(strip.starts[frame] - view.first_t) / factor:.{decimals}f} {name}"


def _legible_exposure(view: View, frames: int) -> int:
    width, height = view.sensor_size
    wanted = max(FILL * width * height, LEAST_EVENTS)
    return max(1, min(view.duration // frames, round(wanted * view.duration / view.events)))


def _collect(view: View, frames: int, exposure: int) -> Strip:
    width, height = view.sensor_size
    spacing = view.duration / frames
    middles = view.first_t + (np.arange(frames) + 0.5) * spacing
    starts = np.maximum(view.first_t, (middles - exposure / 2).astype(np.int64))
    counts = np.zeros((2, height, width), np.uint32)
    factor = math.ceil(max(width, height) / LONGEST_SIDE)
    pooled = np.zeros((2, frames, *pool(counts[0], factor).shape), np.uint32)
    rate = RateOverTime(view, RATE_BINS)
    for chunk in view.chunks():
        rate.add(chunk)
        first, last = chunk.span
        for i in np.flatnonzero((starts <= last) & (starts + exposure > first)):
            shown = chunk.between(starts[i], starts[i] + exposure)
            for polarity in (0, 1):
                counts[:] = 0
                add(counts[0], shown[shown.p == polarity])
                pooled[polarity, i] += pool(counts[0], factor)
    return Strip(starts, exposure, pooled[1], pooled[0], rate.per_second)


def _draw_head(figure: Figure, height: float, view: View, strip: Strip, style: Style) -> None:
    left, right = MARGIN / WIDTH, 1 - MARGIN / WIDTH

    def write(x: float, top: float, text: str, size: float, colour: str, **how: Any) -> None:
        figure.text(x, 1 - top / height, text, fontsize=size, color=colour, family=FAMILY, va="center", **how)

    write(left, 0.40, view.recording.path.name, 17, style.text, weight="bold")
    write(left, 0.74, "   ·   ".join(view.facts()), 10.5, style.faint)
    legend = [("ON", style.on), ("OFF", style.off)] if view.has_polarity else [("events", style.single)]
    x = right
    for name, colour in reversed(legend):
        write(x, 0.40, name, 12, colour, weight="bold", ha="right")
        x -= 0.014 + 0.011 * len(name)
    write(right, 0.74, f"frames of {quantities.duration(strip.exposure)}", 10.5, style.faint, ha="right")
    if view.report.damaged:
        write(left, height - 0.2, f"damaged: {view.report.summary()}", 9.5, style.alarm)


def _draw_frame(axes: Axes, image: NDArray[np.uint8], label: str, style: Style) -> None:
    axes.imshow(image, interpolation="nearest", aspect="auto")
    axes.set(xticks=[], yticks=[])
    axes.set_title(label, fontsize=9, color=style.faint, family=FAMILY, pad=3.5, loc="left")
    for spine in axes.spines.values():
        spine.set(color=style.line, linewidth=0.8)


def _draw_rate(axes: Axes, view: View, strip: Strip, unit: Unit, style: Style) -> None:
    """ON events upwards and OFF events downwards, so that neither hides the other; marks on top show the frames."""
    factor, name = unit
    edges = np.linspace(0, view.duration / factor, RATE_BINS + 1)
    off, on = strip.rates
    axes.stairs(on, edges, fill=True, color=style.on if view.has_polarity else style.single, linewidth=0)
    if view.has_polarity:
        axes.stairs(-off, edges, fill=True, color=style.off, linewidth=0)
        axes.axhline(0, color=style.ground, linewidth=0.8)
    top, cut = readable_top(strip.rates)
    high = 1.04 * min(top, float(on.max()))
    low = -1.04 * min(top, float(off.max())) if view.has_polarity else 0.0
    axes.set_ylim(low, high + 0.08 * (high - low))
    for start in strip.starts:
        begin = (start - view.first_t) / factor
        end = begin + max(strip.exposure / factor, 0.004 * edges[-1])
        axes.axvspan(begin, end, 0.965, 0.99, facecolor=style.faint, edgecolor=style.panel, linewidth=0.8)
    _dress(axes, style)
    axes.set_xlim(0, edges[-1])
    axes.grid(axis="y", color=style.line, linewidth=0.8)
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: quantities.tick(value)))
    title = "events per second"
    if cut:
        title += f" (cut; up to {quantities.rate(float(strip.rates.max()))})"
    axes.set_title(title, fontsize=10.5, color=style.text, loc="left", family=FAMILY)
    axes.set_xlabel(f"time since the first event ({name}); marks show the frames", fontsize=9, color=style.faint)


def _draw_map(axes: Axes, bar_axes: Axes, view: View, style: Style) -> None:
    factor = math.ceil(max(view.sensor_size) / LONGEST_SIDE)
    total = pool(view.on + view.off, factor).astype(np.float64)
    top = max(10.0, float(np.quantile(total, 0.9995)))
    heat = LinearSegmentedColormap.from_list("heat", style.heat)
    width, height = view.sensor_size
    norm = LogNorm(1, top + 1)
    image = axes.imshow(total + 1, cmap=heat, norm=norm, interpolation="nearest", extent=(0, width, height, 0))
    _dress(axes, style)
    axes.set(xticks=[0, width], yticks=[0, height])
    left, right = axes.get_xticklabels()
    left.set_horizontalalignment("left")
    right.set_horizontalalignment("right")
    per = "pixel" if factor == 1 else f"{factor} × {factor} pixels"
    axes.set_title(f"events per {per}", fontsize=10.5, color=style.text, loc="left", family=FAMILY)
    bar = axes.figure.colorbar(image, cax=bar_axes)
    ticks = [0, *(10**k for k in range(7) if 10**k <= top)]
    bar.set_ticks([tick + 1 for tick in ticks], labels=[quantities.tick(tick) for tick in ticks])
    bar_axes.minorticks_off()
    bar_axes.tick_params(colors=style.faint, labelsize=8, length=0)
    bar.outline.set_visible(False)


def _dress(axes: Axes, style: Style) -> None:
    axes.set_facecolor(style.panel)
    axes.set_axisbelow(True)
    axes.tick_params(colors=style.faint, labelsize=8.5, length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
