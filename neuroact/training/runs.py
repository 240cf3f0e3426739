"""evaluate_runs: the best models of some runs on one split, and everything that a report of them shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from neuroact.datasets.audit import Audit, audit, auditable
from neuroact.datasets.sources import collect
from neuroact.datasets.store.layout import STORE_FILE
from neuroact.datasets.store.store import open_store
from neuroact.errors import DatasetError
from neuroact.training import checkpoints
from neuroact.training.config_files import configure, read_toml, to_toml
from neuroact.training.configs import DataConfig, TrainConfig, differences
from neuroact.training.cost import Meter
from neuroact.training.data import Batches, Part, load_split, load_validation
from neuroact.training.evaluation import Evaluation, evaluate
from neuroact.training.inputs import as_input
from neuroact.training.latency import measure_latency
from neuroact.training.loader import Loader
from neuroact.training.log import read_log
from neuroact.training.loop import CONFIG, best_model
from neuroact.training.metrics import score
from neuroact.training.outcome import Best
from neuroact.training.report import Example, Findings, Seed, choose_examples

EXAMPLES = 6
SEED = "run.seed"
MOST_VALUES = 20
"""Attributes of more values than this are names rather than conditions."""


def evaluate_run(
    run: Path, *, split: str = "test", source: str | None = None, by_recording: bool = False, workers: int = 0
) -> Findings:
    """`evaluate_runs` of a single run."""
    return evaluate_runs([run], split=split, source=source, by_recording=by_recording, workers=workers)


def evaluate_runs(
    runs: Sequence[Path],
    *,
    split: str = "test",
    source: str | None = None,
    by_recording: bool = False,
    workers: int = 0,
) -> Findings:
    """Runs the models of the best epochs over a split, on a GPU if there is one, and measures what the first costs.

    - `runs`: their folders; of one configuration, but for their seeds and what does not change what is learned.
    - `split`: its name. Where a run held a part of its training samples out in the place of `data.val`, that name is
      the same part's. Seeds have parts of their own, so only that of a single run can be asked for.
    - `source`: the data, if it is not where the first run found it. All are evaluated on the same.
    - `by_recording`: recordings that were cut into windows count once, by the mean of their windows' logits.
    - `workers`: processes that load samples.

    Returns what there is to tell of the first, and the scores of each.

    Raises `ValueError` for no run, runs that differ in more than their seeds, a seed that comes twice, and what several
    seeds held out; `TrainingError` for a run without a finished epoch, `CorruptCheckpoint` for a damaged one,
    `DatasetError` for a split without samples and for classes that are not those of a run, and what is wrong with the
    data.
    """
    configs = [configure([read_toml(run / CONFIG)]) for run in runs]
    check_seeds(runs, configs)
    run, config = runs[0], configs[0]
    data = config.data if source is None else config.data.model_copy(update={"source": source})
    if len(runs) > 1 and _held_out(data, split):
        raise ValueError(
            f"each seed holds other samples out of {data.train}, and one run may have learned what another held out: "
            f"evaluate {split} of one run at a time"
        )
    part, what = _load(data, split, config.run.seed)
    device = "cuda" if torch.cuda.is_available() and config.run.device == "auto" else "cpu"
    samples = Loader(part, Batches(part.positions, batch=data.batch), workers=workers, keep_workers=False)

    def evaluated(model: nn.Module) -> Evaluation:
        return evaluate(model, _inputs(samples, part.kind), names=part.names, device=device)

    model = _model(run, part, data.source).to(device)
    with Meter(model) as meter:
        evaluation = evaluated(model)
    evaluations = [evaluation, *(evaluated(_model(other, part, data.source).to(device)) for other in runs[1:])]
    chosen = [] if by_recording else choose_examples(evaluation, EXAMPLES)
    if by_recording:
        evaluations = [each.by_recording() for each in evaluations]
    return Findings(
        title=run.resolve().name,
        subtitle=f"{config.model.name} on {data.source}, {what}" + (", by recording" if by_recording else ""),
        classes=part.examples.classes,
        evaluation=evaluations[0],
        seeds=[_seed(*each) for each in zip(runs, configs, evaluations, strict=True)],
        rows=[asdict(row) for row in read_log(run)],
        best=_best(run),
        cost=meter.cost(),
        latency=measure_latency(model, _sample(part, 0)),
        attributes=_attributes(data.source, evaluations[0].names),
        examples=[Example(index, _sample(part, index)[0].numpy()) for index in chosen],
        audited=_audit(data.source),
        configuration=to_toml(config),
        notes=part.notes,
    )


def check_seeds(runs: Sequence[Path], configs: Sequence[TrainConfig]) -> None:
    """Raises `ValueError` unless runs differ in their seeds, and in nothing else that changes what is learned."""
    if not runs:
        raise ValueError("there is no run to evaluate")
    seen: dict[int, Path] = {}
    for run, config in zip(runs, configs, strict=True):
        others = [name for name in differences(configs[0], config) if name != SEED]
        if others:
            raise ValueError(
                f"{runs[0]} and {run} differ in more than their seeds, so their scores have no common mean: "
                f"{', '.join(others)}"
            )
        if config.run.seed in seen:
            raise ValueError(f"{seen[config.run.seed]} and {run} have the same seed, {config.run.seed}")
        seen[config.run.seed] = run


def _held_out(data: DataConfig, split: str) -> bool:
    """Whether a split's name means what a run held out."""
    return split == data.val and data.hold_out is not None


def _load(data: DataConfig, split: str, seed: int) -> tuple[Part, str]:
    """The samples to evaluate on, and what they are."""
    if _held_out(data, split):
        return load_validation(data, seed), f"what was held out of {data.train}"
    return load_split(data, split, seed), f"split {split}"  # also test: nothing is chosen by it here


def _model(run: Path, part: Part, source: str) -> nn.Module:
    """The best model of a run, if it knows the classes of these samples."""
    model, _, classes = best_model(run)
    if part.examples.classes != classes:
        raise DatasetError(f"{source} has other classes than those that {run} learned")
    return model


def _seed(run: Path, config: TrainConfig, evaluation: Evaluation) -> Seed:
    epochs = max(row.epoch for row in read_log(run) if row.split == "val")
    scores = score(evaluation.logits, evaluation.labels)
    return Seed(run.resolve().name, config.run.seed, _best(run).epoch, epochs, scores)


def _best(run: Path) -> Best:
    """The epoch whose model `best_model` gives; the log would also know one whose checkpoint is damaged."""
    return Best(**checkpoints.best(run).progress["best"])


def _inputs(samples: Loader, kind: str) -> Iterator[tuple[Tensor, Any]]:
    for data, labels in samples:
        yield as_input(data, kind), labels


def _sample(part: Part, place: int) -> Tensor:
    """One sample as the model takes it, `(1, ...)`."""
    return as_input(torch.from_numpy(np.asarray(part.examples[int(part.positions[place])].data))[None], part.kind)


def _attributes(source: str, names: Sequence[str]) -> dict[str, list[str]]:
    """What the data set says of each sample's recording, where that has several values but not one for each."""
    if (Path(source) / STORE_FILE).is_file():
        known = {record.source: record.attributes for record in open_store(source).records}
    else:
        known = {found.name: dict(found.attributes) for found in collect([source]).sources}
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
