"""A new optimizer is one file: from it come reference, kernels, menus, docs and runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from lrd_core import LRD
from lrd_core.optim.kernels import cpu
from lrd_core.optim.kernels.entry import Variant
from lrd_core.optim.kernels.program import known_settings, program
from lrd_core.optim.reference import Reference
from lrd_core.optim.rules import BUILT_IN, RULES, Rule, get_rule, load_rule
from lrd_core.optim.rules.check import mend
from lrd_core.optim.rules.describe import describe, update_text
from lrd_core.optim.rules.optimizer import RuleOptimizer
from lrd_core.settings import SettingError, Value, check_settings
from tests.backend.server import ROOT, running_server

NAME = "my_adamax"
#: Adamax as torch has it, but for the correction of bias: a scalar state instead of a power.
FILE = '''\
"""Adamax."""

from lrd_core.optim.rules import Rule, ranges
from lrd_core.optim.rules.blocks import absolute, ema, fma, maximum, where
from lrd_core.settings import Setting


def update(p, g, step, m, u, product, lr, beta1, beta2, eps, lookahead, weight_decay):
    """Algorithm 2; u: largest gradient, fading."""
    g = fma(weight_decay, p, g)
    m = ema(m, g, beta1)
    u = maximum(beta2 * u, absolute(g) + eps)
    product = product * beta1
    if lookahead:  # a switch is known
        return -lr / (1 - product) * ema(m, g, beta1) / u, m, u, product
    return -lr / (1 - product) * m / u, m, u, product


RULE = Rule(
    name="my_adamax",
    label="My Adamax",
    paper="Kingma and Ba 2015, Adam: a method for stochastic optimization, arXiv:1412.6980",
    settings=(
        ranges.lr(0.002),
        *ranges.betas(),
        ranges.eps(1e-8),
        Setting("lookahead", False, help="Look ahead along the mean."),
        ranges.weight_decay(),
    ),
    state=("m", "u"),
    scalars={"product": 1.0},
    update=update,
)
'''
SETTINGS: dict[str, Value] = {"lr": 0.02, "weight_decay": 0.1}
SHAPES = ((40, 31), (31,), (1,), (700,))
STEPS, DROP_RATE, SEED = 50, 0.5, 3

Load = Callable[[str], Rule]


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Load]:
    """Loads a rule from a text in a file of its own; the menus are clean again afterwards."""

    def load(text: str) -> Rule:
        file = tmp_path / f"rule{len(list(tmp_path.iterdir()))}.py"
        file.write_text(text)
        return load_rule(file)

    before = dict(RULES)
    yield load
    RULES.clear()
    RULES.update(before)


def arrays(seed: int) -> list[np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape) for shape in SHAPES]


def train(
    make: Callable[[list[torch.Tensor]], torch.optim.Optimizer], dtype: torch.dtype
) -> list[torch.Tensor]:
    params = [torch.from_numpy(a).to(dtype) for a in arrays(0)]
    optimizer = make(params)
    for step in range(1, STEPS + 1):
        for p, g in zip(params, arrays(step), strict=True):
            p.grad = torch.from_numpy(g).to(dtype)
        optimizer.step()
    return params


def reference(rule: Rule, drop_rate: float) -> list[np.ndarray[tuple[int, ...], np.dtype]]:
    oracle = Reference(rule.name, arrays(0), SETTINGS, drop_rate, SEED)
    for step in range(1, STEPS + 1):
        oracle.step(arrays(step))
    return list(oracle.parameters)


def adamax(params: list[torch.Tensor]) -> torch.optim.Optimizer:
    return torch.optim.Adamax(params, foreach=False, **SETTINGS)


def furthest(
    found: list[torch.Tensor], expected: list[np.ndarray[tuple[int, ...], np.dtype]]
) -> float:
    """The largest difference, in units of the values where these are above 1."""
    gaps = [
        np.abs(a.double().numpy() - b) / np.maximum(1, np.abs(b))
        for a, b in zip(found, expected, strict=True)
    ]
    return float(max(gap.max() for gap in gaps))


@pytest.mark.parametrize("drop_rate", [0.0, DROP_RATE])
def test_the_reference_is_torch_s_adamax(load: Load, drop_rate: float) -> None:
    expected = train(lambda params: LRD(adamax(params), drop_rate, SEED), torch.float64)
    assert furthest(expected, reference(load(FILE), drop_rate)) < 1e-12


@pytest.mark.parametrize("kernel", ["compiled", "torch"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_every_cpu_engine_is_the_reference(load: Load, dtype: torch.dtype, kernel: str) -> None:
    rule = load(FILE)
    found = train(
        lambda params: LRD(rule.optimizer(params, SETTINGS), DROP_RATE, SEED, kernel=kernel), dtype
    )
    assert furthest(found, reference(rule, DROP_RATE)) < (1e-12 if dtype == torch.float64 else 2e-6)
    if kernel == "compiled":
        chosen = program(rule, known_settings(rule, check_settings(rule.settings, SETTINGS)))
        used = cpu.wait(cpu.request(chosen, Variant(dtype)))
        assert used.state == "ready", used.reason


def test_squares_may_be_written_as_powers(load: Load) -> None:
    rule = load(FILE.replace("absolute(g)", "g**2"))
    chosen = program(rule, known_settings(rule, check_settings(rule.settings, SETTINGS)))
    kernel = cpu.wait(cpu.request(chosen, Variant(torch.float32)))
    assert kernel.state == "ready", kernel.reason


def test_without_a_mask_the_kernel_has_the_bits_of_the_plain_optimizer(load: Load) -> None:
    rule = load(FILE)
    plain = train(lambda params: rule.optimizer(params, SETTINGS), torch.float32)
    for kernel in ("compiled", "torch"):
        wrapped = train(
            lambda params, kernel=kernel: LRD(rule.optimizer(params, SETTINGS), 0.0, kernel=kernel),
            torch.float32,
        )
        assert all(torch.equal(a, b) for a, b in zip(plain, wrapped, strict=True))


def test_it_is_a_torch_optimizer(load: Load) -> None:
    rule = load(FILE)
    p = torch.ones(3)
    p.grad = torch.ones(3)
    optimizer = rule.optimizer([p], {"lr": 0.5})
    assert isinstance(optimizer, RuleOptimizer)
    optimizer.step()
    # The first step of Adamax is lr times the gradient's sign.
    torch.testing.assert_close(p, torch.full((3,), 0.5))
    assert optimizer.param_groups[0]["beta2"] == 0.999
    assert set(optimizer.state[p]) == {"step", "m", "u", "product"}
    with pytest.raises(SettingError, match=r"settings.beta1: 1 is not allowed; .* \[0, 1\)"):
        rule.optimizer([p], {"beta1": 1})


def test_its_page(load: Load) -> None:
    page = describe(load(FILE))
    # Reads p, g, m, u; writes p, m, u.
    for text in (
        "### My Adamax",
        "[arXiv:1412.6980](https://arxiv.org/abs/1412.6980)",
        "u: largest gradient, fading.",
        "u = maximum(beta2 * u, absolute(g) + eps)",
        "| `beta2` | 0.999 | [0, 1) |",
        "| `lookahead` | false | true or false | Look ahead along the mean. |",
        "- State: `m`, `u`, `product` (one number a tensor).",
        "8 of state, 28 read and written in a step.",
        "RuleOptimizer",
    ):
        assert text in page
    assert "def update" not in page


def test_a_page_without_source_has_the_traced_lines() -> None:
    scope: dict[str, object] = {}
    text = "def update(p, g, step, lr):\n    return (-lr * g,)"
    exec(compile(text, "<nowhere>", "exec"), scope)
    rule = Rule("bare", "Bare", "none", RULES["sgd"].settings[:1], (), scope["update"])  # type: ignore[arg-type]
    words, formula = update_text(rule)
    assert words == ""
    assert formula.splitlines() == ["c0 = -lr", "t0 = c0 * g", "return t0"]


def test_triton_compiles_it_for_sm_90(load: Load) -> None:
    pytest.importorskip("triton", reason="triton exists for Linux only")
    from tests.lrd_core.optim.kernels.test_cuda_compile import update

    rule = load(FILE)
    for capturable in (False, True):
        ptx, _ = update(
            rule.name, {"weight_decay": 0.1}, 90, Variant(torch.float32), capturable=capturable
        )
        assert "max.f32" in ptx or "max.NaN.f32" in ptx


def test_server_and_command_line_train_with_it(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(FILE)
    run = {"optimizer": NAME, "settings": {"lr": 0.05}, "drop_rate": 0.5}
    with running_server(tmp_path, rules=file) as server:
        menu = {one["name"]: one for one in server.get("/api/catalogue")["optimizers"]}
        assert menu.keys() == {*BUILT_IN, NAME}
        assert menu[NAME]["label"] == "My Adamax"
        assert [one["name"] for one in menu[NAME]["settings"]] == [
            "lr",
            "beta1",
            "beta2",
            "eps",
            "lookahead",
            "weight_decay",
        ]
        id = server.create(problem="beale", steps=40, speed=0, runs=[run])["id"]
        server.state(id, "finished")
        stored = server.get(f"/api/experiments/{id}/series", run="r1")["columns"]
    words = ["run", "--problem", "beale", "--steps", "40", "--json"]
    words += ["--optimizer", NAME, "--lr", "0.05", "--drop-rate", "0.5"]
    done = lrd(*words, LRD_RULES=str(file))
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)["runs"][0]
    assert told["state"] == "finished"
    assert stored["loss"]["steps"][-1] == told["step"] == 40
    for name in ("x", "y", "loss", "keep_rate"):
        assert stored[name]["values"][-1] == told[name]
    assert stored["loss"]["values"][-1] < stored["loss"]["values"][0]


def lrd(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "backend.cli", *words],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


BAD: dict[str, tuple[Callable[[str], str], str]] = {
    "no rule": (lambda text: text.replace("RULE =", "MINE ="), r"a file that defines RULE"),
    "not a rule": (lambda text: text.split("RULE =")[0] + "RULE = 3", r"a file that defines RULE"),
    "syntax": (
        lambda text: text.replace("u = maximum(", "u = maximum(("),
        r"a file that runs \(SyntaxError: .*line \d+",
    ),
    "fails": (lambda text: text + "\n1 / 0\n", r"a file that runs \(ZeroDivisionError"),
    "branches": (
        lambda text: text.replace("u = maximum(", "u = 1 if g > 0 else maximum("),
        r"can be traced \(.*branch.*where",
    ),
    # With the default, which is 0, Python knows the answer: refused all the same.
    "branches off its defaults": (
        lambda text: text.replace("u = maximum(", "u = 1 if g * weight_decay > 0 else maximum("),
        r"can be traced \(.*branch.*where",
    ),
    "branches on a switch's other way": (
        lambda text: text.replace("ema(m, g, beta1) / u", "max(m, g) / u"),
        r"can be traced \(.*blocks only.*'max'",
    ),
    "numpy": (
        lambda text: "import numpy as np\n" + text.replace("absolute(g)", "np.abs(g)"),
        r"can be traced \(.*blocks only.*'np'",
    ),
    "imports": (
        lambda text: text.replace("    g = fma", "    import numpy\n    g = fma"),
        r"can be traced \(ImportError",
    ),
    "a method of tensors": (
        lambda text: text.replace("absolute(g)", "g.abs()"),
        r"can be traced \(AttributeError: .*'abs'",
    ),
    "too few values": (
        lambda text: text.replace("/ u, m, u, product", "/ u, m, u"),
        r"can be traced \(.*returned 3 values, not delta, 2 states and 1 scalars",
    ),
    "one value": (
        lambda text: text.replace("/ u, m, u, product", "/ u"),
        r"can be traced \(TypeError",
    ),
    "an argument that nobody gives": (
        lambda text: text.replace("(p, g, step,", "(p, g, step, gamma,"),
        r"can be traced \(TypeError: .*gamma",
    ),
    "settings twice": (
        lambda text: text.replace("*ranges.betas(),", "*ranges.betas(), *ranges.betas(),"),
        r"every name once.*beta1 is twice",
    ),
    "a setting called as a state": (
        lambda text: text.replace('state=("m", "u")', 'state=("m", "u", "eps")'),
        r"every name once.*eps is twice",
    ),
    "a reserved name": (
        lambda text: text.replace("lookahead", "drop_rate"),
        r"another name than 'drop_rate'",
    ),
    "no lr": (lambda text: text.replace("ranges.lr(0.002),", ""), r"settings with an lr"),
    "a default out of range": (
        lambda text: text.replace("ranges.eps(1e-8)", "ranges.eps(-1.0)"),
        r"defaults inside their ranges \(eps: -1.0",
    ),
    "its name": (
        lambda text: text.replace('"my_adamax"', '"My Adamax"'),
        r"a name of small letters",
    ),
    "a built-in name": (
        lambda text: text.replace('"my_adamax"', '"adam"'),
        r"another name than 'adam': it is built in",
    ),
}


@pytest.mark.parametrize("bad", BAD)
def test_what_a_file_must_not_do_is_said_when_it_is_loaded(load: Load, bad: str) -> None:
    spoil, message = BAD[bad]
    before, text = dict(RULES), spoil(FILE)
    assert text != FILE
    with pytest.raises(SettingError, match=message) as caught:
        load(text)
    assert caught.value.field == "rule"
    assert str(caught.value.value).endswith(".py")
    assert before == RULES


def test_no_such_file(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.py"):
        with pytest.raises(SettingError, match="the path of a Python file"):
            load_rule(path)


def test_loading_again_replaces_and_another_file_may_not(load: Load, tmp_path: Path) -> None:
    first = load(FILE)
    file = next(tmp_path.iterdir())
    # Same length, same second: no bytecode of the first may come back.
    file.write_text(FILE.replace("ranges.lr(0.002)", "ranges.lr(0.003)"))
    again = load_rule(file)
    assert again is not first
    assert get_rule(NAME) is again
    assert again.settings[0].default == 0.003
    with pytest.raises(SettingError, match=rf"another name than '{NAME}': .*{file.name} has it"):
        load(FILE)
    assert get_rule(NAME) is again


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_built_in_rules_pass_the_checks(name: str) -> None:
    assert mend(RULES[name]) == ""


def test_a_bad_file_in_the_environment_is_bad_usage(tmp_path: Path) -> None:
    file = tmp_path / "bad.py"
    file.write_text(FILE.replace("RULE =", "MINE ="))
    done = lrd("list", LRD_RULES=str(file), LRD_STORE=f"sqlite:///{tmp_path}/s.sqlite3")
    assert done.returncode == 2
    assert done.stderr.startswith("lrd: rule: ")
    assert "bad.py" in done.stderr
