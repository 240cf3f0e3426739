"""The event-contrastive loss is the paper's formula, of each clip by itself."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from neuroact.models import create
from neuroact.models.contrast import Contrasted, EventContrast, event_contrastive_loss
from tests.kernels.compare import close

SHAPES = [(1, 2, 1), (1, 2, 5), (3, 3, 4), (2, 4, 8), (2, 7, 3)]
"""B, K, E."""

REFUSED = [
    ((2, 4, 8), (2, 3, 8), 0.1, "views are"),
    ((4, 8), (4, 8), 0.1, "views are"),
    ((2, 1, 8), (2, 1, 8), 0.1, "two frames or more"),
    ((2, 4, 8), (2, 4, 8), 0.0, "temperature"),
    ((2, 4, 8), (2, 4, 8), math.nan, "temperature"),
]


def views(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    first, second = torch.randn(2, *shape, generator=generator, dtype=torch.float64)
    return first.to(dtype), second.to(dtype)


def by_loops(first: Tensor, second: Tensor, temperature: float) -> float:
    """The formula anchor by anchor, frame by frame."""
    losses = []
    for clip in range(len(first)):
        for view, other in ((first[clip], second[clip]), (second[clip], first[clip])):
            for k in range(len(view)):
                attracted = math.exp(float(view[k] @ other[k]) / temperature)
                repelled = 0.0
                for j in range(len(view)):
                    if j != k:
                        repelled += math.exp(float(view[k] @ view[j]) / temperature)
                        repelled += math.exp(float(view[k] @ other[j]) / temperature)
                losses.append(-math.log(attracted / (attracted + repelled)))
    return sum(losses) / len(losses)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("temperature", [0.1, 0.7])
def test_it_is_the_formula(shape: tuple[int, int, int], temperature: float) -> None:
    first, second = views(*shape)
    loss = event_contrastive_loss(first, second, temperature=temperature)
    assert loss.item() == pytest.approx(by_loops(first, second, temperature), rel=1e-9)


def test_two_frames_by_hand() -> None:
    first, second = torch.tensor([[[0.1], [0.2]]]), torch.tensor([[[0.3], [-0.1]]])
    # dots / 0.1 with the same frame, then with the two others: .3 | .2 -.1   -.2 | .2 .6   .3 | .6 -.3   -.2 | -.1 -.3
    anchors = [0.945911, 1.551249, 1.064251, 1.101943]
    assert event_contrastive_loss(first, second).item() == pytest.approx(sum(anchors) / 4, abs=2e-6)
    unit = torch.eye(2).unsqueeze(0)  # attracted by exp(10), repelled by two of exp(0)
    assert event_contrastive_loss(unit, unit).item() == pytest.approx(math.log1p(2 * math.exp(-10)), rel=1e-2)


def test_views_are_alike_and_clips_are_apart() -> None:
    first, second = views(3, 4, 8)
    loss = event_contrastive_loss(first, second)
    assert close(event_contrastive_loss(second, first), loss, 1e-12)
    each = [event_contrastive_loss(first[i : i + 1], second[i : i + 1]) for i in range(3)]
    assert close(torch.stack(each).mean(), loss, 1e-12)


def test_both_views_learn() -> None:
    first, second = (view.requires_grad_() for view in views(2, 3, 4))
    event_contrastive_loss(first, second).backward()
    assert first.grad is not None
    assert second.grad is not None
    assert (first.grad.abs().amax(-1) > 0).all()
    assert (second.grad.abs().amax(-1) > 0).all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_summed_in_single(dtype: torch.dtype) -> None:
    first, second = views(2, 4, 16, dtype=dtype)
    exact = event_contrastive_loss(first.double(), second.double())
    with torch.autocast("cpu", torch.bfloat16):
        loss = event_contrastive_loss(first, second)
    assert loss.dtype == torch.float32
    assert close(loss, exact, 1e-5)


def test_far_embeddings_do_not_overflow() -> None:
    first, second = views(1, 3, 4, dtype=torch.float32)
    assert event_contrastive_loss(1e3 * first, 1e3 * second).isfinite()


@pytest.mark.parametrize(("first", "second", "temperature", "message"), REFUSED, ids=str)
def test_what_is_refused(first: tuple[int, ...], second: tuple[int, ...], temperature: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        event_contrastive_loss(torch.zeros(first), torch.zeros(second), temperature=temperature)


@pytest.mark.parametrize(
    ("steps", "frames", "picked"), [(16, 4, [0, 4, 8, 12]), (10, 4, [0, 2, 5, 7]), (4, 4, [0, 1, 2, 3]), (5, 2, [0, 2])]
)
def test_which_frames_are_contrasted(steps: int, frames: int, picked: list[int]) -> None:
    torch.manual_seed(0)
    first, second = (view.requires_grad_() for view in views(2, steps, 6, dtype=torch.float32))
    contrast = EventContrast(6, 5, frames)
    contrast(first, second).backward()
    for view in (first, second):
        assert view.grad is not None
        assert view.grad.abs().amax((0, 2)).nonzero().flatten().tolist() == picked
    for name, value in contrast.named_parameters():
        assert value.grad is not None
        assert value.grad.abs().max() > 0, name


def test_projections_have_length_one() -> None:
    torch.manual_seed(0)
    first, second = views(2, 4, 6, dtype=torch.float32)
    contrast = EventContrast(6, 5, 4, temperature=0.3)
    a, b = (contrast.project(view) for view in (first, second))
    a, b = (z / z.square().sum(-1, keepdim=True).sqrt() for z in (a, b))
    assert contrast(first, second).item() == pytest.approx(by_loops(a.detach(), b.detach(), 0.3), rel=1e-5)


def test_views_that_agree_cost_less() -> None:
    first, _ = views(2, 4, 16)
    first = torch.nn.functional.normalize(first, dim=-1)
    assert event_contrastive_loss(first, first) < event_contrastive_loss(first, first.roll(1, dims=1))


def test_a_clip_too_short_and_a_contrast_of_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="4 frames are to be contrasted, and a clip has 3"):
        EventContrast(6)(*views(2, 3, 6, dtype=torch.float32))
    with pytest.raises(ValueError, match="two frames or more"):
        EventContrast(6, frames=1)
    with pytest.raises(ValueError, match="temperature"):
        EventContrast(6, temperature=-0.1)


def test_a_model_classifies_the_first_views_and_contrasts_both() -> None:
    torch.manual_seed(0)
    model = create("vtn", classes=5, preset="tiny", channels=2).eval()
    learned = Contrasted(model)
    first, second = torch.rand(2, 3, 4, 2, 32, 32)
    logits, loss = learned(torch.cat([first, second]))
    assert close(logits, model(first), 1e-5)
    with torch.no_grad():
        assert close(loss, learned.contrast(model.embed(first), model.embed(second)), 1e-5)
    (logits.sum() + loss).backward()
    assert all(value.grad is not None and value.grad.abs().max() > 0 for value in learned.parameters())


def test_a_model_without_embeddings_of_frames_is_refused() -> None:
    with pytest.raises(ValueError, match="Linear embeds no frames that could be contrasted; VTN does"):
        Contrasted(torch.nn.Linear(2, 2))
