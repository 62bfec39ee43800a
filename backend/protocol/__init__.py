"""Every message between browser and backend, defined once (workers: `backend.jobs.messages`).

TypeScript types are generated from these models. Binary websocket messages are frames
(`lrd_core.engine.frames`); everything else is JSON.
"""

from __future__ import annotations

from backend.protocol import (
    base,
    catalogue,
    controls,
    data,
    experiments,
    health,
    jobs,
    lessons,
    stream,
    swarms,
    system,
)
from backend.protocol.base import PROTOCOL_VERSION, Input, Message, Value
from backend.protocol.catalogue import (
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
from backend.protocol.controls import ChangeInfo, ControlIn, ControlOut, ResumeIn
from backend.protocol.data import DataSetInfo
from backend.protocol.experiments import (
    BucketsOut,
    ColumnNames,
    Command,
    EffectiveSteps,
    Experiment,
    ExperimentIn,
    ExperimentPatch,
    ExperimentSummary,
    Limits,
    LimitsIn,
    Number,
    Points,
    Queued,
    Run,
    RunIn,
    RunPatch,
    Series,
    StepTimes,
    Tensor,
)
from backend.protocol.health import ErrorDetail, ErrorOut, Health
from backend.protocol.jobs import DeviceInfo, GpuUsage, JobInfo, NodeInfo, Usage
from backend.protocol.lessons import Lesson, LessonFault, Lessons, LessonStep, Try
from backend.protocol.stream import (
    ControlMessage,
    ExperimentMessage,
    Hello,
    Ping,
    Pong,
    ServerMessage,
    ViewersMessage,
    ViewMessage,
)
from backend.protocol.swarms import SwarmIn
from backend.protocol.system import System

#: One a subject, each importing only from those before it.
SUBJECTS = (
    base,
    catalogue,
    data,
    experiments,
    controls,
    jobs,
    swarms,
    health,
    system,
    stream,
    lessons,
)

__all__ = [
    "PROTOCOL_VERSION",
    "SUBJECTS",
    "BucketsOut",
    "Catalogue",
    "ChangeInfo",
    "ColumnNames",
    "Command",
    "ControlIn",
    "ControlMessage",
    "ControlOut",
    "DataSetInfo",
    "DeviceInfo",
    "EffectiveSteps",
    "ErrorDetail",
    "ErrorOut",
    "Experiment",
    "ExperimentIn",
    "ExperimentMessage",
    "ExperimentPatch",
    "ExperimentSummary",
    "GpuUsage",
    "Grid",
    "Health",
    "Hello",
    "Input",
    "JobInfo",
    "Lesson",
    "LessonFault",
    "LessonStep",
    "Lessons",
    "Limits",
    "LimitsIn",
    "LrScheduleInfo",
    "Message",
    "NodeInfo",
    "Number",
    "OptimizerInfo",
    "Ping",
    "PointInfo",
    "Points",
    "PolicyInfo",
    "Pong",
    "ProblemInfo",
    "Queued",
    "ResumeIn",
    "Run",
    "RunIn",
    "RunPatch",
    "Series",
    "ServerMessage",
    "SettingInfo",
    "StepTimes",
    "SurfaceIn",
    "SurfaceInfo",
    "SurfaceOut",
    "SwarmIn",
    "System",
    "Tensor",
    "Try",
    "Usage",
    "Value",
    "ViewMessage",
    "ViewersMessage",
]
