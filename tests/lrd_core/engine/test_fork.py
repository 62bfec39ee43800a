"""Forks, replays and resumed experiments make the very bits that training without them makes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from lrd_core.engine.checkpoint import Vault
from lrd_core.engine.controls import Control
from lrd_core.engine.experiment import ExperimentSpec
from lrd_core.engine.loop import Loop
from lrd_core.engine.timeline import Changed, Past, Resume, RunRecord
from lrd_core.optim.policies import POLICIES
from lrd_core.optim.rules import RULES
from lrd_core.settings import Setting
from tests.lrd_core.engine.recorder import Live, Recorder, spec, trained

#: Problems with the settings that make their steps short.
PROBLEMS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("beale", {}),
    ("rosenbrock", {}),
    ("saddle", {}),
    ("digits", {"width": 8, "batch": 16}),
    ("spirals", {"width": 8, "batch": 16}),
    ("matrix-factorisation", {"size": 6, "rank": 2, "factors": 2}),
)
STEPS = 24


def drawn(setting: Setting, dice: random.Random) -> float | int:
    """A value near the default: any is allowed, extreme ones diverge at once."""
    value = setting.default * dice.uniform(0.6, 1.0)
    return round(value) if setting.kind == "int" else value


def numeric(settings: Sequence[Setting]) -> list[Setting]:
    return [s for s in settings if s.live and s.kind == "float" and s.name != "lr" and s.default]


def case(number: int) -> tuple[ExperimentSpec, list[tuple[int, Control]], int, int]:
    """A random experiment of one run with its changes, the step to fork at, and when."""
    dice = random.Random(number)
    problem, settings = PROBLEMS[number % len(PROBLEMS)]
    rule = dice.choice(sorted(RULES))
    policy = dice.choice(sorted(POLICIES))
    run = {
        "optimizer": rule,
        "policy": policy,
        "drop_rate": dice.choice([0.0, 0.3, 0.5, 0.9]),
        "rescale": dice.random() < 0.2,
    }
    experiment = spec(
        problem=problem,
        settings=settings,
        seed=number,
        runs=[run],
        steps=STEPS,
        seeds=dice.choice([1, 1, 2]) if problem in ("digits", "spirals") else 1,
        shared_masks=dice.random() < 0.7,
        test_every=dice.choice([3, 10]),
    )
    asked_at = dice.randint(2, STEPS)
    shared = dice.randint(0, asked_at - 1)
    changes = []
    for place in range(dice.randint(0, 3)):
        live = numeric(RULES[rule].settings)
        if live and dice.random() < 0.5:
            chosen = dice.choice(live)
            name, value = chosen.name, drawn(chosen, dice)
        else:
            name, value = "drop_rate", dice.choice([0.0, 0.2, 0.7])
        step = dice.randint(1, STEPS)
        changes.append((step, Control(f"c{place}", "set", "r1", name, value)))
    return experiment, changes, shared, asked_at


def same(values: dict[str, float], others: dict[str, float]) -> bool:
    """Equal to the bit; a plane that is fitted while a run trains is not part of its state."""
    kept = [{k: v for k, v in row.items() if "proj" not in k} for row in (values, others)]
    return repr(sorted(kept[0].items())) == repr(sorted(kept[1].items()))


@pytest.mark.parametrize("block", range(8))
def test_a_fork_with_unchanged_settings_is_its_parent_to_the_bit(
    tmp_path: Path, block: int
) -> None:
    for number in range(25 * block, 25 * (block + 1)):
        experiment, changes, shared, asked_at = case(number)
        vault = Vault(tmp_path / str(number), experiment) if number % 2 else None
        fork = Control("fork", "fork", "r1", value=shared)
        # Checkpoints at two steps of their own, so that replays begin in the middle as well.
        kept = [(step, Control(f"k{step}", "checkpoint")) for step in (5, 12)]
        seen = Recorder()
        scheduled = [*changes, *kept, (asked_at, fork)]
        Loop(experiment, seen, scheduled=scheduled, stay=False, vault=vault).run()
        refused = {id: a.error for id, a in seen.answers.items() if a.error}
        if "fork" in refused:  # it had diverged before
            assert min(s for (_, s), v in seen.rows.items() if v["loss"] != v["loss"]) <= shared
            continue
        later = [s for s, c in changes if s > shared and c.id not in refused]
        until = min([STEPS, *(step - 1 for step in later)])
        told = seen.answers["fork"]
        assert told.run is not None
        assert (told.run["parent"], told.run["fork_step"], told.step) == ("r1", shared, shared + 1)
        assert ("r2", shared) not in seen.rows
        for step in range(shared + 1, until + 1):
            parent, child = seen.rows.get(("r1", step)), seen.rows.get(("r2", step))
            if parent is None:  # diverged
                assert child is None
                continue
            assert child is not None, f"case {number}, step {step}"
            assert same(parent, child), f"case {number}, step {step}"
        for part in seen.made_again.get("r2", []):
            recorded = [
                seen.rows[part.run, part.first + i]["loss"] for i in range(len(part.losses))
            ]
            assert repr(part.losses) == repr(recorded), f"case {number}"
