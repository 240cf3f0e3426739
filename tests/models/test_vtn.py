"""VTN is the paper's network: its size, its cost, what attends to what; and each clip is by itself."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from safetensors.torch import load, save
from torch import Tensor
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from neuroact.models import FAMILIES, create
from neuroact.models.vtn import PRESETS, VTN, TemporalEncoder, TemporalLayer
from tests.kernels.compare import close

MODELS = {
    "vit": {**PRESETS["tiny"], "channels": 2},
    "resnet18": {"backbone": "resnet18", "channels": 2, "width": 16, "layers": 2, "temporal_heads": 2},
}
"""One of each backbone, small enough for tests."""

PARAMETERS = {
    "vtn_b16": (113.0, 114.0),
    "vtn_s16": (28.5, 28.7),
    "vtn_ti16": (7.2, 7.4),
    "vtn_r18": (23.3, 23.5),
    "small": (5.8, 6.0),
    "tiny": (0.15, 0.16),
}
"""In millions, with the eight classes of N-EPIC-Kitchens; the paper's model has 113 to 114."""

DROPPED = ["embeddings", "attention", "residual"]
"""What the temporal encoder drops from."""

REFUSED = [
    ({"classes": 0}, "at least 1"),
    ({"channels": 0}, "at least 1"),
    ({"backbone": "vgg"}, "no backbone 'vgg'; there are vit, resnet18"),
    ({"size": 33}, "do not divide into patches"),
    ({"heads": 5}, "divide among 5 heads"),
    ({"temporal_heads": 5}, "divide among 5 heads"),
    ({"window": 7}, "an even number"),
    ({"window": 0}, "an even number"),
    ({"positions": 1}, "one frame at least"),
]

FRAMES_REFUSED = [
    ((2, 4, 3, 32, 32), r"frames are \(B, T, 2, H, W\)"),
    ((4, 2, 32, 32), r"frames are \(B, T, 2, H, W\)"),
    ((2, 4, 2, 32, 40), "images of"),
    ((1, 0, 2, 32, 32), "1 to 287 frames, not 0"),
    ((1, 288, 2, 32, 32), "1 to 287 frames, not 288"),
]


def vtn(kind: str = "vit", classes: int = 5, seed: int = 0, **options: Any) -> VTN:
    torch.manual_seed(seed)
    return VTN(classes, **{**MODELS[kind], **options})


def clips(batch: int = 3, steps: int = 6, seed: int = 1) -> Tensor:
    return torch.randn(batch, steps, 2, 32, 32, generator=torch.Generator().manual_seed(seed))


def test_it_is_in_the_registry() -> None:
    assert FAMILIES["vtn"].takes == "frames"
    assert set(FAMILIES["vtn"].presets) == set(PARAMETERS)
    model = create("vtn", classes=4, preset="tiny", channels=1, window=2)
    assert isinstance(model, VTN)
    assert model.temporal.window == 2
    assert model(torch.zeros(1, 3, 1, 32, 32)).shape == (1, 4)


@pytest.mark.parametrize("preset", PARAMETERS)
def test_how_many_parameters(preset: str) -> None:
    with torch.device("meta"):
        model = create("vtn", classes=8, preset=preset)
    low, high = PARAMETERS[preset]
    assert low <= sum(value.numel() for value in model.parameters()) / 1e6 <= high


def test_a_clip_costs_what_is_published() -> None:
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        create("vtn", classes=8, preset="vtn_b16").eval()(torch.empty(1, 16, 3, 224, 224))
    assert counter.get_total_flops() / 2 == pytest.approx(281e9, rel=0.005)  # published are multiply-accumulates


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize(("batch", "steps"), [(1, 1), (3, 1), (1, 2), (2, 16), (1, 287)])
def test_any_batch_and_length(kind: str, batch: int, steps: int) -> None:
    model = vtn(kind).eval()
    with torch.no_grad():
        logits = model(clips(batch, steps))
    assert logits.shape == (batch, 5)
    assert logits.isfinite().all()


@pytest.mark.parametrize("kind", MODELS)
def test_every_parameter_learns_and_positions_as_far_as_the_clip(kind: str) -> None:
    model, x = vtn(kind), clips(3, 6).requires_grad_()
    (model(x) * torch.randn(3, 5)).sum().backward()
    for name, value in model.named_parameters():
        assert value.grad is not None
        assert value.grad.abs().max() > 0, name
    positions = model.temporal.positions.grad
    assert positions is not None
    learnt = positions[0].abs().amax(-1) > 0
    assert learnt[:7].all()  # of [cls] and 6 frames
    assert not learnt[7:].any()  # of frames that the clip does not have
    assert x.grad is not None
    assert (x.grad.abs().amax((2, 3, 4)) > 0).all()


@pytest.mark.parametrize("kind", MODELS)
def test_clips_are_apart(kind: str) -> None:
    model, x = vtn(kind), clips(4)
    model(x)  # so that batch normalisation has seen something
    model.eval()
    with torch.no_grad():
        together, alone = model(x), torch.cat([model(x[i : i + 1]) for i in range(4)])
        other = torch.cat([clips(1, seed=9), x[1:]])
        assert close(together, alone, 1e-5)
        assert close(model(other)[1:], together[1:], 1e-5)
        assert not close(model(other)[:1], together[:1], 1e-3)


@pytest.mark.parametrize("kind", MODELS)
def test_embeddings_are_of_frames_by_themselves(kind: str) -> None:
    model, x = vtn(kind).eval(), clips(2, 5)
    with torch.no_grad():
        embeddings = model.embed(x)
        assert embeddings.shape == (2, 5, MODELS[kind]["width"])
        assert close(embeddings[1, 3], model.embed(x[1:, 3:4])[0, 0], 1e-5)
        assert torch.equal(model.classify(embeddings), model(x))


def test_the_order_of_frames_matters_by_positions_alone() -> None:
    model, x = vtn().eval(), clips(2, 6)
    with torch.no_grad():
        forwards = model.embed(x)
        backwards = forwards.flip(1)
        assert not close(model.temporal(backwards), model.temporal(forwards), 1e-4)
        model.temporal.positions.zero_()  # six frames are all within each other's windows
        assert close(model.temporal(backwards), model.temporal(forwards), 1e-5)


def test_positions_begin_as_waves_of_many_lengths() -> None:
    encoder = TemporalEncoder(8, 1, 2, positions=50)
    rates = [10_000 ** (-k / 3) for k in range(4)]
    for place in (0, 1, 17, 49):
        waves = [wave(place * rate) for wave in (math.sin, math.cos) for rate in rates]
        assert encoder.positions[0, place].tolist() == pytest.approx(waves, abs=1e-4)


def scattered(module: torch.nn.Module, seed: int = 0) -> None:
    """Random values for all parameters, so that each matters."""
    torch.manual_seed(seed)
    for value in module.parameters():
        torch.nn.init.normal_(value, std=0.3)


@pytest.mark.parametrize(("window", "steps"), [(2, 5), (4, 9), (18, 24)])
def test_who_attends_to_whom(window: int, steps: int) -> None:
    encoder = TemporalEncoder(8, 1, 2, window, dropout=0.0)
    scattered(encoder)
    layer = encoder.layers[0]
    cls, frames = torch.randn(1, 1, 8, requires_grad=True), torch.randn(1, steps, 8, requires_grad=True)
    after_cls, after = layer(cls, frames, encoder.seen(steps, frames.device))
    for i in range(steps):
        to_cls, to_frames = torch.autograd.grad((after[0, i] * torch.randn(8)).sum(), (cls, frames), retain_graph=True)
        assert to_cls.abs().max() > 0
        reached = (to_frames[0].abs().amax(-1) > 0).nonzero().flatten().tolist()
        assert reached == [j for j in range(steps) if abs(i - j) <= window // 2]
    to_cls, to_frames = torch.autograd.grad((after_cls * torch.randn(8)).sum(), (cls, frames))
    assert (to_frames[0].abs().amax(-1) > 0).all()
    assert to_cls.abs().max() > 0


def normed(x: Tensor, norm: torch.nn.LayerNorm) -> Tensor:
    return functional.layer_norm(x, (x.shape[-1],), norm.weight, norm.bias)


def attended(layer: TemporalLayer, q: Tensor, keys: list[Tensor], values: list[Tensor]) -> Tensor:
    """One query against a list of keys, head by head: (D,)."""
    out, each = [], len(q) // layer.heads
    for head in range(layer.heads):
        part = slice(head * each, (head + 1) * each)
        scores = torch.stack([q[part] @ k[part] for k in keys]) / math.sqrt(each)
        out.append((scores.softmax(0)[:, None] * torch.stack([v[part] for v in values])).sum(0))
    return layer.proj(torch.cat(out))


def test_the_encoder_is_longformer_frame_by_frame() -> None:
    encoder = TemporalEncoder(6, 2, 3, window=4, positions=12, dropout=0.1).eval()
    scattered(encoder)
    x = torch.randn(2, 7, 6)
    for clip in range(2):
        tokens = torch.cat([encoder.cls_token[0], x[clip]]) + encoder.positions[0, :8]
        cls, *frames = normed(tokens, encoder.norm)
        for layer in encoder.layers:
            assert isinstance(layer, TemporalLayer)

            def after(token: Tensor, attention: Tensor, layer: TemporalLayer = layer) -> Tensor:
                token = normed(token + attention, layer.norm1)
                return normed(token + layer.fc2(functional.gelu(layer.fc1(token))), layer.norm2)

            local = [layer.local_qkv(token).split(6) for token in [cls, *frames]]  # [cls] is the first
            moved = []
            for i, frame in enumerate(frames):
                window = [0] + [1 + j for j in range(7) if abs(i - j) <= 2]
                mixed = attended(layer, local[1 + i][0], [local[j][1] for j in window], [local[j][2] for j in window])
                moved.append(after(frame, mixed))
            frames = moved
            pairs = [layer.global_kv(token).split(6) for token in [cls, *frames]]
            cls = after(cls, attended(layer, layer.global_q(cls), [k for k, _ in pairs], [v for _, v in pairs]))
        assert close(encoder(x)[clip].detach(), cls.detach(), 1e-5)


@pytest.mark.parametrize("option", ["dropout", "head_dropout"])
def test_dropout_is_of_training_alone(option: str) -> None:
    off = {"dropout": 0.0, "head_dropout": 0.0}
    x = clips(1, 4)
    assert torch.equal(vtn(**off)(x), vtn(**off).eval()(x))
    model = vtn(**{**off, option: 0.5})
    assert not torch.equal(model(x), model(x))
    assert torch.equal(model.eval()(x), vtn(**off).eval()(x))


@pytest.mark.parametrize("where", DROPPED)
def test_where_the_temporal_encoder_drops(where: str) -> None:
    torch.manual_seed(0)
    encoder, x = TemporalEncoder(8, 1, 2, dropout=0.5), torch.randn(2, 6, 8)
    layer = encoder.layers[0]
    assert isinstance(layer, TemporalLayer)
    encoder.drop.p, layer.dropout, layer.drop.p = (0.5 if where == part else 0.0 for part in DROPPED)
    assert not torch.equal(encoder(x), encoder(x))
    encoder.drop.p = layer.dropout = layer.drop.p = 0.0
    assert torch.equal(encoder(x), encoder(x))


def test_both_that_a_layer_adds_are_dropped() -> None:
    layer, cls, frames = TemporalLayer(8, 2, dropout=0.0), torch.randn(1, 1, 8), torch.randn(1, 4, 8)
    layer.drop.p = 1.0
    for before, after in zip((cls, frames), layer(cls, frames, torch.ones(4, 5, dtype=torch.bool)), strict=True):
        assert close(after.detach(), normed(normed(before, layer.norm1), layer.norm2).detach(), 1e-6)


@pytest.mark.parametrize("kind", MODELS)
def test_it_trains_in_mixed_precision(kind: str) -> None:
    model, x = vtn(kind, dropout=0.0, head_dropout=0.0), clips(2, 4)
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(x)
    assert close(logits.detach(), model(x).detach(), 0.1)
    logits.float().square().sum().backward()
    assert all(value.grad is not None and value.grad.isfinite().all() for value in model.parameters())


@pytest.mark.parametrize("kind", MODELS)
def test_a_state_dict_is_all_there_is(kind: str) -> None:
    model, other = vtn(kind), vtn(kind, seed=7)
    model(clips(2))
    other.load_state_dict(load(save(model.state_dict())))
    with torch.no_grad():
        assert torch.equal(other.eval()(clips()), model.eval()(clips()))


@pytest.mark.parametrize("kind", MODELS)
def test_it_compiles_in_one_graph(kind: str) -> None:
    torch.compiler.reset()
    x = clips(2, 4)
    model, same = (vtn(kind, depth=1, layers=1, dropout=0.0, head_dropout=0.0) for _ in range(2))
    compiled = torch.compile(same, backend="aot_eager", fullgraph=True)
    expected, actual = model(x), compiled(x)
    assert close(actual.detach(), expected.detach(), 1e-5)
    expected.square().sum().backward()
    actual.square().sum().backward()
    for (name, ours), theirs in zip(model.named_parameters(), same.parameters(), strict=True):
        assert ours.grad is not None
        assert theirs.grad is not None
        assert close(theirs.grad, ours.grad, 1e-4), name


@pytest.mark.parametrize(("kind", "rate"), [("vit", 3e-3), ("resnet18", 1e-2)])
def test_it_learns_four_clips_by_heart(kind: str, rate: float) -> None:
    model, x, labels = vtn(kind, dropout=0.0, head_dropout=0.0), clips(4, 3), torch.tensor([0, 1, 2, 3])
    optimiser = torch.optim.AdamW(model.parameters(), rate)
    losses = []
    for _ in range(40):
        optimiser.zero_grad()
        losses.append(functional.cross_entropy(model(x), labels))
        losses[-1].backward()
        optimiser.step()
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize(("options", "message"), REFUSED, ids=str)
def test_sizes_that_do_not_fit_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        VTN(**{"classes": 5, **MODELS["vit"], **options})


@pytest.mark.parametrize(("shape", "message"), FRAMES_REFUSED, ids=str)
def test_frames_that_it_is_not_for_are_refused(shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        vtn()(torch.zeros(shape))
