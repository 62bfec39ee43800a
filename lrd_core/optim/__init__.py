"""The wrapper everyone uses, the rules it can wrap and the policies that draw its masks."""

from __future__ import annotations

from lrd_core.optim.lrd import LRD
from lrd_core.optim.statistics import StepStatistics

__all__ = ["LRD", "StepStatistics"]
