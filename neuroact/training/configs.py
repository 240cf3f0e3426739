"""Everything that decides what a training run does, as frozen settings in sections.

This is the edge: models, encoders and the parts of the loop take plain arguments.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from neuroact.datasets.augmentations import (
    Affine,
    CutMix,
    DropPolarity,
    Elastic,
    EraseGrowing,
    EraseRandom,
    EraseRectangles,
    EventDrop,
    JitterTime,
    Mirror,
    Retime,
    ReverseTime,
    Rotate,
    Scale,
    Shear,
    Shift,
    ZeroLowValues,
)
from neuroact.encoders.configs import EncoderConfig
from neuroact.encoders.filter_configs import FilterConfig, Micros

Fraction = Annotated[float, Field(gt=0, lt=1)]
Share = Annotated[float, Field(ge=0, le=1)]
AugmentationConfig = Annotated[
    DropPolarity
    | Affine
    | Elastic
    | EraseGrowing
    | EraseRandom
    | EraseRectangles
    | EventDrop
    | JitterTime
    | Mirror
    | Retime
    | ReverseTime
    | Rotate
    | Scale
    | Shear
    | Shift
    | ZeroLowValues,
    Field(discriminator="kind"),
]
"""Any augmentation of one sample, told apart by `kind`."""
ALL = "all"
"""The split that every recording is in."""


class WrongSettings(ValueError):
    """Settings that contradict each other, the data, the machine or the run that goes on."""


class Section(BaseModel):
    """A part of the configuration: it does not change, and knows all of its settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class DataConfig(Section):
    """What is learned from.

    - `source`: anything that `collect` takes, such as `NAME:ROOT`, or the folder of a store.
    - `encoder`: of recordings, and of a store of events; None for a store of tensors.
    - `window`, `stride`, `windows`: of recordings, as in `ConvertRequest`; a time may have a unit, `50ms`. A store must
      have been cut so.
    - `filters`, `size`: as in `ConvertRequest`; of recordings and stores of events.
    - `augment`, `cut_mix`: what training samples go through; those that are validated on do not.
    - `train`: the split to learn from, `all` for data without splits. `val`: the one that chooses the best epoch.
    - `hold_out`: a share of the training samples to validate on in the place of `val`: whole subjects where two or more
      are known, else whole recordings.
    - `batch`: samples of one step of the optimiser, of all ranks together. What does not fill one is left to the next
      epoch's order.
    - `workers`: processes that load, for each rank; 0 loads in the training process.
    - `damaged`, `cache_bytes`: as in `load_recordings`.
    """

    source: str
    encoder: EncoderConfig | None = None
    window: Micros | None = None
    stride: Micros | None = None
    windows: PositiveInt | None = None
    filters: tuple[FilterConfig, ...] = ()
    size: tuple[PositiveInt, PositiveInt] | None = None
    augment: tuple[AugmentationConfig, ...] = ()
    cut_mix: CutMix | None = None
    train: str = "train"
    val: str = "val"
    hold_out: Fraction | None = None
    batch: PositiveInt = 32
    workers: NonNegativeInt = 0
    damaged: Literal["raise", "keep"] = "raise"
    cache_bytes: NonNegativeInt = 0

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if self.hold_out is None and self.val in (self.train, ALL):
            raise ValueError(f"val must be another split than train, not {self.val!r}; hold_out takes a part of train")
        if "test" in (self.val, self.train):
            raise ValueError(
                "test is what a result is reported on: neither learn from it nor choose by it; hold_out=0.1 validates "
                "on a tenth of train"
            )
        return self


class ModelConfig(Section):
    """Which model: the arguments of `neuroact.models.create`."""

    name: str
    preset: str | None = None
    arguments: Mapping[str, Any] = {}


class LossConfig(Section):
    """Cross-entropy, and what is added to it.

    - `label_smoothing`: the share of the weight that is spread over all classes.
    - `mixup`: alpha of Beta(alpha, alpha), from which the weights of two samples are drawn (Zhang et al. 2018); None
      for none. `mixup_probability`: how often a batch is mixed.
    - `contrast`: the weight of EventTransAct's event-contrastive loss, of two views of each sample that `data.augment`
      makes; the first one is classified. The loss of training samples is then the sum. None for none. Of vtn.
    """

    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    mixup: PositiveFloat | None = None
    mixup_probability: Share = 1.0
    contrast: PositiveFloat | None = None

    @property
    def views(self) -> int:
        """How many a sample is learned from in."""
        return 1 if self.contrast is None else 2


class OptimiserConfig(Section):
    """How weights change.

    - `weight_decay`: of weights; vectors, which are biases, norms' scales and neurons' constants, do not decay, nor
      does Mamba's A.
    - `momentum`: of sgd. `betas`: of adam and adamw.
    - `clip`: greatest norm of all gradients together.
    - `accumulate`: in how many parts a batch goes through the model, one after the other, to take less memory.
    - `average`: decay of the moving average of the weights, which is then what is validated and kept as the model.
    """

    name: Literal["adamw", "adam", "sgd"] = "adamw"
    learning_rate: PositiveFloat = 1e-3
    weight_decay: NonNegativeFloat = 0.01
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    betas: tuple[Fraction, Fraction] = (0.9, 0.999)
    clip: PositiveFloat | None = None
    accumulate: PositiveInt = 1
    average: Fraction | None = None


class ScheduleConfig(Section):
    """How long, and how the learning rate goes: up in a line, then down half a cosine.

    - `epochs`: passes over the training samples. `warm_up`: of which the rate rises, in epochs.
    - `final`: the learning rate at the end.
    - `choose`: the epoch whose model is kept, the best on `val`, or the last. Where `val` is small, which epoch is the
      best is luck, and the last has learned the most: its rate has come down.
    - `patience`: stop when so many epochs in a row were no better than the best before; None for never.
    """

    epochs: PositiveInt = 100
    warm_up: NonNegativeFloat = 0.0
    final: NonNegativeFloat = 0.0
    choose: Literal["best", "last"] = "best"
    patience: PositiveInt | None = None

    @model_validator(mode="after")
    def _in_time(self) -> Self:
        if self.choose == "last" and self.patience is not None:
            raise ValueError("patience waits for a better epoch than the best before; set choose='best' with it")
        if self.warm_up >= self.epochs:
            raise ValueError(f"a warm-up of {self.warm_up} epochs is not over within {self.epochs}")
        return self


class RunConfig(Section):
    """How it is computed.

    On several GPUs, batch norms take the statistics of the samples of all ranks. On several processes without GPUs each
    takes those of its own samples, since torch's synchronised norms need CUDA: `data.batch` / ranks should not be small
    there.

    - `seed`: of the first weights, the order and everything else that is random.
    - `precision`: of the model's forward pass; weights and states are float32 always.
    - `device`: `auto` takes a GPU if there is one.
    - `deterministic`: only operations that give the same bits every time; on a GPU they may be slower or missing. On a
      CPU all are.
    - `log_every`: steps between two lines of the log. `checkpoint_every`: steps between two checkpoints inside an
      epoch; None for only at its end.
    - `tensorboard`: also write the log as TensorBoard reads it, into the folder of the run.
    """

    seed: NonNegativeInt = 0
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    device: Literal["auto", "cpu"] = "auto"
    deterministic: bool = False
    log_every: PositiveInt = 10
    checkpoint_every: PositiveInt | None = None
    tensorboard: bool = False


class TrainConfig(Section):
    """A whole run."""

    data: DataConfig
    model: ModelConfig
    loss: LossConfig = LossConfig()
    optimiser: OptimiserConfig = OptimiserConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    run: RunConfig = RunConfig()

    @model_validator(mode="after")
    def _comparable(self) -> Self:
        """Whether frames of the same number in both views of a sample show the same moment of the same clip."""
        if self.loss.contrast is None:
            return self
        if not self.data.augment:
            raise ValueError("loss.contrast compares two views of a sample, which are the same without data.augment")
        if self.loss.mixup or self.data.cut_mix:
            raise ValueError("loss.contrast compares views of one sample, in which mixup and cut_mix put another")
        moved = [step.kind for step in self.data.augment if isinstance(step, Retime | ReverseTime)]
        if moved:
            raise ValueError(f"loss.contrast compares the same moment in two views, and {', '.join(moved)} moves it")
        return self


FREE = frozenset(
    {"data.source", "data.workers", "data.cache_bytes", "run.device", "run.checkpoint_every", "run.tensorboard"},
)
"""Settings that do not change what is learned, so that a run may go on with others."""


def differences(one: TrainConfig, other: TrainConfig) -> list[str]:
    """Names of the settings in which two runs differ and would learn differently, as `section.setting`."""
    sides = [config.model_dump(mode="json") for config in (one, other)]
    names = [f"{section}.{name}" for section, fields in sides[0].items() for name in fields]
    return [
        name
        for section, name in ((name.partition(".")[0], name) for name in names)
        if name not in FREE and sides[0][section][name.partition(".")[2]] != sides[1][section][name.partition(".")[2]]
    ]
