"""The report of a run: how it learned, how good it is, what it costs, on one HTML page that holds everything."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroact.datasets.audit import Audit
from neuroact.training.cost import Cost, LayerCost
from neuroact.training.drawing import confusion_figure, curves_figure, picture_of
from neuroact.training.evaluation import UNKNOWN, Evaluation
from neuroact.training.latency import Latency
from neuroact.training.metrics import BINS, Scores, per_attribute, score, written
from neuroact.training.outcome import Best
from neuroact.viewing import STYLES, quantities
from neuroact.viewing import report as page
from neuroact.viewing.style import Style

PACKAGES = ("neuroact", "torch", "torchmetrics", "numpy", "numba", "plotly")
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
    """One of several runs of a configuration.

    - `run`: its name. `epoch`: the one that was evaluated, of the `epochs` that it finished.
    """

    run: str
    seed: int
    epoch: int
    epochs: int
    scores: Scores

    def to_json(self) -> dict[str, object]:
        """Plain values for `json.dumps`."""
        return {name: getattr(self, name) for name in ("run", "seed", "epoch", "epochs")} | {
            "scores": self.scores.to_json()
        }


@dataclass(frozen=True, slots=True, eq=False)
class Findings:
    """What there is to report; what is missing is left out of the page.

    - `title`, `subtitle`: the run's name; which model, on which samples of which data.
    - `classes`: names of the L classes. `evaluation`: with at least one sample whose class is known.
    - `seeds`: each run of this configuration, the one that all else is of first; where there is only that one, the page
      leaves them out.
    - `rows`: of the log, each with `step`, `epoch`, `split`, `loss` and `top1`. `best`: the epoch that was evaluated.
    - `attributes`: from an attribute to its value for each sample.
    - `configuration`: as it stands in the run's file. `notes`: what the user should know of the data.
    """

    title: str
    subtitle: str
    classes: Sequence[str]
    evaluation: Evaluation
    seeds: Sequence[Seed] = ()
    rows: Sequence[Mapping[str, Any]] = ()
    best: Best | None = None
    cost: Cost | None = None
    latency: Latency | None = None
    attributes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    examples: Sequence[Example] = ()
    audited: Audit | None = None
    configuration: str = ""
    notes: Sequence[str] = ()


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
    others = len(findings.seeds) - 1
    more = f" and {others} other seed{'s' * (others > 1)}" if others > 0 else ""
    pieces = [page.paragraph(findings.subtitle, lead=True), *map(page.paragraph, findings.notes)]
    pieces.append(page.key_figures(_key_figures(scores, findings)))
    pieces += _seeds(findings.seeds)
    if findings.rows:
        best = findings.best
        figures["curves"] = curves_figure(findings.rows, colours, best=best.step if best else None)
        pieces += _learning(findings.rows, best)
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
    page.write_report(path, findings.title + more, pieces, style=colours, figures=figures)
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
        rows.append([seed.run, str(seed.seed), f"{seed.epoch} of {seed.epochs}", *(own[name] for name in mean)])
    head = ["run", "seed", "epoch", *mean]
    return [
        page.heading("Seeds"),
        page.paragraph(
            f"{len(seeds)} runs of one configuration, and their mean ± sample standard deviation. The runs differ in "
            f"nothing else that changes what is learned. All that follows is of the first, {seeds[0].run}."
        ),
        page.table(head, [*rows, ["mean", "", "", *mean.values()]], right=range(1, len(head))),
    ]


def _learning(rows: Sequence[Mapping[str, Any]], best: Best | None) -> list[str]:
    pieces = [page.heading("Learning"), page.plot("curves", 320)]
    if best:
        text = (
            f"The model is that of epoch {best.epoch} of {max(row['epoch'] for row in rows)}, which the dashed line "
            f"marks: on the validation samples, top-1 {best.top1:.1%} and loss {best.loss:.4g}."
        )
        pieces.insert(1, page.paragraph(text))
    return pieces


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
    height = min(900, 240 + 26 * len(classes))
    return [
        page.heading("Classes"),
        page.paragraph(
            "The mean per class is that of the recalls below. To always name the most frequent class would be right in "
            f"{counts.max() / counts.sum():.1%}. The calibration error is the expected one of Guo et al. 2017, over "
            f"{BINS} bins of the confidence in what is predicted."
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
    told = (
        "As the model sees them, over time from left to right; where polarities are told apart, ON orange and OFF blue."
    )
    pieces = [page.heading("Examples"), page.paragraph(told)]
    for example in findings.examples:
        label, guess = int(evaluation.labels[example.index]), int(evaluation.predictions[example.index])
        name = f"{evaluation.names[example.index]}: " if evaluation.names else ""
        truth = "of unknown class" if label == UNKNOWN else classes[label]
        verdict = "recognised" if label == guess else f"taken for {classes[guess]}"
        caption = f"{name}{truth}, {verdict} ({confidence[example.index]:.0%} sure)"
        pieces.append(page.picture(picture_of(example.data, style), caption))
    return pieces


def _cost(cost: Cost, latency: Latency | None) -> list[str]:
    head = ["layer", "kind", "takes", "if all were values", "operations", "energy"]
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
            "(45 nm, Horowitz 2014); memory is not in these estimates. Not counted either: taps on padding, biases, "
            "norms, activations, products element by element, pooling, and what neurons do for themselves in a step."
        ),
        page.table(["", "operations", "energy"], totals, right=(1, 2)),
        *_time(latency),
        page.heading("Layers"),
        page.table(head, [_layer(layer) for layer in cost.layers], right=(3, 4, 5)),
    ]
    if cost.firing:
        fired = [[f.name, f"{f.neurons:,.0f}", f"{f.steps:g}", f"{f.rate:.4f}"] for f in cost.firing]
        names = ["layer of neurons", "neurons", "steps", "spikes per neuron and step"]
        pieces += [page.heading("Spikes"), *_silent(cost), page.table(names, fired, right=(1, 2, 3))]
    return pieces


def _silent(cost: Cost) -> list[str]:
    if not cost.silent:
        return []
    return [
        page.paragraph(
            f"No neuron ever fired in {len(cost.silent)} of {len(cost.firing)} layers: what they feed cost nothing, as "
            "it got nothing. Such a network looks cheaper than one that works."
        )
    ]


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
    looked_for = (
        "Looked for were, on both sides of a split: one subject, one recording, parts of one recording, equal content, "
        f"and recordings of one class that were made within {audited.within:g} s of each other."
    )
    unknown = [f"{count:,} recordings {UNKNOWN_TO_AUDIT[what]}." for what, count in audited.unknown.items()]
    return [
        page.heading("Data"),
        *map(page.paragraph, [*found, looked_for, *unknown]),
        page.table(["split", "recordings", "classes", "subjects"], rows, right=(1, 2, 3)),
    ]


def _versions() -> list[list[str]]:
    return [
        ["evaluated", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"],
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
