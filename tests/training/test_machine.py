"""Where batch norms are synchronised, which a machine without several GPUs can only be asked, not shown."""

import pytest
import torch
from torch import nn

from neuroact.training.machine import with_norms_of_all
from tests.training.tiny import Tiny

NORMS = {
    "several GPUs": ("cuda", 2, nn.SyncBatchNorm),
    "one GPU": ("cuda", 1, nn.BatchNorm1d),
    "several processes without a GPU": ("cpu", 2, nn.BatchNorm1d),
    "one process without a GPU": ("cpu", 1, nn.BatchNorm1d),
}


@pytest.mark.parametrize(("device", "ranks", "norm"), NORMS.values(), ids=NORMS)
def test_norms_are_synchronised_on_several_gpus(device: str, ranks: int, norm: type[nn.Module]) -> None:
    model = Tiny(3)
    parameters, names = [id(value) for value in model.parameters()], list(model.state_dict())
    made = with_norms_of_all(model, torch.device(device), ranks)
    assert type(made.norm) is norm
    assert [id(value) for value in made.parameters()] == parameters
    assert list(made.state_dict()) == names


def test_a_model_that_is_nothing_but_a_norm() -> None:
    assert isinstance(with_norms_of_all(nn.BatchNorm2d(3), torch.device("cuda"), 2), nn.SyncBatchNorm)
