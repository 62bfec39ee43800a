"""What the pages about rules and policies share."""

from __future__ import annotations

import re
from collections.abc import Iterable

from lrd_core.settings import Setting


def settings_table(settings: Iterable[Setting]) -> str:
    """Name, default, range and help of every setting; empty for none."""
    rows = [
        f"| `{s.name}` | {_shown(s.default)} | {_cell(_range(s))} | {_cell(s.help)} |"
        for s in settings
    ]
    head = ["| setting | default | allowed | |", "|---|---|---|---|"]
    return "\n".join(head + rows) if rows else ""


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _range(setting: Setting) -> str:
    return setting.allowed().removeprefix("a finite number in ")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def linked(text: str) -> str:
    """The text with its arXiv numbers as links."""
    return re.sub(r"arXiv:(\d{4}\.\d{4,5})", r"[arXiv:\1](https://arxiv.org/abs/\1)", text)


def paragraphs(*parts: str) -> str:
    """The parts that are not empty, a blank line between them."""
    return "\n\n".join(part for part in parts if part) + "\n"
