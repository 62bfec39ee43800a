"""The `lrd` command, as a person types it: output, exit codes, errors that name the mend."""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from backend.cli import main
from backend.commands import bench, doctor
from tests.backend.server import ROOT, free_port, until


def lrd(*words: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    store = f"sqlite:///{(folder or ROOT / 'nowhere') / 'lrd.sqlite3'}"
    return subprocess.run(
        [sys.executable, "-m", "backend.cli", *words],
        cwd=folder or ROOT,
        env=os.environ
        | {"LRD_STORE": store, "PYTHONPATH": str(ROOT), "LRD_PORT": str(free_port())},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def result(*words: str, folder: Path | None = None) -> Any:
    done = lrd(*words, "--json", folder=folder)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_run_trains_every_optimizer_at_every_drop_rate() -> None:
    words = "run --problem digits --optimizer adam --drop-rate 0 --drop-rate 0.5 --steps 60"
    got = result(*words.split())
    assert [run["run"] for run in got["runs"]] == ["adam lr=0.003", "adam lr=0.003 drop_rate=0.5"]
    for run in got["runs"]:
        assert (run["state"], run["step"]) == ("finished", 60)
        assert 0.2 < run["test_accuracy"] < 1


def test_the_command_it_reports_gives_the_same_numbers() -> None:
    first = result(
        "run", "--problem", "beale", "--steps", "30", "--seed", "3", "--own-masks",
        "--run", "sgd momentum=0.9 drop_rate=0.5", "--at", "11 r1 drop_rate=0.2",
    )  # fmt: skip
    again = result(*shlex.split(first["command"])[1:])
    assert first["runs"] == again["runs"]
    assert first["runs"][0]["drop_rate"] == pytest.approx(0.2)


def test_run_without_json_shows_a_table() -> None:
    done = lrd("run", "--problem", "booth", "--steps", "20")
    assert done.returncode == 0
    assert "booth, seed 0, 20 steps" in done.stdout
    assert "finished" in done.stdout


def test_a_run_that_diverges_fails_the_command() -> None:
    done = lrd("run", "--problem", "beale", "--run", "sgd lr=900", "--steps", "50", "--json")
    assert done.returncode == 1
    run = json.loads(done.stdout)["runs"][0]
    assert run["state"] == "diverged"
    assert run["loss"] is None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("run --problem nope", "problem: 'nope'"),
        ("run --problem digits --optimizer adamm", "optimizer: 'adamm'"),
        ("run --problem digits --drop-rate 1", "drop_rate: 1.0"),
        ("run --problem digits --set batch=5000", "settings.batch: 5000"),
        ("run --problem digits --set batch", "set: 'batch'"),
        ("run --problem digits --run 'adam lr=abc'", "settings.lr: 'abc'"),
        ("run --problem digits --at '5 r9 lr=1'", "at: 'r9'"),
        ("run --problem beale --steps 0", "steps: 0"),
        ("bench nothing", "name: 'nothing' is not allowed; use one of engine, optimizer"),
        ("bench machine", "name: 'machine'"),
        ("bench optimizer --device tpu", "device: 'tpu' is not allowed; use cpu or cuda"),
        (
            "bench engine --short",
            "short: 'engine' is not allowed; use a benchmark that has a short",
        ),
        ("bench engine --device cuda", "device: 'cuda' is not allowed; use cpu"),
        ("run", "--problem"),
        ("frobnicate", "frobnicate"),
    ],
)
def test_bad_usage_is_exit_code_2_and_names_the_mend(
    words: str, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["lrd", *shlex.split(words)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_bench_on_a_device_that_is_not_there_is_exit_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(sys, "argv", ["lrd", "bench", "optimizer", "--device", "cuda"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "device: 'cuda' is not allowed; use cpu" in capsys.readouterr().err


def test_bench_ends_with_one_json_line_and_writes_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def with_device(device: str = "cpu") -> dict[str, float]:
        return {"ratio": 0.8 if device == "cuda" else 0.9}

    known = {"here": lambda: {"ratio": 0.7}, "anywhere": with_device}
    monkeypatch.setattr(bench, "benchmarks", lambda: known)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Some GPU")

    def record(name: str, device: str) -> Any:
        out = tmp_path / "record.json"
        assert bench.bench(name, device, as_json=True, out=out) == 0
        line = capsys.readouterr().out
        assert line.count("\n") == 1
        written = json.loads(out.read_text())
        command = written.pop("command")
        assert written == json.loads(line)
        return command, written

    command, got = record("here", "cpu")
    assert command == "lrd bench here --json"
    assert (got["ratio"], "gpu" in got["machine"]) == (0.7, False)
    command, got = record("anywhere", "cuda")
    assert command == "lrd bench anywhere --device cuda --json"
    assert (got["ratio"], got["device"], got["machine"]["gpu"]) == (0.8, "cuda", "Some GPU")
    assert record("anywhere", "cpu")[1]["ratio"] == 0.9


@pytest.mark.parametrize("command", ["serve", "doctor", "list"])
@pytest.mark.parametrize(("name", "value"), [("LRD_PORT", "abc"), ("LRD_STORE", "garbage")])
def test_a_bad_variable_is_exit_code_2(
    command: str,
    name: str,
    value: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["lrd", command])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert f"{name}: {value!r} is not allowed; use" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["serve", "list"])
def test_a_store_that_cannot_be_opened_is_exit_code_2(
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "text").write_text("no database, but longer than a database's header is" * 99)
    monkeypatch.setenv("LRD_STORE", f"sqlite:///{tmp_path / 'text'}")
    monkeypatch.setenv("LRD_PORT", str(free_port()))
    monkeypatch.setattr(sys, "argv", ["lrd", command])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "file is not a database" in capsys.readouterr().err


def checks(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """What the doctor finds in this process, by name."""
    doctor.doctor(as_json=True)
    return {check["name"]: check for check in json.loads(capsys.readouterr().out)["checks"]}


def test_doctor_knows_ipv6(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with socket.socket(socket.AF_INET6) as taken:
        taken.bind(("::1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setenv("LRD_HOST", "::1")
        monkeypatch.setenv("LRD_PORT", str(port))
        monkeypatch.setenv("LRD_STORE", f"sqlite:///{tmp_path}/lrd.sqlite3")
        found = checks(capsys)["port"]
        assert not found["ok"]
        assert "in use" in found["text"]
    found = checks(capsys)["port"]
    assert found["ok"], found["text"]
    assert found["text"] == f"[::1]:{port} is free"


def test_doctor_finds_other_mask_bits_at_the_same_rate(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("LRD_STORE", f"sqlite:///{tmp_path}/lrd.sqlite3")
    assert checks(capsys)["masks"]["ok"]
    keep_mask = doctor.keep_mask
    monkeypatch.setattr(doctor, "keep_mask", lambda *given: ~keep_mask(*given))
    assert not checks(capsys)["masks"]["ok"]


def test_doctor_finds_a_store_that_cannot_be_opened(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "text").write_text("no database, but longer than a database's header is" * 99)
    monkeypatch.setenv("LRD_STORE", f"sqlite:///{tmp_path / 'text'}")
    found = checks(capsys)["store"]
    assert not found["ok"]
    assert "file is not a database" in found["text"]


def test_list_of_an_empty_store(tmp_path: Path) -> None:
    assert result("list", folder=tmp_path) == {"experiments": []}
    assert "no experiments yet" in lrd("list", folder=tmp_path).stdout


def test_doctor_finds_everything_in_its_place(tmp_path: Path) -> None:
    got = result("doctor", folder=tmp_path)
    assert {check["name"] for check in got["checks"]} >= {"python", "device", "port", "store"}
    assert got["versions"]["torch"]
    assert "ok" in lrd("doctor", folder=tmp_path).stdout


def test_serve_refuses_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = lrd("serve", "--port", str(port), folder=tmp_path)
    assert done.returncode == 1
    assert f"127.0.0.1:{port}" in done.stderr
    assert "--port" in done.stderr


def test_serve_says_where_it_listens_and_stops_when_told(tmp_path: Path) -> None:
    port = free_port()
    environment = os.environ | {"LRD_STORE": f"sqlite:///{tmp_path}/lrd.sqlite3"}
    serve = [sys.executable, "-m", "backend.cli", "serve", "--no-dashboard", "--json"]
    with (tmp_path / "out").open("w") as out:
        process = subprocess.Popen(
            [*serve, "--port", str(port)], cwd=ROOT, env=environment, stdout=out, stderr=out
        )
    line = f'{{"url": "http://127.0.0.1:{port}"}}'
    until(lambda: line in (tmp_path / "out").read_text(), what="the address")
    process.terminate()
    # uvicorn shuts down in order and then ends by the signal, as supervisors expect.
    assert process.wait(20) == -signal.SIGTERM
    assert "Traceback" not in (tmp_path / "out").read_text()
