"""The loop: same numbers whatever happens around it; controls take effect at the next step."""

import itertools
import math
import time

import pytest

from lrd_core.engine.command import parse_at
from lrd_core.engine.controls import KINDS, Control
from lrd_core.engine.frames import Taken
from lrd_core.engine.loop import Loop
from lrd_core.engine.roster import MAX_EVER
from lrd_core.optim.rules import RULES
from tests.lrd_core.engine.recorder import Live, Recorder, spec, trained

TWO = [{"optimizer": "adam"}, {"optimizer": "adam", "drop_rate": 0.5}]
COLUMNS = {
    "loss", "grad_norm", "update_norm", "keep_rate", "cos_full", "cos_grad", "drop_rate", "lr"
}  # fmt: skip


def test_a_surface_sends_every_column_of_every_step() -> None:
    seen = trained(spec(runs=TWO))
    assert sorted(seen.rows) == [(run, step) for run in ("r1", "r2") for step in range(1, 41)]
    assert all(values.keys() == COLUMNS | {"x", "y"} for values in seen.rows.values())
    assert not seen.repeated


def test_a_task_tests_at_its_interval() -> None:
    seen = trained(spec(problem="digits", runs=TWO, test_every=15))
    tested = [
        step for (run, step), v in sorted(seen.rows.items()) if run == "r1" and "test_loss" in v
    ]
    assert tested == [15, 30]
    assert {"proj_x", "proj_y", "keep_rate/fc1.weight"} <= seen.rows["r2", 1].keys()
    assert seen.rows["r1", 15]["test_accuracy"] > 0.3


@pytest.mark.parametrize("problem", ["beale", "digits"])
def test_the_same_experiment_gives_the_same_bits(problem: str) -> None:
    one, other = trained(spec(problem=problem)), trained(spec(problem=problem))
    assert one.rows.keys() == other.rows.keys()
    for place, row in one.rows.items():
        # As text, so that NaN equals itself.
        assert {k: repr(v) for k, v in row.items()} == {
            k: repr(v) for k, v in other.rows[place].items()
        }, place
    assert one.column("r2", "loss") != trained(spec(problem=problem, seed=1)).column("r2", "loss")


def test_shared_masks_are_the_same_masks() -> None:
    runs = [{"optimizer": "sgd", "drop_rate": 0.5}, {"optimizer": "adam", "drop_rate": 0.5}]
    shared = trained(spec(runs=runs))
    assert shared.column("r1", "keep_rate") == shared.column("r2", "keep_rate")
    own = trained(spec(runs=runs, shared_masks=False))
    assert own.column("r1", "keep_rate") != own.column("r2", "keep_rate")


def test_cosine_with_the_full_update_is_the_root_of_the_kept_share() -> None:
    seen = trained(spec(problem="digits", runs=[{"optimizer": "adam", "drop_rate": 0.5}]))
    for value in seen.column("r1", "cos_full")[5:]:
        assert value == pytest.approx(math.sqrt(0.5), abs=0.06)


@pytest.mark.parametrize("problem", ["beale", "digits"])
def test_a_run_added_late_catches_up_to_the_numbers_it_would_have_had(problem: str) -> None:
    late = {"optimizer": "rmsprop", "drop_rate": 0.3}
    together = trained(spec(problem=problem, runs=[*TWO, late]))
    with Live(spec(problem=problem, runs=TWO, steps=40)) as live:
        live.wait_state("finished")
        answer = live.ask(Control("c", "add_run", spec=late))
        assert answer.run is not None
        assert (answer.run["id"], answer.run["slot"]) == ("r3", 2)
        live.seen.wait(lambda: ("r3", 40) in live.seen.rows)
    assert live.seen.column("r3", "loss") == together.column("r3", "loss")
    assert live.seen.column("r1", "loss") == together.column("r1", "loss")


def test_a_run_added_while_paused_catches_up_and_the_others_wait() -> None:
    with Live(spec(runs=TWO), paused=True) as live:
        live.ask(Control("s", "step", value=7))
        live.wait_state("paused")
        live.ask(Control("c", "add_run", spec={"optimizer": "sgd"}))
        live.seen.wait(lambda: ("r3", 7) in live.seen.rows)
    assert max(step for _, step in live.seen.rows) == 7


def test_one_hundred_controls_each_take_effect_at_the_next_step() -> None:
    with Live(spec(runs=TWO, steps=100_000, speed=400)) as live:
        answers = []
        for index in range(100):
            rate = (index % 89 + 1) / 100
            answers.append((rate, live.ask(Control(f"c{index}", "set", "r2", "drop_rate", rate))))
            # the next control comes after this one's step has been trained
            live.seen.wait(lambda: ("r2", answers[-1][1].step) in live.seen.rows)
    rates = live.seen.column("r2", "drop_rate")
    for rate, answer in answers:
        assert answer.step == answer.received_step + 1
        assert rates[answer.step - 1] == pytest.approx(rate)
        assert rates[answer.step - 2] != pytest.approx(rate)


def test_a_control_while_paused_is_for_the_next_step() -> None:
    with Live(spec(runs=TWO), paused=True) as live:
        live.ask(Control("s", "step", value=3))
        live.wait_state("paused")
        answer = live.ask(Control("c", "set", None, "lr", 0.125))
        assert (answer.received_step, answer.step) == (3, 4)
        assert [(c.run, c.new) for c in answer.changes] == [("r1", 0.125), ("r2", 0.125)]
        assert live.ask(Control("t", "step")).step == 4
        live.seen.wait(lambda: ("r2", 4) in live.seen.rows)
    assert [live.seen.rows["r1", step]["lr"] for step in (3, 4)] == pytest.approx([0.05, 0.125])


ALIGNED = {
    "optimizer": "adam",
    "drop_rate": 0.5,
    "policy": "momentum_aligned",
    "policy_settings": {"rest": 0.0},
}


def test_a_policys_setting_is_used_from_the_step_that_the_control_names() -> None:
    with Live(spec(runs=[ALIGNED, TWO[1]]), paused=True) as live:
        live.ask(Control("s", "step", value=5))
        live.wait_state("paused")
        answer = live.ask(Control("c", "set", "r1", "policy.rest", 1))
        assert (answer.received_step, answer.step) == (5, 6)
        assert [(c.run, c.setting, c.old, c.new, c.step) for c in answer.changes] == [
            ("r1", "policy.rest", 0.0, 1.0, 6)
        ]
        live.ask(Control("t", "step", value=5))
        live.seen.wait(lambda: ("r1", 10) in live.seen.rows)
    # With `rest` 1 what is left out is not left out: the update is the base optimizer's.
    shares = live.seen.column("r1", "cos_full")
    assert all(share < 0.9999 for share in shares[:5])
    assert shares[5:] == pytest.approx([1.0] * 5)
    scheduled = trained(spec(runs=[ALIGNED, TWO[1]], steps=10), [parse_at("6 r1 policy.rest=1")])
    assert live.seen.column("r1", "loss") == scheduled.column("r1", "loss")


@pytest.mark.parametrize(
    ("run", "setting", "value", "field", "allowed"),
    [
        ("r1", "policy.rest", 1.5, "policy.rest", "[0, 1]"),
        ("r1", "policy.nope", 1, "setting", "policy.rest"),
        ("r2", "policy.rest", 0.1, "setting", "drop_rate, lr"),
    ],
)
def test_a_policys_setting_that_cannot_be_is_refused(
    run: str, setting: str, value: float, field: str, allowed: str
) -> None:
    with Live(spec(runs=[ALIGNED, TWO[1]]), paused=True) as live:
        error = live.ask(Control("c", "set", run, setting, value)).error
    assert error is not None
    assert error["field"] == field
    assert allowed in error["allowed"]


def test_the_answer_to_a_single_step_comes_when_it_is_done() -> None:
    with Live(spec(runs=TWO), paused=True) as live:
        for step in (1, 2, 3):
            assert live.ask(Control(f"s{step}", "step")).step == step
            assert live.wait_state("paused").step == step


def test_scheduled_changes_give_what_live_changes_gave() -> None:
    with Live(spec(runs=TWO, problem="digits"), paused=True) as live:
        for step in itertools.count():
            if step == 10:
                live.ask(Control("a", "set", "r2", "drop_rate", 0.8))
            if step == 20:
                live.ask(Control("b", "set", None, "lr", 0.01))
            if step == 40:
                break
            live.ask(Control(f"s{step}", "step"))
    seen = Recorder()
    at = [parse_at("11 r2 drop_rate=0.8"), parse_at("21 all lr=0.01")]
    Loop(spec(runs=TWO, problem="digits"), seen, scheduled=at, stay=False).run()
    assert repr(seen.column("r2", "loss")) == repr(live.seen.column("r2", "loss"))
    assert repr(seen.column("r1", "loss")) == repr(live.seen.column("r1", "loss"))


def test_a_diverged_run_keeps_its_history_and_the_others_go_on() -> None:
    runs = [{"optimizer": "sgd", "settings": {"lr": 900.0}}, *TWO]
    seen = trained(spec(runs=runs, steps=60))
    states = {run.id: run for run in seen.statuses[-1].runs}
    stopped = states["r1"].diverged_step
    assert states["r1"].state == "diverged"
    assert stopped is not None
    assert not math.isfinite(seen.rows["r1", stopped]["loss"])
    assert len(seen.column("r1", "loss")) == stopped < 60
    assert len(seen.column("r2", "loss")) == len(seen.column("r3", "loss")) == 60
    assert seen.statuses[-1].state == "finished"


def test_removed_runs_come_back_with_their_colour_and_catch_up() -> None:
    whole = trained(spec(runs=TWO))
    with Live(spec(runs=TWO), paused=True) as live:
        live.ask(Control("a", "step", value=5))
        live.wait_state("paused")
        live.ask(Control("b", "remove_run", "r2"))
        live.ask(Control("c", "step", value=5))
        live.wait_state("paused")
        assert ("r2", 6) not in live.seen.rows
        assert live.ask(Control("d", "remove_run", "r1")).error is not None
        live.ask(Control("e", "restore_run", "r2"))
        live.ask(Control("f", "play"))
        live.wait_state("finished")
    assert live.seen.column("r2", "loss") == whole.column("r2", "loss")
    assert live.seen.statuses[-1].runs[1].slot == 1


def test_a_seventeenth_run_is_refused_and_a_removed_ones_place_is_free() -> None:
    with Live(spec(runs=TWO * 8), paused=True) as live:
        refused = live.ask(Control("a", "add_run", spec={"optimizer": "sgd"}))
        assert refused.error is not None
        assert "16" in refused.error["allowed"]
        live.ask(Control("b", "remove_run", "r5"))
        taken = live.ask(Control("c", "add_run", spec={"optimizer": "sgd"}))
        assert taken.run is not None
        assert taken.run["slot"] == 4


def test_a_finished_experiment_goes_on_when_it_is_extended() -> None:
    longer = trained(spec(runs=TWO, steps=50))
    with Live(spec(runs=TWO, steps=40)) as live:
        live.wait_state("finished")
        assert live.ask(Control("p", "play")).error is not None
        live.ask(Control("e", "extend", value=10))
        live.ask(Control("q", "play"))
        live.seen.wait(lambda: ("r2", 50) in live.seen.rows)
    assert live.seen.column("r2", "loss") == longer.column("r2", "loss")


@pytest.mark.parametrize(
    ("control", "field"),
    [
        (Control("x", "set", "r9", "lr", 0.1), "run"),
        (Control("x", "set", "r1", "nope", 0.1), "setting"),
        (Control("x", "set", "r1", "lr", -1.0), "lr"),
        (Control("x", "set", "r1", "lr", float("inf")), "lr"),
        (Control("x", "set", "r1", "drop_rate", 1.0), "drop_rate"),
        (Control("x", "set", "r1", "drop_rate", "half"), "drop_rate"),
        (Control("x", "speed", value=-5.0), "value"),
        (Control("x", "speed", value=1e-12), "value"),
        *((Control("x", kind, "r9"), "run") for kind in KINDS if kind != "set"),
        (Control("x", "extend", value=0), "value"),
        (Control("x", "add_run", spec={"optimizer": "adamm"}), "spec.optimizer"),
        (Control("x", "remove_run"), "run"),
        (Control("x", "restore_run"), "run"),
        (Control("x", "set", None, None, 1.0), "setting"),
    ],
)
def test_a_bad_control_is_refused_and_training_goes_on(control: Control, field: str) -> None:
    with Live(spec(runs=TWO), paused=True) as live:
        answer = live.ask(control)
        assert answer.error is not None
        assert answer.error["field"] == field
        assert answer.error["allowed"]
        assert not answer.changes
        live.ask(Control("p", "play"))
        live.wait_state("finished")


@pytest.mark.parametrize("rule", list(RULES))
def test_every_live_setting_of_every_optimizer_can_change_while_it_trains(rule: str) -> None:
    live_settings = [s for s in RULES[rule].settings if s.live and s.kind in ("float", "int")]
    with Live(spec(runs=[{"optimizer": rule, "drop_rate": 0.5}]), paused=True) as live:
        live.ask(Control("first", "step"))
        for setting in live_settings:
            value = {"lr": 0.01}.get(setting.name, 0.5 if setting.high != 1.0 else 0.25)
            answer = live.ask(Control(setting.name, "set", "r1", setting.name, value))
            assert answer.error is None, answer.error
            live.ask(Control(f"{setting.name} step", "step"))
        live.wait_state("paused")
    losses = live.seen.column("r1", "loss")
    assert len(losses) == len(live_settings) + 1
    assert all(map(math.isfinite, losses))


def test_speed_is_a_limit() -> None:
    began = time.monotonic()
    trained(spec(runs=TWO, steps=10, speed=50))
    assert time.monotonic() - began >= 9 / 50


def test_the_speed_can_change_while_it_trains() -> None:
    with Live(spec(runs=TWO, steps=10_000), paused=True) as live:
        change = live.ask(Control("v", "speed", value=30.0)).changes
        assert [(c.setting, c.new) for c in change] == [("speed", 30.0)]
        assert live.seen.statuses[-1].speed == 30.0


def test_a_setting_of_all_runs_is_set_on_all_or_on_none() -> None:
    sgd = {"optimizer": "sgd", "settings": {"momentum": 0.9}}
    nesterov = {"optimizer": "sgd", "settings": {"momentum": 0.9, "nesterov": True}}
    with Live(spec(runs=[sgd, nesterov], steps=20), paused=True) as live:
        refused = live.ask(Control("a", "set", None, "momentum", 0.0))
        assert refused.error is not None
        assert refused.error["field"] == "momentum"
        live.ask(Control("p", "play"))
        live.wait_state("finished")
    assert live.seen.column("r1", "loss") == trained(spec(runs=[sgd], steps=20)).column(
        "r1", "loss"
    )


def test_a_step_that_is_called_off_at_once_is_answered() -> None:
    loop_spec = spec(runs=TWO)
    seen = Recorder()
    loop = Loop(loop_spec, seen, paused=True)
    # both lie in the inbox before the loop looks
    for control in (Control("s", "step"), Control("p", "pause"), Control("e", "stop")):
        loop.post(control)
    loop.run()
    assert seen.answers["s"].error is not None
    assert seen.answers["p"].error is None
    assert not seen.rows


def test_the_others_go_on_while_a_run_catches_up() -> None:
    with Live(spec(problem="digits", runs=TWO, steps=100_000), paused=True) as live:
        live.ask(Control("a", "step", value=400))
        live.wait_state("paused")
        live.ask(Control("b", "add_run", spec={"optimizer": "sgd"}))
        step = live.ask(Control("c", "step"))
        assert step.step == 401
        live.seen.wait(lambda: ("r1", 401) in live.seen.rows)
        assert ("r3", 400) not in live.seen.rows
        live.seen.wait(lambda: ("r3", 401) in live.seen.rows)
    assert not live.seen.repeated


def test_a_setting_of_all_says_where_a_run_that_catches_up_stands() -> None:
    with Live(spec(problem="digits", runs=TWO, steps=100_000), paused=True) as live:
        live.ask(Control("a", "step", value=300))
        live.wait_state("paused")
        live.ask(Control("b", "add_run", spec={"optimizer": "adam"}))
        answer = live.ask(Control("c", "set", None, "lr", 0.02))
        live.seen.wait(lambda: ("r3", 300) in live.seen.rows)
        live.ask(Control("d", "step"))
        live.seen.wait(lambda: ("r3", 301) in live.seen.rows)
    assert answer.step == 301
    steps = {change.run: change.step for change in answer.changes}
    assert steps["r1"] == steps["r2"] == 301
    assert steps["r3"] < 300
    rates = live.seen.column("r3", "lr")
    assert rates[steps["r3"] - 1] == pytest.approx(0.02)
    if steps["r3"] > 1:
        assert rates[steps["r3"] - 2] == pytest.approx(0.003)


def test_a_run_added_after_all_diverged_can_be_trained() -> None:
    with Live(spec(runs=[{"optimizer": "sgd", "settings": {"lr": 900.0}}])) as live:
        stopped = live.wait_state("diverged").step
        assert stopped < 40
        live.ask(Control("a", "add_run", spec={"optimizer": "adam"}))
        live.ask(Control("p", "play"))
        live.wait_state("finished")
        live.seen.wait(lambda: ("r2", 40) in live.seen.rows)


def test_testing_at_every_step_makes_no_more_blocks() -> None:
    frames: list[Taken] = []
    seen = Recorder()
    take = seen.frame
    seen.frame = lambda given: (frames.append(given), take(given))  # type: ignore[method-assign]
    Loop(spec(problem="digits", runs=TWO, test_every=1), seen, stay=False).run()
    assert len(seen.column("r1", "test_loss")) == len(seen.column("r1", "loss")) == 40
    for blocks in (rows.blocks() for rows in frames):
        assert len({block.run for block in blocks}) == len(blocks)


def test_an_experiment_has_so_many_runs_in_its_life() -> None:
    with Live(spec(problem="booth", runs=TWO), paused=True) as live:
        for number in range(3, MAX_EVER + 1):
            added = live.ask(Control(f"a{number}", "add_run", spec={"optimizer": "sgd"}))
            assert added.run is not None
            assert added.run["id"] == f"r{number}"
            live.ask(Control(f"r{number}", "remove_run", f"r{number}"))
        refused = live.ask(Control("last", "add_run", spec={"optimizer": "sgd"}))
        assert refused.error is not None
        assert "start a new experiment" in refused.error["allowed"]
