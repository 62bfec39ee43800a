"""The policies: every module here with a `POLICY` is one, so a new one is one new file."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from lrd_core.optim.policies.policy import Draw, Policy
from lrd_core.settings import SettingError

__all__ = ["POLICIES", "Draw", "Policy", "get_policy"]


def _discover() -> dict[str, Policy]:
    modules = (import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__))
    found = [module.POLICY for module in modules if hasattr(module, "POLICY")]
    return {policy.name: policy for policy in found}


POLICIES: dict[str, Policy] = _discover()


def get_policy(name: str) -> Policy:
    """The policy of this name.

    Raises:
        SettingError: there is none; the message lists those that exist.
    """
    if name not in POLICIES:
        raise SettingError("policy", name, "one of " + ", ".join(POLICIES))
    return POLICIES[name]
