"""`HostChipModel`: a model whose part for the chip runs in the emulator, and the rest as it was."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from neuroact.errors import Refusal
from neuroact.hardware.emulator import Emulated, emulate
from neuroact.hardware.forms import chip_input
from neuroact.hardware.quantise import Quantised, quantise
from neuroact.models.spikmamba import SpikMamba, stretched


class HostChipModel(nn.Module):
    """Logits `(B, L)` of what the model takes, by the chip's integers where it has any.

    - `model`: a `SpikingCNN`, a `SpikePoint(residual=False)` or a `SpikMamba`, as it is in evaluation.

    Raises `UnsupportedLayer` for a model of which nothing fits.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model.eval()
        self.quantised: Quantised = quantise(model, split=True)

    @property
    def host(self) -> tuple[Refusal, ...]:
        """What runs outside the chip, and why."""
        return self.quantised.host

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        """Raises `ValueError` for an input of another size or number of steps than the chip's part is for."""
        sent = chip_input(self.model, x).cpu().numpy()
        steps = self.quantised.steps
        if steps is not None and sent.shape[1] != steps:
            raise ValueError(f"{sent.shape[1]} steps; the chip's part is for {steps}, after which it is reset")
        ran = emulate(self.quantised.network, sent)
        if isinstance(self.model, SpikMamba):
            return self._after_embedding(self.model, torch.from_numpy(ran.spikes).to(x))
        return torch.from_numpy(logits(self.quantised, ran)).to(x)

    def _after_embedding(self, model: SpikMamba, spikes: Tensor) -> Tensor:
        """SpikMamba from its embedding's spikes `(B, F, M, Y, X)` on."""
        tokens = spikes.permute(1, 0, 3, 4, 2)  # (F, B, Y, X, M)
        places = stretched(model.embedding.spatial, tokens.shape[2:4], "bilinear").permute(0, 2, 3, 1)  # (1, Y, X, M)
        times = stretched(model.embedding.temporal, tokens.shape[:1], "linear").permute(2, 0, 1)  # (F, 1, M)
        x = model.blocks(tokens + places + times[:, :, None, None])  # (F, B, Y, X, M)
        out: Tensor = model.head(x.mean((0, 2, 3)))  # (B, L)
        return out


def logits(quantised: Quantised, ran: Emulated) -> NDArray[np.float64]:
    """`(B, L)` float64 of what came out: potentials after the last step, or spikes of each class's voters in a step."""
    if quantised.unit is not None:
        return np.asarray(ran.potentials[:, -1] * quantised.unit, np.float64)
    rates = ran.spikes.mean(1, dtype=np.float64)  # (B, L P)
    summed: NDArray[np.float64] = rates.reshape(len(rates), -1, quantised.voters).sum(-1)  # (B, L)
    return summed
