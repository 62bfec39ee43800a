"""Steps several optimizers in one pass of each kernel: the same bits as one after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from operator import attrgetter, is_
from typing import TYPE_CHECKING, Any

import torch
import torch.optim.optimizer as hooks
from torch._C._autograd import _profiler_enabled

from lrd_core.optim.kernels.addresses import Addresses
from lrd_core.optim.measurement import ROW_BYTES, LotSums, Measured, SumsAt
from lrd_core.optim.stepping.joint import Joint
from lrd_core.optim.stepping.request import Request, coin_limits
from lrd_core.optim.stepping.step_count import capturing
from lrd_core.optim.stepping.step_keys import StepKeys

if TYPE_CHECKING:
    from lrd_core.optim.lrd import LRD
    from lrd_core.optim.stepping.share import Share

_GRAD = attrgetter("grad")
_OWN = attrgetter(
    "optimizer", "seed", "policy", "rescale", "kernel", "collect_statistics", "_rates"
)
#: Steps, at most, until it is tried again whether those that step alone can join in.
_LONGEST = 256
#: Where `Together._look` tells the values of the groups' options.
_VALUES = 2
_HOOKS = attrgetter("_optimizer_step_pre_hooks", "_optimizer_step_post_hooks")


def step_together(optimizers: Sequence[LRD]) -> None:
    """``for optimizer in optimizers: optimizer.step()``, to the bit, statistics too.

    Small parameters on a CPU that compiled code steps share one pass and most of the work in
    Python; whatever can't join in (another policy, a schedule, hooks, a first step, …) takes a step
    of its own. What was found out about the optimizers is kept while nothing about them changes.
    """
    if not optimizers:
        return
    fused = optimizers[0]._fused
    if fused.together is None:
        fused.together = Together()
    fused.together.step(optimizers)


class Together:
    """What is known of optimizers that step together."""

    def __init__(self) -> None:
        self._optimizers: list[LRD] = []
        self._alone: list[LRD] = []
        self._joined: list[_Joined] = []
        self._left, self._wait = 0, 1
        self._threads = 0
        self._seen: list[list[Any]] = []
        self._own: list[Any] = []
        self._gradients: list[torch.Tensor | None] = []
        self._gradients_at: Addresses | None = None
        self._rest_at: Addresses | None = None
        self._hooked: list[Mapping[int, Any]] = []
        self._joints: list[tuple[Joint, list[int]]] = []
        self._keys = StepKeys()

    def step(self, optimizers: Sequence[LRD]) -> None:
        """A step of all; see `step_together`."""
        apart = torch.compiler.is_compiling() or torch.is_inference_mode_enabled() or capturing()
        if apart or _profiler_enabled() or _everywhere_hooked():
            for optimizer in optimizers:
                optimizer.step()
            return
        if not self._holds(optimizers):
            self._gather(optimizers)
        if self._joined and not self._count():
            # Others have changed a step counter.
            self._gather(optimizers)
            if self._joined and not self._count():
                raise RuntimeError("step counters change while they are read")
        if self._joined:
            self._step()
        for optimizer in self._alone:
            optimizer.step()

    # --- what may have changed ------------------------------------------------------------------

    def _holds(self, optimizers: Sequence[LRD]) -> bool:
        """Whether everything is as it was at the last step; takes new gradients in."""
        if not _same(optimizers, self._optimizers):
            self._wait = 1
            return False
        if self._alone:
            # What those lacked, state or code, may be there by now.
            self._left -= 1
            if self._left < 0:
                self._wait = min(2 * self._wait, _LONGEST)
                return False
        if self._threads != torch.get_num_threads() or any(self._hooked):
            return False
        if not self._joined:
            return True
        own, seen = self._look()
        if own != self._own:
            return False
        same = list(map(_same, seen, self._seen))
        if not all(same) and (same.count(False) > 1 or same[_VALUES] or not self._new_rates(seen)):
            return False
        if self._rest_at is None or self._rest_at.moved():
            return False
        return self._take(list(map(_GRAD, seen[-1])))

    def _look(self) -> tuple[list[Any], list[list[Any]]]:
        """All that a step of the joined optimizers depends on: what is compared by value, and by
        identity. Parameters come last."""
        joined = [one.optimizer for one in self._joined]
        bases = [optimizer.optimizer for optimizer in joined]
        patched = [vars(o).get("step") for o in chain(joined, bases)]
        groups = list(chain.from_iterable(base.param_groups for base in bases))
        states = chain.from_iterable(base.state.values() for base in bases)
        return list(map(_OWN, joined)), [
            patched,
            groups,
            list(chain.from_iterable(map(dict.values, groups))),
            list(chain.from_iterable(map(dict.values, states))),
            list(chain.from_iterable([group["params"] for group in groups])),
        ]

    def _new_rates(self, seen: list[list[Any]]) -> bool:
        """Takes new learning rates in, as schedules set them at every step; False if another option
        of the groups has changed, too."""
        _, groups, values, *_ = seen
        names = list(chain.from_iterable(groups))
        if len(names) != len(self._seen[_VALUES]):
            return False
        changed = [
            n for n, a, b in zip(names, values, self._seen[_VALUES], strict=True) if a is not b
        ]
        rates = [group["lr"] for group in groups]
        if set(changed) != {"lr"} or not all(isinstance(rate, float) for rate in rates):
            return False
        each = [rate for rate, g in zip(rates, groups, strict=True) for _ in g["params"]]
        for joint, places in self._joints:
            joint.set_lr([each[place] for place in places])
        self._seen[_VALUES] = values
        return True

    def _take(self, gradients: list[torch.Tensor | None]) -> bool:
        """Takes the gradients of a step; False if other parameters have one, or of another kind."""
        before = self._gradients
        if _same(gradients, before):
            if self._gradients_at is None:
                self._gradients_at = Addresses([g for g in gradients if g is not None])
                self._point()
            elif self._gradients_at.moved():
                self._point()
            return True
        for new, old in zip(gradients, before, strict=True):
            if new is old:
                continue
            if new is None or old is None or new.layout != torch.strided or new.is_neg():
                return False
            if new.dtype != old.dtype or new.shape != old.shape or not new.is_contiguous():
                return False
        self._gradients = gradients
        self._gradients_at = None
        self._point()
        return True

    def _point(self) -> None:
        """Tells the joints where the gradients lie."""
        at = [0 if g is None else g.data_ptr() for g in self._gradients]
        for joint, places in self._joints:
            joint.set_gradients([at[place] for place in places])

    # --- who takes part -------------------------------------------------------------------------

    def _gather(self, optimizers: Sequence[LRD]) -> None:
        self._optimizers = []
        self._threads, self._left = torch.get_num_threads(), self._wait
        self._joined, self._alone, self._joints = [], [], []
        shared = _shared(optimizers)
        offers = []
        begin = 0
        for optimizer in optimizers:
            offer = None if shared else self._offer(optimizer)
            if offer is None:
                self._alone.append(optimizer)
                continue
            self._joined.append(offer)
            offers.append(begin)
            begin += len(offer.rates)
        self._hooked = [
            found
            for optimizer in optimizers
            for one in (optimizer, optimizer.optimizer)
            for found in _HOOKS(one)
            if optimizer not in self._alone
        ]
        if self._joined:
            self._join(offers)
            for one in self._joined:
                one.join([joint for joint, _ in self._joints])
            self._own, self._seen = self._look()
            self._gradients = list(map(_GRAD, self._seen[-1]))
            rest = [t for one in self._joined for share in one.shares for t in share.tensors]
            self._rest_at, self._gradients_at = Addresses(rest), None
            self._point()
        # Last: after an error above all is gathered anew.
        self._optimizers = list(optimizers)

    def _offer(self, optimizer: LRD) -> _Joined | None:
        """An optimizer that can join in, or None: it steps alone."""
        if _unjoinable(optimizer):
            return None
        step = optimizer.steps + 1
        rates = optimizer._check_groups()
        request = optimizer._request(step)
        with torch.no_grad():
            shares = optimizer._fused.shares(rates, request)
        return None if shares is None else _Joined(optimizer, rates, request, shares)

    def _join(self, begins: Sequence[int]) -> None:
        """Tables for the shares of each kernel."""
        lots: dict[int, list[tuple[int, int, Share]]] = {}
        for number, one in enumerate(self._joined):
            for which, share in enumerate(one.shares):
                lots.setdefault(id(share.kernel), []).append((number, which, share))
        for lot in lots.values():
            factors = [self._joined[number].factors(share) for number, _, share in lot]
            joint = Joint([(number, share) for number, _, share in lot], factors)
            places = [begins[number] + i for number, _, share in lot for i in share.indices]
            self._joints.append((joint, places))
            for (number, which, share), rows in zip(lot, joint.slices, strict=True):
                one = self._joined[number]
                one.places[which] = (len(self._joints) - 1, rows)
                joint.set_limits(rows, coin_limits(one.request, one.rates, share.indices))

    # --- a step -----------------------------------------------------------------------------------

    def _count(self) -> bool:
        """Raises the step counters; False, and nothing, if others have changed one."""
        for number, (joint, _) in enumerate(self._joints):
            if not joint.raise_counters():
                for raised, _ in self._joints[:number]:
                    raised.lower_counters()
                return False
        return True

    def _step(self) -> None:
        counts = [one.count for one in self._joined]
        steps = [count.nominal + 1 for count in counts]
        for one, step in zip(self._joined, steps, strict=True):
            if one.thrown:
                self._throw(one, step)
        keys = self._keys.of([one.optimizer.seed for one in self._joined], steps)
        for joint, _ in self._joints:
            joint.step(keys)
        for one, step in zip(self._joined, steps, strict=True):
            one.count.taken(step)
            one.taken()

    def _throw(self, one: _Joined, step: int) -> None:
        """One coin for a whole tensor, or for all: thrown here."""
        request = one.optimizer._request(step)
        for (place, rows), share in zip(one.places, one.shares, strict=True):
            limits = coin_limits(request, one.rates, share.indices)
            self._joints[place][0].set_limits(rows, limits)


class _Joined:
    """An optimizer that takes part.

    Attributes:
        optimizer, rates, request: it, its drop rates, and what its step was when it joined in.
        shares: its parameters.
        places: number of the joint of each share, and the rows there.
        count: its steps.
        thrown: its coins are thrown anew at each step, not by the kernel.
    """

    def __init__(
        self, optimizer: LRD, rates: Sequence[float], request: Request, shares: Sequence[Share]
    ) -> None:
        self.optimizer, self.rates, self.request, self.shares = optimizer, rates, request, shares
        self.places: list[tuple[int, slice]] = [(0, slice(0, 0))] * len(shares)
        self.count = optimizer._fused.count
        self.thrown = request.policy.unit != "coordinate"
        self._base: Any = optimizer.optimizer
        self._measured: _Measured | None = None
        if request.statistics:
            factors, names = optimizer._factors(list(rates)), optimizer._names
            kept_all = request.policy.gradient is not None
            indices = [share.indices for share in shares]
            self._measured = _Measured(indices, self.places, factors, names, kept_all)

    def factors(self, share: Share) -> list[float]:
        """What kept updates of a share are multiplied by, as the kernel wants it."""
        rescale = self.request.rescale
        return [1.0 / (1.0 - self.rates[i]) if rescale else 1.0 for i in share.indices]

    def join(self, joints: Sequence[Joint]) -> None:
        """Learns which joints its `places` are in."""
        if self._measured is not None:
            self._measured.join(joints)

    def taken(self) -> None:
        """A step was taken."""
        # A scheduler over the base looks whether its optimizer has stepped.
        self._base._opt_called = True
        if self._measured is not None:
            self._measured.renew()
        self.optimizer._measured = self._measured


class _Measured(Measured):
    """The measurements of one optimizer's last step: rows of what its joints have summed."""

    def __init__(
        self,
        indices: Sequence[Sequence[int]],
        places: Sequence[tuple[int, slice]],
        factors: Sequence[float],
        names: Any,
        kept_all: bool,
    ) -> None:
        super().__init__([], [], factors, names, kept_all, repeated=False)
        self._indices, self._places = indices, places
        self._joints: Sequence[Joint] = ()
        every = [index for some in indices for index in some]
        self._whole = len(indices) == 1 and every == list(range(len(factors))) and not kept_all
        self._at: SumsAt | None = None

    def join(self, joints: Sequence[Joint]) -> None:
        """Learns which joints its places are in."""
        self._joints = joints
        if self._whole:
            place, rows = self._places[0]
            self._at = SumsAt(joints[place].sums_at, ROW_BYTES * rows.start, self._factors)

    def renew(self) -> None:
        """They are of another step now."""
        self._statistics = None

    @property
    def sums_at(self) -> SumsAt | None:
        return self._at

    def _lots(self) -> Sequence[LotSums]:
        pairs = zip(self._indices, self._places, strict=True)
        return [(indices, self._joints[place].sums[rows]) for indices, (place, rows) in pairs]


def _same(left: Sequence[Any], right: Sequence[Any]) -> bool:
    return len(left) == len(right) and all(map(is_, left, right))


def _everywhere_hooked() -> bool:
    return bool(hooks._global_optimizer_pre_hooks or hooks._global_optimizer_post_hooks)


def _shared(optimizers: Sequence[LRD]) -> bool:
    """Whether two of them step one parameter, so that the order matters."""
    groups = chain.from_iterable(optimizer.param_groups for optimizer in optimizers)
    every = list(map(id, chain.from_iterable(group["params"] for group in groups)))
    return len(set(every)) < len(every)


def _unjoinable(optimizer: LRD) -> bool:
    """Whether it has hooks, a patched step, drop rates by a schedule or settings in tensors."""
    if any(_HOOKS(optimizer)) or "step" in vars(optimizer):
        return True
    groups = optimizer.param_groups
    if not optimizer._fused.count.certain or not optimizer._rates.constant(groups):
        return True
    return any(isinstance(value, torch.Tensor) for group in groups for value in group.values())
