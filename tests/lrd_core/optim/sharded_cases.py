"""One rank of the distributed tests: ``python sharded_cases.py RANK FOLDER``.

Runs every case on two processes (gloo, on CPU) and writes what went wrong, "" where nothing did, to
``FOLDER/RANK.json``. Not collected by pytest; `test_distributed` starts it.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_optimizer_state_dict,
    set_optimizer_state_dict,
)
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, Replicate, Shard, distribute_tensor
from torch.distributed.tensor.placement_types import Placement
from torch.nn.parallel import DistributedDataParallel

from lrd_core import LRD
from lrd_core.optim.random_bits import keep_mask_numpy

WORLD = 2
Build = Callable[[Any], torch.optim.Optimizer]
BASES: dict[str, Build] = {
    "adam": lambda p: torch.optim.Adam(p, lr=0.05),
    "sgd": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, weight_decay=0.1),
    "foreach": lambda p: torch.optim.Adam(p, lr=0.05, foreach=True),
    "adamax": lambda p: torch.optim.Adamax(p, lr=0.05, foreach=False),
}
#: 7 and 3 rows don't halve; 1 row leaves the second rank without any.
WIDTHS = (5, 7, 3, 1)


def network() -> nn.Sequential:
    torch.manual_seed(1)
    layers: list[nn.Module] = []
    for i, o in pairwise(WIDTHS):
        layers += [nn.Linear(i, o), nn.Tanh()]
    return nn.Sequential(*layers)


def sharded(mesh: DeviceMesh) -> nn.Sequential:
    net = network()
    for layer in net:
        if isinstance(layer, nn.Linear):
            fully_shard(layer, mesh=mesh)
    fully_shard(net, mesh=mesh)
    return net


def batches(steps: int, first: int = 0) -> list[tuple[torch.Tensor, torch.Tensor]]:
    found = []
    for i in range(first, first + steps):
        rng = torch.Generator().manual_seed(i)
        found.append((torch.randn(8, 5, generator=rng), torch.randn(8, 1, generator=rng)))
    return found


def train(
    net: nn.Module,
    lrd: torch.optim.Optimizer,
    part: slice = slice(None),
    steps: int = 4,
    first: int = 0,
    clip: float | None = None,
) -> None:
    """Trains on a part of every batch; clips if asked."""
    for x, y in batches(steps, first):
        lrd.zero_grad()
        nn.functional.mse_loss(net(x[part]), y[part]).backward()
        if clip is not None:
            nn.utils.clip_grad_norm_(net.parameters(), clip)
        lrd.step()


def share(rank: int) -> slice:
    return slice(4 * rank, 4 * rank + 4)


def whole(tensors: Any) -> list[torch.Tensor]:
    return [
        t.full_tensor() if isinstance(t, DTensor) else t for t in map(torch.Tensor.detach, tensors)
    ]


def close(got: Sequence[torch.Tensor], expected: Sequence[torch.Tensor]) -> None:
    for a, b in zip(got, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


def ddp(rank: int, mesh: DeviceMesh, kernel: str) -> None:
    """Averaged gradients of half batches are the whole batch's; ranks stay equal to the bit."""
    alone, net = network(), network()
    one = LRD(BASES["adam"](alone.parameters()), 0.5, seed=3, kernel=kernel)
    one.collect_statistics = kernel == "compiled"
    train(alone, one)
    twin = DistributedDataParallel(net)
    both = LRD(BASES["adam"](twin.parameters()), 0.5, seed=3, kernel=kernel)
    both.collect_statistics = one.collect_statistics
    train(twin, both, share(rank))
    theirs = []
    for p in net.parameters():
        gathered = [torch.empty_like(p) for _ in range(WORLD)]
        dist.all_gather(gathered, p.detach())
        theirs.append(gathered)
    close(list(net.parameters()), list(alone.parameters()))
    assert all(torch.equal(a, b) for a, b in theirs)


def fsdp(
    rank: int,
    mesh: DeviceMesh,
    base: str,
    kernel: str = "torch",
    policy: str = "elementwise",
    rescale: bool = False,
    clip: float | None = None,
) -> None:
    """Sharded equals unsharded, and the coordinates that move at step 1 are the hash's."""
    alone, net = network(), sharded(mesh)
    options: dict[str, Any] = {
        "seed": 11,
        "policy": policy,
        "rescale": rescale,
        "kernel": kernel,
    }
    one = LRD(BASES[base](alone.parameters()), 0.5, **options)
    both = LRD(BASES[base](net.parameters()), 0.5, **options)
    # One kernel for all compiled cases: compiling takes most of their time.
    one.collect_statistics = both.collect_statistics = kernel == "compiled"
    start = whole(net.parameters())
    train(alone, one, steps=1, clip=clip)
    train(net, both, share(rank), steps=1, clip=clip)
    after = whole(net.parameters())
    train(alone, one, steps=3, first=1, clip=clip)
    train(net, both, share(rank), steps=3, first=1, clip=clip)
    end = whole(net.parameters())
    close(end, list(alone.parameters()))
    if policy == "elementwise":
        for j, (a, b) in enumerate(zip(start, after, strict=True)):
            kept = keep_mask_numpy(11, 1, j, a.numel(), 0.5).reshape(a.shape)
            assert np.array_equal((a != b).numpy(), kept), j


def statistics(rank: int, mesh: DeviceMesh, base: str, kernel: str) -> None:
    """Each rank measures its share; the shares add up to the whole's."""
    alone, net = network(), sharded(mesh)
    one = LRD(BASES[base](alone.parameters()), 0.5, kernel=kernel)
    both = LRD(BASES[base](net.parameters()), 0.5, kernel=kernel)
    one.collect_statistics = both.collect_statistics = True
    train(alone, one, steps=2)
    train(net, both, share(rank), steps=2)
    mine, expected = both.statistics, one.statistics
    assert mine is not None
    assert expected is not None
    fields = ("numel", "kept", "grad_sq", "full_sq", "masked_sq", "masked_dot_full")
    table = torch.zeros(len(fields), len(expected.indices), dtype=torch.float64)
    for row, name in enumerate(fields):
        for index, value in zip(mine.indices, getattr(mine, name), strict=True):
            table[row, index] = float(value)
    own = [p.to_local().numel() for p in net.parameters() if isinstance(p, DTensor)]
    dist.all_reduce(table)
    assert [own[index] for index in mine.indices] == list(mine.numel)
    for row, name in enumerate(fields):
        values = torch.tensor(getattr(expected, name), dtype=torch.float64)
        torch.testing.assert_close(table[row], values, rtol=1e-4, atol=1e-9, msg=name)


def placed(
    rank: int,
    mesh: DeviceMesh,
    base: str,
    shape: tuple[int, ...],
    of_parameter: Placement,
    of_gradient: Placement,
    policy: str = "elementwise",
) -> None:
    """Any placement of parameter and gradient: as if it were one tensor."""
    torch.manual_seed(2)
    value, gradient = torch.randn(shape), torch.randn(shape)
    p = nn.Parameter(distribute_tensor(value, mesh, [of_parameter]))
    q = nn.Parameter(value.clone())
    p.grad, q.grad = distribute_tensor(gradient, mesh, [of_gradient]), gradient
    both = LRD(BASES[base]([p]), 0.5, policy=policy, kernel="torch")
    one = LRD(BASES[base]([q]), 0.5, policy=policy, kernel="torch")
    for _ in range(3):
        both.step()
        one.step()
    close(whole([p]), [q])


def unsummed_gradient(rank: int, mesh: DeviceMesh, base: str, policy: str) -> None:
    """A replicated parameter used on sharded data: autograd leaves a sum over ranks to be made."""
    torch.manual_seed(2)
    value, x = torch.randn(3, 5), torch.randn(8, 5)
    p = nn.Parameter(distribute_tensor(value, mesh, [Replicate()]))
    q = nn.Parameter(value.clone())
    both = LRD(BASES[base]([p]), 0.5, policy=policy, kernel="torch")
    one = LRD(BASES[base]([q]), 0.5, policy=policy, kernel="torch")
    seen = []
    for _ in range(3):
        both.zero_grad()
        one.zero_grad()
        (distribute_tensor(x, mesh, [Shard(0)]) @ p.T).pow(2).sum().backward()
        (x @ q.T).pow(2).sum().backward()
        assert isinstance(p.grad, DTensor)
        seen.append(p.grad.placements[0].is_partial())
        both.step()
        one.step()
    close(whole([p]), [q])
    assert all(seen)


def checkpoint(rank: int, mesh: DeviceMesh) -> None:
    """Through torch.distributed.checkpoint's state dicts; masks go on where they were."""
    straight = sharded(mesh)
    train(straight, LRD(BASES["adam"](straight.parameters()), 0.5, seed=8, kernel="torch"), steps=6)

    net = sharded(mesh)
    lrd = LRD(BASES["adam"](net.parameters()), 0.5, seed=8, kernel="torch")
    train(net, lrd, steps=3)
    saved = get_optimizer_state_dict(net, lrd.optimizer)
    own = json.loads(json.dumps(lrd.state_dict()["lrd"]))

    again = sharded(mesh)
    for p, q in zip(again.parameters(), net.parameters(), strict=True):
        p.data.copy_(q.data)
    fresh = LRD(BASES["adam"](again.parameters()), 0.2, kernel="torch")
    set_optimizer_state_dict(again, fresh.optimizer, saved)
    fresh.load_state_dict({**fresh.state_dict(), "lrd": own})
    steps, rate = fresh.steps, fresh.drop_rate
    train(again, fresh, steps=3, first=3)
    end, expected = whole(again.parameters()), whole(straight.parameters())
    assert (steps, rate) == (3, 0.5)
    assert all(map(torch.equal, end, expected))


def to_one_process(rank: int, mesh: DeviceMesh) -> None:
    """Trained sharded, continued unsharded: the gathered state is the plain one."""
    straight, net, after = network(), sharded(mesh), network()
    train(straight, LRD(BASES["adam"](straight.parameters()), 0.5, kernel="torch"), steps=6)
    lrd = LRD(BASES["adam"](net.parameters()), 0.5, kernel="torch")
    train(net, lrd, share(rank), steps=3)
    saved = get_optimizer_state_dict(
        net, lrd.optimizer, options=StateDictOptions(full_state_dict=True)
    )
    for p, value in zip(after.parameters(), whole(net.parameters()), strict=True):
        p.data.copy_(value)
    one = LRD(BASES["adam"](after.parameters()), kernel="torch")
    set_optimizer_state_dict(after, one.optimizer, saved)
    one.load_state_dict({**one.state_dict(), "lrd": lrd.state_dict()["lrd"]})
    train(after, one, steps=3, first=3)
    close(list(after.parameters()), list(straight.parameters()))


def to_plain_torch(rank: int, mesh: DeviceMesh) -> None:
    """The state is made of DTensors placed as the parameters, so torch's own Adam goes on."""
    straight, net = network(), sharded(mesh)
    one = LRD(BASES["adam"](straight.parameters()), 0.5, kernel="torch")
    both = LRD(BASES["adam"](net.parameters()), 0.5, kernel="torch")
    train(straight, one, steps=2)
    train(net, both, share(rank), steps=2)
    for p in net.parameters():
        state = both.state[p]["exp_avg"]
        assert isinstance(p, DTensor)
        assert isinstance(state, DTensor)
        assert state.placements == p.placements
    plain, twin = BASES["adam"](straight.parameters()), BASES["adam"](net.parameters())
    plain.load_state_dict(one.optimizer.state_dict())
    twin.load_state_dict(both.optimizer.state_dict())
    train(straight, plain, steps=2, first=2)
    train(net, twin, share(rank), steps=2, first=2)
    close(whole(net.parameters()), list(straight.parameters()))


POLICIES = ("per_row", "per_column", "per_tensor", "per_step", "gradient_dropout", "cautious")
PLACED: tuple[tuple[tuple[int, ...], Placement, Placement], ...] = (
    ((5, 7), Shard(1), Shard(1)),
    ((1, 3), Shard(1), Shard(1)),
    ((4, 3, 5), Shard(1), Shard(1)),
    ((7,), Shard(0), Shard(0)),
    ((1,), Shard(0), Shard(0)),
    ((5, 7), Shard(0), Replicate()),
    ((5, 7), Replicate(), Shard(0)),
)

CASES: dict[str, Callable[[int, DeviceMesh], None]] = {}


def add(case: Callable[..., None], **options: Any) -> None:
    name = " ".join([case.__name__, *map(str, options.values())])
    CASES[name] = lambda rank, mesh: case(rank, mesh, **options)


for kernel in ("compiled", "torch"):
    add(ddp, kernel=kernel)
    add(statistics, base="adam", kernel=kernel)
add(statistics, base="foreach", kernel="torch")
add(fsdp, base="adam", kernel="compiled")
for base in BASES:
    add(fsdp, base=base, kernel="torch")
for policy in POLICIES:
    add(fsdp, base="adam", kernel="torch", policy=policy)
add(fsdp, base="foreach", kernel="torch", policy="gradient_dropout")
add(fsdp, base="sgd", kernel="torch", policy="elementwise", rescale=True, clip=0.1)
for base in ("adam", "adamax"):
    for shape, of_parameter, of_gradient in PLACED:
        add(placed, base=base, shape=shape, of_parameter=of_parameter, of_gradient=of_gradient)
for base, policy in (
    ("adam", "elementwise"),
    ("adam", "cautious"),
    ("foreach", "elementwise"),
    ("foreach", "gradient_dropout"),
):
    add(unsummed_gradient, base=base, policy=policy)
add(checkpoint)
add(to_one_process)
add(to_plain_torch)


def main(rank: int, folder: Path) -> None:
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo",
        init_method=f"file://{folder / 'meeting'}",
        rank=rank,
        world_size=WORLD,
        timeout=timedelta(seconds=60),
    )
    mesh = init_device_mesh("cpu", (WORLD,))
    results = {}
    for name, case in CASES.items():
        results[name] = ""
        try:
            case(rank, mesh)
        except Exception:
            results[name] = traceback.format_exc()
    (folder / f"{rank}.json").write_text(json.dumps(results))
    dist.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
