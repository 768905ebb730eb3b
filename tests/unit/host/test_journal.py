from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from hostpod.host import journal
from hostpod.host.catalog import MESSAGE_IDS
from hostpod.host.journal import JournalHandler, journal_fields, stderr_is_the_journal, takes_containers


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    logger = logging.getLogger()
    before, level = list(logger.handlers), logger.level
    yield logger
    logger.handlers[:] = before
    logger.setLevel(level)


def test_without_a_journal_messages_are_lines_on_stderr(
    root: logging.Logger, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    journal.set_up("info")
    logging.getLogger("hostpod.engine").warning("web: %s", "Failed", extra={"pod": "web"})
    logging.getLogger("hostpod.engine").debug("not shown")
    assert capsys.readouterr().err == "hostpod: WARNING: web: Failed\n"


def test_the_journal_gets_fields(root: logging.Logger) -> None:
    sent: list[dict[str, str]] = []
    root.addHandler(JournalHandler(lambda *lines: sent.append(dict(line.decode().split("=", 1) for line in lines))))
    extra = {"pod": "web", "container": None, "pod_uid": "u1", "event": "Started"}
    for level in (logging.CRITICAL, logging.ERROR, logging.WARNING, logging.INFO, logging.DEBUG):
        root.setLevel(level)
        logging.getLogger("hostpod.engine").log(level, "started %s", "web", extra=extra)
    fields = sent[0]
    assert fields["MESSAGE"] == "started web"
    assert {name: fields[name] for name in fields if name.startswith("HOSTPOD_")} == {
        "HOSTPOD_POD": "web",
        "HOSTPOD_POD_UID": "u1",
        "HOSTPOD_EVENT": "Started",
    }
    assert fields["MESSAGE_ID"] == MESSAGE_IDS["Started"]
    assert fields["LOGGER"] == "hostpod.engine"
    assert [fields["PRIORITY"] for fields in sent] == ["2", "3", "4", "6", "7"]


def test_python_systemd_takes_what_is_sent(root: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    sendv = pytest.importorskip("systemd.journal", reason="python-systemd is not installed").sendv
    taken: list[tuple[bytes, ...]] = []

    def send(*lines: bytes) -> None:
        sendv(*lines)  # without a journal it goes nowhere, but is looked at all the same
        taken.append(lines)

    # Straight to the handler: pytest would keep the record for its report, which takes text only.
    words = ("no text: %s\nsecond line", ("b\udcff.yaml",), None)
    JournalHandler(send).handle(root.makeRecord("hostpod", logging.ERROR, "x.py", 1, *words))
    assert capsys.readouterr().err == ""
    assert taken[0][0] == b"MESSAGE=no text: b\\udcff.yaml\nsecond line"


def test_what_has_no_value_has_no_field(root: logging.Logger) -> None:
    record = root.makeRecord("hostpod", logging.INFO, "x.py", 1, "%s", ("x",), None)
    record.__dict__ |= {"container": "", "exit_code": 0, "event": "Created", "cause": ""}
    fields = {name for name in journal_fields(record) if name.startswith(("HOSTPOD", "MESSAGE"))}
    assert fields == {"HOSTPOD_EXIT_CODE", "HOSTPOD_EVENT"}


def test_libraries_are_heard_when_they_warn(root: logging.Logger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    journal.set_up("debug")
    assert logging.getLogger("hostpod").isEnabledFor(logging.DEBUG)
    assert not logging.getLogger("asyncio").isEnabledFor(logging.INFO)
    assert logging.getLogger("aiohttp.access").isEnabledFor(logging.WARNING)


def test_containers_write_to_the_journal_where_one_is(tmp_path: Path) -> None:
    socket = tmp_path / "socket"
    assert not takes_containers("auto", socket=socket)
    assert takes_containers(True, socket=socket)
    socket.touch()
    assert takes_containers("auto", socket=socket)
    assert not takes_containers(False, socket=socket)


def test_what_the_journal_refuses_does_not_stop_the_daemon(
    root: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(message: bytes, *_: bytes) -> None:
        raise OSError(message.decode())

    root.addHandler(JournalHandler(refuse))
    logging.getLogger("hostpod").error("lost")
    assert "OSError: MESSAGE=lost" in capsys.readouterr().err


def test_last_words_are_an_error_in_the_journal_and_a_line_elsewhere(
    root: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    journal.last_words("no such program")
    assert capsys.readouterr().err == "hostpod: no such program\n"
    sent: list[tuple[bytes, ...]] = []
    root.addHandler(JournalHandler(lambda *lines: sent.append(lines)))
    journal.last_words("no such program")
    assert {b"MESSAGE=no such program", b"PRIORITY=3", b"HOSTPOD_EVENT=CannotRun"} <= set(sent[0])
    assert capsys.readouterr().err == ""


def test_stderr_is_the_journal_when_systemd_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    found = os.fstat(2)
    monkeypatch.setenv("JOURNAL_STREAM", f"{found.st_dev}:{found.st_ino}")
    assert stderr_is_the_journal()
    monkeypatch.setenv("JOURNAL_STREAM", "1:2")
    assert not stderr_is_the_journal()
