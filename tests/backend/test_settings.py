"""The server's settings come from LRD_ variables."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from pydantic import ValidationError

from backend.settings import Settings, load_settings
from lrd_core.settings import SettingError


def test_defaults_are_loopback_and_a_folder_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LRD_HOST", "LRD_PORT", "LRD_STORE"):
        monkeypatch.delenv(name, raising=False)
    settings = Settings()
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.folder() == Path("data")
    assert settings.link_url() == "ws://127.0.0.1:8000/api/worker"


def test_variables_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LRD_HOST", "::")
    monkeypatch.setenv("LRD_PORT", "9001")
    monkeypatch.setenv("LRD_ALLOWED_HOSTS", '["lab.example"]')
    monkeypatch.setenv("LRD_STORE", "sqlite:////srv/lrd/x.sqlite3")
    settings = Settings()
    assert settings.link_url() == "ws://[::1]:9001/api/worker"
    assert settings.allowed_hosts == ["lab.example"]
    assert settings.folder() == Path("/srv/lrd")
    assert not settings.several
    assert settings.own_address() == f"http://{socket.gethostname()}:9001"


def test_a_postgresql_store_is_shared_and_its_files_lie_apart(tmp_path: Path) -> None:
    settings = Settings(store="postgresql://ann@host/lab", port=9001)
    assert settings.several
    assert settings.folder() == Path("data")
    assert settings.own_address() == "http://127.0.0.1:9001"
    chosen = {"files": tmp_path, "address": "https://lab.example"}
    settings = Settings(store="postgresql://ann@host/lab", **chosen)
    assert settings.checkpoints == tmp_path / "checkpoints"
    assert settings.own_address() == "https://lab.example"


def test_a_port_out_of_range_is_refused() -> None:
    with pytest.raises(ValidationError, match="port"):
        Settings(port=70000)


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("LRD_PORT", "abc", "integer"),
        ("LRD_PORT", "0", "greater than or equal to 1"),
        ("LRD_LOG_LEVEL", "loud", "'warning'"),
        ("LRD_STORE", "garbage", "sqlite:///data/lrd.sqlite3"),
        ("LRD_STORE", "nodb:///x", "sqlite:///data/lrd.sqlite3"),
        ("LRD_ALLOWED_HOSTS", "lab.example", "JSON list"),
    ],
)
def test_a_bad_variable_is_named_with_what_is_allowed(
    name: str, value: str, allowed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingError) as refused:
        load_settings(host=None)
    assert (refused.value.field, refused.value.value) == (name, value)
    assert allowed in refused.value.allowed


def test_what_is_given_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LRD_PORT", "9001")
    assert load_settings(port=9002).port == 9002
    assert load_settings(port=None).port == 9001
