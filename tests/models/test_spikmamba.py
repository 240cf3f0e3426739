"""SpikMamba: sizes, what each switch leaves, and that nothing passes from sample to sample or window to window."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from neuroact.kernels.nn import Mamba
from neuroact.models import create
from neuroact.models.spikmamba import PRESETS, Block, Fire, Scan, SpikeLinearAttention, SpikeMamba, SpikMamba
from tests.kernels.relative import assert_close

PARAMETERS = {"tiny": 7_771, "small": 100_683, "spikmamba": 2_807_051}
"""Of each preset, with the paper's three channels and the 11 classes of DVS128 Gesture."""
PARTS = {
    "embedding": 3 * 8 * 8 * 256 + 2 * 256 + (8 + 16 * 16) * 256,
    "blocks.0.mix.attention": 3 * (256 * 256 + 256) + (9 + 1) * 256 + 256 * 512 + 2 * 512 + 2 * 256,
    "blocks.0.mix.mamba.scans.forwards": 512 * (4 + 1) + 512 * (16 + 2 * 16) + (16 + 1) * 512 + 512 * 16 + 512,
    "blocks.0.mix.mamba.scans.backwards": 512 * (4 + 1) + 512 * (16 + 2 * 16) + (16 + 1) * 512 + 512 * 16 + 512,
    "blocks.0.ffn": 256 * 1024 + 2 * 1024 + 1024 * 256 + 256,
    "head": 256 * 11 + 11,
}
"""Parameters of the paper's size, counted by hand."""
SHAPES = [(1, 4, 16, 16), (3, 1, 16, 16), (2, 7, 13, 18), (1, 2, 40, 5)]
"""B, T, H and W."""
ABLATIONS = [
    ({"mixers": "attention"}, ".mix.mamba."),
    ({"mixers": "mamba"}, ".mix.attention."),
    ({"direction": "forwards"}, ".scans.backwards."),
    ({"direction": "backwards"}, ".scans.forwards."),
]
"""A switch, and what the names of the parameters have in common that it takes away."""
WINDOWS: list[tuple[tuple[int, int, int], tuple[int, int, int] | None]] = [
    ((4, 4, 4), (2, 2, 2)),
    ((3, 5, 4), (2, 3, 4)),
    ((2, 3, 5), (1, 1, 2)),
    ((2, 3, 2), (9, 2, 9)),
    ((2, 3, 2), None),
]
"""Frames, rows and columns of tokens, and of a window."""
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"heads": 3}, "3 heads cannot share 16"),
    ({"mixers": "none"}, "mixers must be"),
    ({"direction": "sideways"}, "direction must be"),
    ({"window": (2, 0, 2)}, "window must be at least 1, not 2, 0, 2"),
    ({"window": ()}, "window must be 3 numbers, not 0"),
    ({"patch": (4, 4)}, "patch must be 3 numbers, not 2"),
    ({"patch": (0, 4, 4)}, "patch must be at least 1"),
    ({"size": (16, 0)}, "size must be at least 1"),
    ({"blocks": 0}, "blocks must be at least 1"),
    ({"classes": 0}, "classes must be at least 1"),
    ({"neuron": "norse"}, "no neurons of 'norse'"),
]


def tiny(seed: int = 0, **options: Any) -> SpikMamba:
    torch.manual_seed(seed)
    model = create("spikmamba", preset="tiny", **{"classes": 5, **options})
    assert isinstance(model, SpikMamba)
    return model


def settled(model: SpikMamba) -> SpikMamba:
    """In eval, after its BatchNorms have seen some frames."""
    with torch.no_grad():
        for seed in range(8):
            model(recordings(4, seed=seed))
    return model.eval()


def recordings(
    batch: int = 3, steps: int = 4, height: int = 16, width: int = 16, *, channels: int = 2, seed: int = 1
) -> Tensor:
    """Event counts, few of them above 0."""
    rates = torch.full((batch, steps, channels, height, width), 0.4)
    return torch.poisson(rates, generator=torch.Generator().manual_seed(seed))


def tokens(*shape: int, seed: int = 2) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def boxes(size: tuple[int, int, int], window: tuple[int, int, int]) -> Iterator[tuple[slice, ...]]:
    """The slices of F, B, Y and X that are one window, for every window."""
    starts = (range(0, whole, part) for whole, part in zip(size, window, strict=True))
    for t, y, x in product(*starts):
        yield slice(t, t + window[0]), slice(None), slice(y, y + window[1]), slice(x, x + window[2])


@pytest.mark.parametrize("preset", PRESETS)
def test_how_many_parameters(preset: str) -> None:
    model = create("spikmamba", classes=11, preset=preset, channels=3)
    assert sum(value.numel() for value in model.parameters()) == PARAMETERS[preset]


def test_the_presets_are_the_class_in_other_sizes() -> None:
    paper = create("spikmamba", classes=11, preset="spikmamba").state_dict()
    by_default = SpikMamba(11).state_dict()
    assert {name: value.shape for name, value in paper.items()} == {
        name: value.shape for name, value in by_default.items()
    }


def test_where_the_parameters_are() -> None:
    model = create("spikmamba", classes=11, preset="spikmamba", channels=3)
    counted = {name: sum(value.numel() for value in model.get_submodule(name).parameters()) for name in PARTS}
    assert counted == PARTS


def test_the_paper_has_2048_tokens() -> None:
    model = SpikMamba(11, channels=3)
    assert model.embedding(torch.zeros(2, 8, 3, 128, 128)).shape == (8, 2, 16, 16, 256)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_any_batch_length_and_size(shape: tuple[int, ...]) -> None:
    model, frames = tiny(), recordings(*shape)
    logits = model(frames)
    assert logits.shape == (shape[0], 5)
    assert torch.isfinite(logits).all()
    (gradient,) = torch.autograd.grad(logits.square().sum(), model.embedding.project.weight)
    assert 0 < gradient.abs().max() < torch.inf


@pytest.mark.parametrize("options", [{}, *(options for options, _ in ABLATIONS)], ids=str)
def test_every_parameter_gets_a_gradient(options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """In float64, where what is zero but for rounding is far below the bound."""
    monkeypatch.setenv("NEUROACT_BACKEND", "reference")
    model = tiny(blocks=2, patch=(2, 4, 4), **options).double()
    logits = model(recordings(height=14).double())
    (logits * tokens(*logits.shape)).sum().backward()
    for name, value in model.named_parameters():
        assert value.grad is not None, name
        assert value.grad.abs().max() > 1e-11, name


def test_a_sample_is_the_same_alone_and_in_any_batch() -> None:
    model, frames = settled(tiny(blocks=2)), recordings(4)
    with torch.no_grad():
        together = model(frames)
        alone = torch.cat([model(frame) for frame in frames.split(1)])
        others = model(torch.cat([recordings(2, seed=9), frames[2:]]))
    assert (together - alone).abs().max() <= 1e-5
    assert torch.equal(others[2:], together[2:])
    assert (others[:2] - together[:2]).abs().min() > 1e-5


def test_a_state_dict_is_all_there_is_to_a_model() -> None:
    model, other = settled(tiny()), tiny(seed=1)
    before = other.eval()(recordings())
    other.load_state_dict(model.state_dict())
    assert torch.equal(other(recordings()), model(recordings()))
    assert not torch.equal(other(recordings()), before)


@pytest.mark.parametrize("library", ["spikingjelly", "snntorch"])
def test_neurons_of_every_library_agree(library: str) -> None:
    pytest.importorskip(library)
    ours, theirs = tiny(), tiny(neuron=library)
    assert_close(theirs(recordings()), ours(recordings()), 1e-4)


def test_trains_in_mixed_precision() -> None:
    model = tiny()
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(recordings())
    logits.float().square().sum().backward()
    exact = model(recordings())
    assert (logits.float() - exact).norm() < 0.5 * exact.norm()
    for name, value in model.named_parameters():
        assert value.grad is not None, name
        assert 0 < value.grad.abs().max() < torch.inf, name


def test_compiles_as_one_graph() -> None:
    model, frames = tiny(), recordings()
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
    weights = list(model.parameters())
    ours, theirs = (torch.autograd.grad(run(frames).square().sum(), weights) for run in (model, compiled))
    assert_close(compiled(frames), model(frames), 1e-5)
    for one, other in zip(ours, theirs, strict=True):
        assert_close(other, one, 1e-4)


@pytest.mark.parametrize(("options", "gone"), ABLATIONS, ids=str)
def test_a_switch_takes_away_its_part_and_no_other(options: dict[str, Any], gone: str) -> None:
    whole, left = tiny(blocks=2).state_dict(), tiny(blocks=2, **options).state_dict()
    assert any(gone in name for name in whole)
    assert list(left) == [name for name in whole if gone not in name]
    assert all(left[name].shape == whole[name].shape for name in left)


@pytest.mark.parametrize("mixers", ["both", "attention", "mamba"])
def test_a_block_is_what_the_paper_says(mixers: Any) -> None:
    block: Any = Block(16, 2, (2, 2, 2), 32, 32, 8, 4, mixers, "both", "neuroact")
    x = tokens(3, 2, 4, 4, 16)
    mixed = x
    if mixers != "mamba":
        mixed = block.mix.attention(mixed)
    if mixers != "attention":
        mixed = block.mix.mamba(mixed)
    expected = x + mixed
    assert torch.equal(block(x), expected + block.ffn(expected))


def test_time_is_the_frame() -> None:
    """0.7, then 0.7 / 2 + 0.7 = 1.05 above the threshold, and from rest again."""
    fire = Fire(2, "neuroact").eval()
    spikes = fire(torch.full((3, 4, 5, 6, 2), 0.7))
    assert torch.equal(spikes, torch.tensor([0.0, 1.0, 0.0])[:, None, None, None, None].expand(3, 4, 5, 6, 2))


def test_channels_are_normalised_each_by_itself() -> None:
    fire = Fire(3, "neuroact")
    normed = []
    fire.spikes.register_forward_pre_hook(lambda _, inputs: normed.append(inputs[0]))
    fire(tokens(4, 2, 3, 5, 3) * torch.tensor([1.0, 10.0, 100.0]) + torch.tensor([0.0, -5.0, 50.0]))
    assert normed[0].mean((0, 1, 2, 3)).abs().max() < 1e-5
    assert (normed[0].var((0, 1, 2, 3), correction=0) - 1).abs().max() < 1e-3


def test_what_fires_is_zero_or_one() -> None:
    model, seen = tiny(), []
    for module in model.modules():
        if isinstance(module, Fire):
            module.register_forward_hook(lambda _, __, spikes: seen.append(spikes))
    model(recordings())
    assert len(seen) == 6
    for spikes in seen:
        assert set(spikes.unique().tolist()) == {0.0, 1.0}


def test_patches_that_reach_beyond_a_frame_see_no_events_there() -> None:
    model, frames = settled(tiny(patch=(2, 4, 4))), recordings(2, 3, 13, 18)
    filled = torch.zeros(2, 4, 2, 16, 20)
    filled[:, :3, :, :13, :18] = frames
    assert torch.equal(model(frames), model(filled))


def test_where_and_when_a_token_is() -> None:
    embedding = tiny().eval().embedding
    rows, columns, steps = torch.arange(4.0), torch.arange(4.0), torch.arange(4.0)
    embedding.spatial.data.copy_(rows[:, None] + 10 * columns)
    embedding.temporal.data.copy_(100 * steps)
    x = embedding(torch.zeros(1, 4, 2, 16, 16))
    assert torch.equal(x[2, 0, 3, 1], torch.full((16,), 213.0))
    stretched = embedding(torch.zeros(1, 8, 2, 32, 16))
    assert stretched.shape == (8, 1, 8, 4, 16)
    assert torch.equal(stretched[2, 0, 4, 1], torch.full((16,), 75.0 + 1.75 + 10))  # halves, between the centres


@pytest.mark.parametrize(("size", "window"), WINDOWS, ids=str)
def test_tokens_attend_to_their_window(size: tuple[int, int, int], window: tuple[int, int, int] | None) -> None:
    attention = SpikeLinearAttention(6, 2, window, "neuroact")
    steps, rows, columns = size
    q, k, v = (tokens(steps, 2, rows, columns, 6, seed=seed) for seed in range(3))
    expected = torch.full_like(v, torch.nan)
    for box in boxes(size, window or size):
        one = [x[box].transpose(0, 1).flatten(1, 3).unflatten(2, (2, 3)) for x in (q, k, v)]  # (B, S, A, E)
        scores = torch.einsum("bsae,bzae->basz", one[0], one[1]) / 3**0.5
        out = torch.einsum("basz,bzae->bsae", scores, one[2]).flatten(2)
        expected[box] = out.reshape(2, *q[box].shape[:1], *q[box].shape[2:]).transpose(0, 1)
    assert_close(attention.attend(q, k, v), expected, 1e-5)


@pytest.mark.parametrize(("size", "window"), [pair for pair in WINDOWS if pair[1]], ids=str)
def test_a_change_in_a_window_stays_there(size: tuple[int, int, int], window: tuple[int, int, int]) -> None:
    attention = SpikeLinearAttention(6, 2, window, "neuroact")
    steps, rows, columns = size
    given = [tokens(steps, 2, rows, columns, 6, seed=seed) for seed in range(3)]
    before = attention.attend(*given)
    for box in boxes(size, window):
        changed = [x.clone() for x in given]
        for x in changed:
            x[box] += 1
        after = attention.attend(*changed)
        assert (after[box] != before[box]).all()
        after[box] = before[box]
        assert torch.equal(after, before)


def test_only_the_convolution_looks_across_windows() -> None:
    """Windows of all frames and rows, and of three columns: beyond them, a change is seen in one column of tokens."""
    torch.manual_seed(0)
    attention = SpikeLinearAttention(16, 2, (4, 9, 3), "neuroact").eval()
    attention.fire_queries_and_keys.norm.weight.data.fill_(30)  # without, eval has no spikes yet
    currents: list[Tensor] = []
    attention.fire.register_forward_pre_hook(lambda _, inputs: currents.append(inputs[0]))
    x = tokens(4, 1, 9, 9, 16)
    for column in (4, 3):
        changed = x.clone()
        changed[:, :, :, column] *= -1
        attention(changed)
    attention(x)
    inside, beside = ((current != currents[2]).any(-1).flatten(0, 2) for current in currents[:2])
    assert inside.any(0).tolist() == [False, False, False, True, True, True, False, False, False]
    assert beside.any(0).tolist() == [True, True, True, True, True, True, False, False, False]


def test_a_scan_is_mamba_between_its_projections() -> None:
    torch.manual_seed(0)
    mamba, scan = Mamba(16, d_state=8), Scan(32, 8, 4, 1, backwards=False)
    mamba.D.data.normal_()
    scan.load_state_dict({
        name: value for name, value in mamba.state_dict().items() if not name.startswith(("in_proj", "out_proj"))
    })  # fmt: skip
    u, gate = tokens(2, 32, 11), torch.full((2, 32, 11), 2.0)
    seen = functional.silu(mamba.conv1d(functional.pad(u, (3, 0))))
    assert_close(scan(u) * functional.silu(gate), mamba.ssm(seen, gate, None)[0], 1e-5)


def test_step_sizes_begin_as_in_mamba() -> None:
    torch.manual_seed(0)
    steps = functional.softplus(Scan(512, 8, 4, 1, backwards=False).dt_proj.bias)
    assert 0.00099 < steps.min() < 0.0015
    assert 0.07 < steps.max() < 0.1001


def test_backwards_is_forwards_of_what_is_reversed() -> None:
    torch.manual_seed(0)
    forwards, backwards = (Scan(8, 4, 4, 1, backwards=backwards) for backwards in (False, True))
    backwards.load_state_dict(forwards.state_dict())
    u = tokens(2, 8, 13)
    assert torch.equal(backwards(u.flip(-1)).flip(-1), forwards(u))
    assert not torch.equal(backwards(u), forwards(u))


def test_swapping_directions_is_reversing_tokens() -> None:
    """In one frame, as time has a direction of its own."""
    torch.manual_seed(0)
    mamba, swapped = (SpikeMamba(16, 32, 8, 4, "both", "neuroact").eval() for _ in range(2))
    swapped.load_state_dict(mamba.state_dict())
    swapped.scans["forwards"].load_state_dict(mamba.scans["backwards"].state_dict())
    swapped.scans["backwards"].load_state_dict(mamba.scans["forwards"].state_dict())
    x = 3 * tokens(1, 2, 4, 3, 16)
    assert_close(swapped(x.flip(2, 3)).flip(2, 3), mamba(x), 1e-6)
    assert not torch.allclose(mamba(x.flip(2, 3)).flip(2, 3), mamba(x), rtol=1e-3)


@pytest.mark.parametrize("direction", ["forwards", "backwards", "both"])
def test_which_tokens_a_direction_has_read(direction: Any) -> None:
    """Frame after frame, row after row: those after or before the 18th of 24, which is in the last frame."""
    torch.manual_seed(0)
    mamba = SpikeMamba(16, 32, 8, 4, direction, "neuroact").eval()
    currents: list[Tensor] = []
    mamba.fire_out.register_forward_pre_hook(lambda _, inputs: currents.append(inputs[0]))
    x = 3 * tokens(3, 1, 2, 4, 16)
    changed = x.clone()
    changed[2, :, 0, 2] *= -1
    mamba(x), mamba(changed)
    moved = (currents[0] != currents[1]).any(-1).flatten().tolist()
    assert moved == [direction != "forwards"] * 18 + [True] + [direction != "backwards"] * 5


@pytest.mark.parametrize(("options", "message"), WRONG, ids=str)
def test_refuses_sizes_that_do_not_fit(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tiny(**options)


@pytest.mark.parametrize("shape", [(4, 2, 16, 16), (1, 4, 3, 16, 16), (1, 0, 2, 16, 16), (0, 4, 2, 16, 16)], ids=str)
def test_refuses_other_frames(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"frames must be \(B, T, 2, H, W\)"):
        tiny()(torch.zeros(shape))


def test_its_layers_are_modules_that_can_be_counted() -> None:
    """What measures spikes and operations hooks into modules: none may be used by its weights alone but Mamba's."""
    model, called = tiny(), set()
    for name, module in model.named_modules():
        if isinstance(module, (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)):
            module.register_forward_hook(lambda *_, name=name: called.add(name))
    model(recordings())
    layers = {
        name for name, module in model.named_modules()
        if isinstance(module, (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d))
    }  # fmt: skip
    assert {name.split(".")[-1] for name in layers - called} == {"dt_proj"}
