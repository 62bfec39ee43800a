"""`lrd explain` tells of an optimizer or a policy, and where it runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from backend.commands.explain import explain
from lrd_core.optim import kernels
from lrd_core.optim.rules import RULES
from lrd_core.settings import SettingError

EXAMPLE = Path(__file__).parents[3] / "examples" / "my_optimizer.py"


@dataclass(frozen=True)
class Answer:
    rule: str
    policy: str
    device: str
    engine: str
    reason: str


@pytest.fixture(autouse=True)
def answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two policies and two rules on a CPU; the menus are clean again afterwards."""
    told = [
        Answer(rule, policy, "cpu", *where)
        for rule in ("adam", "adabelief")
        for policy, where in {
            "elementwise": ("compiled", "passes its self-test"),
            "cautious": ("torch", "looks at the gradient"),
        }.items()
    ]
    monkeypatch.setattr(kernels, "explain", lambda: told, raising=False)
    before = dict(RULES)
    yield
    RULES.clear()
    RULES.update(before)


def test_an_optimizer(capsys: pytest.CaptureFixture[str]) -> None:
    assert explain(["adam"], None, as_json=False) == 0
    text = capsys.readouterr().out
    assert text.startswith("### Adam\n")
    assert "m = ema(m, g, beta1)" in text
    assert "| cpu | elementwise | compiled | passes its self-test |" in text
    assert "| cpu | cautious | torch | looks at the gradient |" in text
    assert "adabelief" not in text


def test_a_policy_tells_equal_rules_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert explain(["policy", "cautious"], None, as_json=False) == 0
    text = capsys.readouterr().out
    assert text.startswith("### cautious\n")
    assert text.count("looks at the gradient") == 1
    assert "| cpu | all | torch | looks at the gradient |" in text


@pytest.mark.parametrize("names", [[], ["adabelief"]])
def test_a_file(names: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert explain(names, EXAMPLE, as_json=True) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["kind"], told["name"], told["label"]) == ("optimizer", "adabelief", "AdaBelief")
    assert told["settings"][1] == {
        "name": "beta1",
        "default": 0.9,
        "allowed": "a finite number in [0, 1)",
        "help": "Decay of the moving average of gradients.",
    }
    assert "s = ema_of_square(s, g - m, beta2) + eps" in told["markdown"]
    assert {row["policy"] for row in told["kernels"]} == {"elementwise", "cautious"}


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["adem"], "optimizer: 'adem' .* one of sgd,"),
        (["policy", "none"], "policy: 'none' .* one of elementwise,"),
        (["policy"], "name: 'policy' .* the name of an optimizer, or `policy`"),
        ([], "name: '' .* the name of an optimizer"),
        (["adam", "sgd"], "name: 'adam sgd'"),
    ],
)
def test_other_words_are_refused(names: list[str], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        explain(names, None, as_json=False)
