"""Settings that cannot be, and which differences matter."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from neuroact.training.configs import FREE, TrainConfig, differences
from tests.training.tiny import tiny_config

MISUSE = {
    "a setting that there is not": ("schedule.epoch=3", "Extra inputs are not permitted"),
    "a section that there is not": ("scedule.epochs=3", "Extra inputs are not permitted"),
    "no epochs": ("schedule.epochs=0", "greater than 0"),
    "a warm-up that is longer than all": ("schedule.warm_up=2", "not over within 2"),
    "learning from test": ("data.train=test", "neither learn from it nor choose by it"),
    "choosing by test": ("data.val=test", "neither learn from it nor choose by it"),
    "holding all out": ("data.hold_out=1.0", "less than 1"),
    "an augmentation that there is not": ("data.augment=[{kind='blur'}]", "blur"),
    "an encoder that there is not": ("data.encoder={kind='blur'}", "blur"),
    "an average that forgets nothing": ("optimiser.average=1.0", "less than 1"),
    "a precision that there is not": ("run.precision=int8", "bf16"),
}
CONTRAST: dict[str, tuple[dict[str, Any], str]] = {
    "nothing that tells views apart": ({"augment": []}, "the same without data.augment"),
    "clips that are cut together": ({"cut_mix": {}}, "mixup and cut_mix put another"),
    "clips that run backwards": ({"augment": [{"kind": "shift"}, {"kind": "reverse_time"}]}, "reverse_time moves it"),
    "clips of another pace": ({"augment": [{"kind": "retime"}]}, "retime moves it"),
}


@pytest.mark.parametrize(("setting", "problem"), MISUSE.values(), ids=MISUSE)
def test_settings_that_cannot_be_are_refused(setting: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        tiny_config(Path("x"), setting)


@pytest.mark.parametrize(("data", "problem"), CONTRAST.values(), ids=CONTRAST)
def test_what_cannot_be_contrasted(data: dict[str, Any], problem: str) -> None:
    settings = {"data": {"source": "x", "augment": [{"kind": "shift"}]}, "model": {"name": "m"}}
    contrasted: dict[str, Any] = settings | {"loss": {"contrast": 0.5}}
    assert TrainConfig.model_validate(contrasted).loss.views == 2
    assert TrainConfig.model_validate(settings).loss.views == 1
    contrasted["data"] |= data
    with pytest.raises(ValueError, match=problem):
        TrainConfig.model_validate(contrasted)


def test_blended_clips_are_not_contrasted() -> None:
    with pytest.raises(ValueError, match="mixup and cut_mix put another"):
        tiny_config(Path("x"), "loss.contrast=1.0")


def test_what_is_validated_on_is_not_learned_from() -> None:
    with pytest.raises(ValueError, match="another split than train"):
        TrainConfig.model_validate({"data": {"source": "x", "val": "train"}, "model": {"name": "m"}})


def test_settings_do_not_change() -> None:
    config = tiny_config(Path("x"))
    with pytest.raises(ValidationError, match="frozen"):
        config.schedule.epochs = 3  # type: ignore[misc]


def test_differences_are_those_that_change_what_is_learned() -> None:
    config = tiny_config(Path("x"))
    assert differences(config, config) == []
    free = (
        "data.workers=3", "data.source=y", "data.cache_bytes=9", "run.device=auto", "run.checkpoint_every=2",
        "run.tensorboard=true",
    )  # fmt: skip
    assert {setting.partition("=")[0] for setting in free} == FREE
    assert differences(config, tiny_config(Path("x"), *free)) == []
    changed = tiny_config(Path("x"), "run.seed=1", "model.arguments.hidden=4", "data.encoder.steps=2")
    assert differences(config, changed) == ["data.encoder", "model.arguments", "run.seed"]
