from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from hostpod.host.catalog import MESSAGE_IDS, message_id
from hostpod.host.journal import FIELDS

ROOT = Path(__file__).parents[3]
FILE = ROOT / "packaging/systemd/hostpod.catalog"
LONGEST_SUBJECT = 79


class Entry(NamedTuple):
    name: str
    id: str
    subject: str
    headers: dict[str, str]
    text: str


def entries() -> list[Entry]:
    found = []
    for part in re.split(r"^# (?=[\w-]+\n-- )", FILE.read_text(), flags=re.MULTILINE)[1:]:
        head, _, text = part.partition("\n\n")
        name, id_, *lines = head.splitlines()
        headers = dict(line.split(": ", 1) for line in lines)
        found.append(Entry(name, id_.removeprefix("-- "), headers["Subject"], headers, text))
    return found


def test_every_id_is_explained_and_nothing_else_is() -> None:
    assert [(entry.name, entry.id) for entry in entries()] == list(MESSAGE_IDS.items())
    assert FILE.read_text().count("\n-- ") == len(MESSAGE_IDS)


def test_ids_are_128_bits_and_of_one_meaning() -> None:
    assert all(re.fullmatch(r"[0-9a-f]{32}", id_) for id_ in MESSAGE_IDS.values())
    assert len(set(MESSAGE_IDS.values())) == len(MESSAGE_IDS)


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: str(entry.name))
def test_an_explanation_says_what_happened_and_what_to_do(entry: Entry) -> None:
    assert entry.headers["Defined-By"] == "hostpod"
    assert len(re.sub("@HOSTPOD_[A-Z_]*@", "", entry.subject)) <= LONGEST_SUBJECT
    assert entry.text.strip().count("\n\n") >= 1, "an explanation and what to do are paragraphs of their own"
    fields = set(re.findall("@([A-Z_]+)@", entry.subject + entry.text))
    assert fields <= {f"HOSTPOD_{field.upper()}" for field in FIELDS}


@pytest.mark.parametrize("name", MESSAGE_IDS)
def test_every_name_is_logged_somewhere(name: str) -> None:
    code = [path for path in (ROOT / "hostpod").rglob("*.py") if path.name != "catalog.py"]
    # What there is not enough of is put together: f"OutOf{name}".
    words = (f'"{name}"', f'"{name.removeprefix("OutOf")}"', f'"{name.removeprefix("OutOf")}-"')
    assert any(word in path.read_text() for word in words for path in code)


def test_every_id_and_field_is_documented() -> None:
    page = (ROOT / "docs/journal.md").read_text()
    assert all(f"`{name}` | `{id_}`" in page or f"`{name}` |  | `{id_}`" in page for name, id_ in MESSAGE_IDS.items())
    assert all(f"`HOSTPOD_{field.upper()}`" in page for field in FIELDS)


def test_the_most_exact_name_decides() -> None:
    assert message_id("ErrImagePull", "Failed") == MESSAGE_IDS["ErrImagePull"]
    assert message_id("ContainerCreating", "FailedMount") == MESSAGE_IDS["FailedMount"]
    assert message_id(None, "Failed") == MESSAGE_IDS["Failed"]
    assert message_id(None, "OutOfhugepages-2Mi") == MESSAGE_IDS["OutOfhugepages"]
    assert message_id("Created") is None


@pytest.mark.skipif(shutil.which("journalctl") is None, reason="journalctl is not installed: it compiles the catalogue")
def test_journalctl_compiles_it(tmp_path: Path) -> None:
    place = tmp_path / "usr/lib/systemd/catalog"
    place.mkdir(parents=True)
    (tmp_path / "var/lib/systemd/catalog").mkdir(parents=True)
    shutil.copy(FILE, place)
    subprocess.run(["journalctl", f"--root={tmp_path}", "--update-catalog"], check=True)
    database = tmp_path / "var/lib/systemd/catalog/database"
    listed = subprocess.run(
        ["journalctl", f"--root={tmp_path}", "--list-catalog"], check=True, capture_output=True, text=True
    ).stdout
    assert database.stat().st_size > 0
    for entry in entries():
        assert f"{entry.id} hostpod: {entry.subject}" in listed
