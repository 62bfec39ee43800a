"""The policies: every module here with a `POLICY` is one, so a new one is one new file."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from lrd_core.optim.policies.policy import Draw, Policy, ReferenceDraw
from lrd_core.settings import SettingError

__all__ = ["POLICIES", "Draw", "Policy", "ReferenceDraw", "get_policy"]


#: The menu begins with these; all others follow by name.
_FIRST = (
    "elementwise",
    "per_row",
    "per_column",
    "per_tensor",
    "per_step",
    "gradient_dropout",
    "gradient_noise",
    "cautious",
    "momentum_aligned",
)


def _discover() -> dict[str, Policy]:
    modules = (import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__))
    found = {module.POLICY.name: module.POLICY for module in modules if hasattr(module, "POLICY")}
    names = [name for name in _FIRST if name in found]
    return {name: found[name] for name in names + sorted(found.keys() - set(names))}


POLICIES: dict[str, Policy] = _discover()


def get_policy(name: str) -> Policy:
    """The policy of this name.

    Raises:
        SettingError: there is none; the message lists those that exist.
    """
    if name not in POLICIES:
        raise SettingError("policy", name, "one of " + ", ".join(POLICIES))
    return POLICIES[name]
