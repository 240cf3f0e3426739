"""The report of a run: how it learned, how good it is, what it costs, on one HTML page that holds everything."""

from __future__ import annotations

import io
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from neuroact.datasets.audit import Audit
from neuroact.training.cost import Cost, LayerCost
from neuroact.training.evaluation import UNKNOWN, Evaluation
from neuroact.training.latency import Latency
from neuroact.training.metrics import BINS, Scores, per_attribute, score, written
from neuroact.viewing import STYLES, quantities
from neuroact.viewing import report as page
from neuroact.viewing.point_cloud import CONFIG, Figure
from neuroact.viewing.style import Style, rgb
from neuroact.viewing.voxels import voxel_strip

PACKAGES = ("neuroact", "torch", "torchmetrics", "numpy", "numba", "plotly")
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
UNKNOWN_TO_AUDIT = {
    "split": "have no split",
    "subject": "have no known subject",
    "recorded": "have no known time of recording",
    "content": "were not compared by content",
}
ENERGIES = ((1.0, "J"), (1e-3, "mJ"), (1e-6, "µJ"), (1e-9, "nJ"))


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """One sample as the model got it: frames `(T, C, H, W)` or points `(N, 3)`, and its place in the evaluation."""

    index: int
    data: NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Seed:
    """One of several runs of a configuration: its name, its seed, how many epochs it finished, and how good it is."""

    run: str
    seed: int
    epochs: int
    scores: Scores

    def to_json(self) -> dict[str, object]:
        """Plain values for `json.dumps`."""
        return {"run": self.run, "seed": self.seed, "epochs": self.epochs, "scores": self.scores.to_json()}


@dataclass(frozen=True, slots=True, eq=False)
class Findings:
    """What there is to report; what is missing is left out of the page.

    - `title`, `subtitle`: the run's name; which model, on which samples of which data.
    - `classes`: names of the L classes. `evaluation`: with at least one sample whose class is known.
    - `seeds`: each run of this configuration, the one that all else is of first; where there is only that one, the page
      leaves them out.
    - `rows`: of the log, each with `step`, `epoch`, `split`, `loss` and `top1`.
    - `attributes`: from an attribute to its value for each sample.
    - `configuration`: as it stands in the run's file.
    """

    title: str
    subtitle: str
    classes: Sequence[str]
    evaluation: Evaluation
    seeds: Sequence[Seed] = ()
    rows: Sequence[Mapping[str, Any]] = ()
    cost: Cost | None = None
    latency: Latency | None = None
    attributes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    examples: Sequence[Example] = ()
    audited: Audit | None = None
    configuration: str = ""


def write_report(path: Path, findings: Findings, *, style: str = "dark") -> Scores:
    """Writes the page, whole or not at all, and returns the scores that it shows.

    - `style`: a name from `neuroact.viewing.STYLES`.

    Raises `ValueError` for an unknown style, another number of classes than of logits, and as `score`.
    """
    if style not in STYLES:
        raise ValueError(f"there is no style {style!r}; there are {', '.join(STYLES)}")
    evaluation, colours = findings.evaluation, STYLES[style]
    if evaluation.logits.shape[1] != len(findings.classes):
        raise ValueError(f"there are {len(findings.classes)} classes and {evaluation.logits.shape[1]} logits a sample")
    scores = score(evaluation.logits, evaluation.labels)
    figures = {"confusion": confusion_figure(scores, findings.classes, colours)}
    pieces = [page.paragraph(findings.subtitle, lead=True), page.key_figures(_key_figures(scores, findings))]
    pieces += _seeds(findings.seeds)
    if findings.rows:
        figures["curves"] = curves_figure(findings.rows, colours)
        pieces += [page.heading("Learning"), page.plot("curves", 320)]
    pieces += _per_class(scores, findings.classes)
    pieces += _attributes(findings)
    pieces += _examples(findings, colours)
    if findings.cost:
        pieces += _cost(findings.cost, findings.latency)
    if findings.audited:
        pieces += _audited(findings.audited)
    if findings.configuration:
        pieces += [page.heading("Configuration"), page.code(findings.configuration.strip())]
    pieces += [page.heading("Made with"), page.table(["", ""], _versions())]
    page.write_report(path, findings.title, pieces, style=colours, figures=figures)
    return scores


def choose_examples(evaluation: Evaluation, count: int = 6) -> list[int]:
    """Samples worth a look: the surest right prediction of each class and the surest wrong one, alternating.

    Returns up to `count` places in the evaluation, fewer if there are not so many. Raises `ValueError` if `count < 1`.
    """
    if count < 1:
        raise ValueError(f"at least one example is needed, not {count}")
    confidence, predicted, labels = evaluation.probabilities.max(axis=1), evaluation.predictions, evaluation.labels
    surest = np.argsort(-confidence, kind="stable")
    right: dict[int, int] = {}
    wrong: dict[int, int] = {}
    for index in surest[labels[surest] != UNKNOWN].tolist():
        (right if labels[index] == predicted[index] else wrong).setdefault(int(labels[index]), index)
    kinds = [list(right.values()), list(wrong.values())]
    turns = max(map(len, kinds))
    return [kind[turn] for turn in range(turns) for kind in kinds if turn < len(kind)][:count]


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


def curves_figure(rows: Sequence[Mapping[str, Any]], style: Style) -> Figure:
    """Loss on the left and accuracy on the right over the steps, a line for each split."""
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
        **_layout(style), "margin": {"l": 56, "r": 16, "t": 34, "b": 44}, "legend": {"x": 0.36, "y": 1.0},
        "xaxis": {**axis_style, "domain": [0, 0.46], "title": {"text": "step"}, "anchor": "y"},
        "yaxis": {**axis_style, "anchor": "x"},
        "xaxis2": {**axis_style, "domain": [0.54, 1], "title": {"text": "step"}, "anchor": "y2"},
        "yaxis2": {**axis_style, "anchor": "x2", "tickformat": ".0%"},
        "annotations": [_title("loss", 0.0, style), _title("top-1 accuracy", 0.54, style)],
    }  # fmt: skip
    return {"data": data, "layout": layout, "config": CONFIG}


def confusion_figure(scores: Scores, classes: Sequence[str], style: Style) -> Figure:
    """The share of each true class (rows, the first on top) that is taken for each class; hovering shows counts."""
    count = scores.confusion.sum(axis=1, keepdims=True)  # (L, 1)
    shares = scores.confusion / np.maximum(count, 1)  # (L, L)
    names = [escape(name) for name in classes]
    places = list(range(len(names)))
    scale = [[place, colour] for place, colour in zip(np.linspace(0, 1, len(style.heat)), style.heat, strict=True)]
    data = [
        {
            "type": "heatmap", "z": np.round(shares, 4).tolist(), "text": scores.confusion.tolist(),
            "customdata": [[[true, guess] for guess in names] for true in names],
            "hovertemplate": "%{customdata[0]} taken for %{customdata[1]}<br>%{z:.1%}, %{text} samples<extra></extra>",
            "colorscale": scale, "zmin": 0, "zmax": 1, "xgap": 1 if len(names) <= MOST_NAMES else 0,
            "ygap": 1 if len(names) <= MOST_NAMES else 0,
            "colorbar": {"tickformat": ".0%", "outlinewidth": 0, "thickness": 12},
        }
    ]  # fmt: skip
    labels = {"tickvals": places, "ticktext": names} if len(names) <= MOST_NAMES else {}
    axis = {"color": style.faint, "showgrid": False, "zeroline": False, "automargin": True, **labels}
    layout = {
        **_layout(style), "margin": {"l": 80, "r": 16, "t": 36, "b": 60},
        "xaxis": {**axis, "title": {"text": "taken for"}, "constrain": "domain"},
        "yaxis": {**axis, "title": {"text": "true class"}, "autorange": "reversed", "scaleanchor": "x"},
    }  # fmt: skip
    return {"data": data, "layout": layout, "config": CONFIG}


def _layout(style: Style) -> dict[str, Any]:
    font = {"family": "system-ui, DejaVu Sans, sans-serif", "size": 12, "color": style.faint}
    return {"paper_bgcolor": style.ground, "plot_bgcolor": style.panel, "font": font}


def _title(text: str, x: float, style: Style) -> dict[str, Any]:
    place = {"x": x, "y": 1.12, "xref": "paper", "yref": "paper", "xanchor": "left", "showarrow": False}
    return {**place, "text": text, "font": {"size": 13, "color": style.text}}


def _key_figures(scores: Scores, findings: Findings) -> list[tuple[str, str]]:
    figures = [(text, name) for name, text in written([seed.scores for seed in findings.seeds] or [scores]).items()]
    occurring = np.count_nonzero(scores.confusion.sum(axis=1))
    figures.append((quantities.count(scores.samples), f"samples of {occurring} classes"))
    if findings.cost:
        energy = findings.cost.energy_accumulates + findings.cost.energy_multiply_accumulates
        figures += [(_number(findings.cost.parameters), "parameters"), (in_joules(energy), "a sample, estimated")]
    if findings.latency:
        latency = findings.latency
        figures.append((f"{1e3 * latency.seconds:.1f} ms", f"a batch of {latency.batch} ({latency.device})"))
    return figures


def _seeds(seeds: Sequence[Seed]) -> list[str]:
    """A row for each run, and their mean; nothing for a single one."""
    if len(seeds) < 2:
        return []
    mean = written([seed.scores for seed in seeds])
    rows = []
    for seed in seeds:
        own = written([seed.scores])
        rows.append([seed.run, str(seed.seed), str(seed.epochs), *(own[name] for name in mean)])
    head = ["run", "seed", "epochs", *mean]
    return [
        page.heading("Seeds"),
        page.paragraph(
            f"{len(seeds)} runs of one configuration, and their mean ± sample standard deviation. The runs differ in "
            f"nothing else that changes what is learned. All that follows is of the first, {seeds[0].run}."
        ),
        page.table(head, [*rows, ["mean", "", "", *mean.values()]], right=range(1, len(head))),
    ]


def _per_class(scores: Scores, classes: Sequence[str]) -> list[str]:
    """The confusion matrix, and a row for each class that occurs, the worst first."""
    counts, recalls = scores.confusion.sum(axis=1), scores.per_class  # (L,), (L,)
    missed = scores.confusion - np.diag(scores.confusion.diagonal())  # (L, L)
    rows = []
    for index in sorted(np.flatnonzero(counts).tolist(), key=lambda index: float(recalls[index])):
        guess = int(missed[index].argmax())
        share = missed[index, guess] / counts[index]
        other = f"{classes[guess]} ({share:.0%})" if share else ""
        rows.append([classes[index], quantities.count(int(counts[index])), f"{recalls[index]:.1%}", other])
    head = ["class", "samples", "recall", "most often taken for"]
    height = min(760, 320 + 14 * len(classes))
    return [
        page.heading("Classes"),
        page.paragraph(
            "The mean per class is that of the recalls below. The calibration error is the expected one of Guo et al. "
            f"2017, over {BINS} bins of the confidence in what is predicted."
        ),
        page.plot("confusion", height),
        page.table(head, rows, right=(1, 2)),
    ]


def _attributes(findings: Findings) -> list[str]:
    evaluation = findings.evaluation
    found = per_attribute(evaluation.logits, evaluation.labels, findings.attributes)
    rows = [
        [attribute, value, quantities.count(part.samples), f"{part.top1:.1%}"]
        for attribute, values in found.items()
        for value, part in values.items()
    ]
    head = ["attribute", "value", "samples", "top-1"]
    return [page.heading("Attributes"), page.table(head, rows, right=(2, 3))] if rows else []


def _examples(findings: Findings, style: Style) -> list[str]:
    evaluation, classes = findings.evaluation, findings.classes
    if not findings.examples:
        return []
    confidence = evaluation.probabilities.max(axis=1)
    pieces = [page.heading("Examples"), page.paragraph("As the model sees them, over time from left to right.")]
    for example in findings.examples:
        label, guess = int(evaluation.labels[example.index]), int(evaluation.predictions[example.index])
        name = f"{evaluation.names[example.index]}: " if evaluation.names else ""
        verdict = "class not known" if label == UNKNOWN else "right" if label == guess else f"is {classes[label]}"
        caption = f"{name}{classes[guess]}, {confidence[example.index]:.0%} sure; {verdict}"
        pieces.append(page.picture(picture_of(example.data, style), caption))
    return pieces


def _cost(cost: Cost, latency: Latency | None) -> list[str]:
    head = ["layer", "", "takes", "if all were values", "operations", "energy"]
    totals = [
        ["accumulates, in layers that take spikes", _number(cost.accumulates), in_joules(cost.energy_accumulates)],
        [
            "multiply-accumulates, in layers that take values",
            _number(cost.multiply_accumulates), in_joules(cost.energy_multiply_accumulates),
        ],
        ["the same network with values for spikes", _number(cost.dense), in_joules(cost.energy_dense)],
    ]  # fmt: skip
    pieces = [
        page.heading("Cost of a sample"),
        page.paragraph(
            f"Mean over {cost.samples:,} samples. An accumulate counts as 0.9 pJ, a multiply-accumulate as 4.6 pJ "
            "(45 nm, Horowitz 2014); memory is not in these estimates. Taps on padding are not counted."
        ),
        page.table(["", "operations", "energy"], totals, right=(1, 2)),
        *_time(latency),
        page.heading("Layers"),
        page.table(head, [_layer(layer) for layer in cost.layers], right=(3, 4, 5)),
    ]
    if cost.firing:
        fired = [[f.name, f"{f.neurons:,.0f}", f"{f.steps:g}", f"{f.rate:.4f}"] for f in cost.firing]
        names = ["layer of neurons", "neurons", "steps", "spikes per neuron and step"]
        pieces += [page.heading("Spikes"), page.table(names, fired, right=(1, 2, 3))]
    return pieces


def _time(latency: Latency | None) -> list[str]:
    if latency is None:
        return []
    text = (
        f"A batch of {latency.batch} takes {1e3 * latency.seconds:.2f} ms (median of {latency.rounds}) and at most "
        f"{quantities.size(latency.peak_bytes)} of tensors, weights included, on {latency.device}."
    )
    return [page.paragraph(text)]


def _layer(layer: LayerCost) -> list[str]:
    numbers = [_number(layer.dense), _number(layer.operations), in_joules(layer.energy)]
    return [layer.name, layer.kind, layer.takes, *numbers]


def _audited(audited: Audit) -> list[str]:
    rows = [
        [name, *(quantities.count(number) for number in (split.recordings, split.classes, split.subjects))]
        for name, split in audited.splits.items()
    ]
    found = [f"{leak}." for leak in audited.leaks] or ["The splits share nothing that was looked for."]
    unknown = [f"{count:,} recordings {UNKNOWN_TO_AUDIT[what]}." for what, count in audited.unknown.items()]
    return [
        page.heading("Data"),
        *map(page.paragraph, found + unknown),
        page.table(["split", "recordings", "classes", "subjects"], rows, right=(1, 2, 3)),
    ]


def _versions() -> list[list[str]]:
    return [
        *([name, version(name)] for name in PACKAGES),
        ["Python", sys.version.split()[0]],
        ["machine", f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors"],
    ]


def _number(value: float) -> str:
    return quantities.scaled(value, "").strip()


def in_joules(joules: float) -> str:
    """Three figures and a unit: `8.2e-7` as `820 nJ`."""
    for factor, unit in ENERGIES:
        if joules >= 0.9995 * factor:
            return f"{joules / factor:.3g} {unit}"
    return f"{joules * 1e12:.3g} pJ"
