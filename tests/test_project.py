"""What must stay true of the repository itself."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "docs" / "architecture.md"]


def test_continuous_integration_is_the_test_command() -> None:
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    commands = [line for line in lines if line and not line.startswith(("#", "set ", "cd "))]
    assert commands == ["exec make test"]


@pytest.mark.parametrize("name", ["requirements.lock", "frontend/live/package-lock.json"])
def test_lock_files_name_no_registry(name: str) -> None:
    text = (ROOT / name).read_text()
    assert not re.search(r"registry\.npmjs|npmjs\.org|pypi\.org|pythonhosted|file://", text)


def test_every_dependency_is_locked_and_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["dev"]
    lock = (ROOT / "requirements.lock").read_text().lower()
    reasons = (ROOT / "docs" / "architecture.md").read_text().lower()
    for requirement in wanted:
        name = re.split(r"[>=<\[]", requirement)[0]
        assert re.search(rf"^{name}==", lock, re.MULTILINE), f"{name} is not locked"
        family = name.removeprefix("types-").removeprefix("pytest-")
        assert family in reasons, f"{name} has no reason in docs/architecture.md"


def test_every_browser_dependency_has_its_reason() -> None:
    reasons = (ROOT / "docs" / "architecture.md").read_text()
    package = (ROOT / "frontend" / "live" / "package.json").read_text()
    runtime = re.search(r'"dependencies": \{(.*?)\}', package, re.DOTALL)
    assert runtime
    for name in re.findall(r'"([^"]+)":', runtime[1]):
        assert name in reasons, f"{name} has no reason in docs/architecture.md"


def test_the_readme_names_every_command_and_setting() -> None:
    from backend.cli import app
    from backend.settings import Settings

    readme = (ROOT / "README.md").read_text()
    for command in app.registered_commands:
        name = command.name or (command.callback.__name__ if command.callback else "")
        assert f"lrd {name}" in readme, f"lrd {name} is not in the README"
    for name in ("host", "port", "store", "allowed_hosts", "max_jobs"):
        assert name in Settings.model_fields
        assert f"LRD_{name.upper()}" in readme


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_links_and_named_files_exist(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", path.read_text()):
        if not target.startswith("http"):
            assert (path.parent / target).exists(), f"{path.name} links to {target}"


def test_the_optimizer_is_useful_without_web_or_storage() -> None:
    script = (
        "import sys, torch; from lrd_core import LRD; p = torch.nn.Parameter(torch.ones(8));"
        "o = LRD(torch.optim.SGD([p], lr=1.0)); p.sum().backward(); o.step();"
        "assert 0 < (p == 0).sum() < 8;"
        "print(sorted({'fastapi', 'sqlalchemy', 'streamlit', 'uvicorn'} & set(sys.modules)))"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
