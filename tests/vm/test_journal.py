"""What a real journald has of hostpod and of containers (docs/journal.md)."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any

import pytest

from hostpod.host.catalog import MESSAGE_IDS
from lab.system import System
from tests.vm.service import MANIFESTS, Service

BURST = 100  # entries of a unit in 30 s; journald takes four times as many with much room on the disk
FLOOD_LINES = 5_000
LONGEST = 2 * 8192  # of one entry: what conmon has kept of a line, and what it has just read

# Every kind of line: of both streams, with bytes that are no text, empty, longer than an entry, in parts, without end.
ODD = r"""
echo out; echo err >&2
printf 'bin\000ary\n'; printf '\377\376\n'; printf '\033[31mred\033[0m\n'; printf 'ta\tb\n'; printf 'cr\r\n'
echo; echo '  around  '
head -c 20000 /dev/zero | tr '\0' x; echo
printf 'par'; sleep 1; printf 'tial\n'
printf 'no end'
"""


@pytest.fixture(scope="module")
def system(service: Service) -> System:
    return service.system


_numbers = count()


@contextmanager
def pod(system: System, *containers: Mapping[str, Any]) -> Iterator[str]:
    """A pod of these containers, which goes in the end; its name."""
    name = f"p{next(_numbers)}"
    spec = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1, "containers": containers}
    manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
    system.write(f"{MANIFESTS}/{name}.yaml", json.dumps(manifest))
    try:
        yield name
    finally:
        system.run("rm", f"{MANIFESTS}/{name}.yaml")


def shell(name: str, script: str) -> Mapping[str, Any]:
    """A container that runs a script."""
    return {"name": name, "image": "busybox", "command": ["sh", "-c", script]}


def written(system: System, container: str, name: str) -> list[Mapping[str, Any]]:
    """What the journal has of a container; its message as bytes."""
    entries = system.entries(f"CONTAINER_NAME={container}_{name}-lab_default")
    return [{**entry, "MESSAGE": _bytes(entry["MESSAGE"])} for entry in entries]


def _bytes(message: str | Sequence[int] | None) -> bytes:
    return message.encode() if isinstance(message, str) else bytes(message or ())


def logged(system: System, container: str, name: str) -> bytes:
    """What `hostpod logs` prints, byte for byte."""
    text = system.shell(f"hostpod logs {name} {container} | base64 --wrap=0")
    return base64.b64decode(text)


@pytest.mark.everywhere
def test_hostpod_s_own_entries_have_fields_and_ids(system: System) -> None:
    *_, ready = system.entries(f"MESSAGE_ID={MESSAGE_IDS['Ready']}")
    assert (ready["_SYSTEMD_UNIT"], ready["SYSLOG_IDENTIFIER"]) == ("hostpod.service", "hostpod")
    with pod(system, shell("web", "exit 3")) as name:
        about = {"HOSTPOD_POD": f"{name}-lab", "HOSTPOD_NAMESPACE": "default", "HOSTPOD_CONTAINER": "web"}
        matches = [f"{field}={value}" for field, value in about.items()]
        system.until(lambda: system.entries("HOSTPOD_EVENT=Died", *matches), "the container's end is told")
        (started,) = system.entries("HOSTPOD_EVENT=Started", *matches)
        (died,) = system.entries("HOSTPOD_EVENT=Died", *matches)
        assert (started["MESSAGE_ID"], started["PRIORITY"]) == (MESSAGE_IDS["Started"], "6")
        assert (died["MESSAGE_ID"], died["PRIORITY"]) == (MESSAGE_IDS["Died"], "4")
        assert (died["HOSTPOD_EXIT_CODE"], died["HOSTPOD_CAUSE"]) == ("3", "Error")
        assert len(died["HOSTPOD_POD_UID"]) == 32
        assert died["MESSAGE"] == f"{name}-lab/web: Died: Error, exit code 3"


def test_an_entry_is_explained(system: System) -> None:
    system.write(f"{MANIFESTS}/bad.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: bad}\nspec: {containers: 3}\n")
    match = f"MESSAGE_ID={MESSAGE_IDS['FailedValidation']}"
    system.until(lambda: system.entries(match), "the problem is told")
    (problem,) = system.entries(match)
    assert problem["HOSTPOD_FILE"] == f"{MANIFESTS}/bad.yaml"
    assert "HOSTPOD_POD" not in problem
    explained = system.journal("--catalog", match)
    assert f"Subject: The manifest {MANIFESTS}/bad.yaml cannot be used" in explained
    assert "Correct the file" in explained


def test_the_journal_has_each_line_that_logs_prints(system: System) -> None:
    with pod(system, shell("odd", ODD)) as name:
        died = ("HOSTPOD_EVENT=Died", f"HOSTPOD_POD={name}-lab")
        system.until(lambda: system.entries(*died), "the container has ended")
        entries = written(system, "odd", name)
        text = logged(system, "odd", name)
        assert len(text) > 20_000
        assert b"".join(entry["MESSAGE"] for entry in entries) == text
        priorities = {entry["MESSAGE"]: entry["PRIORITY"] for entry in entries}
        assert (priorities.pop(b"err\n"), set(priorities.values())) == ("3", {"6"})
        parts = [entry for entry in entries if entry.get("CONTAINER_PARTIAL_MESSAGE") == "true"]
        *long_line, last = [entry["MESSAGE"] for entry in parts]
        assert long_line, "a long line is more than one entry"
        assert max(map(len, long_line)) <= LONGEST
        assert last == b"no end"
        assert b"partial\n" in [entry["MESSAGE"] for entry in entries], "what came in parts is one line"
        (end,) = system.entries(*died)
        assert {entry["CONTAINER_ID_FULL"] for entry in entries} == {end["HOSTPOD_CONTAINER_ID"]}
        assert {entry["CONTAINER_ID"] for entry in entries} == {end["HOSTPOD_CONTAINER_ID"][:12]}


def test_no_line_is_lost_when_the_daemon_or_the_journal_is_restarted(system: System) -> None:
    with pod(system, shell("count", "i=0; while :; do i=$((i+1)); echo $i; sleep 0.01; done")) as name:
        system.until(lambda: len(written(system, "count", name)) > 20, "it counts")
        system.run("systemctl", "kill", "--kill-who=main", "--signal=KILL", "hostpod")
        system.run("systemctl", "restart", "hostpod")
        system.run("systemctl", "restart", "systemd-journald")
        before = len(written(system, "count", name))
        system.until(lambda: len(written(system, "count", name)) > before + 20, "it counts on")
        numbers = [int(entry["MESSAGE"]) for entry in written(system, "count", name)]
        assert numbers == list(range(1, len(numbers) + 1))
        assert [int(line) for line in logged(system, "count", name).split()[: len(numbers)]] == numbers


def test_a_flood_is_cut_off_and_hurts_no_other_container(system: System) -> None:
    with pod(system, shell("calm", "i=0; while :; do i=$((i+1)); echo $i; sleep 0.1; done")) as calm:
        system.until(lambda: written(system, "calm", calm), "it counts")
        assert "conmon" in written(system, "calm", calm)[0]["_SYSTEMD_UNIT"], "journald limits each unit by itself"
        system.write("/etc/systemd/journald.conf.d/flood.conf", f"[Journal]\nRateLimitBurst={BURST}\n")
        system.run("systemctl", "restart", "systemd-journald")
        with pod(system, shell("flood", f"seq {FLOOD_LINES}; echo done >&2")) as flood:
            system.until(lambda: system.entries("HOSTPOD_EVENT=Died", f"HOSTPOD_POD={flood}-lab"), "the flood is over")
            before = len(written(system, "calm", calm))
            system.until(lambda: len(written(system, "calm", calm)) > before + 5, "the other container counts on")
            assert logged(system, "flood", flood).count(b"\n") == FLOOD_LINES + 1, "the file has all of it"
            entries = written(system, "flood", flood)
            assert BURST <= len(entries) < FLOOD_LINES
            assert entries[-1]["MESSAGE"] == b"done\n", "standard error has a limit of its own"
            numbers = [int(entry["MESSAGE"]) for entry in written(system, "calm", calm)]
            assert numbers == list(range(1, len(numbers) + 1))


def test_nobody_is_shown_a_traceback(system: System) -> None:
    refused = (
        {"name": "none", "image": "127.0.0.1:1/none"},
        {"name": "never", "image": "nothing", "imagePullPolicy": "Never"},
        {"name": "program", "image": "busybox", "command": ["/not/there"]},
    )
    expected = {
        "none": MESSAGE_IDS["ErrImagePull"],
        "never": MESSAGE_IDS["ErrImageNeverPull"],
        "program": MESSAGE_IDS["ContainerCannotRun"],
    }
    with pod(system, *refused) as name:
        for container, message_id in expected.items():
            matches = (f"HOSTPOD_CONTAINER={container}", f"MESSAGE_ID={message_id}")
            system.until(lambda: system.entries(*matches), f"the refusal of {container} is told")  # noqa: B023
        system.attempt("hostpod", "logs", "nobody")
        system.attempt("hostpod", "exec", name, "-c", "program", "--", "true")
        assert "Traceback" not in system.journal("-u", "hostpod")
