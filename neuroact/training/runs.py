"""evaluate_run: the best model of a run on one split, and everything that a report of it shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from neuroact.datasets.audit import Audit, audit, auditable
from neuroact.datasets.sources import collect
from neuroact.datasets.store.layout import STORE_FILE
from neuroact.errors import DatasetError
from neuroact.training.config_files import to_toml
from neuroact.training.configs import DataConfig
from neuroact.training.cost import Meter
from neuroact.training.data import Batches, Part, load_split, load_validation, loader
from neuroact.training.evaluation import evaluate
from neuroact.training.inputs import as_input
from neuroact.training.latency import measure_latency
from neuroact.training.log import read_log
from neuroact.training.loop import best_model
from neuroact.training.report import Example, Findings, choose_examples

EXAMPLES = 6
MOST_VALUES = 20
"""Attributes of more values than this are names rather than conditions."""


def evaluate_run(
    run: Path, *, split: str = "test", source: str | None = None, by_recording: bool = False, workers: int = 0
) -> Findings:
    """Runs the model of the best epoch over a split, on a GPU if there is one, and measures what that costs.

    - `run`: the folder of a run. `source`: the data, if it is not where the run found it.
    - `split`: its name. Where the run held a part of its training samples out in the place of `data.val`, that name is
      the same part's.
    - `by_recording`: recordings that were cut into windows count once, by the mean of their windows' logits.
    - `workers`: processes that load samples.

    Raises `TrainingError` for a run without a finished epoch, `CorruptCheckpoint` for a damaged one, `DatasetError` for
    a split without samples and for classes that are not those of the run, and what is wrong with the data.
    """
    model, config, classes = best_model(run)
    data = config.data if source is None else config.data.model_copy(update={"source": source})
    part, what = _load(data, split, config.run.seed)
    if part.examples.classes != classes:
        raise DatasetError(f"{data.source} has other classes than those that {run} learned")
    device = "cuda" if torch.cuda.is_available() and config.run.device == "auto" else "cpu"
    model.to(device)
    samples = loader(part, Batches(part.positions, batch=data.batch), workers=workers, keep_workers=False)
    with Meter(model) as meter:
        evaluation = evaluate(model, _inputs(samples, part.kind), names=part.names, device=device)
    chosen = [] if by_recording else choose_examples(evaluation, EXAMPLES)
    names = evaluation.names
    if by_recording:
        evaluation = evaluation.by_recording()
    return Findings(
        title=run.resolve().name,
        subtitle=f"{config.model.name} on {data.source}, {what}" + (", by recording" if by_recording else ""),
        classes=classes,
        evaluation=evaluation,
        rows=[asdict(row) for row in read_log(run)],
        cost=meter.cost(),
        latency=measure_latency(model, _sample(part, 0)),
        attributes=_attributes(data.source, evaluation.names or names),
        examples=[Example(index, _sample(part, index)[0].numpy()) for index in chosen],
        audited=_audit(data.source),
        configuration=to_toml(config),
    )


def _load(data: DataConfig, split: str, seed: int) -> tuple[Part, str]:
    """The samples to evaluate on, and what they are."""
    if split == data.val and data.hold_out is not None:
        return load_validation(data, seed), f"what was held out of {data.train}"
    return load_split(data, split, seed), f"split {split}"  # also test: nothing is chosen by it here


def _inputs(samples: DataLoader[tuple[Tensor, Any]], kind: str) -> Iterator[tuple[Tensor, Any]]:
    for data, labels in samples:
        yield as_input(data, kind), labels


def _sample(part: Part, place: int) -> Tensor:
    """One sample as the model takes it, `(1, ...)`."""
    return as_input(torch.from_numpy(np.asarray(part.examples[int(part.positions[place])].data))[None], part.kind)


def _attributes(source: str, names: Sequence[str]) -> dict[str, list[str]]:
    """What the data set says of each sample's recording. A store does not keep that."""
    if (Path(source) / STORE_FILE).is_file():
        return {}
    known = {found.name: found.attributes for found in collect([source]).sources}
    every = dict.fromkeys(attribute for name in names for attribute in known[name])
    columns = {attribute: [known[name].get(attribute, "") for name in names] for attribute in every}
    return {attribute: values for attribute, values in columns.items() if 2 <= len(set(values) - {""}) <= MOST_VALUES}


def _audit(source: str) -> Audit | None:
    """What the splits share; None where there are not two."""
    what = auditable(source)
    try:
        return audit(what)
    except DatasetError:
        return None
