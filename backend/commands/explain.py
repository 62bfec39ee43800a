"""`lrd explain`: an optimizer or a policy, its formula, settings and where it runs here."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markdown import Markdown

from backend.commands.engines import Row, rows
from lrd_core.optim.policies import Policy, get_policy
from lrd_core.optim.policies.describe import describe as describe_policy
from lrd_core.optim.rules import Rule, get_rule, load_rule
from lrd_core.optim.rules.describe import describe as describe_rule
from lrd_core.settings import SettingError

_USAGE = "the name of an optimizer, or `policy` and the name of a policy"


def explain(names: Sequence[str], rule_file: Path | None, as_json: bool) -> int:
    """Print what is known of one optimizer or policy.

    Args:
        names: an optimizer's name, or "policy" and a policy's; none is the rule of `rule_file`.
        rule_file: a file with a rule, loaded first.
        as_json: one JSON document instead of text.

    Raises:
        SettingError: no such name, or a file without a rule that can be used.
    """
    loaded = load_rule(rule_file) if rule_file is not None else None
    found = _find(names, loaded)
    kind, key = ("optimizer", "rule") if isinstance(found, Rule) else ("policy", "policy")
    text = describe_rule(found) if isinstance(found, Rule) else describe_policy(found)
    here = [row for row in rows() if row[key] == found.name]
    if as_json:
        record = {
            "kind": kind,
            "name": found.name,
            "label": found.label,
            "paper": found.paper,
            "settings": [
                {"name": s.name, "default": s.default, "allowed": s.allowed(), "help": s.help}
                for s in found.settings
            ],
            "markdown": text,
            "kernels": here,
        }
        sys.stdout.write(json.dumps(record) + "\n")
        return 0
    text += "\n" + _engines(here, "policy" if kind == "optimizer" else "rule")
    if sys.stdout.isatty():
        Console().print(Markdown(text))
    else:
        sys.stdout.write(text)
    return 0


def _find(names: Sequence[str], loaded: Rule | None) -> Rule | Policy:
    if not names and loaded is not None:
        return loaded
    if len(names) == 2 and names[0] == "policy":
        return get_policy(names[1])
    if len(names) != 1 or names[0] == "policy":
        raise SettingError("name", " ".join(names), _USAGE)
    return get_rule(names[0])


def _engines(found: Sequence[Row], other: str) -> str:
    """A table of where it runs on this machine; equal rows are told once."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for row in found:
        groups.setdefault((row["device"], row["engine"], row["reason"]), []).append(row[other])
    everywhere = len({row[other] for row in found})
    lines = ["On this machine:", "", f"| device | {other} | engine | why |", "|---|---|---|---|"]
    for (device, engine, reason), members in groups.items():
        named = "all" if len(members) == everywhere else ", ".join(members)
        lines.append(f"| {device} | {named} | {engine} | {reason} |")
    return "\n".join(lines) + "\n"
