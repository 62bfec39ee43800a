"""``python -m lrd_core.swarm``: compiles what swarms need, for a process that must not wait for it.

Reads ``{"problem": NAME, "settings": {…}, "runs": [RUN, …]}`` as JSON from the standard input; runs
as in `lrd_core.engine.experiment.check_run`. Compiled code stays on the disk.
"""

from __future__ import annotations

import json
import sys

from lrd_core.engine.experiment import check_run
from lrd_core.problems import get_surface
from lrd_core.swarm.swarm import prepare


def main() -> None:
    """Prepares one run after the other."""
    wish = json.load(sys.stdin)
    surface = get_surface(wish["problem"]).settled(wish.get("settings", {}))
    for run in wish["runs"]:
        prepare(surface, check_run(run, 0, surface.suggested_lr))


if __name__ == "__main__":
    main()
