"""Curves, confusion matrices and pictures of samples show what they are given."""

import io

import numpy as np
import pytest
from PIL import Image

from neuroact.training.drawing import MOST_NAMES, SLOTS, confusion_figure, curves_figure, picture_of
from neuroact.training.metrics import Scores
from neuroact.viewing.style import DARK, rgb
from neuroact.viewing.voxels import GAP
from tests.training.test_report import CLASSES, ROWS, SCORES

ESCAPED = ("wave", "walk &lt;b&gt;", "jump")


def test_curves_have_a_line_for_each_split_and_measure() -> None:
    lines = {(line["name"], line["yaxis"]): line for line in curves_figure(ROWS, DARK)["data"]}
    assert (lines["train", "y"]["x"], lines["train", "y"]["y"]) == ([5, 10], [1.5, 1.0])
    assert (lines["val", "y2"]["x"], lines["val", "y2"]["y"]) == ([10], [0.375])
    assert len(lines) == 4


def test_a_confusion_matrix_shows_shares_of_the_true_class() -> None:
    figure = confusion_figure(SCORES, CLASSES, DARK)
    (heat,) = figure["data"]
    assert heat["z"] == [[1, 0, 0], [0.3333, 0.6667, 0], [0, 0, 0]]
    assert heat["text"] == [["1", "", ""], ["1", "2", ""], ["", "", ""]]
    assert heat["customdata"][1] == [["walk &lt;b&gt;", guess, n] for guess, n in zip(ESCAPED, (1, 2, 0), strict=True)]
    assert heat["texttemplate"] == "%{text}"
    assert figure["layout"]["xaxis"]["ticktext"][1] == "walk &lt;b&gt;"


def test_many_classes_are_numbers_in_the_matrix() -> None:
    names = [f"class {number}" for number in range(MOST_NAMES + 1)]
    confusion = np.eye(len(names), dtype=np.int64)
    figure = confusion_figure(Scores(len(names), 1.0, 1.0, 1.0, 0.0, confusion), names, DARK)
    assert figure["data"][0]["texttemplate"] == ""
    assert "ticktext" not in figure["layout"]["xaxis"]


def test_the_epoch_that_was_chosen_is_marked_in_both_plots() -> None:
    assert curves_figure(ROWS, DARK)["layout"]["shapes"] == []
    marks = curves_figure(ROWS, DARK, best=10)["layout"]["shapes"]
    assert [(mark["x0"], mark["x1"], mark["xref"], mark["yref"]) for mark in marks] == [
        (10, 10, "x", "y domain"), (10, 10, "x2", "y2 domain"),
    ]  # fmt: skip


def slots_of(png: bytes) -> list[np.ndarray]:
    """The pictures of a strip, left to right; what follows them has the colour of the ground."""
    with Image.open(io.BytesIO(png)) as image:
        pixels = np.asarray(image.convert("RGB"))
    assert pixels.shape[1] >= 1016
    side = pixels.shape[0]
    slots = [pixels[:, start : start + side] for start in range(0, pixels.shape[1], side + GAP)]
    return [slot for slot in slots if slot.shape[1] == side and colours(slot) != {rgb(DARK.ground)}]


def colours(slot: np.ndarray) -> set[tuple[int, ...]]:
    return {tuple(pixel) for pixel in slot.reshape(-1, 3).tolist()}


def test_a_picture_of_frames_has_on_and_off() -> None:
    frames = np.zeros((2, 2, 4, 4), np.uint8)
    frames[0, 0, 1, 1], frames[1, 1, 2, 2] = 1, 1  # OFF first, then ON
    first, second = slots_of(picture_of(frames, DARK))
    assert colours(first) == {rgb(DARK.panel), rgb(DARK.off)}
    assert colours(second) == {rgb(DARK.panel), rgb(DARK.on)}
    assert first.shape[0] == 4 * (1016 // (6 * 4))  # enlarged until six would fill the page


def test_a_picture_of_points_shows_when_and_where_they_are() -> None:
    slots = slots_of(picture_of(np.array([[0.1, 0.9, 0.0], [0.1, 0.9, 1.0]], np.float32), DARK))
    assert len(slots) == SLOTS
    fired = [rgb(DARK.on) in colours(slot) for slot in slots]
    assert fired == [True, *[False] * (SLOTS - 2), True]
    rows, columns = np.nonzero((slots[0] == rgb(DARK.on)).all(axis=2))
    side = slots[0].shape[0]
    assert (rows.mean() / side, columns.mean() / side) == (pytest.approx(0.9, abs=0.02), pytest.approx(0.1, abs=0.02))


def test_many_steps_are_summed_to_few_slots() -> None:
    frames = np.zeros((20, 1, 4, 4), np.float32)
    frames[19, 0, 0, 0] = 1
    slots = slots_of(picture_of(frames, DARK))
    assert [len(colours(slot)) > 1 for slot in slots] == [*[False] * (SLOTS - 1), True]
    with pytest.raises(ValueError, match=r"\(5, 2\)"):
        picture_of(np.zeros((5, 2)), DARK)
