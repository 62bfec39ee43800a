"""Any other optimizer: its own step, then the dropped coordinates are where they were.

The oracle is the optimizer itself: a twin is set to LRD's parameters before every step and takes
the same gradients; where the hash drops, the old value stays, elsewhere the twin's is expected.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode

from lrd_core import LRD
from lrd_core.optim.random_bits import keep_mask_numpy

Build = Callable[[Any], torch.optim.Optimizer]
SHAPES = ((6, 5), (8, 3))


class Signed(torch.optim.Optimizer):
    """As users' packages write theirs: state by string keys, a group of settings, lr last."""

    def __init__(self, params: Any, lr: float = 1e-2, beta: float = 0.9) -> None:
        if lr < 0:
            raise ValueError(f"Invalid learning rate: {lr}")
        super().__init__(params, {"lr": lr, "beta": beta})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state["step"] = 0
                    state["trace"] = torch.zeros_like(p)
                state["step"] += 1
                state["trace"].lerp_(p.grad, 1 - group["beta"])
                p.add_(state["trace"].sign(), alpha=-group["lr"] / state["step"] ** 0.5)
        return loss


class Backwards(torch.optim.Adam):
    """A subclass of Adam that is not Adam."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.add_(p.grad, alpha=group["lr"])


class Counted(torch.optim.AdamW):
    """A subclass that adds to what AdamW does."""

    calls = 0

    def step(self, closure: Any = None) -> Any:
        self.calls += 1
        return super().step(closure)


OTHERS: dict[str, Build] = {
    "Adamax": lambda p: torch.optim.Adamax(p, lr=0.1, weight_decay=0.1),
    "ASGD": lambda p: torch.optim.ASGD(p, lr=0.1, t0=2, lambd=0.1),
    "Adafactor": lambda p: torch.optim.Adafactor(p, lr=0.1),
    "Muon": lambda p: torch.optim.Muon(p, lr=0.1),
    "Rprop": lambda p: torch.optim.Rprop(p, lr=0.1),
    "a user's": lambda p: Signed(p, lr=0.1),
    "a user's subclass of Adam": lambda p: Backwards(p, lr=0.1),
    "a user's subclass of AdamW": lambda p: Counted(p, lr=0.1, fused=True),
    "Adam with a replaced step": lambda p: replaced(torch.optim.Adam(p, lr=0.1)),
    "Adam with a hook": lambda p: hooked(torch.optim.Adam(p, lr=0.1)),
}


def replaced(base: torch.optim.Adam) -> torch.optim.Adam:
    base.step = lambda closure=None: base.param_groups[0]["params"][0].data.add_(1)  # type: ignore[assignment]
    return base


def hooked(base: torch.optim.Adam) -> torch.optim.Adam:
    def halve(optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        for group in optimizer.param_groups:
            for p in group["params"]:
                p.data.mul_(0.5)

    base.register_step_post_hook(halve)
    return base


def fresh() -> list[nn.Parameter]:
    torch.manual_seed(3)
    return [nn.Parameter(torch.randn(shape)) for shape in SHAPES]


@pytest.mark.parametrize("rescale", [False, True], ids=["", "rescaled"])
@pytest.mark.parametrize("name", OTHERS)
def test_steps_then_puts_back(name: str, rescale: bool) -> None:
    ours, theirs = fresh(), fresh()
    lrd = LRD(OTHERS[name](ours), 0.4, seed=13, rescale=rescale)
    twin = OTHERS[name](theirs)
    rng = torch.Generator().manual_seed(5)
    for t in range(1, 7):
        before = [p.detach().clone() for p in ours]
        for p, q in zip(ours, theirs, strict=True):
            q.data.copy_(p.data)
            p.grad = torch.randn(p.shape, generator=rng)
            q.grad = p.grad.clone()
        lrd.step()
        twin.step()
        for j, (p, q, old) in enumerate(zip(ours, theirs, before, strict=True)):
            kept = torch.from_numpy(keep_mask_numpy(13, t, j, p.numel(), 0.6)).view(p.shape)
            new = old + (q.detach() - old) / (1 - 0.4) if rescale else q.detach()
            expected = torch.where(kept, new, old)
            # Without a factor there is nothing to round: the twin's very bits.
            tolerance = 1e-6 if rescale else 0.0
            torch.testing.assert_close(p.detach(), expected, rtol=tolerance, atol=tolerance)
            for key, value in twin.state[q].items():
                same = lrd.state[p][key]
                assert torch.equal(same, value) if torch.is_tensor(value) else same == value, key


def test_a_subclass_is_called() -> None:
    base = Counted(fresh(), lr=0.1, fused=True)
    lrd = LRD(base, 0.5)
    for group in lrd.param_groups:
        for p in group["params"]:
            p.grad = torch.ones_like(p)
    lrd.step()
    lrd.step()
    assert base.calls == 2


def test_statistics_tell_the_update_before_and_after_the_mask() -> None:
    p = nn.Parameter(torch.zeros(1000))
    lrd = LRD(Signed([p], lr=0.5), 0.25, seed=1)
    lrd.collect_statistics = True
    p.grad = torch.ones(1000)
    lrd.step()
    found = lrd.statistics
    assert found is not None
    kept = int(keep_mask_numpy(1, 1, 0, 1000, 0.75).sum())
    assert found.kept == (kept,)
    assert found.full_sq == (250.0,)
    assert found.masked_sq == (0.25 * kept,)
    assert found.masked_dot_full == (0.25 * kept,)
    assert found.full_dot_grad == (-500.0,)


def test_lbfgs_with_a_line_search_equals_itself_masked() -> None:
    def run(wrap: Callable[[torch.optim.Optimizer], torch.optim.Optimizer]) -> torch.Tensor:
        p = nn.Parameter(torch.linspace(-1, 2, 100))
        optimizer = wrap(torch.optim.LBFGS([p], max_iter=4, line_search_fn="strong_wolfe"))

        def closure() -> torch.Tensor:
            optimizer.zero_grad()
            loss = (p - 0.5).pow(4).sum()
            loss.backward()
            return loss

        optimizer.step(closure)
        return p.detach()

    start = torch.linspace(-1, 2, 100)
    plain = run(lambda base: base)
    kept = torch.from_numpy(keep_mask_numpy(2, 1, 0, 100, 0.5))
    masked = run(lambda base: LRD(base, 0.5, seed=2))
    assert torch.equal(masked, torch.where(kept, plain, start))


@pytest.mark.parametrize("policy", ["elementwise", "gradient_dropout"])
def test_sparse_gradients(policy: str) -> None:
    """As dense ones; SGD has a rule, but engines read dense gradients."""
    torch.manual_seed(0)
    ours = nn.Embedding(40, 8, sparse=True)
    dense = nn.Embedding(40, 8, _weight=ours.weight.detach().clone())
    used = torch.tensor([3, 3, 7, 31])
    lrd = LRD(torch.optim.SGD(ours.parameters(), lr=0.1), 0.5, seed=4, policy=policy)
    twin = LRD(torch.optim.SGD(dense.parameters(), lr=0.1), 0.5, seed=4, policy=policy)
    for _ in range(3):
        for net, optimizer in ((ours, lrd), (dense, twin)):
            optimizer.zero_grad()
            net(used).pow(2).sum().backward()
            optimizer.step()
    grad = ours.weight.grad
    assert grad is not None
    assert grad.is_sparse
    torch.testing.assert_close(ours.weight, dense.weight)


def test_sparse_where_the_base_has_none() -> None:
    """Dense at first, so that a kernel has stepped it; then torch's own words."""
    table = nn.Embedding(40, 8, sparse=True)
    lrd = LRD(torch.optim.Adam(table.parameters()), 0.5, kernel="torch")
    table.weight.grad = torch.ones(40, 8)
    lrd.step()
    lrd.zero_grad()
    before = table.weight.detach().clone()
    table(torch.tensor([1])).sum().backward()
    with pytest.raises(RuntimeError, match="SparseAdam"):
        lrd.step()
    assert lrd.steps == 1
    assert torch.equal(table.weight, before)


class Memory(TorchDispatchMode):
    """The most bytes that operations have held beside what was there before."""

    def __init__(self) -> None:
        super().__init__()
        self.live: dict[int, tuple[StorageWeakRef, int]] = {}
        self.old: set[int] = set()
        self.most = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        for value in (*args, *(kwargs or {}).values()):
            if isinstance(value, torch.Tensor):
                storage = value.untyped_storage()
                if storage._cdata not in self.live:
                    self.old.add(storage._cdata)
        result = func(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor):
            storage = result.untyped_storage()
            if storage._cdata not in self.old:
                self.live[storage._cdata] = (StorageWeakRef(storage), storage.nbytes())
        self.live = {k: entry for k, entry in self.live.items() if not entry[0].expired()}
        self.most = max(self.most, sum(size for _, size in self.live.values()))
        return result


def test_extra_memory_is_one_copy_of_what_can_be_dropped() -> None:
    """Many equal tensors, so that what one of them needs on the way is small."""
    parameters = [nn.Parameter(torch.zeros(500)) for _ in range(200)]
    spared = [nn.Parameter(torch.zeros(500)) for _ in range(200)]
    for p in (*parameters, *spared):
        p.grad = torch.ones(500)
    groups = [{"params": parameters}, {"params": spared, "drop_rate": 0.0}]
    lrd = LRD(torch.optim.SGD(groups, lr=0.1, foreach=False), 0.5)
    with Memory() as memory:
        lrd.step()
    copy = 200 * 500 * 4
    assert copy <= memory.most < 1.3 * copy
