"""The benchmarks measure what they say, at a size that takes no time; no test depends on how fast anything is."""

from __future__ import annotations

import json

import pytest
import torch

from neuroact.bench import bench_gpu, kernels, peers
from neuroact.bench.timing import medians
from neuroact.cli.app import run
from neuroact.kernels import lif_scan
from tests.kernels.compare import close


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "SHORT", (16, 256))
    monkeypatch.setattr(kernels, "LONG", (128, 64))
    monkeypatch.setattr(kernels, "SCAN", (1, 64, 24, 16))
    monkeypatch.setattr(kernels, "SIDE", 64)


def test_contestants_take_turns_after_one_round_that_does_not_count() -> None:
    calls: list[str] = []
    taken = medians({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, rounds=2)
    assert calls == ["a", "b"] * 3
    assert set(taken) == {"a", "b"}
    assert all(seconds >= 0 for seconds in taken.values())


def test_a_claim_is_met_only_by_all_factors() -> None:
    def row(factor: float, most: float) -> kernels.Row:
        spin = {"ours": lambda: torch.ones(10), "theirs": lambda: [torch.ones(10) for _ in range(200)]}
        return kernels.compared("claim", "ours", spin, {"theirs": factor}, {"theirs": most}, 5)

    assert row(1.0, 1.0).met
    assert not row(1e9, 1.0).met
    assert not row(1.0, 1e-9).met
    missing = kernels.compared("claim", "ours", {"ours": lambda: None, "peer": None}, {"peer": 2.0}, {}, 1)
    assert not missing.met
    assert missing.reached == "peer is not installed"


def test_the_torch_contestant_is_the_same_neuron() -> None:
    x = torch.randn(20, 50, generator=torch.Generator().manual_seed(0))
    assert torch.equal(peers.torch_lif(0.5)(x), lif_scan(x, decay=0.5, backend="reference")[0])


def test_spikingjelly_is_the_same_neuron() -> None:
    pytest.importorskip("spikingjelly", reason="spikingjelly is not installed")
    x = torch.randn(20, 50, generator=torch.Generator().manual_seed(0))
    scan = peers.spikingjelly_lif(0.5)
    assert scan is not None
    assert (scan(x) != lif_scan(x, decay=0.5)[0]).float().mean() < 0.001  # it rounds in another order


def test_the_chunked_contestant_is_the_same_scan() -> None:
    random = torch.Generator().manual_seed(0)
    u, delta = (torch.randn(2, 6, 48, generator=random) for _ in range(2))
    delta = torch.nn.functional.softplus(delta - 3)
    B, C = (torch.randn(2, 4, 48, generator=random) for _ in range(2))
    A, D = -torch.arange(1.0, 5.0).expand(6, -1).contiguous(), torch.ones(6)
    assert close(kernels.selective_scan(u, delta, A, B, C, D), peers.chunked_scan(u, delta, A, B, C, D), 1e-4)


def test_the_table_has_every_claim(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "kernels", "--rounds", "1", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    claims = " ".join(row["claim"] for row in rows)
    for kernel in ("lif_scan", "cuba_lif_scan", "selective_scan", "spike_matmul", "kept for the backward pass"):
        assert kernel in claims
    assert rows[-1]["reached"] == "0.00 B"  # numbers are no tensors, and 16 steps are computed once more from rest
    assert run(["bench", "kernels", "--rounds", "1"]) == 0
    assert "must reach ≥ 4 × spikingjelly" in capsys.readouterr().out


def test_the_rows_of_a_gpu() -> None:
    *rows, host = bench_gpu(1, "cpu", (4, 64))
    assert len(rows) == 4
    assert all("copying" in row.reached for row in rows)
    assert host.reached.endswith("µs")
