"""The configuration as text: recipes, overrides, layers, and that what is printed can be read."""

import inspect
from pathlib import Path
from typing import Any

import pytest
import torch

from neuroact.datasets.catalogue import DATASETS
from neuroact.encoders import PixelSurvey, Window
from neuroact.errors import TrainingError
from neuroact.models import FAMILIES, create
from neuroact.training.config_files import configure, merge, override, read_toml, recipe, recipes, to_toml
from neuroact.training.inputs import as_input, check_kind
from tests.training.tiny import tiny_config

ACTIONS = {"dailydvs200", "dvs128_gesture", "paf", "hardvs", "seact", "daily_dvs", "n_epic_kitchens"}
"""Published sets of what people do."""
ADAPTIVE = {"paf": (50, 100_000), "seact": (40, 100_000), "dvs128_gesture": (30, 15_000), "hardvs": (0, 150_000)}
"""Threshold and least number of events, as ExACT has them."""
RECIPES = [(model, data_set) for model, data_sets in recipes().items() for data_set in data_sets]
OVERRIDES: dict[str, dict[str, Any]] = {
    "schedule.epochs=30": {"schedule": {"epochs": 30}},
    "optimiser.learning_rate = 1e-3": {"optimiser": {"learning_rate": 1e-3}},
    "model.name=spikmamba": {"model": {"name": "spikmamba"}},
    "model.name='7'": {"model": {"name": "7"}},
    "model.arguments.size=[34, 34]": {"model": {"arguments": {"size": [34, 34]}}},
    "data.encoder={kind='voxel', bins=3}": {"data": {"encoder": {"kind": "voxel", "bins": 3}}},
    "data.source=nmnist:a b=c": {"data": {"source": "nmnist:a b=c"}},
    "run.deterministic=true": {"run": {"deterministic": True}},
}
MERGED: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "a value over another": ({"a": 1, "b": 2}, {"a": 3}, {"a": 3, "b": 2}),
    "tables one in the other": ({"a": {"x": 1, "y": 2}}, {"a": {"y": 3}}, {"a": {"x": 1, "y": 3}}),
    "a table of the same kind": (
        {"a": {"kind": "k", "x": 1}}, {"a": {"kind": "k", "y": 2}}, {"a": {"kind": "k", "x": 1, "y": 2}},
    ),
    "a table that names no kind": (
        {"a": {"kind": "k", "x": 1}}, {"a": {"y": 2}}, {"a": {"kind": "k", "x": 1, "y": 2}},
    ),
    "a kind for a table without": ({"a": {"x": 1}}, {"a": {"kind": "k"}}, {"a": {"kind": "k", "x": 1}}),
    "a table of another kind": ({"a": {"kind": "k", "x": 1}}, {"a": {"kind": "l"}}, {"a": {"kind": "l"}}),
    "a list for a list": ({"a": [1, 2]}, {"a": []}, {"a": []}),
}  # fmt: skip


@pytest.mark.parametrize(("model", "data_set"), RECIPES)
def test_every_recipe_describes_a_run(model: str, data_set: str) -> None:
    config = configure([recipe(model, data_set), {"data": {"source": f"{data_set}:somewhere"}}])
    assert config.model.name == model
    assert config.data.encoder is not None
    check_kind(FAMILIES[model].takes, config.data.encoder.kind)
    # 113 M random numbers take seconds; networks with neurons need memory, since their constants are looked at.
    with torch.device("meta" if model == "vtn" else "cpu"):
        create(model, classes=DATASETS[data_set].classes, preset=config.model.preset, **config.model.arguments)


@pytest.mark.parametrize(("model", "data_set"), [(m, d) for m, d in RECIPES if FAMILIES[m].takes == "frames"])
def test_a_recipes_model_is_made_for_what_its_encoder_makes(model: str, data_set: str) -> None:
    config = configure([recipe(model, data_set), {"data": {"source": f"{data_set}:somewhere"}}])
    encoder, chosen = config.data.encoder, config.model
    assert encoder is not None
    seen = DATASETS[data_set].sensor_size
    for settings in config.data.filters:
        seen = settings.stream(seen, PixelSurvey(seen)).sensor_size
    shape = encoder.shape(config.data.size or seen, Window(0, 3_000_000))
    _, steps, *frame = as_input(torch.empty((2, *shape), device="meta"), encoder.kind).shape
    family = FAMILIES[model]
    usual = {name: parameter.default for name, parameter in inspect.signature(family.build).parameters.items()}
    arguments = {**usual, **family.presets[chosen.preset or ""], **chosen.arguments}
    size = arguments["size"]
    assert [arguments["channels"], *((size, size) if isinstance(size, int) else size)] == frame
    assert arguments.get("frames", steps) == steps


def test_there_are_recipes_for_every_family_and_set_of_actions() -> None:
    assert set(recipes()) == {"spiking_cnn", "spikepoint", "spikmamba", "vtn"}
    assert [model for model, data_sets in recipes().items() if not set(data_sets) >= ACTIONS] == []
    assert {data_set for data_sets in recipes().values() for data_set in data_sets} <= set(DATASETS)
    with pytest.raises(ValueError, match="spikmamba has no recipe for 'mnist'; it has some for daily_dvs, dailydvs200"):
        recipe("spikmamba", "mnist")


@pytest.mark.parametrize(("data_set", "settings"), ADAPTIVE.items())
def test_spikmamba_has_the_adaptive_frames_of_its_paper(data_set: str, settings: tuple[float, int]) -> None:
    encoder = recipe("spikmamba", data_set)["data"]["encoder"]
    assert (encoder["kind"], encoder["frames"]) == ("adaptive_frames", 8)
    assert (encoder["threshold"], encoder["minimum_events"]) == settings


@pytest.mark.parametrize(("text", "settings"), OVERRIDES.items())
def test_an_override_is_toml_or_else_text(text: str, settings: dict[str, Any]) -> None:
    assert override(text) == settings


@pytest.mark.parametrize("text", ["epochs", "schedule..epochs=3", "=3", ".epochs=3"])
def test_an_override_has_a_name_and_a_value(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not section\.setting=value"):
        override(text)


@pytest.mark.parametrize(("below", "above", "merged"), MERGED.values(), ids=MERGED)
def test_settings_go_over_others(below: dict[str, Any], above: dict[str, Any], merged: dict[str, Any]) -> None:
    kept = repr(below)
    assert merge(below, above) == merged
    assert repr(below) == kept


def test_what_is_written_is_read_as_the_same_run(tmp_path: Path) -> None:
    config = tiny_config(
        tmp_path,
        'data.source="a \\"quoted\\" C:\\\\path\\twith é 😀 \\u007f"',
        "data.augment=[{kind='mirror', swaps=[[0, 1]]}, {kind='reverse_time', never=[2]}]",
        "data.filters=[{kind='refractory', period_us='1ms'}]",
        "data.cut_mix={}",
        "data.window='50ms'",
        "model.arguments={'odd key.' = [1, {a = -0.5}]}",
        "optimiser.learning_rate=1e-7",
        "run.checkpoint_every=5",
    )
    (tmp_path / "config.toml").write_text(to_toml(config), "utf-8")
    assert configure([read_toml(tmp_path / "config.toml")]) == config
    assert config.data.window == 50_000


@pytest.mark.parametrize("content", [b"[data", b"\xff", None])
def test_a_file_that_is_no_toml_is_named(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "c.toml").write_bytes(content)
    with pytest.raises(TrainingError, match=r"c\.toml"):
        read_toml(tmp_path / "c.toml")
