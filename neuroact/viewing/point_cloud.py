"""A recording as a cloud of points in space and time: figures for plotly.js, and a page that holds everything."""

from __future__ import annotations

import base64
import html
import json
import math
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroact.viewing import quantities
from neuroact.viewing.rate import RateOverTime, readable_top
from neuroact.viewing.style import Style
from neuroact.viewing.survey import View

RATE_BINS = 400

CONFIG = {
    "responsive": True,
    "displaylogo": False,
    "modeBarButtonsToRemove": ["toImage", "select2d", "lasso2d", "tableRotation"],
    # A page about someone's recording offers no button that uploads it.
    "showSendToCloud": False,
    "plotlyServerURL": "",
}

Figure = dict[str, Any]
"""`data`, `layout` and `config` as plotly.js takes them."""


def write_page(view: View, path: Path, *, style: Style, points: int) -> None:
    """Writes one self-contained HTML page: the cloud, which turns under the mouse, and the rate over time.

    The page forbids itself every network request.
    """
    cloud, rate, shown = figures(view, style=style, points=points)
    legend = [("ON", style.on), ("OFF", style.off)] if view.has_polarity else [("events", style.single)]
    drawn = [f"{quantities.count(shown)} of them drawn"] if shown < view.events else []
    damage = f'<p class="damage">damaged: {html.escape(view.report.summary())}</p>' if view.report.damaged else ""
    page = Template(resources.files("neuroact.viewing").joinpath("point_cloud.html").read_text("utf-8")).substitute(
        style.css,
        title=html.escape(view.recording.path.name),
        facts=html.escape(" · ".join(view.facts() + drawn)),
        legend="".join(f'<b style="color: {colour}">{name}</b>' for name, colour in legend),
        damage=damage,
        plotly=plotly_js(),
        figures=script_json({"cloud": cloud, "rate": rate}),
    )
    path.write_text(page, encoding="utf-8")


def figures(view: View, *, style: Style, points: int, seed: int = 0) -> tuple[Figure, Figure, int]:
    """The point cloud, the rate plot, and how many points are drawn.

    - `points`: most points that are drawn. The events are cut into that many equal runs, and one event of each run is
      drawn at random, so that the cloud is as dense over time as the recording is.

    Raises `ValueError` if `points < 1`.
    """
    if points < 1:
        raise ValueError(f"a cloud needs at least one point, not {points}")
    chosen = _draw_lots(view.events, points, seed)
    parts: list[NDArray[np.float32]] = []
    rate = RateOverTime(view, RATE_BINS)
    passed = 0
    for chunk in view.chunks():
        rate.add(chunk)
        since = chunk.t - view.first_t
        first, last = np.searchsorted(chosen, (passed, passed + len(chunk)))
        own = chosen[first:last] - passed
        parts.append(np.array([since[own] / 1e6, chunk.x[own], chunk.y[own], chunk.p[own]], np.float32))
        passed += len(chunk)
    cloud = np.concatenate(parts, axis=1)
    return _cloud_figure(view, cloud, style), _rate_figure(view, rate.per_second, style), chosen.size


def _draw_lots(events: int, points: int, seed: int) -> NDArray[np.int64]:
    """Indices of the events that are drawn, rising: `(min(events, points),)`."""
    if events <= points:
        return np.arange(events)
    borders = np.arange(points + 1) * events // points
    return np.random.default_rng(seed).integers(borders[:-1], borders[1:])


def _cloud_figure(view: View, cloud: NDArray[np.float32], style: Style) -> Figure:
    """Seen from the first event on: time runs away from the reader, the sensor lies as it does in a picture.

    Both axes of the sensor run backwards: x from right to left is what keeps the cloud from being a mirror image.
    """
    width, height = view.sensor_size
    t, x, y, p = cloud
    kinds = [("ON", 1, style.on), ("OFF", 0, style.off)] if view.has_polarity else [("events", 1, style.single)]
    size = 1.2 if t.size > 20_000 else 2.0
    data = [
        {
            "type": "scatter3d",
            "mode": "markers",
            "name": name,
            "x": _packed(t[p == polarity]),
            "y": _packed(x[p == polarity]),
            "z": _packed(y[p == polarity]),
            "marker": {"size": size, "color": colour, "opacity": 0.85, "line": {"width": 0}},
            "hovertemplate": f"%{{x:.6f}} s<br>x %{{y}}<br>y %{{z}}<extra>{name}</extra>",
        }
        for name, polarity, colour in kinds
    ]
    axis = {
        "backgroundcolor": style.panel, "showbackground": True, "gridcolor": style.line, "zeroline": False,
        "color": style.faint, "showspikes": False,
    }  # fmt: skip
    scene = {
        "xaxis": {**axis, "title": {"text": "time (s)"}, "range": [0, view.duration / 1e6]},
        "yaxis": {**axis, "title": {"text": "x"}, "range": [width, 0]},
        "zaxis": {**axis, "title": {"text": "y"}, "range": [height, 0]},
        "aspectmode": "manual",
        "aspectratio": {"x": 1.8, "y": 1.0, "z": height / width},
        "camera": {"eye": {"x": -1.45, "y": -1.45, "z": 0.42}, "center": {"x": 0.05, "y": -0.05, "z": -0.2}},
    }
    layout = {**_layout(style), "scene": scene, "margin": {"l": 0, "r": 0, "t": 0, "b": 0}}
    return {"data": data, "layout": layout, "config": CONFIG}


def _rate_figure(view: View, rates: NDArray[np.float64], style: Style) -> Figure:
    middles = (np.arange(RATE_BINS) + 0.5) * (view.duration / 1e6 / RATE_BINS)
    off, on = rates
    kinds = [("ON", on, style.on), ("OFF", -off, style.off)] if view.has_polarity else [("events", on, style.single)]
    data = [
        {
            "type": "scatter", "mode": "lines", "name": name, "x": _packed(middles), "y": _packed(values),
            "line": {"color": colour, "width": 0, "shape": "hvh"}, "fill": "tozeroy", "fillcolor": colour,
            "customdata": _packed(np.abs(values)), "hovertemplate": f"%{{customdata:.3s}}ev/s {name}<extra></extra>",
        }
        for name, values, colour in kinds
    ]  # fmt: skip
    axis = {"color": style.faint, "gridcolor": style.line, "zeroline": False}
    top, cut = readable_top(rates)
    high, low = min(top, on.max()), -min(top, off.max()) if view.has_polarity else 0.0
    step = _round_number(top / 1.2)
    ticks = [-step, 0, step] if view.has_polarity else [0, step]
    title = "events per second" + (f" (cut; up to {quantities.rate(rates.max())})" if cut else "")
    layout = {
        **_layout(style),
        "margin": {"l": 64, "r": 16, "t": 26, "b": 40},
        "hovermode": "x",
        "title": {"text": title, "font": {"size": 13, "color": style.text}, "x": 0.0, "y": 0.97},
        "xaxis": {**axis, "title": {"text": "time since the first event (s)"}, "range": [0, view.duration / 1e6]},
        "yaxis": {
            **axis,
            "tickvals": ticks,
            "ticktext": [quantities.tick(tick) for tick in ticks],
            "range": [1.05 * low, 1.05 * high],
        },
    }
    return {"data": data, "layout": layout, "config": CONFIG}


def _round_number(value: float) -> float:
    """The largest of 1, 2, 5, 10, 20, 50, ... that is not above `value`."""
    power: float = 10.0 ** math.floor(math.log10(value))
    return power * max(mantissa for mantissa in (1, 2, 5) if mantissa * power <= value)


def _layout(style: Style) -> dict[str, Any]:
    font = {"family": "system-ui, DejaVu Sans, sans-serif", "size": 12, "color": style.faint}
    return {"paper_bgcolor": style.ground, "plot_bgcolor": style.panel, "font": font, "showlegend": False}


def _packed(values: NDArray[np.floating[Any]]) -> dict[str, str]:
    """A column as plotly.js unpacks it: 5.3 characters a value instead of 9 or more."""
    raw = np.ascontiguousarray(values, "<f4").tobytes()
    return {"dtype": "f4", "bdata": base64.b64encode(raw).decode("ascii")}


def plotly_js() -> str:
    """The source of plotly.js, from the plotly package."""
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


def script_json(value: object) -> str:
    """JSON that can stand inside a `<script>`: no text in it can close the element or open a comment."""
    return json.dumps(value, ensure_ascii=True).replace("<", "\\u003c")
