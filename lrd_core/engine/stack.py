"""Many runs as one: losses and gradients of all copies of a problem in one batched model."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter, is_
from typing import Protocol

import torch

from lrd_core.engine.laid import Laid, alike
from lrd_core.optim.kernels.addresses import Addresses
from lrd_core.problems.problem import Instance

_GRAD = attrgetter("grad")
_INSTANCE = attrgetter("instance")
#: Choices of members whose plans are kept.
_PLANS = 16


class HasInstance(Protocol):
    """One copy of a run."""

    @property
    def instance(self) -> Instance: ...


class Stacks:
    """Computes members whose problems stack as one, all others one after the other.

    The parameters of stacked members lie side by side, each a view of one tensor of its group, and
    so do their gradients: nothing is copied from step to step. When other members come together
    they are laid out anew. Instances are kept alive.

    A member's numbers have the same bits whoever is stacked with it. Libraries that multiply
    matrices don't promise that: it is tried out for each kind and number of copies, and what would
    differ is computed one by one.
    """

    def __init__(self) -> None:
        #: By the instance's id; a group keeps its instances, so that no id comes up again.
        self._groups: dict[int, _Group] = {}
        self._plans: dict[tuple[int, ...], _Plan] = {}
        self._alike: dict[tuple[object, ...], bool] = {}

    def backward(self, members: Sequence[HasInstance], step: int) -> list[torch.Tensor]:
        """Losses of `step`, detached 0-dim tensors; every parameter's ``grad`` is set.

        ``grad`` stays the same tensor while the same members are stacked: clearing it between steps
        is not needed, and costs time.
        """
        plan = self._plan(list(map(_INSTANCE, members)), step)
        losses = [torch.empty(0)] * len(members)
        for places, group in plan.groups:
            for place, loss in zip(places, group.backward(step), strict=True):
                losses[place] = loss
        for place in plan.alone:
            losses[place] = _alone(plan.instances[place], step)
        return losses

    def how(self, member: HasInstance) -> str:
        """How a member was computed last, in words."""
        group = self._groups.get(id(member.instance))
        if group is None:
            why = getattr(member.instance, "unstacked", "") or "this problem is not stacked"
            return f"one after the other: {why}"
        others = len(group.instances) - 1
        if others:
            return f"stacked with {others} other{'s' if others > 1 else ''}"
        if group.differs:
            return "one after the other: in a stack of these sizes its last bits would be others"
        return "alone: no other run has its architecture"

    def flat(self, member: HasInstance) -> torch.Tensor | None:
        """All coordinates of a stacked member, (n,), in the order of its parameters; a view."""
        group = self._groups.get(id(member.instance))
        return None if group is None else group.flat(member.instance)

    def _plan(self, instances: list[Instance], step: int) -> _Plan:
        key = tuple(map(id, instances))
        plan = self._plans.get(key)
        if plan is None or not plan.holds(instances):
            plan = self._planned(instances, step)
            # An instance is in one group only: other plans may have lost theirs.
            kept = {k: p for k, p in self._plans.items() if k != key and self._intact(p)}
            self._plans = dict(list(kept.items())[1 - _PLANS :]) | {key: plan}
        return plan

    def _intact(self, plan: _Plan) -> bool:
        return all(self._groups.get(id(one)) is g for _, g in plan.groups for one in g.instances)

    def _planned(self, instances: list[Instance], step: int) -> _Plan:
        kinds: dict[object, list[int]] = {}
        alone = []
        for place, one in enumerate(instances):
            contiguous = all(map(torch.Tensor.is_contiguous, one.parameters))
            if one.stack is None or not contiguous:
                alone.append(place)
                self._groups.pop(id(one), None)
            else:
                kinds.setdefault(one.stack.key, []).append(place)
        groups = []
        for places in kinds.values():
            together = [instances[place] for place in places]
            known = self._groups.get(id(together[0]))
            if known is not None and known.holds(together):
                groups.append((places, known))
                continue
            same = self._are_alike(together, step)
            for some in [places] if same else [[place] for place in places]:
                group = _Group([instances[place] for place in some], differs=not same)
                self._groups |= dict.fromkeys(map(id, group.instances), group)
                groups.append((some, group))
        return _Plan(instances, groups, alone)

    def _are_alike(self, instances: Sequence[Instance], step: int) -> bool:
        """Whether a stack of these has the bits of each alone, as was tried once."""
        stack, data = instances[0].stack, [getattr(one, "batches", None) for one in instances]
        shared = len({getattr(batches, "key", None) for batches in data}) == 1
        key = (stack and stack.key, len(instances), shared, torch.get_num_threads())
        if key not in self._alike:
            self._alike[key] = alike(instances, step)
        return self._alike[key]


class _Plan:
    """Who is computed with whom: places of the instances in each group, and of those alone."""

    def __init__(
        self,
        instances: list[Instance],
        groups: list[tuple[list[int], _Group]],
        alone: list[int],
    ) -> None:
        self.instances, self.groups, self.alone = instances, groups, alone

    def holds(self, instances: Sequence[Instance]) -> bool:
        """Whether these are the instances, with their parameters in place."""
        in_place = all(group.in_place() for _, group in self.groups)
        return in_place and _same(instances, self.instances)


class _Group:
    """Instances of one architecture, laid side by side.

    Attributes:
        instances: in order.
        differs: it is a group of one since stacked it would have other bits.
    """

    def __init__(self, instances: list[Instance], differs: bool) -> None:
        self.instances, self.differs = instances, differs
        self._laid = Laid(instances)
        self._parameters = [p for one in instances for p in one.parameters]
        for row, one in enumerate(instances):
            for part, p in zip(self._laid.parameters, one.parameters, strict=True):
                p.data = part[row]
        on_cpu = self._parameters[0].device.type == "cpu"
        self._addresses = Addresses(self._parameters) if on_cpu else None
        self._moved = False
        gradients = self._laid.gradients
        self._views = [g[row] for row in range(len(instances)) for g in gradients]
        self._run = self._laid.bind(instances)

    def holds(self, instances: Sequence[Instance]) -> bool:
        """Whether it is of these, with their parameters in place."""
        return _same(instances, self.instances) and self.in_place()

    def in_place(self) -> bool:
        """Whether the parameters still lie where they were laid."""
        if self._addresses is None:
            return all(map(self._laid.holds, self._parameters))
        self._moved = self._moved or self._addresses.moved()
        return not self._moved

    def backward(self, step: int) -> Sequence[torch.Tensor]:
        """Losses; gradients are written, and every parameter's ``grad`` is its part of them."""
        losses = self._run(step)
        if not _same(list(map(_GRAD, self._parameters)), self._views):
            for p, view in zip(self._parameters, self._views, strict=True):
                p.grad = view
        return losses.unbind()

    def flat(self, instance: Instance) -> torch.Tensor:
        """An instance's coordinates, (n,)."""
        return self._laid.flat(next(i for i, one in enumerate(self.instances) if one is instance))


def _same(left: Sequence[object], right: Sequence[object]) -> bool:
    return len(left) == len(right) and all(map(is_, left, right))


def _alone(instance: Instance, step: int) -> torch.Tensor:
    """Loss of `step` of an instance by itself; its gradients are set."""
    for p in instance.parameters:
        p.grad = None
    loss = instance.loss(step)
    loss.backward()  # type: ignore[no-untyped-call]
    return loss.detach()
