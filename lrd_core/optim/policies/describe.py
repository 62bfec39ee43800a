"""A policy as a page for people: what it leaves out, its paper and settings."""

from __future__ import annotations

import inspect
import re
import sys

from lrd_core.optim.markdown import linked, paragraphs, settings_table
from lrd_core.optim.policies.policy import Policy

_UNITS = {
    "coordinate": "every coordinate",
    "row": "every row (index of dimension 0)",
    "column": "every column (index of dimension 1)",
    "tensor": "every parameter tensor",
    "step": "the whole step",
}


def describe(policy: Policy) -> str:
    """Markdown, the same on every machine."""
    module = sys.modules.get(policy.reference.__module__)
    words = inspect.cleandoc((module and module.__doc__) or "")
    # The first paragraph is the title, told by the label and the help.
    detail = words.partition("\n\n")[2].replace("``", "`")
    return paragraphs(
        f"### {policy.label}",
        f"`{policy.name}`. {policy.help}",
        "" if _cites(detail, policy.paper) else f"Paper: {linked(policy.paper)}.",
        linked(detail),
        settings_table(policy.settings),
        "\n".join(f"- {line}" for line in (_acts(policy), _coin(policy), _step(policy))),
    )


def _cites(detail: str, paper: str) -> bool:
    """Whether the detail has the paper's arXiv number already."""
    number = re.search(r"arXiv:[\d.]+", paper)
    return number is not None and number[0].rstrip(".") in detail


def _acts(policy: Policy) -> str:
    if policy.gradient is None:
        return "Acts on the update: moments have seen the whole gradient."
    return "Acts on the gradient: moments see what it leaves."


def _coin(policy: Policy) -> str:
    if policy.unit:
        return f"One coin for {_UNITS[policy.unit]}."
    return "Its choice depends on more than a coin, or on no coin."


def _step(policy: Policy) -> str:
    if policy.fused is not None:
        return "Drawn in the pass of the step: no mask is stored, no copy is made."
    if policy.gradient is not None:
        return (
            "The base steps with changed gradients: a copy of each, and of the parameters, "
            "while the step lasts."
        )
    return (
        "The base steps, then dropped coordinates are put back: a copy of the parameters "
        "while the step lasts."
    )
