"""A sink that keeps everything, and short ways to run a loop."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from lrd_core.engine.controls import Applied, Control, Replayed, State, Status
from lrd_core.engine.experiment import ExperimentSpec, check_experiment
from lrd_core.engine.frames import Frame, Taken, rows
from lrd_core.engine.loop import Loop

Values = dict[str, float]


class Recorder:
    """Rows by (run, step), answers by control id, every status; `when` runs after each frame."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, int], Values] = {}
        self.answers: dict[str, Applied] = {}
        self.statuses: list[Status] = []
        self.made_again: dict[str, list[Replayed]] = {}
        self.views: dict[str, list[dict[str, Any]]] = {}
        self.repeated: list[tuple[str, int]] = []
        self.when: Callable[[], None] = lambda: None
        self.changed = threading.Condition()

    def frame(self, taken: Taken) -> None:
        with self.changed:
            for run, step, values in rows(Frame(1, 1, taken.blocks())):
                known = self.rows.setdefault((run, step), {})
                if known.keys() & values.keys():
                    self.repeated.append((run, step))
                known.update(values)
            self.changed.notify_all()
        self.when()

    def applied(self, applied: Applied) -> None:
        with self.changed:
            self.answers[applied.id] = applied
            self.changed.notify_all()

    def status(self, status: Status) -> None:
        with self.changed:
            self.statuses.append(status)
            self.changed.notify_all()

    def replayed(self, run: str, parts: list[Replayed]) -> None:
        with self.changed:
            self.made_again[run] = parts
            self.changed.notify_all()

    def view(self, name: str, content: dict[str, Any]) -> None:
        with self.changed:
            self.views.setdefault(name, []).append(content)
            self.changed.notify_all()

    def column(self, run: str, name: str) -> list[float]:
        """The column in order of steps, where it has values."""
        of_run = sorted((s, v) for (r, s), v in self.rows.items() if r == run)
        return [values[name] for _, values in of_run if name in values]

    def wait(self, happened: Callable[[], bool]) -> None:
        """Block until it has happened; a minute is the limit of a test that hangs."""
        with self.changed:
            assert self.changed.wait_for(happened, timeout=60)


class Live:
    """A loop on its own thread, as a worker has it."""

    def __init__(self, spec: ExperimentSpec, paused: bool = False) -> None:
        self.seen = Recorder()
        self.loop = Loop(spec, self.seen, paused)
        self.thread = threading.Thread(target=self.loop.run, daemon=True)

    def __enter__(self) -> Live:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.loop.post(Control("end", "stop"))
        self.thread.join(30)
        assert not self.thread.is_alive()

    def ask(self, control: Control) -> Applied:
        """Post a control and wait for its answer."""
        self.loop.post(control)
        self.seen.wait(lambda: control.id in self.seen.answers)
        return self.seen.answers[control.id]

    def wait_state(self, state: State) -> Status:
        self.seen.wait(lambda: bool(self.seen.statuses) and self.seen.statuses[-1].state == state)
        return self.seen.statuses[-1]


def spec(**given: object) -> ExperimentSpec:
    """A checked experiment, as fast as it can unless said otherwise."""
    return check_experiment({"speed": 0, "steps": 40} | given)


def trained(experiment: ExperimentSpec, scheduled: Sequence[tuple[int, Control]] = ()) -> Recorder:
    """Everything that an experiment sends until its last step."""
    seen = Recorder()
    Loop(experiment, seen, scheduled=scheduled, stay=False).run()
    return seen
