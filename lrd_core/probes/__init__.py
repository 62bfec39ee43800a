"""Probes: one file a measured quantity; each turns a training step into columns."""

from lrd_core.probes.held_out import held_out
from lrd_core.probes.position import Position
from lrd_core.probes.projection import Projection
from lrd_core.probes.update import update

__all__ = ["Position", "Projection", "held_out", "update"]
