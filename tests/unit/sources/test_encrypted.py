# ruff: noqa: ASYNC240  # the loop may wait for these files: it has nothing else to do
from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import yaml

from hostpod.kube import Secret
from hostpod.sources import encrypted
from hostpod.sources.directory import DirectorySource
from hostpod.sources.encrypted import DecryptionError, decrypted, parse_file
from hostpod.sources.proposal import ProposedFile
from hostpod.sources.snapshot import Snapshot
from tests.unit.sources.watching import manifest, messages_of, watching

# "Encrypted" is: the name, a line break, and what is meant.
PROGRAM = """#!/bin/sh
[ "$1 $3 $4" = "decrypt - -" ] || { echo "called with $*" >&2; exit 1; }
read -r name
[ "--name=$name" = "$2" ] || { echo "Embedded credential name '$name' does not match filename 'x'." >&2; exit 1; }
exec cat
"""


@pytest.fixture(autouse=True)
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for systemd-creds."""
    path = tmp_path / "bin" / "systemd-creds"
    path.parent.mkdir()
    path.write_text(PROGRAM)
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{path.parent}:/usr/bin:/bin")
    return path


def secret(name: str, **data: object) -> str:
    return yaml.safe_dump({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data})


def opened(content: str, name: str = "db.yaml.cred") -> str:
    return asyncio.run(decrypted(content.encode(), name)).decode()


def test_what_a_file_holds() -> None:
    assert opened("db.yaml.cred\nkind: Secret") == "kind: Secret"


@pytest.mark.parametrize(
    ("program_says", "told"),
    [
        (
            "Embedded credential name 'a' does not match filename 'db.yaml.cred', refusing.",
            (
                "it was encrypted under another name: rename it back, or encrypt it anew with --name=db.yaml.cred "
                "(Embedded credential name 'a' does not match filename 'db.yaml.cred', refusing)"
            ),
        ),
        (
            "Decryption failed (incorrect key?): error:00000000:lib(0)::reason(0)",
            (
                "it was encrypted with another host's key, or was changed: encrypt it anew on this host "
                "(Decryption failed (incorrect key?): error:00000000:lib(0)::reason(0))"
            ),
        ),
        (
            "Failed to determine local credential key: No such file or directory",
            (
                "this host has no key of its own: encrypt it anew on this host "
                "(Failed to determine local credential key: No such file or directory)"
            ),
        ),
        ("Encrypted file too short.", "it is not what systemd-creds encrypt writes (Encrypted file too short)"),
        ("TPM2 support not available.", "TPM2 support not available"),
        ("", "systemd-creds says no reason"),
    ],
)
def test_why_it_cannot_be_decrypted(program: Path, program_says: str, told: str) -> None:
    program.write_text(f'#!/bin/sh\ncat >/dev/null; echo "{program_says}" >&2; exit 1\n')
    with pytest.raises(DecryptionError) as caught:
        opened("x")
    assert str(caught.value) == f"cannot be decrypted: {told}"


def test_no_program_no_time_and_nothing_in_it(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DecryptionError, match="holds nothing: encrypt a Secret"):
        opened("db.yaml.cred\n")
    program.write_text("#!/bin/sh\nexec sleep 10\n")
    monkeypatch.setattr(encrypted, "TIMEOUT_S", 0.05)
    with pytest.raises(DecryptionError, match=r"cannot be decrypted: .*it did not end within"):
        opened("x")
    program.unlink()
    monkeypatch.setattr(encrypted, "PROGRAM", "systemd-creds-of-nowhere")
    with pytest.raises(DecryptionError, match="cannot be decrypted: there is no systemd-creds-of-nowhere on this host"):
        opened("x")


def test_secrets_alone_are_read_of_an_encrypted_file() -> None:
    settings = secret("app").replace("Secret", "ConfigMap").replace("stringData", "data")
    content = "---\n".join([secret("db", password="hunter2"), manifest("web"), settings])
    parsed = parse_file(content.encode(), file="/m/db.yaml.cred")
    told = "kind: must be Secret in an encrypted file: move it to a file that is not encrypted"
    assert [str(problem).split(":", 2)[2] for problem in parsed.problems] == [f" {told}"] * 2
    assert parsed.pods == ()
    assert [each.config.metadata.name for each in parsed.configs] == ["db"]
    assert len(parse_file(content.encode(), file="/m/db.yaml").pods) == 1


@pytest.mark.parametrize(
    "content",
    [
        secret("hunter2!"),
        secret("db", password=[{"x": "hunter2"}]),
        "apiVersion: v1\nkind: hunter2\nmetadata: {name: a}\n",
        "apiVersion: hunter2\nkind: Secret\nmetadata: {name: a}\n",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\ndata: {password: hunter2!}\n",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\nimmutable: hunter2\n",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData: hunter2\n",
        secret("db", a="hunter2") + "type: kubernetes.io/basic-auth\n",
        "apiVersion: v1\nkind: Secret\nmetadata: hunter2\n  x: [\n",
        "hunter2",
        "{hunter2: [",
        "x: &a hunter2\ny: *hunter2\n",
        "x: !hunter2 y\n",
        manifest("web", image="hunter2 x") + "  restartPolicy: hunter2\n",
    ],
)
def test_no_problem_shows_what_is_in_it(content: str) -> None:
    problems = parse_file(content.encode(), file="/m/db.yaml.cred").problems
    assert problems
    assert not [str(problem) for problem in problems if "hunter2" in problem.message]


def secrets(snapshot: Snapshot) -> dict[str, dict[str, bytes]]:
    return {
        each.config.metadata.name or "": each.config.contents()
        for each in snapshot.configs
        if isinstance(each.config, Secret)
    }


def test_a_directory_decrypts_and_a_broken_one_stays_as_it_was(tmp_path: Path) -> None:
    async def run() -> None:
        manifests = tmp_path / "manifests"
        manifests.mkdir()
        (manifests / "db.yaml.cred").write_text(f"db.yaml.cred\n{secret('db', password='one')}")
        async with watching(manifests) as watched:
            assert secrets(watched.snapshot) == {"db": {"password": b"one"}}
            (manifests / "db.yaml.cred").write_text(f"other\n{secret('db', password='two')}")
            snapshot = await watched.next()
            assert secrets(snapshot) == {"db": {"password": b"one"}}
            (told,) = messages_of(snapshot)
            assert told.startswith("db.yaml.cred: cannot be decrypted: it was encrypted under another name")
            (manifests / "db.yaml.cred").write_text(f"db.yaml.cred\n{secret('db', password='two')}")
            assert secrets(await watched.next()) == {"db": {"password": b"two"}}

    asyncio.run(run())


def test_what_could_not_be_decrypted_is_tried_again(tmp_path: Path, program: Path) -> None:
    async def run() -> None:
        manifests = tmp_path / "manifests"
        manifests.mkdir()
        (manifests / "db.yaml.cred").write_text(f"db.yaml.cred\n{secret('db', password='one')}")
        program.rename(tmp_path / "away")
        async with watching(manifests, rescan_interval_s=0.05) as watched:
            (told,) = messages_of(watched.snapshot)
            assert told.startswith("db.yaml.cred: cannot be decrypted: ")
            (tmp_path / "away").rename(program)
            await watched.until(lambda snapshot: secrets(snapshot) == {"db": {"password": b"one"}})

    asyncio.run(run())


def test_a_proposal_is_decrypted_as_a_file_is(tmp_path: Path) -> None:
    async def run() -> None:
        async with watching(tmp_path) as watched:
            source = watched.source
            assert isinstance(source, DirectorySource)
            good = f"db.yaml.cred\n{secret('db', password='one')}".encode()
            files = [
                ProposedFile(name="db.yaml.cred", content=good),
                ProposedFile(name="other.yaml.cred", content=good),
                ProposedFile(name="gone.yaml.cred", refused="cannot be read: no"),
            ]
            snapshot = (await source.preview(files, whole=True)).snapshot
            assert secrets(snapshot) == {"db": {"password": b"one"}}
            assert [message.split(": ")[:2] for message in messages_of(snapshot)] == [
                ["gone.yaml.cred", "cannot be read"],
                ["other.yaml.cred", "cannot be decrypted"],
            ]

    asyncio.run(run())
