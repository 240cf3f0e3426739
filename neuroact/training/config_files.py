"""The configuration as text: TOML files, the recipes that neuroact ships, and `section.setting=value`."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from neuroact.errors import TrainingError
from neuroact.training.configs import TrainConfig

Table = dict[str, Any]
BARE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


def recipes() -> dict[str, list[str]]:
    """The configurations that neuroact ships: names of data sets by model."""
    folders = sorted((entry for entry in _shipped().iterdir() if entry.is_dir()), key=lambda entry: entry.name)
    return {
        folder.name: sorted(file.name.removesuffix(".toml") for file in folder.iterdir() if file.name.endswith(".toml"))
        for folder in folders
    }


def recipe(model: str, data_set: str) -> Table:
    """The settings that neuroact ships for a model on a data set. Raises `ValueError` if there are none."""
    known = recipes().get(model, [])
    if data_set not in known:
        raise ValueError(f"{model} has no recipe for {data_set!r}; it has some for {', '.join(known) or 'nothing'}")
    return tomllib.loads((_shipped() / model / f"{data_set}.toml").read_text("utf-8"))


def read_toml(path: Path) -> Table:
    """The settings in a file, not yet checked. Raises `TrainingError` if it cannot be read as TOML."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise TrainingError(f"{path}: {error}") from error


def override(text: str) -> Table:
    """The settings that `section.setting=value` stands for.

    The value is TOML; what is none is text, so that quotes may be left out. Raises `ValueError` without a name or `=`.
    """
    name, equals, value = text.partition("=")
    keys = [key.strip() for key in name.split(".")]
    if not equals or not all(keys):
        raise ValueError(f"{text!r} is not section.setting=value, such as schedule.epochs=30")
    try:
        parsed: Any = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value.strip()
    for key in reversed(keys):
        parsed = {key: parsed}
    settings: Table = parsed
    return settings


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> Table:
    """Settings over others. A table of another `kind` replaces the one below it: they have other settings."""
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        if isinstance(value, dict) and isinstance(under, dict) and not _differ(value, under):
            merged[key] = merge(under, value)
        else:
            merged[key] = value
    return merged


def _differ(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether both tables name their kind, and not the same."""
    return len({table["kind"] for table in (one, other) if "kind" in table}) == 2


def configure(layers: Sequence[Mapping[str, Any]]) -> TrainConfig:
    """The run that settings describe, later ones over earlier ones.

    Raises `ValueError` for settings that there are not, that are missing, or that do not go together.
    """
    settings: Table = {}
    for layer in layers:
        settings = merge(settings, layer)
    return TrainConfig.model_validate(settings)


def to_toml(config: TrainConfig) -> str:
    """The text of a file that describes the same run. What is None is left out: TOML has no word for it."""
    sections = config.model_dump(mode="json", exclude_none=True)
    return "\n".join(
        f"[{name}]\n" + "".join(f"{_key(key)} = {_value(value)}\n" for key, value in fields.items())
        for name, fields in sections.items()
    )


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(key)} = {_value(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, str):
        # As JSON writes text, so does TOML, except for one control character that only TOML escapes.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return json.dumps(value)


def _key(name: str) -> str:
    return name if name and set(name) <= BARE else _value(name)


def _shipped() -> Traversable:
    return files("neuroact.training") / "recipes"
