"""What a report draws: how a run learned, what is taken for what, and samples as the model sees them."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from neuroact.training.metrics import Scores
from neuroact.viewing.point_cloud import CONFIG, Figure
from neuroact.viewing.style import Style, rgb
from neuroact.viewing.voxels import voxel_strip

SLOTS = 8
"""Pictures of a sample: its steps, summed to as many where it has more."""
FEWEST_SLOTS = 6
"""So many would fit beside each other, however few there are: a picture of one step does not fill the screen."""
POINTS_SIDE = 64
"""Pixels of the sides of a picture of points, whose sensor is not known."""
WIDTH = 1016
"""Pixels that a picture has on the page; smaller ones are enlarged before, so that pixels stay sharp."""
MOST_NAMES = 40
"""Classes that are named beside the confusion matrix."""


def picture_of(data: NDArray[Any], style: Style) -> bytes:
    """The PNG of a sample: what happens in one slot of time after the other, from left to right.

    - `data`: frames `(T, C, H, W)`; of two channels, the first is OFF and the second ON; all others are summed. Or
      points `(N, 3)` as x, y, t in [0, 1], which have no polarity.

    Raises `ValueError` for another shape.
    """
    if data.ndim == 4:
        steps = data[:, 1] - data[:, 0].astype(np.float32) if data.shape[1] == 2 else data.sum(axis=1)  # (T, H, W)
        slots = np.array_split(steps, min(SLOTS, len(steps)))
        grid = np.stack([slot.sum(axis=0) for slot in slots])
    elif data.ndim == 2 and data.shape[1] == 3:
        edges = [np.linspace(0, 1, bins + 1) for bins in (SLOTS, POINTS_SIDE, POINTS_SIDE)]
        grid = np.histogramdd(data[:, [2, 1, 0]], bins=edges)[0]
    else:
        raise ValueError(f"a sample is frames (T, C, H, W) or points (N, 3), not {data.shape}")
    larger = max(1, WIDTH // (max(grid.shape[0], FEWEST_SLOTS) * grid.shape[2]))
    sharp = grid.repeat(larger, axis=1).repeat(larger, axis=2)
    return _as_wide_as_the_page(voxel_strip(sharp.astype(np.float32), style=style), style)


def _as_wide_as_the_page(png: bytes, style: Style) -> bytes:
    """A picture with ground to the right of it, as pages stretch all pictures to their own width."""
    file = io.BytesIO()
    with Image.open(io.BytesIO(png)) as strip:
        canvas = Image.new("RGB", (max(WIDTH, strip.width), strip.height), rgb(style.ground))
        canvas.paste(strip, (0, 0))
    canvas.save(file, "PNG", optimize=True)
    return file.getvalue()


def curves_figure(rows: Sequence[Mapping[str, Any]], style: Style, *, best: int | None = None) -> Figure:
    """Loss on the left and accuracy on the right over the steps, a line for each split.

    - `best`: the step whose model was chosen, which a dashed line marks; None for no mark.
    """
    colours = {"train": style.off, "val": style.on}
    data = []
    for split in dict.fromkeys(row["split"] for row in rows):
        own = [row for row in rows if row["split"] == split]
        for measure, axis in (("loss", ""), ("top1", "2")):
            data.append(
                {
                    "type": "scatter", "mode": "lines+markers" if len(own) < 40 else "lines", "name": str(split),
                    "x": [row["step"] for row in own], "y": [row[measure] for row in own],
                    "customdata": [row["epoch"] for row in own],
                    "xaxis": f"x{axis}", "yaxis": f"y{axis}", "showlegend": not axis,
                    "line": {"color": colours.get(str(split), style.single), "width": 2},
                    "hovertemplate": f"{measure} %{{y:.4f}}<br>step %{{x}}, epoch %{{customdata}}",
                }
            )  # fmt: skip
    axis_style = {"color": style.faint, "gridcolor": style.line, "zeroline": False}
    layout = {
        **_layout(style), "margin": {"l": 56, "r": 16, "t": 34, "b": 44},
        "legend": {"orientation": "h", "x": 0.46, "xanchor": "right", "y": 1.0, "yanchor": "bottom"},
        "xaxis": {**axis_style, "domain": [0, 0.46], "title": {"text": "step"}, "anchor": "y"},
        "yaxis": {**axis_style, "anchor": "x"},
        "xaxis2": {**axis_style, "domain": [0.54, 1], "title": {"text": "step"}, "anchor": "y2"},
        "yaxis2": {**axis_style, "anchor": "x2", "tickformat": ".0%"},
        "annotations": [_title("loss", 0.0, style), _title("top-1 accuracy", 0.54, style)],
        "shapes": [] if best is None else [_mark(best, axis, style) for axis in ("", "2")],
    }  # fmt: skip
    return {"data": data, "layout": layout, "config": CONFIG}


def confusion_figure(scores: Scores, classes: Sequence[str], style: Style) -> Figure:
    """The share of each true class (rows, the first on top) that is taken for each class, and how many samples that is.

    Beyond `MOST_NAMES` classes, numbers stand for their names, and hovering alone shows how many.
    """
    count = scores.confusion.sum(axis=1, keepdims=True)  # (L, 1)
    shares = scores.confusion / np.maximum(count, 1)  # (L, L)
    names = [escape(name) for name in classes]
    named = len(names) <= MOST_NAMES
    scale = [[place, colour] for place, colour in zip(np.linspace(0, 1, len(style.heat)), style.heat, strict=True)]
    data = [
        {
            "type": "heatmap", "z": np.round(shares, 4).tolist(), "colorscale": scale, "zmin": 0, "zmax": 1,
            "text": [[str(number or "") for number in row] for row in scores.confusion.tolist()],
            "texttemplate": "%{text}" if named else "",
            "customdata": [
                [[true, guess, number] for guess, number in zip(names, row, strict=True)]
                for true, row in zip(names, scores.confusion.tolist(), strict=True)
            ],
            "hovertemplate": "%{customdata[0]} taken for %{customdata[1]}<br>"
            "%{z:.1%}, %{customdata[2]} samples<extra></extra>",
            "xgap": int(named), "ygap": int(named),
            "colorbar": {"tickformat": ".0%", "outlinewidth": 0, "thickness": 12},
        }
    ]  # fmt: skip
    labels = {"tickvals": list(range(len(names))), "ticktext": names} if named else {}
    axis = {"color": style.faint, "showgrid": False, "zeroline": False, "automargin": True, **labels}
    layout = {
        **_layout(style), "margin": {"l": 80, "r": 16, "t": 36, "b": 60},
        "xaxis": {**axis, "title": {"text": "taken for"}},
        "yaxis": {**axis, "title": {"text": "true class"}, "autorange": "reversed"},
    }  # fmt: skip
    return {"data": data, "layout": layout, "config": CONFIG}


def _layout(style: Style) -> dict[str, Any]:
    font = {"family": "system-ui, DejaVu Sans, sans-serif", "size": 12, "color": style.faint}
    return {"paper_bgcolor": style.ground, "plot_bgcolor": style.panel, "font": font}


def _mark(step: int, axis: str, style: Style) -> dict[str, Any]:
    place = {"type": "line", "x0": step, "x1": step, "y0": 0, "y1": 1, "xref": f"x{axis}", "yref": f"y{axis} domain"}
    return {**place, "line": {"color": style.faint, "dash": "dash", "width": 1}}


def _title(text: str, x: float, style: Style) -> dict[str, Any]:
    place = {"x": x, "y": 1.12, "xref": "paper", "yref": "paper", "xanchor": "left", "showarrow": False}
    return {**place, "text": text, "font": {"size": 13, "color": style.text}}
