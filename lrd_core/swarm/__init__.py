"""Swarms: thousands of starts on a surface, stepped together in compiled code."""

from lrd_core.swarm.basins import Basins, basins, minima_of
from lrd_core.swarm.plan import Masks
from lrd_core.swarm.stepping import near
from lrd_core.swarm.swarm import NEVER, Swarm, is_prepared, prepare, swarm

__all__ = [
    "NEVER",
    "Basins",
    "Masks",
    "Swarm",
    "basins",
    "is_prepared",
    "minima_of",
    "near",
    "prepare",
    "swarm",
]
