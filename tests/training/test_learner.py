"""Learning from two views: what the loss is, and that a run with it can be stopped and goes on."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from neuroact.models import create
from neuroact.models.contrast import Contrasted
from neuroact.training import TrainConfig, best_model, configure, read_log, train
from neuroact.training.checkpoints import newest
from neuroact.training.data import Batches, load_parts
from neuroact.training.inputs import as_input
from tests.training.test_loop import StopAt
from tests.training.tiny import same_bits, tiny_config, without_clock

VTN = {
    "size": 34, "patch": 17, "width": 24, "depth": 1, "heads": 2, "layers": 1, "temporal_heads": 2, "channels": 2,
    "dropout": 0.0, "head_dropout": 0.0,
}  # fmt: skip
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a model that embeds no frames": ({"model": {"name": "tiny"}}, "Tiny embeds no frames that could be contrasted"),
    "clips of too few frames": ({"data": {"encoder": {"steps": 3}}}, "4 frames are to be contrasted, and a clip has 3"),
    "frames of another size": ({"model": {"arguments": {"size": 68}}}, "images of"),
}


def contrasted(root: Path, *layers: dict[str, Any]) -> TrainConfig:
    """`tiny_config` of a small VTN that contrasts, without what blends clips."""
    base = tiny_config(root, "data.encoder={kind='spikes', steps=4}").model_dump(exclude_none=True)
    base["loss"] = {"contrast": 0.5, "label_smoothing": 0.1}
    base["model"] = {"name": "vtn", "arguments": VTN}
    return configure([base, *layers])


def batch_of(examples: Any, keys: list[Any]) -> Tensor:
    return as_input(torch.stack([torch.from_numpy(examples[key].data) for key in keys]), "spikes")


def test_the_loss_is_that_of_the_classes_and_the_weighted_contrast(root: Path, tmp_path: Path) -> None:
    config = contrasted(root, {"optimiser": {"accumulate": 1}, "run": {"log_every": 1}})
    train(config, tmp_path / "run", watcher=StopAt(1))
    part, _ = load_parts(config.data, 0)
    keys = next(iter(Batches(part.positions, batch=4, shuffle=True)))
    first = batch_of(part.examples, [(epoch, index, 0) for epoch, index, _ in keys])
    second = batch_of(part.examples, [(epoch, index, 1) for epoch, index, _ in keys])
    torch.manual_seed(0)
    model = create("vtn", classes=10, **VTN)
    with torch.no_grad():
        contrast = Contrasted(model)(torch.cat([first, second]))[1]
        labels = torch.from_numpy(part.examples.labels[[index for _, index, _ in keys]])
        classified = functional.cross_entropy(model(first), labels, label_smoothing=0.1)
    row = read_log(tmp_path / "run")[0]
    assert row.loss == pytest.approx((classified + 0.5 * contrast).item(), rel=1e-5)
    assert row.samples == 4


def test_a_run_with_a_projection_goes_on_to_the_same_bits(root: Path, tmp_path: Path) -> None:
    config = contrasted(root)
    train(config, tmp_path / "whole")
    train(config, tmp_path / "cut", watcher=StopAt(3))
    stopped = newest(tmp_path / "cut")
    train(config, tmp_path / "cut", resume=True)
    ours, theirs = newest(tmp_path / "cut"), newest(tmp_path / "whole")
    assert stopped is not None
    assert ours is not None
    assert theirs is not None
    assert ours.tensors.keys() == {"model", "average", "optimiser", "contrast"}
    for name, tensors in theirs.tensors.items():
        assert same_bits(ours.tensors[name], tensors), name
    assert not same_bits(ours.tensors["contrast"], stopped.tensors["contrast"]), "the projection does not learn"
    assert without_clock(read_log(tmp_path / "cut")) == without_clock(read_log(tmp_path / "whole"))
    assert not any("contrast" in name for name in best_model(tmp_path / "cut")[0].state_dict())


@pytest.mark.parametrize(("settings", "problem"), REFUSED.values(), ids=REFUSED)
def test_what_has_nothing_to_contrast_is_said_before_anything_is_written(
    root: Path, tmp_path: Path, settings: dict[str, Any], problem: str
) -> None:
    config = contrasted(root).model_dump(exclude_none=True)
    if "name" in settings.get("model", {}):
        del config["model"]["arguments"]
    with pytest.raises(ValueError, match=problem):
        train(configure([config, settings]), tmp_path / "run")
    assert not (tmp_path / "run").exists()
