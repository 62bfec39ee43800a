"""An experiment as a Python script: the same training in the user's own loop, around `LRD`."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from pprint import pformat

import torch

from lrd_core.engine.command import run_text
from lrd_core.engine.experiment import POLICY_PREFIX, ExperimentSpec, RunSpec
from lrd_core.engine.timeline import RunRecord, Timeline, changed, timeline
from lrd_core.optim.lr_schedules import CONSTANT
from lrd_core.optim.rules import get_rule
from lrd_core.problems import get_problem

#: Losses that are printed of each run: the first ones, and so many more.
FIRST, MORE = 5, 20
#: What an optimizer does with these changes its speed alone.
_SPEED = ("fused", "foreach")

_LOOP = """
for run, make in RUNS.items():
    problem = get_problem(PROBLEM).build(SETTINGS, SEED{device})
    lrd = make(problem.parameters)
{before}    for step in range(1, STEPS + 1):
{on_the_way}        lrd.zero_grad()
        loss = problem.loss(step)
        loss.backward()
        lrd.step()
{after}        if not math.isfinite(loss):
            print(f"{{run}} diverged at step {{step}}")
            break
        if step <= {first} or step % {every} == 0:
            print(f"{{run}} step {{step}} loss {{loss.item():.9g}}")
"""

_SCHEDULED = """    factor = None
    if run in SCHEDULES:
        factor = lr_factor(*SCHEDULES[run], problem.steps_per_epoch)
    for group in lrd.param_groups:
        group["base_lr"] = group["lr"]
"""
_SET_LR = """        for group in lrd.param_groups if factor else []:
            group["lr"] = group["base_lr"] * factor(step)
"""
_HELD_OUT = """    print(run, problem.test())
"""
_AHEAD = """        loss = problem.loss(step)  # where the step has led: the loss that is recorded
"""
_SET_OPTIONS = '''

def set_options(lrd, **options):
    """Changes options of all parameter groups."""
    for group in lrd.param_groups:
        group.update(options)
'''


def script(spec: ExperimentSpec, records: Sequence[RunRecord], steps: int) -> str:
    """A script that trains the runs of an experiment and prints losses of theirs.

    It runs as it stands where `lrd_core` and the problem's data are. Of several seeds it trains the
    first; on the device and with the threads of the experiment its losses are those recorded, but
    for the last bits where runs were computed side by side as one batched model.

    Args:
        spec: as it began.
        records: its runs; those that were removed are left out.
        steps: the last step.
    """
    problem = get_problem(spec.problem)
    pasts = {record.spec.id: record.past for record in records}
    shown = [record for record in records if record.state != "removed"]
    ways = {r.spec.id: timeline(pasts, r.spec.id, steps) for r in shown}
    acts = [line for run, way in ways.items() for line in _acts(spec, run, way)]
    begun = {run: way.begin for run, way in ways.items()}
    schedules = {
        run: (begin.schedule, dict(begin.schedule_settings))
        for run, begin in begun.items()
        if _scheduled(begin)
    }
    imports = ["from lrd_core import LRD"]
    if schedules:
        imports.append("from lrd_core.optim.lr_schedules import lr_factor")
    made = [_made(spec, begin) for begin in begun.values()]
    if any("get_rule(" in one for one in [*made, *acts]):
        imports.append("from lrd_core.optim.rules import get_rule")
    imports.append("from lrd_core.problems import get_problem")
    parts = [
        _head(spec, problem.label, problem.data, steps),
        "\n".join(["import math", "", "import torch", "", *imports]),
        "\n" + _settings(spec, steps),
        "RUNS = {\n"
        + "".join(
            f"    # {run_text(begin)}\n    {run!r}: lambda p: {one},\n"
            for (run, begin), one in zip(begun.items(), made, strict=True)
        )
        + "}",
    ]
    if schedules:
        parts.append(f"SCHEDULES = {pformat(schedules, sort_dicts=False, width=96)}")
    text = "\n".join(parts) + "\n"
    if acts:
        text += _SET_OPTIONS + "\n\n" + _CHANGE + "".join(acts) + "    return lrd\n\n"
    return (
        text
        + _LOOP.format(
            device=f", torch.device({spec.device!r})" if spec.device != "cpu" else "",
            before=_SCHEDULED if schedules else "",
            on_the_way=("        lrd = change(run, step, lrd)\n" if acts else "")
            + (_SET_LR if schedules else ""),
            after=_AHEAD if problem.kind == "surface" else "",
            first=FIRST,
            every=max(1, steps // MORE),
        )
        + (_HELD_OUT if problem.kind == "task" else "")
    )


_CHANGE = '''def change(run, step, lrd):
    """What was changed while it trained; gives the optimizer of the step that is made next."""
'''


def _head(spec: ExperimentSpec, label: str, data: str, steps: int) -> str:
    lines = [f'"""{label}, seed {spec.seed}, {steps} steps: as LRD Lab trained it.', ""]
    if data:
        lines += [
            f"Needs the data set {data!r}: `lrd data get {data}`, or its folder in LRD_DATA.",
            "A large task takes as long here as there; nothing of it is shortened.",
        ]
    if spec.seeds > 1:
        lines.append(f"There were {spec.seeds} copies of every run: set SEED to the others' seeds.")
    lines.append("Needs lrd_core (the package lrd-lab). Prints losses, to be compared.")
    return "\n".join([*lines, '"""', ""])


def _settings(spec: ExperimentSpec, steps: int) -> str:
    """The constants, and the number of threads that fixes the order of sums."""
    settings = pformat(dict(spec.settings), sort_dicts=False, width=86)
    return "\n".join(
        [
            f"torch.set_num_threads({spec.threads})",
            f"SEED, STEPS = {spec.seed}, {steps}",
            f"PROBLEM, SETTINGS = {spec.problem!r}, {settings}",
        ]
    )


def _scheduled(run: RunSpec) -> bool:
    return run.schedule != CONSTANT or bool(run.schedule_settings.get("warm_up", 0))


def _made(spec: ExperimentSpec, run: RunSpec) -> str:
    """The optimizer of a run, wrapped: ``LRD(torch.optim.Adam(p, …), drop_rate=0.5, …)``."""
    return _wrapped(spec, run, _base(run))


def _wrapped(spec: ExperimentSpec, run: RunSpec, base: str) -> str:
    seed = spec.mask_seed(run)
    words = [f"drop_rate={run.drop_rate!r}", "seed=SEED" if seed == spec.seed else f"seed={seed}"]
    if run.policy != "elementwise":
        words.append(f"policy={run.policy!r}")
    if run.policy_settings:
        words.append(f"policy_settings={dict(run.policy_settings)!r}")
    if run.rescale:
        words.append("rescale=True")
    return f"LRD({base}, {', '.join(words)})"


def _base(run: RunSpec) -> str:
    """torch's own optimizer of parameters ``p`` where there is one, else one made from the rule."""
    rule = get_rule(run.optimizer)
    optimizer = rule.optimizer([torch.nn.Parameter(torch.zeros(1))], run.settings)
    kind = type(optimizer)
    if not kind.__module__.startswith("torch.optim"):
        given = {s.name: run.settings.get(s.name, s.default) for s in rule.settings}
        return f"get_rule({run.optimizer!r}).optimizer(p, {given!r})"
    defaults = {
        name: parameter.default for name, parameter in inspect.signature(kind).parameters.items()
    }
    options = [
        f"{name}={value!r}"
        for name, value in optimizer.defaults.items()
        if name in defaults and name not in _SPEED and (name == "lr" or value != defaults[name])
    ]
    return f"torch.optim.{kind.__name__}({', '.join(['p', *options])})"


def _acts(spec: ExperimentSpec, run: str, way: Timeline) -> list[str]:
    """The changes of a run on its way, as statements of `change`."""
    lines = []
    now = way.begin
    for act in way.acts:
        if act.become is not None:
            lines += _become(spec, run, act.step, act.become, now)
            now = act.become
        elif act.change is not None:
            before, now = now, changed(now, act.change.setting, act.change.value)
            lines.append(_at(run, act.step, _statement(act.change.setting, before, now)))
    return lines


def _at(run: str, step: int, *statements: str) -> str:
    body = "".join(f"        {statement}\n" for statement in statements)
    return f"    if (run, step) == ({run!r}, {step}):\n{body}"


def _statement(setting: str, before: RunSpec, after: RunSpec) -> str:
    if setting == "drop_rate":
        return f"set_options(lrd, drop_rate={after.drop_rate!r})"
    if setting.startswith(POLICY_PREFIX):
        name = setting.removeprefix(POLICY_PREFIX)
        return f"lrd.policy_settings = {{{name!r}: {after.policy_settings[name]!r}}}"
    return _set(before, after)


def _set(before: RunSpec, after: RunSpec) -> str:
    """Options of parameter groups that differ; a scheduled learning rate is set as its base."""
    rule = get_rule(after.optimizer)
    old, new = rule.group_options(before.settings), rule.group_options(after.settings)
    differing = {name: value for name, value in new.items() if old.get(name) != value}
    if _scheduled(after) and "lr" in differing:
        differing["base_lr"] = differing["lr"]
    words = [f"{name}={value!r}" for name, value in differing.items()]
    return f"set_options({', '.join(['lrd', *words])})"


def _become(spec: ExperimentSpec, run: str, step: int, fork: RunSpec, before: RunSpec) -> list[str]:
    """A fork goes on from its parent's state with what differs."""
    statements = [f"# {run} is a fork of {fork.parent}: from here on it goes its own way."]
    statements += [
        f"lrd = {_wrapped(spec, fork, 'lrd.optimizer')}",
        f"lrd.steps = {step - 1}",
        f"set_options(lrd, drop_rate={fork.drop_rate!r})",
    ]
    if fork.settings != before.settings:
        statements.append(_set(before, fork))
    if (fork.schedule, fork.schedule_settings) != (before.schedule, before.schedule_settings):
        statements.append("# Its learning-rate schedule changes here, too: that is not done here.")
    return [_at(run, step, *statements)]
