"""Settings with ranges, and the one error that says what is wrong with a value.

Every optimizer, policy, surface and task describes its numbers as `Setting`s; the command line, the
REST interface and the dashboard all check against the same description.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

Value = float | int | bool | str


class SettingError(ValueError):
    """A value that cannot be used.

    Attributes:
        field: dotted path of the field, e.g. ``runs.2.settings.lr``.
        value: the offending value as given.
        allowed: what would be accepted, in words; the mend.
    """

    def __init__(self, field: str, value: object, allowed: str) -> None:
        self.field = field
        self.value = value
        self.allowed = allowed
        super().__init__(f"{field}: {_shown(value)} is not allowed; use {allowed}")

    def within(self, prefix: str) -> SettingError:
        """The same error with `prefix` before its field."""
        return SettingError(f"{prefix}.{self.field}", self.value, self.allowed)


def _shown(value: object) -> str:
    text = repr(value)
    # Both ends: a path says most at its end.
    return text if len(text) <= 80 else f"{text[:39]}…{text[-40:]}"


@dataclass(frozen=True)
class Setting:
    """One named number, switch or choice.

    Attributes:
        name: key in settings dictionaries.
        default: value used where none is given; its type is the setting's type.
        low, high: bounds (inclusive unless `low_open` / `high_open`); None is unbounded.
        choices: allowed strings, for settings whose default is a string; without any it is a text
            that a subclass checks.
        label: words shown to a person; empty means `name`.
        help: one sentence.
        log: a slider over it should be logarithmic.
        live: it may change while a run trains.
    """

    name: str
    default: Value
    low: float | None = None
    high: float | None = None
    low_open: bool = False
    high_open: bool = False
    choices: tuple[str, ...] = ()
    label: str = ""
    help: str = ""
    log: bool = False
    live: bool = True

    @property
    def kind(self) -> Literal["float", "int", "bool", "choice", "text"]:
        if isinstance(self.default, bool):
            return "bool"
        if isinstance(self.default, int):
            return "int"
        if isinstance(self.default, float):
            return "float"
        return "choice" if self.choices else "text"

    def allowed(self) -> str:
        """What `check` accepts, in words."""
        if self.kind == "bool":
            return "true or false"
        if self.kind == "choice":
            return "one of " + ", ".join(self.choices)
        noun = "a whole number" if self.kind == "int" else "a finite number"
        if self.low is None and self.high is None:
            return noun
        left = "(" if self.low is None or self.low_open else "["
        right = ")" if self.high is None or self.high_open else "]"
        low = "−∞" if self.low is None else f"{self.low:g}"
        high = "∞" if self.high is None else f"{self.high:g}"
        return f"{noun} in {left}{low}, {high}{right}"

    def check(self, value: object, field: str | None = None) -> Value:
        """`value` as this setting's type.

        Raises:
            SettingError: wrong type, not finite, or out of range.
        """
        error = SettingError(field or self.name, value, self.allowed())
        if self.kind == "bool":
            if isinstance(value, bool):
                return value
            raise error
        if self.kind == "choice":
            if isinstance(value, str) and value in self.choices:
                return value
            raise error
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise error
        try:
            number = float(value)
        except OverflowError:
            raise error from None
        if not math.isfinite(number) or not self._inside(number):
            raise error
        if self.kind == "float":
            return number
        if number != int(number):
            raise error
        return int(number)

    def _inside(self, number: float) -> bool:
        if self.low is not None and (number < self.low or (self.low_open and number == self.low)):
            return False
        above = self.high is not None and (
            number > self.high or (self.high_open and number == self.high)
        )
        return not above


DROP_RATE = Setting(
    "drop_rate",
    0.5,
    low=0.0,
    high=1.0,
    high_open=True,
    label="drop rate",
    help="Probability that a coordinate's learning rate is zero at a step.",
)


def check_settings(
    settings: Iterable[Setting], given: Mapping[str, object], field: str = "settings"
) -> dict[str, Value]:
    """All `settings` with `given` values checked and defaults filled in, in their own order.

    Raises:
        SettingError: an unknown name or a bad value; its field is ``{field}.{name}``.
    """
    known = {setting.name: setting for setting in settings}
    for name, value in given.items():
        if name not in known:
            names = ", ".join(known) or "none: it has no settings"
            raise SettingError(f"{field}.{name}", value, f"one of these settings: {names}")
    return {
        name: setting.check(given[name], f"{field}.{name}") if name in given else setting.default
        for name, setting in known.items()
    }
