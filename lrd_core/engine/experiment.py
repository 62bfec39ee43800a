"""What an experiment is before it trains: a problem, a seed, up to 16 runs; all checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from lrd_core.engine.devices import check_device
from lrd_core.optim.lr_schedules import CONSTANT, check_lr_schedule
from lrd_core.optim.policies import get_policy
from lrd_core.optim.random_bits import derive
from lrd_core.optim.rules import get_rule
from lrd_core.problems import Surface, get_problem
from lrd_core.problems.problem import Problem
from lrd_core.settings import DROP_RATE, Setting, SettingError, Value, check_settings

MAX_RUNS = 16

SEED = Setting("seed", 0, low=0, high=2**53 - 1, live=False)
STEPS = Setting("steps", 900, low=1, high=10_000_000)
SPEED = Setting("speed", 60.0, low=0.0, high=1e6, help="Steps per second; 0 is as fast as it can.")
#: The slowest speed but 0: one step in 1,000 s.
SLOWEST = 1e-3
SEEDS = Setting("seeds", 1, low=1, high=64, help="Copies of every run, each from its own seed.")
THREADS = Setting("threads", 1, low=1, high=256, live=False)
CURVATURE_EVERY = Setting("curvature_every", 0, low=0, high=1_000_000)
TEST_EVERY = Setting("test_every", 10, low=1, high=1_000_000, live=False)
SHARED_MASKS = Setting("shared_masks", True, live=False)
RESCALE = Setting(
    "rescale",
    False,
    help="Divides what is kept by keep (cautious: by the share kept; gradient noise: no effect).",
    live=False,
)
MAX_LABEL = 60
#: Before the name of a policy's setting, where it could be taken for the optimizer's.
POLICY_PREFIX = "policy."
#: Before the name of a setting of the learning rate's schedule, in text.
SCHEDULE_PREFIX = "schedule."
#: What a run is made of; only the optimizer has no default.
RUN_PARTS = (
    "optimizer",
    "settings",
    "drop_rate",
    "policy",
    "policy_settings",
    "rescale",
    "label",
    "schedule",
    "schedule_settings",
)
EXPERIMENT_PARTS = (
    "problem",
    "settings",
    "seed",
    "steps",
    "speed",
    "runs",
    "shared_masks",
    "test_every",
    "seeds",
    "device",
    "threads",
    "curvature_every",
)


def check_speed(value: object, field: str = "speed") -> float:
    """A speed limit in steps per second; 0 is none.

    Raises:
        SettingError: out of range, or so slow that no step would ever come.
    """
    speed = float(SPEED.check(value, field))
    if 0 < speed < SLOWEST:
        raise SettingError(
            field, value, f"0 (no limit) or a number in [{SLOWEST:g}, {SPEED.high:g}]"
        )
    return speed


@dataclass(frozen=True)
class RunSpec:
    """One run's settings at its first step.

    `slot` (0 to 15) is its colour and glyph for life; `label` overrides the name made from the
    settings; a run stored before a policy had settings lacks them, which means their defaults.

    A fork has a `parent`: its first `fork_step` steps are the parent's, and its settings count from
    the step after. `mask_slot` says whose own masks it draws (`ExperimentSpec.mask_seed`); -1 is
    the run's slot. `schedule` is one of `lrd_core.optim.lr_schedules`: the learning rate of a step
    is ``settings["lr"]`` times its factor.
    """

    id: str
    slot: int
    optimizer: str
    settings: dict[str, Value]
    drop_rate: float = 0.0
    policy: str = "elementwise"
    rescale: bool = False
    label: str = ""
    policy_settings: dict[str, Value] = field(default_factory=dict)
    parent: str = ""
    fork_step: int = 0
    mask_slot: int = -1
    schedule: str = CONSTANT
    schedule_settings: dict[str, Value] = field(default_factory=dict)


@dataclass(frozen=True)
class ExperimentSpec:
    """Runs trained together on the same start and data order.

    `seeds` copies of every run train at once, with the seeds `seed`, `seed` + 1, …: the first one's
    values are the run's, the others make its mean and spread. `device` is one of
    `lrd_core.engine.devices`; results repeat to the bit on the same device with the same `threads`.
    `curvature_every` is the number of steps between two measurements of curvature, 0 for none.
    """

    problem: str
    settings: dict[str, Value]
    seed: int
    steps: int
    speed: float
    runs: list[RunSpec] = field(default_factory=list)
    shared_masks: bool = True
    test_every: int = 10
    seeds: int = 1
    device: str = "cpu"
    threads: int = 1
    curvature_every: int = 0

    def mask_seed(self, run: RunSpec, copy: int = 0) -> int:
        """Seed of the masks of a run's copy: the experiment's, or one of its own for every slot."""
        seed = self.seed + copy
        if self.shared_masks:
            return seed
        slot = run.slot if run.mask_slot < 0 else run.mask_slot
        # 53 bits, so that a browser can hold it exactly.
        return derive(seed, "mask", slot) >> 11


def check_run(
    given: Mapping[str, object],
    slot: int,
    suggested_lr: Mapping[str, float],
    kind: Literal["surface", "task"] = "task",
    steps: int = int(STEPS.default),
) -> RunSpec:
    """One run from its parts, `RUN_PARTS`.

    Args:
        kind: of the problem.
        steps: of the experiment, which a cosine schedule covers unless it is told how many.

    Raises:
        SettingError: with the field's name.
    """
    _only(given, RUN_PARTS)
    name = given.get("optimizer")
    if not isinstance(name, str):
        raise SettingError("optimizer", name, "the name of an optimizer")
    rule = get_rule(name)
    settings = dict(_pairs(given, "settings"))
    settings.setdefault("lr", suggested_lr.get(name, rule_default(rule.settings, "lr")))
    policy_name = given.get("policy", "elementwise")
    if not isinstance(policy_name, str):
        raise SettingError("policy", policy_name, "the name of a policy")
    policy = get_policy(policy_name)
    label = given.get("label") or ""
    if not isinstance(label, str) or len(label) > MAX_LABEL:
        raise SettingError("label", label, f"text of at most {MAX_LABEL} characters")
    for setting in policy.settings:
        known = any(own.name == setting.name for own in rule.settings)
        if setting.name in settings and not known:
            mend = f"policy.{setting.name}: it is a setting of the policy"
            raise SettingError(f"settings.{setting.name}", settings[setting.name], mend)
    checked = check_settings(rule.settings, settings)
    try:
        rule.group_options(checked)  # settings that contradict each other
    except SettingError as error:
        raise error.within("settings") from None
    schedule, schedule_settings = check_lr_schedule(
        given.get("schedule", CONSTANT), _pairs(given, "schedule_settings"), steps, kind
    )
    return RunSpec(
        id=f"r{slot + 1}",
        slot=slot,
        optimizer=name,
        settings=checked,
        drop_rate=float(DROP_RATE.check(given.get("drop_rate", 0.0))),
        policy=policy.name,
        rescale=bool(RESCALE.check(given.get("rescale", False))),
        label=label,
        policy_settings=check_settings(
            policy.settings, _pairs(given, "policy_settings"), "policy_settings"
        ),
        mask_slot=slot,
        schedule=schedule,
        schedule_settings=schedule_settings,
    )


def _pairs(given: Mapping[str, object], name: str) -> Mapping[str, object]:
    """The part of `given` that is names with values; empty where it is missing."""
    raw = given.get(name) or {}
    if not isinstance(raw, Mapping):
        raise SettingError(name, raw, "names with values")
    return raw


def rule_default(settings: Sequence[Setting], name: str) -> Value:
    """The default of the setting called `name`."""
    return next(setting.default for setting in settings if setting.name == name)


def check_experiment(given: Mapping[str, object], build: bool = True) -> ExperimentSpec:
    """An experiment from its parts; what is missing comes from the problem's default comparison.

    Args:
        build: try the problem's settings by building it; not where its data are elsewhere.

    Raises:
        SettingError: with the dotted path of the field, e.g. ``runs.2.settings.lr``.
    """
    _only(given, EXPERIMENT_PARTS)
    name = given.get("problem", "beale")
    if not isinstance(name, str):
        raise SettingError("problem", name, "the name of a problem")
    problem = get_problem(name)
    pairs = _pairs(given, "settings")
    if isinstance(problem, Surface):
        pairs = problem.completed(pairs)
    settings = check_settings(problem.settings, pairs)
    seed = int(SEED.check(given.get("seed", 0)))
    runs = given.get("runs")
    if runs is None:
        runs = default_runs(name)
    if not isinstance(runs, Sequence) or isinstance(runs, str) or not runs:
        raise SettingError("runs", runs, f"a list of 1 to {MAX_RUNS} runs")
    if len(runs) > MAX_RUNS:
        raise SettingError("runs", len(runs), f"at most {MAX_RUNS} runs in one experiment")
    steps = int(STEPS.check(given.get("steps", problem.steps)))
    spec = ExperimentSpec(
        problem=name,
        settings=settings,
        seed=seed,
        steps=steps,
        speed=check_speed(given.get("speed", problem.speed)),
        runs=[_run_at(i, run, problem, steps) for i, run in enumerate(runs)],
        shared_masks=bool(SHARED_MASKS.check(given.get("shared_masks", True))),
        test_every=int(TEST_EVERY.check(given.get("test_every", problem.test_every))),
        seeds=int(SEEDS.check(given.get("seeds", 1))),
        device=check_device(_device(given.get("device", "auto"), problem.kind)),
        threads=int(THREADS.check(given.get("threads", 1))),
        curvature_every=int(CURVATURE_EVERY.check(given.get("curvature_every", 0))),
    )
    if spec.seeds > 1 and problem.kind == "surface":
        raise SettingError("seeds", spec.seeds, "1: a surface has no randomness but the masks")
    if build:
        problem.build(settings, seed)
    return spec


def _device(given: object, kind: str) -> object:
    """A surface's steps are too short for a GPU: ``auto`` is the CPU there."""
    return "cpu" if given == "auto" and kind == "surface" else given


def _run_at(index: int, run: object, problem: Problem, steps: int) -> RunSpec:
    if not isinstance(run, Mapping):
        raise SettingError(f"runs.{index}", run, "a run: optimizer, settings, drop_rate")
    try:
        return check_run(run, index, problem.suggested_lr, problem.kind, steps)
    except SettingError as error:
        raise error.within(f"runs.{index}") from None


def _only(given: Mapping[str, object], names: Sequence[str]) -> None:
    for name in given:
        if name not in names:
            raise SettingError(name, given[name], "one of " + ", ".join(names))


def default_runs(problem_name: str) -> list[dict[str, object]]:
    """The first visit's comparison: base, LRD, and on tasks the fair baseline at lr × keep."""
    problem = get_problem(problem_name)
    lr, more = problem.suggested_lr, problem.suggested_settings
    adam = {**more.get("adam", {}), "lr": lr["adam"]}
    sgd = {"momentum": 0.9, **more.get("sgd", {}), "lr": lr["sgd"]}
    runs: list[dict[str, object]] = [
        {"optimizer": "adam", "settings": adam},
        {"optimizer": "adam", "settings": adam, "drop_rate": 0.5},
        {"optimizer": "adam", "settings": adam, "drop_rate": 0.9}
        if problem.kind == "surface"
        else {"optimizer": "adam", "settings": {**adam, "lr": lr["adam"] / 2}},
        {"optimizer": "sgd", "settings": sgd, "drop_rate": 0.5},
    ]
    return [{**run, **problem.suggested_schedule} for run in runs]
