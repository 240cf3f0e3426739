"""The page shows what it is given, numbers and pictures, and leaves out what is missing."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from neuroact.datasets.audit import Audit, Leak, Split
from neuroact.training.cost import Cost, Firing, LayerCost
from neuroact.training.evaluation import Evaluation
from neuroact.training.latency import Latency
from neuroact.training.loop import Best
from neuroact.training.metrics import score
from neuroact.training.report import (
    Example,
    Findings,
    Seed,
    choose_examples,
    write_report,
)
from tests.viewing.conftest import Browser, browser  # noqa: F401

CLASSES = ("wave", "walk <b>", "jump")
A, B, C = np.eye(3, dtype=np.float32) * 4
EVALUATION = Evaluation(
    np.stack([A, A, 2 * B, B, B]).astype(np.float32), np.array([0, 1, 1, 1, -1]), ("r0", "r1", "r2", "r3", "r4")
)
ROWS = [
    {"epoch": 1, "step": 5, "split": "train", "loss": 1.5, "top1": 0.25, "seconds": 1.0},
    {"epoch": 1, "step": 10, "split": "train", "loss": 1.0, "top1": 0.5, "seconds": 2.0},
    {"epoch": 1, "step": 10, "split": "val", "loss": 1.25, "top1": 0.375, "seconds": 3.0},
]
COST = Cost(
    samples=5,
    parameters=123_456,
    layers=(LayerCost("stem", "Conv2d", "values", 2e6, 2e6), LayerCost("head", "Linear", "spikes", 5e6, 1e6)),
    firing=(Firing("neurons", 400, 8, 0.0625),),
)
AUDIT = Audit(
    20, {"train": Split(12, 3, 4), "test": Split(8, 3, 2)},
    (Leak("subject", ("train", "test"), 1, 5, 8, (("P4",),)),), {"recorded": 3}, 15.0,
)  # fmt: skip
FULL = Findings(
    title="run <1>",
    subtitle="spiking_cnn on the split test of clips",
    classes=CLASSES,
    evaluation=EVALUATION,
    rows=ROWS,
    best=Best(1, 10, 0.375, 1.25),
    cost=COST,
    latency=Latency(1, 0.0125, 9, 1_500_000, "cpu, 2 threads"),
    attributes={"light": ["day", "night", "day", "day", "day"]},
    examples=(Example(1, np.ones((4, 2, 6, 8), np.float32)), Example(4, np.full((50, 3), 0.5, np.float32))),
    audited=AUDIT,
    configuration='[model]\nname = "spiking_cnn"\n',
    notes=("clips lacks <2> of its files",),
)
SCORES = score(EVALUATION.logits, EVALUATION.labels)


def page_of(findings: Findings, folder: Path) -> str:
    """The page without the source of plotly.js."""
    path = folder / "report.html"
    write_report(path, findings)
    return re.sub(r"<script>.*?</script>", "", path.read_text(), count=1, flags=re.DOTALL)


SHOWN = {
    "notes": ["clips lacks &lt;2&gt; of its files"],
    "measures": ["<b>75.00%</b>top-1", "<b>83.33%</b>mean per class", "<b>4</b>samples of 2 classes"],
    "the epoch that was chosen": [
        "epoch 1 of 1, which the dashed line marks: on the validation samples, top-1 37.5% and loss 1.25."
    ],
    "what is easy": ["most frequent class would be right in 75.0%"],
    "classes, the worst first": [
        '<td>walk &lt;b&gt;</td><td class="right">3</td><td class="right">66.7%</td><td>wave (33%)</td></tr>\n'
        '<tr><td>wave</td><td class="right">1</td><td class="right">100.0%</td>',
    ],
    "attributes": [
        '<td>light</td><td>day</td><td class="right">3</td><td class="right">100.0%</td>',
        '<td>light</td><td>night</td><td class="right">1</td><td class="right">0.0%</td>',
    ],
    "examples": [
        "r1: walk &lt;b&gt;, taken for wave (96% sure)<",
        "r4: of unknown class, taken for walk &lt;b&gt; (96% sure)<",
    ],
    "energies": [
        '<td>stem</td><td>Conv2d</td><td>values</td><td class="right">2.00 M</td><td class="right">2.00 M</td>'
        '<td class="right">9.2 µJ</td>',
        '<td>head</td><td>Linear</td><td>spikes</td><td class="right">5.00 M</td><td class="right">1.00 M</td>'
        '<td class="right">900 nJ</td>',
        'layers that take spikes</td><td class="right">1.00 M</td><td class="right">900 nJ</td>',
        'layers that take values</td><td class="right">2.00 M</td><td class="right">9.2 µJ</td>',
        'values for spikes</td><td class="right">7.00 M</td><td class="right">32.2 µJ</td>',
        "<b>10.1 µJ</b>",
        "<b>123 k</b>parameters",
    ],
    "spikes": ['<td>neurons</td><td class="right">400</td><td class="right">8</td><td class="right">0.0625</td>'],
    "time and memory": ["12.50 ms (median of 9) and at most 1.50 MB of tensors"],
    "audit": [
        "5 of the 8 recordings in test are of subjects that are also in train (1).",
        "3 recordings have no known time of recording.",
        "made within 15 s of each other",
    ],
    "configuration": ["<pre>[model]\nname = &quot;spiking_cnn&quot;</pre>"],
    "versions": ["<td>torch</td>", "<td>torchmetrics</td>", "<td>Python</td>", "<td>evaluated</td>"],
    "title": ["<title>run &lt;1&gt;</title>", "spiking_cnn on the split test of clips"],
}


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> str:
    return page_of(FULL, tmp_path_factory.mktemp("full"))


@pytest.mark.parametrize("texts", SHOWN.values(), ids=SHOWN)
def test_the_page_shows(texts: list[str], full: str) -> None:
    for text in texts:
        assert text in full


def test_pictures_and_plots(full: str) -> None:
    assert full.count("data:image/png;base64,") == 2
    assert re.findall('<div id="([a-z]+)" class="plot"', full) == ["curves", "confusion"]
    assert "walk <b>" not in full


def test_the_class_that_another_is_most_often_taken_for(tmp_path: Path) -> None:
    evaluation = Evaluation(np.stack([B, C, A, C]).astype(np.float32), np.array([0, 1, 1, 1]))
    page = page_of(Findings("a", "b", CLASSES, evaluation), tmp_path)
    assert '<td class="right">0.0%</td><td>walk &lt;b&gt; (100%)</td>' in page
    assert '<td class="right">0.0%</td><td>jump (67%)</td>' in page


def test_what_is_missing_is_left_out(tmp_path: Path) -> None:
    page = page_of(Findings("a", "b", CLASSES, EVALUATION), tmp_path)
    assert re.findall("<h2>(.*?)</h2>", page) == ["Classes", "Made with"]


def test_seeds_have_a_row_each_and_a_mean_that_heads_the_page(tmp_path: Path) -> None:
    alone = page_of(replace(FULL, seeds=[Seed("run-0", 0, 9, 12, SCORES)]), tmp_path)
    assert "<h2>Seeds</h2>" not in alone
    worse = replace(SCORES, top1=0.5, calibration_error=SCORES.calibration_error + 0.1)
    page = page_of(replace(FULL, seeds=[Seed("run-0", 0, 9, 12, SCORES), Seed("run-7", 7, 4, 10, worse)]), tmp_path)
    assert "<title>run &lt;1&gt; and 1 other seed</title>" in page
    assert "<b>62.50 ± 17.68%</b>top-1" in page
    cells = [re.findall("<t[dh][^>]*>(.*?)</t[dh]>", row) for row in re.findall("<tr>(.*?)</tr>", page)]
    start = cells.index(["run", "seed", "epoch", "top-1", "mean per class", "calibration error"])
    error = SCORES.calibration_error
    assert cells[start + 1 : start + 4] == [
        ["run-0", "0", "9 of 12", "75.00%", "83.33%", f"{error:.3f}"],
        ["run-7", "7", "4 of 10", "50.00%", "83.33%", f"{error + 0.1:.3f}"],
        ["mean", "", "", "62.50 ± 17.68%", "83.33 ± 0.00%", f"{error + 0.05:.3f} ± 0.071"],
    ]


def test_neurons_that_never_fire_are_told(full: str, tmp_path: Path) -> None:
    firing = (*COST.firing, Firing("dead", 100, 8, 0.0))
    assert "No neuron ever fired in 1 of 2 layers" in page_of(
        replace(FULL, cost=replace(COST, firing=firing)), tmp_path
    )
    assert "No neuron ever fired" not in full


def test_the_scores_are_returned(tmp_path: Path) -> None:
    assert write_report(tmp_path / "report.html", FULL).top1 == 0.75


@pytest.mark.parametrize(("style", "classes", "message"), [("neon", CLASSES, "neon"), ("dark", ("a",), "1 classes")])
def test_misuse(style: str, classes: tuple[str, ...], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        write_report(tmp_path / "report.html", replace(FULL, classes=classes), style=style)
    assert not list(tmp_path.iterdir())


def test_a_browser_draws_both_plots(tmp_path: Path, browser: Browser) -> None:  # noqa: F811
    write_report(tmp_path / "report.html", FULL)
    document = browser.open(tmp_path / "report.html", "--dump-dom")
    assert 'data-drawn="confusion curves"' in document
    assert "heatmaplayer" in document
    assert browser.requests() == []


def test_examples_are_the_surest_right_of_each_class_and_wrong_ones_in_turn() -> None:
    assert choose_examples(EVALUATION) == [2, 1, 0]  # 3 is of the class of 2, 4 has no label
    assert choose_examples(EVALUATION, 2) == [2, 1]
    wrong = Evaluation(np.stack([B, 2 * B, C, A]).astype(np.float32), np.array([0, 0, 0, 1]))
    assert choose_examples(wrong) == [1, 3]
    with pytest.raises(ValueError, match="not 0"):
        choose_examples(EVALUATION, 0)
