"""How `LRD` is saved and loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lrd_core.optim.base_view import BaseView
from lrd_core.optim.policies import Policy, get_policy
from lrd_core.optim.rates import Rates
from lrd_core.settings import SettingError, Value, check_settings

#: Key of the wrapper's own entry in its `state_dict`.
OWN = "lrd"


class Saving(BaseView):
    """The part of `LRD` that saves and loads; attributes are explained there."""

    seed: int
    policy: Policy
    rescale: bool
    steps: int
    _policy_settings: dict[str, Value]
    _rates: Rates

    def state_dict(self) -> dict[str, Any]:
        """The base's `state_dict` and ``"lrd"``: steps, seed, policy, rescale."""
        for before in self._optimizer_state_dict_pre_hooks.values():
            before(self)
        state: dict[str, Any] = self.optimizer.state_dict()
        state[OWN] = {
            "steps": self.steps,
            "seed": self.seed,
            "policy": self.policy.name,
            "policy_settings": dict(self._policy_settings),
            "rescale": self.rescale,
            "drop_rate": self._rates.to_dict(),
        }
        for after in self._optimizer_state_dict_post_hooks.values():
            changed = after(self, state)
            state = state if changed is None else changed
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes up where a `state_dict` was made, the wrapper's or a plain base optimizer's."""
        state_dict = state_dict.copy()
        for before in self._optimizer_load_state_dict_pre_hooks.values():
            changed = before(self, state_dict)
            state_dict = state_dict if changed is None else changed
        own = state_dict.pop(OWN, None)
        policy = get_policy(own["policy"]) if own else self.policy
        # Checked first; checkpoints of version 0.1 have none.
        given = own.get("policy_settings", {}) if own else self._policy_settings
        settings = policy_checked(policy, given)
        rates = [group.get("drop_rate", self._rates.default) for group in self.param_groups]
        self.optimizer.load_state_dict(state_dict)
        for group, rate in zip(self.param_groups, rates, strict=True):
            # torch takes the saved groups as they are; a plain optimizer's have no drop rate.
            group.setdefault("drop_rate", rate)
        if own:
            self.policy, self._policy_settings = policy, settings
            self.steps, self.seed, self.rescale = own["steps"], own["seed"], own["rescale"]
            if "drop_rate" in own:
                self._rates.load(own["drop_rate"])
        for after in self._optimizer_load_state_dict_post_hooks.values():
            after(self)


def policy_checked(policy: Policy, settings: Mapping[str, object]) -> dict[str, Value]:
    """A policy's settings, all of them.

    Raises:
        SettingError: one that it does not have, or out of range.
    """
    try:
        return check_settings(policy.settings, settings)
    except SettingError as error:
        raise SettingError(f"policy_{error.field}", error.value, error.allowed) from None
