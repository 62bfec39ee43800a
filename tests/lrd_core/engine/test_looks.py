"""What a job shows of its tensors and of held-out samples, while somebody looks."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest
import torch

from lrd_core.data import DATASETS
from lrd_core.engine.advance import Stepper
from lrd_core.engine.controls import Control
from lrd_core.engine.trainer import Trainer
from lrd_core.optim.policies import Draw, get_policy
from lrd_core.optim.random_bits import keep_mask_numpy
from lrd_core.probes.layers import LOOKED_AT, Ages, Coins, coin_ages, leading
from lrd_core.problems import PROBLEMS, get_problem
from lrd_core.problems.tasks.samples import Passage
from tests.lrd_core.data.small import Content, image_set, text_set, write_text_parquet
from tests.lrd_core.engine.recorder import Live, Recorder, spec, trained

RUNS = [
    {"optimizer": "adam"},
    {"optimizer": "adam", "drop_rate": 0.5},
    {"optimizer": "adam", "drop_rate": 0.9, "policy": "per_row"},
    {"optimizer": "sgd", "drop_rate": 0.5, "policy": "momentum_aligned"},
]


def looked_at(
    settings: dict[str, Any], watches: list[Control], change: Control | None = None
) -> Recorder:
    """An experiment that is watched from its first step to its last, and then once more."""
    with Live(spec(**settings), paused=True) as live:
        for watch in watches:
            assert live.ask(watch).error is None
        live.ask(Control("p", "step", value=settings["steps"] // 2))
        live.wait_state("paused")
        if change is not None:
            live.ask(change)
        live.ask(Control("g", "play"))
        live.wait_state("finished")
        for name in {str(watch.value) for watch in watches}:
            live.seen.wait(lambda name=name: newest(live.seen, name) == settings["steps"])
        return live.seen


def newest(seen: Recorder, view: str) -> int:
    """The step that all of the newest view is of: of a training one, runs are at several."""
    found = seen.views.get(view)
    return min(part["step"] for part in found[-1].get("runs", found[-1:])) if found else 0


def test_nothing_that_is_looked_at_changes_training() -> None:
    settings = {"problem": "digits", "runs": RUNS, "steps": 60}
    alone = trained(spec(**settings))
    seen = looked_at(
        settings,
        [
            Control("l", "watch", None, "all", "layers"),
            Control("s", "watch", "r2", "wrong", "samples"),
        ],
    )
    assert seen.rows.keys() == alone.rows.keys()
    for key, row in alone.rows.items():
        assert seen.rows[key] == pytest.approx(row, rel=0, abs=0, nan_ok=True), key


def test_a_tensor_is_told_as_its_steps_were() -> None:
    settings = {"problem": "digits", "runs": RUNS, "steps": 40}
    change = Control("d", "set", "r2", "drop_rate", 0.8)
    seen = looked_at(settings, [Control("l", "watch", None, "all", "layers")], change)
    view = seen.views["layers"][-1]
    assert [run["run"] for run in view["runs"]] == ["r1", "r2", "r3", "r4"]
    assert [run["source"] for run in view["runs"]] == ["coins", "coins", "coins", "change"]
    names = [name for name, _ in Live(spec(**settings)).loop.tensors]
    for run in view["runs"]:
        row = seen.rows[run["run"], 40]
        for name, kept in zip(names, run["keep_rate"], strict=True):
            assert kept == pytest.approx(row[f"keep_rate/{name}"], abs=1e-6)
        for norm in ("grad_norm", "update_norm"):
            assert np.linalg.norm(run[norm]) == pytest.approx(row[norm], rel=1e-5)
        full = np.linalg.norm(run["full_norm"])
        if run["run"] == "r2":
            assert row["update_norm"] / full == pytest.approx(row["cos_full"], rel=1e-5)
    # By hand, from the masks that the steps drew: at 0.5, then at 0.8.
    ages = np.full(4096, 40)
    for step in range(1, 41):
        keep = 0.5 if step <= 20 else 0.2
        ages[keep_mask_numpy(0, step, 0, 4096, keep)] = 40 - step
    lrd = view["runs"][1]
    assert lrd["age"][0] == [int(np.quantile(ages, q, method="inverted_cdf")) for q in (0.5, 0.95)]
    assert lrd["covered"]["10"][0] == pytest.approx((ages < 10).mean())
    assert view["runs"][0]["age"][0] == [0, 0]
    # Followed from the first step on.
    assert set(view["runs"][3]["known"]) == {40}


def test_coins_drawn_backwards_are_those_of_a_part() -> None:
    """Of a tensor that is not looked at whole, and of rows that share a coin."""
    parameter = torch.zeros(9, 600, 3)
    part = leading(parameter)
    assert part.shape == (2, 600, 3)
    assert leading(torch.zeros(3, 5000)).shape == (1, LOOKED_AT)
    for name in ("elementwise", "per_row", "per_tensor"):
        policy = get_policy(name)
        coins = Coins(policy, 7, 0.7, {})
        found = coin_ages(parameter, 3, 12, lambda _, coins=coins: coins)
        whole = np.full(parameter.numel(), 12)
        for step in range(1, 13):
            draw = Draw(7, step, 3, 0.3, (9, 600, 3), (0, 0, 0), *[parameter] * 3)
            mask = policy.mask(draw).expand(parameter.shape).numpy().ravel()
            whole[mask] = 12 - step
        np.testing.assert_array_equal(found.since, whole[: part.numel()])
        # A look back ends where every coordinate was found.
        assert found.known == min(12, whole[: part.numel()].max() + 1)


def test_what_was_not_looked_at_is_not_known() -> None:
    ages = Ages(np.array([0, 3, 3, 1], dtype=np.int32), 3)
    assert ages.quantile(0.5) == 1
    assert ages.quantile(0.95) == 3
    assert np.isnan(ages.covered(10))
    assert ages.covered(2) == 0.5
    assert Ages(np.array([0, 1], dtype=np.int32), 2).covered(10) == 1.0
    assert Ages(np.array([0], dtype=np.int32), 0).quantile(0.5) is None


# --- samples --------------------------------------------------------------------------------------


def test_digits_are_shown_with_what_the_run_takes_them_for() -> None:
    settings = {"problem": "digits", "runs": RUNS[:2], "steps": 30}
    seen = looked_at(settings, [Control("s", "watch", "r2", "fixed", "samples")])
    view = seen.views["samples"][-1]
    assert (view["kind"], view["run"], view["total"]) == ("pictures", "r2", 24)
    pixels = np.frombuffer(base64.b64decode(view["data"]), np.uint8).reshape(24, 8, 8)
    # The same network, trained without anybody looking.
    experiment = spec(**settings)
    trainer, stepper = Trainer(experiment, experiment.runs[1]), Stepper()
    for _ in range(30):
        stepper.advance([trainer])
        trainer.end()
    model: Any = trainer.members[0].instance.model
    inputs = torch.from_numpy(pixels.astype("float32") / 255).view(24, 64)
    with torch.no_grad():
        found = model(inputs).softmax(-1)
    for sample, shares in zip(view["samples"], found, strict=True):
        assert sample["predicted"] == int(shares.argmax())
        assert sample["probability"] == pytest.approx(float(shares.max()), abs=0.02)
    assert view["right"] == sum(s["predicted"] == s["label"] for s in view["samples"])


def test_often_wrong_ones_come_first() -> None:
    settings = {"problem": "digits", "runs": RUNS[:1], "steps": 20}
    seen = looked_at(settings, [Control("s", "watch", "r1", "wrong", "samples")])
    view = seen.views["samples"][-1]
    counts = [sample["wrong"] for sample in view["samples"]]
    assert view["total"] == 240
    assert counts == sorted(counts, reverse=True)
    assert counts[0] == view["looks"]
    earlier = seen.views["samples"][0]
    assert [s["index"] for s in earlier["samples"]] != list(range(24))


def test_spirals_have_a_ground_of_probabilities() -> None:
    settings = {"problem": "spirals", "runs": RUNS[:1], "steps": 40}
    seen = looked_at(settings, [Control("s", "watch", "r1", "fixed", "samples")])
    view = seen.views["samples"][-1]
    side = view["side"]
    ground = np.frombuffer(base64.b64decode(view["data"]), np.uint8).reshape(side, side)
    assert ground.min() < 100 < 155 < ground.max()
    cell = 2 * view["reach"] / side
    for x, y, _, guess, sure in view["points"]:
        column, row = (int((v + view["reach"]) / cell) for v in (x, y))
        share = ground[row, column] / 255
        if sure > 0.8:
            assert (share > 0.5) == (guess == 1)


def test_a_task_without_samples_says_so() -> None:
    with Live(spec(problem="matrix-factorisation", runs=RUNS[:1], steps=5), paused=True) as live:
        refused = live.ask(Control("s", "watch", "r1", "fixed", "samples")).error
        order = live.ask(Control("o", "watch", "r1", "sideways", "samples")).error
        what = live.ask(Control("w", "watch", "r1", "x", "clouds")).error
        nobody = live.ask(Control("n", "watch", None, "fixed", "samples")).error
    assert refused is not None
    assert refused["field"] == "value"
    assert "another task" in refused["allowed"]
    assert (order or {})["field"] == "setting"
    assert (what or {})["allowed"] == "one of mask, layers, samples, arrows"
    assert (nobody or {})["field"] == "run"


def test_photos_and_text_of_real_formats(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LRD_DATA", str(tmp_path))
    monkeypatch.setenv("LRD_DATA_CACHE", str(tmp_path / "cache"))
    mnist, text = image_set("mnist", (3,) * 10, (2,) * 10), "To be, or not to be. " * 60
    monkeypatch.setitem(DATASETS, "mnist", mnist)
    monkeypatch.setitem(DATASETS, "tinyshakespeare", text_set(text))
    Content.of(mnist).write_idx(tmp_path / "mnist")
    write_text_parquet(tmp_path / "tinyshakespeare", text)
    cnn = get_problem("mnist-cnn").build({"width": 1, "batch": 4, "test_images": 10}, 0)
    pictures = cnn.samples()
    assert pictures.pixels.shape == (10, 28, 28, 1)
    assert pictures.classes == tuple("0123456789")

    plays: dict[str, Any] = {"layers": 1, "width": 8, "heads": 1, "context": 16, "batch": 2}
    settings = {
        "problem": "shakespeare",
        "settings": plays | {"test_characters": 512},
        "runs": RUNS[:1],
        "steps": 4,
    }
    seen = looked_at(settings, [Control("s", "watch", "r1", "fixed", "samples")])
    views = seen.views["samples"]
    instance = get_problem("shakespeare").build(settings["settings"], 0)
    passage = instance.samples()
    assert isinstance(passage, Passage)
    last = views[-1]
    assert last["passage"].startswith(last["prompt"])
    assert len(last["written"]) == 200
    assert len(last["probability"]) == len(last["likeliest"]) == 16
    # The draws are fixed: at the same parameters the same text is written.
    again = looked_at(settings, [Control("s", "watch", "r1", "fixed", "samples")])
    assert again.views["samples"][-1]["written"] == last["written"]


def test_every_classifier_shows_samples() -> None:
    shown = {"digits", "noisy-digits", "spirals"}
    for name in shown:
        assert PROBLEMS[name].build({}, 0).samples is not None
    none = ("matrix-factorisation", "linear-network")
    assert all(get_problem(name).build({}, 0).samples is None for name in none)


def test_other_tasks_words_are_one_a_class() -> None:
    for one in DATASETS.values():
        words = getattr(one, "words", ())
        assert not words or len(words) == one.classes
