"""The front matter of a lesson: TOML between two lines of ``+++``."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from typing import Any

from lrd_core.settings import Setting, SettingError

FENCE = "+++"
MINUTES = Setting("minutes", 5, low=1, high=120)


def split(text: str) -> tuple[dict[str, Any], str]:
    """Front matter as a table, and the body below it.

    Raises:
        SettingError: no front matter, or one that is no TOML.
    """
    lines = text.splitlines()
    if not lines or lines[0].strip() != FENCE:
        first = lines[0] if lines else ""
        raise SettingError("line 1", first, f"a line of {FENCE}: a lesson begins with its settings")
    try:
        end = next(i for i, line in enumerate(lines) if i and line.strip() == FENCE)
    except StopIteration:
        raise SettingError(
            "front matter", lines[-1], f"a second line of {FENCE} after it"
        ) from None
    return toml("\n".join(lines[1:end]), "front matter"), "\n".join(lines[end + 1 :])


def toml(text: str, field: str) -> dict[str, Any]:
    """A TOML table.

    Raises:
        SettingError: it is none; the message has the line.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingError(field, text.strip(), f"TOML ({error})") from None


def words(table: Mapping[str, Any], name: str, most: int) -> str:
    """The text under `name`.

    Raises:
        SettingError: missing, empty, no text or longer than `most`.
    """
    value = table.get(name)
    if not isinstance(value, str) or not value.strip() or len(value) > most:
        raise SettingError(name, value, f"text of 1 to {most} characters")
    return value.strip()


def texts(value: object, field: str, example: str) -> list[str]:
    """One text or a list of them.

    Raises:
        SettingError: anything else, or none.
    """
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, list) or not found or not all(isinstance(one, str) for one in found):
        raise SettingError(field, value, f"a text or a list of them, e.g. {example!r}")
    return found


def only(table: Mapping[str, Any], names: Iterable[str]) -> None:
    """Refuse what nobody reads.

    Raises:
        SettingError: a name that is none of `names`.
    """
    allowed = list(names)
    for name, value in table.items():
        if name not in allowed:
            raise SettingError(name, value, "one of " + ", ".join(allowed))
