"""What can be trained, and with what: problems, optimizers, policies, the picture of a surface."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Path, Query, Response

from backend.errors import ApiError
from backend.protocol import (
    Catalogue,
    Grid,
    LrScheduleInfo,
    OptimizerInfo,
    PointInfo,
    PolicyInfo,
    ProblemInfo,
    SettingInfo,
    SurfaceIn,
    SurfaceInfo,
    SurfaceOut,
)
from lrd_core import __version__
from lrd_core.engine.devices import devices
from lrd_core.engine.experiment import MAX_RUNS, RESCALE
from lrd_core.optim.lr_schedules import LR_SCHEDULES, LrSchedule
from lrd_core.optim.policies import POLICIES, Policy
from lrd_core.optim.rules import RULES, Rule
from lrd_core.problems import PROBLEMS, Problem, Surface, get_surface
from lrd_core.problems.turn import pivot_of
from lrd_core.settings import DROP_RATE, Setting

router = APIRouter(tags=["catalogue"])


def setting_info(setting: Setting) -> SettingInfo:
    return SettingInfo(
        name=setting.name,
        label=setting.label or setting.name,
        kind=setting.kind,
        default=setting.default,
        low=setting.low,
        high=setting.high,
        low_open=setting.low_open,
        high_open=setting.high_open,
        choices=list(setting.choices),
        allowed=setting.allowed(),
        help=setting.help,
        log=setting.log,
        live=setting.live,
    )


def problem_info(problem: Problem) -> ProblemInfo:
    return ProblemInfo(
        name=problem.name,
        label=problem.label,
        kind=problem.kind,
        about=problem.about,
        settings=[setting_info(setting) for setting in problem.settings],
        suggested_lr=dict(problem.suggested_lr),
        steps=problem.steps,
        speed=problem.speed,
        test_every=problem.test_every,
        data=problem.data,
        examples=problem.examples,
        surface=_surface_info(problem) if isinstance(problem, Surface) else None,
    )


def _surface_info(surface: Surface) -> SurfaceInfo:
    view = surface.view
    return SurfaceInfo(
        formula=surface.formula,
        x=view.x,
        y=view.y,
        log=view.log,
        points=[PointInfo(x=point.x, y=point.y, kind=point.kind) for point in view.points],
        minimum=surface.minimum,
        rotation=surface.turn.degrees if surface.turn else 0.0,
        pivot=surface.turn.pivot if surface.turn else pivot_of(view),
    )


def optimizer_info(rule: Rule) -> OptimizerInfo:
    return OptimizerInfo(
        name=rule.name,
        label=rule.label,
        paper=rule.paper,
        settings=[setting_info(setting) for setting in rule.settings],
    )


def policy_info(policy: Policy) -> PolicyInfo:
    return PolicyInfo(
        name=policy.name,
        label=policy.label,
        help=policy.help,
        paper=policy.paper,
        unit=policy.unit,
        acts_on="update" if policy.gradient is None else "gradient",
        settings=[setting_info(setting) for setting in policy.settings],
    )


def schedule_info(schedule: LrSchedule) -> LrScheduleInfo:
    return LrScheduleInfo(
        name=schedule.name,
        label=schedule.label,
        help=schedule.help,
        paper=schedule.paper,
        settings=[setting_info(setting) for setting in schedule.settings],
    )


def find_problem(name: str) -> Problem:
    """The problem called `name`, else 404."""
    if name not in PROBLEMS:
        allowed = "one of " + ", ".join(PROBLEMS)
        message = f"name: there is no problem {name!r}; use {allowed}"
        raise ApiError(404, "name", name, allowed, message)
    return PROBLEMS[name]


@router.get("/catalogue")
async def catalogue() -> Catalogue:
    """Everything a menu can offer."""
    return Catalogue(
        problems=[problem_info(problem) for problem in PROBLEMS.values()],
        optimizers=[optimizer_info(rule) for rule in RULES.values()],
        policies=[policy_info(policy) for policy in POLICIES.values()],
        schedules=[schedule_info(schedule) for schedule in LR_SCHEDULES.values()],
        drop_rate=setting_info(DROP_RATE),
        rescale=setting_info(RESCALE),
        max_runs=MAX_RUNS,
        devices=devices(),
        version=__version__,
    )


@router.get("/problems")
async def problems() -> list[ProblemInfo]:
    """Every problem in menu order."""
    return [problem_info(problem) for problem in PROBLEMS.values()]


@router.get("/problems/{name}")
async def problem(name: Annotated[str, Path(max_length=100)]) -> ProblemInfo:
    """One problem."""
    return problem_info(find_problem(name))


@router.get("/optimizers")
async def optimizers() -> list[OptimizerInfo]:
    """Every optimizer in menu order."""
    return [optimizer_info(rule) for rule in RULES.values()]


@router.get("/policies")
async def policies() -> list[PolicyInfo]:
    """Every policy in menu order."""
    return [policy_info(policy) for policy in POLICIES.values()]


@router.get("/problems/{name}/grid", response_model=Grid)
def grid(
    name: Annotated[str, Path(max_length=100)],
    n: Annotated[int, Query(ge=16, le=400, description="points a side")] = 160,
) -> Response:
    """A surface's values on an n × n grid over its view, to six significant digits."""
    # A grid never changes within a version, but a new version may bring another one.
    headers = {"Cache-Control": "public, max-age=3600"}
    return Response(_grid_json(name, n), media_type="application/json", headers=headers)


def find_surface(name: str) -> Surface:
    """The surface called `name`; 404 for no problem, 422 for a task."""
    problem = find_problem(name)
    if isinstance(problem, Surface):
        return problem
    allowed = "one of " + ", ".join(p.name for p in PROBLEMS.values() if p.kind == "surface")
    message = f"name: {name!r} is a task, only surfaces have a grid; use {allowed}"
    raise ApiError(422, "name", name, allowed, message)


#: Points a side of a drawing.
N = Setting("n", 160, low=16, high=400)


@router.post("/surfaces", response_model=SurfaceOut)
def drawn(given: SurfaceIn) -> Response:
    """A surface as its settings make it, and its values on an n × n grid over its view, to six
    significant digits; "NaN" where it has none."""
    surface = get_surface(given.problem).settled(given.settings)
    grid = _grid_of(surface, int(N.check(given.n)))
    out = SurfaceOut(surface=_surface_info(surface), grid=grid)
    return Response(out.model_dump_json(), media_type="application/json")


@lru_cache(maxsize=64)
def _grid_json(name: str, n: int) -> bytes:
    return _grid_of(find_surface(name), n).model_dump_json().encode()


def _grid_of(surface: Surface, n: int) -> Grid:
    with np.errstate(all="ignore"):
        values = surface.grid(n)
    z = [[float(f"{value:.6g}") for value in row] for row in values["z"].tolist()]
    x, y = (values[axis].tolist() for axis in ("x", "y"))
    return Grid(x=x, y=y, z=z)
