"""The pages about optimizers are those of the code; what they show runs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from backend.cli import app
from lrd_core.optim import describe_docs
from lrd_core.optim.policies import POLICIES
from lrd_core.optim.reference import Reference
from lrd_core.optim.rules import BUILT_IN, RULES, load_rule

ROOT = Path(__file__).resolve().parent.parent
PAGES = [describe_docs.OPTIMIZERS, describe_docs.OWN_TRAINING]
EXAMPLES = ROOT / "examples"


def python(folder: Path, *words: str) -> str:
    """What a Python process prints, one thread, the repository on its path."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_page_of_optimizers_has_not_drifted() -> None:
    written = describe_docs.OPTIMIZERS.read_text("utf-8")
    assert written == describe_docs.optimizers(), "run: make docs"
    for name in [*BUILT_IN, *POLICIES]:
        assert f"`{name}`." in written


def test_the_table_of_costs_has_not_drifted() -> None:
    written = describe_docs.OWN_TRAINING.read_text("utf-8")
    assert written == describe_docs.own_training(written), "run: make docs"


def test_the_table_has_the_figures_of_every_result(tmp_path: Path) -> None:
    cpu = {"processor": "A CPU", "cores": 2, "torch": "2.13.0"}
    results = {
        "optimizer.json": {"ratio_adam": 0.875, "threads": 2.0, "machine": cpu},
        "optimizer_cuda.json": {
            "ratio_adam": 1.01,
            "extra_bytes_per_parameter": 0.0,
            "threads": 8.0,
            "machine": {**cpu, "gpu": "A GPU"},
        },
        "engine.json": {"ratio_adam": 7.0},
    }
    for name, result in results.items():
        (tmp_path / name).write_text(json.dumps(result))
    lines = describe_docs.costs(tmp_path).splitlines()
    assert lines[:3] == [
        "| | A CPU, 2 threads, torch 2.13.0 | A GPU, torch 2.13.0 |",
        "|---|---|---|",
        "| Adam, ResNet-34 | 0.875 | 1.01 |",
    ]
    assert "| extra bytes a parameter | – | 0 |" in lines
    assert "7" not in "".join(lines[2:]).replace("0.875", "")


def test_a_page_without_its_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="costs"):
        describe_docs.own_training("# A page")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_exist(page: Path) -> None:
    headings: dict[Path, set[str]] = {}
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text("utf-8")):
        if target.startswith("http"):
            continue
        name, _, anchor = target.partition("#")
        file = page.parent / name if name else page
        assert file.exists(), f"{page.name} links to {target}"
        if anchor:
            found = re.findall(r"^#+ (.+)$", file.read_text("utf-8"), re.MULTILINE)
            headings[file] = {one.lower().replace(" ", "-") for one in found}
            assert anchor in headings[file], f"{page.name} links to {target}"


def test_commands_that_are_named_exist() -> None:
    known = {c.name or (c.callback.__name__ if c.callback else "") for c in app.registered_commands}
    for page in [*PAGES, EXAMPLES / "my_optimizer.py"]:
        named = set(re.findall(r"(?:`|^|\.py )lrd (\w+)", page.read_text("utf-8"), re.MULTILINE))
        assert named, page.name
        assert named <= known, page.name


def test_the_code_of_the_page_runs(tmp_path: Path) -> None:
    text = describe_docs.OWN_TRAINING.read_text("utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 6
    shutil.copytree(EXAMPLES, tmp_path / "examples")
    (tmp_path / "page.py").write_text("\n".join(blocks))
    printed = python(tmp_path, "page.py").split()
    keep_rate, update_norm = float(printed[0]), float(printed[1])
    assert abs(keep_rate - 0.5) < 0.05
    assert update_norm > 0


def test_the_example_of_wrapping() -> None:
    example = EXAMPLES / "wrap_your_optimizer.py"
    assert len(example.read_text("utf-8").splitlines()) <= 30
    lines = python(ROOT, str(example)).splitlines()
    losses = [float(re.findall(r"train loss (\S+)", line)[0]) for line in lines]
    base, dropped, fair = losses
    # What the page says: dropout runs along the base at lr × keep, not along the base at lr.
    assert abs(dropped - fair) < 0.25 * abs(fair - base)


def test_the_example_of_a_rule_is_adabelief() -> None:
    before = dict(RULES)
    try:
        rule = load_rule(EXAMPLES / "my_optimizer.py")
        rng = np.random.default_rng(0)
        x = rng.normal(size=20)
        oracle = Reference(rule.name, [x], {"lr": 0.1, "weight_decay": 0.01}, drop_rate=0.0)
        m, s = np.zeros(20), np.zeros(20)
        for t in range(1, 31):
            g = rng.normal(size=20)
            oracle.step([g])
            # Zhuang et al. 2020, algorithm 2, with decoupled decay.
            m = 0.9 * m + 0.1 * g
            s = 0.999 * s + 0.001 * (g - m) ** 2 + 1e-16
            mean, spread = m / (1 - 0.9**t), s / (1 - 0.999**t)
            x = x - 0.1 * 0.01 * x - 0.1 * mean / (np.sqrt(spread) + 1e-16)
    finally:
        RULES.clear()
        RULES.update(before)
    np.testing.assert_allclose(oracle.parameters[0], x, rtol=1e-12)
