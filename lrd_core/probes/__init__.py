"""Probes: one file a measured quantity; each turns a training step into columns."""

from lrd_core.probes.contour import Contour, contour, random_directions, window
from lrd_core.probes.curvature import curvature
from lrd_core.probes.held_out import held_out
from lrd_core.probes.mask import MaskPicture, MaskWatch
from lrd_core.probes.plane import Plane
from lrd_core.probes.plane_fit import PlaneFit
from lrd_core.probes.point import Point
from lrd_core.probes.position import Position
from lrd_core.probes.sketch import Sketch
from lrd_core.probes.step_row import StepRow
from lrd_core.probes.update import update, update_columns, update_ratios

__all__ = [
    "Contour",
    "MaskPicture",
    "MaskWatch",
    "Plane",
    "PlaneFit",
    "Point",
    "Position",
    "Sketch",
    "StepRow",
    "contour",
    "curvature",
    "held_out",
    "random_directions",
    "update",
    "update_columns",
    "update_ratios",
    "window",
]
