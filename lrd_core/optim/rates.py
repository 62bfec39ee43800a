"""Which drop rate every parameter has at a step: a number, a schedule, or one by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from lrd_core.optim.schedules import Schedule, schedule_from
from lrd_core.settings import DROP_RATE, SettingError

#: What a user gives: a number, a schedule, or either for patterns of parameter names.
DropRate = float | Schedule | Mapping[str, "float | Schedule"]


class Rates:
    """Drop rates of an optimizer's parameter groups.

    ``group["drop_rate"]`` is each group's number. Without a schedule it may be set at any time; a
    schedule writes it before every step. A group that comes with ``drop_rate=Schedule`` has a
    schedule of its own. Patterns of names go before all of them; groups then have no number.

    Args:
        given: the drop rate of groups that have none of their own. With patterns, the first that
            matches a parameter's name counts (``fnmatch`` rules: ``*.bias``).

    Raises:
        SettingError: a bad rate; patterns for parameters without names.
    """

    def __init__(self, given: object) -> None:
        self.default = 0.0
        self.schedule: Schedule | None = None
        self.patterns: dict[str, float | Schedule] = {}
        self.own: dict[int, Schedule] = {}
        self.followers: set[int] = set()
        self.set(given)

    def set(self, given: object) -> None:
        """Takes another drop rate in place of number, schedule and patterns."""
        patterns: dict[str, float | Schedule] = {}
        schedule: Schedule | None = None
        default = self.default
        if isinstance(given, Mapping):
            if not given:
                raise SettingError("drop_rate", given, 'at least one pattern, such as {"*": 0.5}')
            patterns = {
                str(pattern): rate
                if isinstance(rate, Schedule)
                else float(DROP_RATE.check(rate, f"drop_rate.{pattern}"))
                for pattern, rate in given.items()
            }
        elif isinstance(given, Schedule):
            schedule, default = given, given(1)
        else:
            default = float(DROP_RATE.check(given))
        self.default, self.schedule, self.patterns = default, schedule, patterns
        self.own, self.followers = {}, set()

    def at(self, step: int, groups: Sequence[dict[str, Any]]) -> list[float]:
        """The rate of every parameter at a step, in order; groups get their numbers.

        Raises:
            SettingError: a group's rate is out of range, or no pattern matches a name.
        """
        rates: list[float] = []
        for i, group in enumerate(groups):
            if self.patterns:
                group.pop("drop_rate", None)
                rates += self._by_name(step, i, group)
                continue
            schedule = self._schedule_of(i, group)
            if schedule is not None:
                group["drop_rate"] = schedule(step)
            number = group.setdefault("drop_rate", self.default)
            if type(number) is not float or not 0.0 <= number < 1.0:
                number = float(DROP_RATE.check(number, f"param_groups.{i}.drop_rate"))
            rates += [number] * len(group["params"])
        return rates

    def forget(self, i: int) -> None:
        """A group that was not added after all."""
        self.own.pop(i, None)
        self.followers.discard(i)

    def constant(self, groups: Sequence[Mapping[str, Any]]) -> bool:
        """Whether the rates are the same at every step."""
        values = [*self.patterns.values(), *(group.get("drop_rate") for group in groups)]
        scheduled = self.schedule is not None or bool(self.own)
        return not scheduled and not any(isinstance(value, Schedule) for value in values)

    def _schedule_of(self, i: int, group: dict[str, Any]) -> Schedule | None:
        """A group's own schedule, moved out of it so that the group holds plain numbers only."""
        given = group.get("drop_rate")
        if isinstance(given, Schedule):
            self.own[i] = given
        elif given is not None and i not in self.own and i not in self.followers:
            # A number of its own: the common schedule is not for this group.
            return None
        if i in self.own:
            return self.own[i]
        self.followers.add(i)
        return self.schedule

    def _by_name(self, step: int, i: int, group: dict[str, Any]) -> list[float]:
        names = group.get("param_names")
        if names is None:
            raise SettingError(
                "drop_rate",
                dict(self.patterns),
                "one number, or give the base optimizer model.named_parameters()",
            )
        values = {
            pattern: float(DROP_RATE.check(rate(step), f"drop_rate.{pattern}"))
            if isinstance(rate, Schedule)
            else rate
            for pattern, rate in self.patterns.items()
        }
        found = []
        for j, name in enumerate(names):
            pattern = next((p for p in values if fnmatchcase(name, p)), None)
            if pattern is None:
                raise SettingError(
                    f"param_groups.{i}.params.{j}", name, 'a pattern that matches it, e.g. "*"'
                )
            found.append(values[pattern])
        return found

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for checkpoints."""
        return {
            "default": self.default,
            "schedule": self.schedule.to_dict() if self.schedule else None,
            "groups": {str(i): schedule.to_dict() for i, schedule in self.own.items()},
            "followers": sorted(self.followers),
            "patterns": {
                pattern: rate.to_dict() if isinstance(rate, Schedule) else rate
                for pattern, rate in self.patterns.items()
            },
        }

    def load(self, values: Mapping[str, Any]) -> None:
        """Takes up what `to_dict` gave."""
        schedule = values["schedule"]
        self.default = float(values["default"])
        self.schedule = schedule_from(schedule) if schedule else None
        self.own = {int(i): schedule_from(given) for i, given in values["groups"].items()}
        self.followers = set(values["followers"])
        self.patterns = {
            pattern: schedule_from(rate) if isinstance(rate, Mapping) else rate
            for pattern, rate in values["patterns"].items()
        }
