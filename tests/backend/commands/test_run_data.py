"""`lrd run` on tasks that need data: where from, and what is said when they are missing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.backend.server import ROOT

SHARED = ROOT.parent / "shared" / "data"


def lrd_run(folder: Path, words: str) -> subprocess.CompletedProcess[str]:
    """`lrd run` on a machine without data sets but those that the words name."""
    nothing = {"LRD_DATA": "", "LRD_OFFLINE": "", "HF_HOME": "", "HF_HUB_CACHE": str(folder)}
    return subprocess.run(
        [sys.executable, "-m", "backend.cli", "run", *words.split()],
        cwd=ROOT,
        env=os.environ | nothing | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=170,
    )


@pytest.mark.parametrize("option", ["", " --offline"])
def test_missing_data_are_an_error_with_the_mend(option: str, tmp_path: Path) -> None:
    done = lrd_run(tmp_path, "--problem mnist-mlp" + option)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "MNIST" in done.stderr
    assert "--data FOLDER" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    done = lrd_run(tmp_path, f"--problem digits --data {tmp_path / 'nowhere'}")
    assert done.returncode == 2
    assert "data:" in done.stderr
    assert "nowhere" in done.stderr


def test_resnet34_trains_on_real_images_with_the_settings_of_the_paper(tmp_path: Path) -> None:
    """As in the docs, with a narrower network: the one of the paper takes a minute."""
    if not SHARED.is_dir():
        pytest.skip(f"no real data: {SHARED} is absent")
    words = f"--problem cifar10-resnet34 --data {SHARED / 'cifar10'} --optimizer sgd --json"
    words += " --drop-rate 0.5 --set width=8 --set batch=16 --set test_images=64 --steps 20"
    done = lrd_run(tmp_path, words + " --test-every 20")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    (run,) = result["runs"]
    assert (run["state"], run["step"]) == ("finished", 20)
    made = "sgd lr=0.1 momentum=0.9 weight_decay=0.0005 drop_rate=0.5 schedule=step"
    assert run["run"] == made
    assert 0 < run["loss"] < 20
    assert 0 <= run["test_accuracy"] <= 1
