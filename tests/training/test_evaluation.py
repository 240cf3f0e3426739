"""Every sample is evaluated once, in eval mode, and the model is left as it was."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from neuroact.datasets.loading.order import rank_share
from neuroact.training.evaluation import UNKNOWN, Evaluation, evaluate, joined

CLASSES = 3


class Sums(nn.Module):
    """Logits that a reader can work out: of class c, c times the sum of the sample plus c."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(1, CLASSES)
        self.dropout = nn.Dropout(0.9)
        with torch.no_grad():
            self.fc.weight.copy_(torch.arange(CLASSES).unsqueeze(1))
            self.fc.bias.copy_(torch.arange(CLASSES))

    def forward(self, x: Tensor) -> Tensor:
        self.saw_gradients = torch.is_grad_enabled()
        out: Tensor = self.dropout(self.fc(x.flatten(1).sum(1, keepdim=True)))
        return out


Batch = tuple[Any, Any]
BATCHES: dict[str, list[Batch]] = {
    "tensors": [(torch.ones(2, 4), torch.tensor([0, 1])), (torch.full((1, 4), 2.0), torch.tensor([2]))],
    "arrays": [(np.ones((2, 4)), np.array([0, 1])), (np.full((1, 4), 2.0), np.array([2]))],
    "bytes, as spike trains are": [(torch.ones(2, 4, dtype=torch.uint8), [0, 1]), (np.full((1, 4), 2, np.uint8), [2])],
}


@pytest.mark.parametrize("batches", BATCHES.values(), ids=BATCHES)
def test_logits_labels_and_names_of_every_sample(batches: list[Batch]) -> None:
    model = Sums() if batches[0][0].dtype != np.float64 else Sums().double()
    evaluation = evaluate(model, iter(batches), names=["a", "b", "c"])
    np.testing.assert_array_equal(evaluation.logits, [[0, 5, 10], [0, 5, 10], [0, 9, 18]])
    assert (evaluation.logits.dtype, evaluation.labels.dtype) == (np.float32, np.int64)
    assert evaluation.labels.tolist() == [0, 1, 2]
    assert evaluation.names == ("a", "b", "c")
    assert evaluation.predictions.tolist() == [2, 2, 2]
    np.testing.assert_allclose(evaluation.probabilities.sum(axis=1), 1, rtol=1e-6)
    assert len(evaluation) == 3


def test_it_runs_in_eval_mode_without_gradients_and_restores_every_module() -> None:
    model = Sums().train()
    model.fc.eval()  # a part that is kept frozen
    evaluate(model, BATCHES["tensors"])
    assert not model.saw_gradients
    assert [module.training for module in (model, model.dropout, model.fc)] == [True, True, False]


def test_the_mode_is_restored_after_an_error() -> None:
    model = Sums().train()
    with pytest.raises(ValueError, match="labels are"):
        evaluate(model, [(torch.ones(2, 4), torch.ones(2))])
    assert model.training


class Gives(nn.Module):
    """A model that gives whatever it is told to."""

    def __init__(self, result: Any) -> None:
        super().__init__()
        self.result = result

    def forward(self, x: Tensor) -> Any:
        return self.result


NAN = torch.tensor([[0.0, 1.0], [float("nan"), 1.0]])
TWO = (torch.ones(2, 4), torch.tensor([0, 1]))
MISUSES: dict[str, tuple[Callable[[], nn.Module], Iterable[Batch], dict[str, Any], str]] = {
    "no batch": (Sums, [], {}, "no batch"),
    "too few names": (Sums, [TWO], {"names": ["a"]}, "2 samples were evaluated, and there are 1 names"),
    "a sample twice": (Sums, [TWO, TWO], {"names": ["a", "b"]}, "4 samples"),
    "weights of classes": (Sums, [(torch.ones(2, 4), torch.ones(2, CLASSES))], {}, "labels are"),
    "float labels": (Sums, [(torch.ones(2, 4), torch.ones(2))], {}, "labels are"),
    "one logit a sample": (lambda: Gives(torch.ones(2)), [TWO], {}, r"this one gave \(2,\)"),
    "logits of other samples": (lambda: Gives(torch.ones(3, 4)), [TWO], {}, "B is 2"),
    "a tuple": (lambda: Gives((torch.ones(2, 4), None)), [TWO], {}, "gave tuple"),
    "not finite": (lambda: Gives(NAN), [TWO], {"names": ["a", "b"]}, "1 of 2 samples are not finite, first b"),
}


@pytest.mark.parametrize(("model", "batches", "options", "message"), MISUSES.values(), ids=MISUSES)
def test_misuse(model: Any, batches: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        evaluate(model(), batches, **options)


def evaluation_of(labels: list[int], names: list[str]) -> Evaluation:
    logits = np.arange(2 * len(labels), dtype=np.float32).reshape(-1, 2)
    return Evaluation(logits, np.array(labels), tuple(names))


def test_windows_of_one_recording_count_once() -> None:
    recordings = evaluation_of([1, 0, 1, 1], ["b", "a", "b", "b"]).by_recording()
    assert recordings.names == ("b", "a")
    assert recordings.labels.tolist() == [1, 0]
    np.testing.assert_allclose(recordings.logits, [[10 / 3, 13 / 3], [2, 3]], rtol=1e-6)


def test_what_cannot_be_put_together_by_recording() -> None:
    with pytest.raises(ValueError, match="without names"):
        evaluation_of([1, 0], []).by_recording()
    with pytest.raises(ValueError, match="samples of a have different labels"):
        evaluation_of([1, 0], ["a", "a"]).by_recording()


def test_samples_whose_class_is_known() -> None:
    known = evaluation_of([1, UNKNOWN, 0], ["a", "b", "c"]).known
    assert known.labels.tolist() == [1, 0]
    assert known.names == ("a", "c")
    assert known.logits.tolist() == [[0, 1], [4, 5]]
    assert evaluation_of([UNKNOWN, 1], []).known.names == ()


@pytest.mark.parametrize("ranks", [1, 2, 4])
def test_ranks_together_are_one_evaluation_in_the_order_of_the_data(ranks: int) -> None:
    whole = evaluation_of(list(range(11)), [f"r{i}" for i in range(11)])
    order = np.random.default_rng(0).permutation(11)
    shares = [rank_share(order, rank=rank, ranks=ranks, batch=4) for rank in range(ranks)]
    parts = [
        Evaluation(whole.logits[share], whole.labels[share], tuple(whole.names[i] for i in share)) for share in shares
    ]
    result = joined(parts, shares)
    assert result.labels.tolist() == list(range(11))
    assert result.names == whole.names
    np.testing.assert_array_equal(result.logits, whole.logits)


@pytest.mark.parametrize("shares", [[[0, 1], [1]], [[0, 1], [3]], [[0, 1], []], [[0], [1, 2]], []])
def test_a_sample_that_is_lost_or_counts_twice(shares: list[list[int]]) -> None:
    parts = [evaluation_of([0, 1], []), evaluation_of([1], [])]
    with pytest.raises(ValueError, match=r"index|each once"):
        joined(parts[: len(shares)], [np.array(share, np.int64) for share in shares])
