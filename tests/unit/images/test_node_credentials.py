"""What the host shows registries."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from hostpod.config import ImagesConfig
from hostpod.images import node_credentials
from hostpod.images.keyring import Credential, auth_file
from hostpod.images.node_credentials import NodeCredentials
from hostpod.images.references import parse_reference

WEB = parse_reference("reg.io/web")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(node_credentials, "DEFAULT", tmp_path / "etc.json")
    monkeypatch.setattr(node_credentials, "OWN_SEARCH", (str(tmp_path / "config.json"),))
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return tmp_path


def tried(chosen: Path | None = None) -> tuple[Path | bytes | None, ...]:
    return asyncio.run(NodeCredentials(ImagesConfig(auth_file=chosen)).of(WEB))


def test_the_file_of_the_settings_then_skopeos_own_search(home: Path) -> None:
    assert tried() == (None,)
    assert tried(home / "mine.json") == (home / "mine.json",)  # skopeo says what is wrong with it
    (home / "etc.json").write_text("{}")
    assert tried() == (home / "etc.json",)
    (home / "config.json").write_text("{}")
    assert tried() == (home / "etc.json", None)
    assert tried(home / "mine.json") == (home / "mine.json", None)
    changed = NodeCredentials(ImagesConfig())
    changed.reconfigure(ImagesConfig(auth_file=home / "mine.json"))
    assert asyncio.run(changed.of(WEB)) == (home / "mine.json", None)


@pytest.mark.parametrize(
    ("answer", "credential"),
    [
        ({"Username": "u", "Secret": "s"}, Credential(username="u", password="s")),
        ({"Username": "<token>", "Secret": "s"}, Credential(username="<token>", password="", identity_token="s")),
    ],
)
def test_a_store_of_all_credentials_is_asked(home: Path, answer: object, credential: Credential) -> None:
    (home / "config.json").write_text('{"credsStore": "lab"}')
    helper(home, f"read server; test $1.$server = get.reg.io && echo '{json.dumps(answer)}'")
    assert tried() == (auth_file("reg.io/web", credential), None)


@pytest.mark.parametrize("script", ["exit 1", "echo hunter2", "echo '[]'"])
def test_a_store_without_an_answer(home: Path, script: str, caplog: pytest.LogCaptureFixture) -> None:
    (home / "config.json").write_text('{"credsStore": "lab"}')
    helper(home, script)
    assert tried() == (None,)
    assert "hunter2" not in caplog.text


def test_a_store_that_is_not_installed(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    (home / "config.json").write_text('{"credsStore": "absent"}')
    assert tried() == (None,)
    assert "cannot run docker-credential-absent" in caplog.text


def test_a_file_that_is_no_json_is_left_to_skopeo(home: Path) -> None:
    (home / "config.json").write_text("{")
    assert tried() == (None,)


def helper(home: Path, script: str) -> None:
    program = home / "docker-credential-lab"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
